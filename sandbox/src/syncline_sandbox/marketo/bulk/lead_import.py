"""Imports of leads: rows written in batches, new people by the columns, everybody else record by record.

Source: Marketo "Bulk Lead Import": upsert by lookupField (id: update only), `listId`, `partitionName`. The vendor does
not say what a blank cell does; here it is left out unless `import_blank_clears`. An import never clears the durable
unsubscribe. A bad e-mail address fails the row, or with `import_bad_email_fails` off is imported with a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.bulk.fast_creates import FastCreates
from syncline_sandbox.marketo.bulk.targets import Members, Outcome, reason_text
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.lists import Lists
from syncline_sandbox.marketo.record import WriteOrder
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.sync import Writes
from syncline_sandbox.marketo.values import InvalidValue, parse

_BATCH = 300
SOURCE = "List import"

Rows = Sequence[Sequence[str]]


class LeadImport:
    """The import target of leads."""

    def __init__(
        self, store: Store, writes: Writes, leads: Leads, lists: Lists, fast: FastCreates, settings: Settings
    ) -> None:
        self._store = store
        self._writes = writes
        self._leads = leads
        self._lists = lists
        self._fast = fast
        self._settings = settings

    def checked(self, call: Call) -> Members:
        request: Members = {
            "lookupField": call.one("lookupField") or "email",
            "partitionName": call.one("partitionName"),
        }
        if (text := call.one("listId")) is not None:
            row = self._store.one("SELECT name FROM lists WHERE id = ?", (to_number(text),))
            if row is None:
                raise Refused(1013, "Object not found")
            request["list"] = to_number(text)
        self._order(call, request)
        return request

    def run(self, call: Call, request: Members, header: Sequence[str], rows: Rows) -> Outcome:
        static_list = None
        if "list" in request:
            row = self._store.one("SELECT name FROM lists WHERE id = ?", (request["list"],))
            if row is None:
                raise Refused(1013, "Object not found")
            static_list = self._lists.named(row[0])
        outcome, ids = self.write(call, request, header, rows, lenient=not self._settings.import_bad_email_fails)
        if static_list is not None:
            self._lists.put_on(static_list, dict.fromkeys(ids.values()), self._order(call, request).cause)
        return outcome

    def write(
        self, call: Call, request: Members, header: Sequence[str], rows: Rows, *, lenient: bool
    ) -> tuple[Outcome, dict[int, int]]:
        """Write the rows; what is said of them, and the ids of the people by row."""
        order = replace(self._order(call, request), accepts_any_email=lenient)
        outcome, ids = Outcome(), dict[int, int]()
        plan = self._fast.plan(header, order)
        if plan is not None:
            ids.update(self._fast.create(plan, rows, order))
        rest = [index for index in range(len(rows)) if index not in ids]
        for first in range(0, len(rest), _BATCH):
            batch = [(at, rows[at]) for at in rest[first : first + _BATCH]]
            self._write_records(call, order, header, batch, outcome, ids)
        return outcome, ids

    def _write_records(
        self,
        call: Call,
        order: WriteOrder,
        header: Sequence[str],
        rows: Sequence[tuple[int, Sequence[str]]],
        outcome: Outcome,
        ids: dict[int, int],
    ) -> None:
        known = {field.name.lower(): field for field in self._store.fields.all()}
        records = [self._record(header, row) for _, row in rows]
        results = self._writes.write(call, records, order)
        for (position, _), record, result in zip(rows, records, results, strict=True):
            if result["status"] == "skipped":
                outcome.failures[position] = reason_text(known, result["reasons"][0])
                continue
            ids[position] = result["id"]
            if order.accepts_any_email and self._is_bad(record.get("email")):
                outcome.warnings[position] = "Invalid email address"

    def _is_bad(self, email: Any) -> bool:
        try:
            parse(self._store.fields["email"], email)
        except InvalidValue:
            return True
        return False

    def _order(self, call: Call, request: Members) -> WriteOrder:
        action = "updateOnly" if request["lookupField"].lower() == "id" else "createOrUpdate"
        wanted = {"action": action, "lookupField": request["lookupField"], "partitionName": request["partitionName"]}
        cause = Cause(source=SOURCE, api_method="importLead", user=call.user, request_id=call.request_id)
        return replace(self._leads.order(call, wanted), cause=cause, may_resubscribe=False)

    def _record(self, header: Sequence[str], row: Sequence[str]) -> Members:
        cells = dict(zip(header, row, strict=False))
        if self._settings.import_blank_clears:
            return cells
        return {name: cell for name, cell in cells.items() if cell != ""}
