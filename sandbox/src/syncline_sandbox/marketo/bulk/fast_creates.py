"""New people of an import, parsed by columns and inserted at one go: the plain case, which is nearly every row.

Lives here: telling which rows are plain, and inserting those. A row is left to the writer, which knows all rules, when
somebody has its key, when the file names the key twice, when a value does not fit, when consent or links to companies
and owners come in, and always while a fault, a normaliser or a lagging reader may have a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.marketo.activity_log import ActivityLog
from syncline_sandbox.marketo.activity_types import NEW_LEAD
from syncline_sandbox.marketo.bulk.columns import parsed_column
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.record import WriteOrder, folded
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store, lead_expression, marks
from syncline_sandbox.marketo.values import iso
from syncline_sandbox.marketo.writer import LeadWriter

_RULED = frozenset(("externalCompanyId", "externalSalesPersonId"))

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plan:
    """The fields of a file's columns, and which of them is the key."""

    fields: tuple[Field, ...]
    key: int


class FastCreates:
    """Inserts plain rows. Call inside a transaction."""

    def __init__(
        self,
        store: Store,
        writer: LeadWriter,
        log: ActivityLog,
        past: LeadPast,
        faults: FaultPlan,
        clock: SandboxClock,
        settings: Settings,
    ) -> None:
        self._store = store
        self._writer = writer
        self._log = log
        self._past = past
        self._faults = faults
        self._clock = clock
        self._settings = settings

    def plan(self, header: Sequence[str], order: WriteOrder) -> Plan | None:
        """How to read the columns; None when every row is the writer's."""
        found = [self._store.fields.find(name) for name in header]
        fields = tuple(field for field in found if field is not None)
        names = [field.name for field in fields]
        if order.action != "createOrUpdate" or self._past.recording or self._faults.faults:
            return None
        if len(fields) != len(header) or len(set(names)) != len(names) or order.lookup.name not in names:
            return None
        if not all(field.writable for field in fields) or not _RULED.isdisjoint(names):
            return None
        if not self._writer.normalisers.keys().isdisjoint(names):
            return None
        return Plan(fields, names.index(order.lookup.name))

    def create(self, plan: Plan, rows: Rows, order: WriteOrder) -> dict[int, int]:
        """Create the plain rows among *rows*: their index → id of the new person."""
        width = len(plan.fields)
        bad: set[int] = set()
        if {*map(len, rows)} != {width}:
            bad = {index for index, row in enumerate(rows) if len(row) != width}
            rows = [row if index not in bad else ("",) * width for index, row in enumerate(rows)]
        columns: list[Sequence[Any]] = []
        for position, field in enumerate(plan.fields):
            cells = [*map(itemgetter(position), rows)]
            values, wrong = parsed_column(field, cells, clears=self._settings.import_blank_clears)
            columns.append(values)
            bad |= wrong
        bad |= self._ruled(plan, columns)
        bad |= self._known(columns[plan.key], order.lookup)
        plain = [index for index in range(len(rows)) if index not in bad] if bad else range(len(rows))
        if not plain:
            return {}
        if bad:
            columns = [[values[index] for index in plain] for values in columns]
        return dict(zip(plain, self._insert(plan, columns, len(plain), order), strict=True))

    def _ruled(self, plan: Plan, columns: list[Sequence[Any]]) -> set[int]:
        """Rows that consent has a say in."""
        by_name = {field.name: values for field, values in zip(plan.fields, columns, strict=True)}
        ruled = {index for index, value in enumerate(by_name.get("unsubscribed", ())) if value}
        emails = by_name.get("email", [])
        if self._store.one("SELECT 1 FROM unsubscribed_emails LIMIT 1") is not None:
            asked = [email for email in emails if email is not None]
            sql = f"SELECT email FROM unsubscribed_emails WHERE email IN {marks(asked)}"
            opted_out = {folded(email) for (email,) in self._store.all(sql, asked)}
            ruled |= {index for index, email in enumerate(emails) if folded(email) in opted_out}
        return ruled

    def _known(self, keys: Sequence[Any], lookup: Field) -> set[int]:
        """Rows without a key, with one somebody has, and with one an earlier row has."""
        self._store.index_lookup(lookup)
        asked = [key for key in keys if key is not None]
        column = f'"{lookup.name}"'
        found = self._store.all(f"SELECT {column} FROM leads WHERE {column} IN {marks(asked)}", asked)
        taken = {folded(key) for (key,) in found}
        known = set()
        for index, key in enumerate(map(folded, keys)):
            if key is None or key in taken:
                known.add(index)
            else:
                taken.add(key)
        return known

    def _insert(self, plan: Plan, columns: list[Sequence[Any]], count: int, order: WriteOrder) -> range:
        ids, now = self._store.take_lead_ids(count), iso(self._clock.now())
        names = ("id", "leadPartitionId", "createdAt", "updatedAt", "_changedAt", *(f.name for f in plan.fields))
        constant = ([value] * count for value in (order.partition_id, now, now, now))
        self._store.insert("leads", names, zip(ids, *constant, *columns, strict=True))
        stamp = self._writer.stamp(order.cause, order.commit_delay_seconds)
        first = self._store.take_activity_ids(count)[0]
        self._store.connection.execute(
            "INSERT INTO activities (id, lead_id, type_id, at, visible_at, cause_id, field_id, name) "
            f"SELECT id + ?, id, {NEW_LEAD}, ?, ?, ?, id, {lead_expression('mktoName')} FROM leads "
            "WHERE id BETWEEN ? AND ?",
            (first - ids[0], stamp.at, stamp.visible_at, stamp.cause_id, ids[0], ids[-1]),
        )
        return ids
