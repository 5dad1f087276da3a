"""The lead endpoints: describe, field schema, reads by id and by filter; what sync and delete ask for.

Source: Marketo "Leads" (Describe, Get Lead by Id, Get Leads by Filter Type, Sync Leads, Delete Leads), "Paging Tokens".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from syncline_sandbox.marketo import fields as catalog
from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.capture.cookies import Cookies
from syncline_sandbox.marketo.crm_objects.native import is_crm_managed
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.partitions import Partitions
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.record import ACTIONS, WriteOrder, folded
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import InvalidValue, parse
from syncline_sandbox.marketo.writer import LeadWriter

DEFAULT_FIELDS = ("id", "email", "updatedAt", "createdAt", "lastName", "firstName")
MAX_FILTER_VALUES = 300
MAX_MATCHES = 1000
API_SOURCE = "Web service API"

Members = dict[str, Any]


class Leads:
    """Answers the lead endpoints. `lag` tells how many seconds ago the state is that a call reads (0: now)."""

    def __init__(
        self,
        store: Store,
        writer: LeadWriter,
        past: LeadPast,
        settings: Settings,
        lag: Callable[[Call], float],
        partitions: Partitions,
    ) -> None:
        self._store = store
        self._writer = writer
        self._past = past
        self._settings = settings
        self._lag = lag
        self._partitions = partitions

    # -- describe and schema ----------------------------------------------------------------------------------------

    def describe(self, _call: Call) -> Members:
        return {"result": [catalog.describe(field) for field in self._store.fields.visible()]}

    def describe2(self, _call: Call) -> Members:
        visible = self._store.fields.visible()
        searchable = [[field.name] for field in visible if field.lookup]
        crm = self._settings.native_crm
        fields = [catalog.describe2(field, crm_managed=is_crm_managed(crm, field)) for field in visible]
        return {"result": [{"name": "API Lead", "searchableFields": searchable, "fields": fields}]}

    def schema_fields(self, call: Call) -> Members:
        """Field metadata, hidden ones too, in pages."""
        after = read_cursor(token, "fields") if (token := call.one("nextPageToken")) else 0
        size = call.batch_size()
        later = sorted((f for f in self._store.fields.all() if f.id > after and not f.hidden), key=lambda f: f.id)
        more = {"nextPageToken": cursor("fields", later[size - 1].id)} if len(later) > size else {}
        result = [catalog.schema_record(field) for field in later[:size]]
        return {"result": result, **more, "moreResult": bool(more)}

    def schema_field(self, call: Call) -> Members:
        return {"result": [catalog.schema_record(self._schema_field(call))]}

    def create_fields(self, call: Call) -> Members:
        _, records = call.inputs()
        results = []
        for record in records:
            try:
                field = self._store.fields.new_custom(record if isinstance(record, dict) else {})
            except Refused as refused:
                results.append(skipped(int(refused.code), refused.message))
            else:
                self._store.save_field(field, new=True)
                results.append({"name": field.name, "status": "created"})
        return {"result": results}

    def update_field(self, call: Call) -> Members:
        field = self._schema_field(call)
        _, records = call.inputs(1)
        known = {
            "description": "description",
            "isHtmlEncodingInEmail": "is_html_encoded",
            "isSensitive": "is_sensitive",
        }
        if field.custom:
            known |= {"displayName": "label", "isHidden": "is_hidden"}
        wanted = records[0] if isinstance(records[0], dict) else {"input": records[0]}
        changes = {known[name]: value for name, value in wanted.items() if name in known}
        if len(changes) != len(wanted):
            raise Refused(1003, f"Only {sorted(known)} can be updated")
        changed = self._store.fields.change(field.name, **changes)
        if field.custom:
            self._store.save_field(changed, new=False)
        return {"result": [{"name": field.name, "status": "updated"}]}

    def _schema_field(self, call: Call) -> Field:
        name = call.captured["name"]
        field = next((f for f in self._store.fields.all() if f.name == name and not f.hidden), None)
        if field is None:
            raise Refused(1006, f"Field '{name}' not found")
        return field

    # -- reads ------------------------------------------------------------------------------------------------------

    def by_id(self, call: Call) -> Members:
        lead_id = to_number(call.captured["id"])
        rows = self._read(call, self.wanted(call), self._store.fields["id"], [lead_id], 0, 1)
        if not rows and self._settings.unknown_lead_is_error:
            raise Refused(1004, "Lead not found")
        return {"result": [self.shown(row) for row in rows]}

    def by_filter(self, call: Call) -> Members:
        field, values = self._filter(call)
        wanted = self.wanted(call)
        query = f"{field.name}|{values}|{list(wanted)}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        size = call.batch_size()
        rows = self._read(call, wanted, field, values, after, MAX_MATCHES + 1)
        if len(rows) > MAX_MATCHES:
            raise Refused(1003, "Too many results match the filter")
        more = {"nextPageToken": cursor(query, rows[size - 1]["id"])} if len(rows) > size else {}
        return {"result": [self.shown(row) for row in rows[:size]], **more}

    def _filter(self, call: Call) -> tuple[Field, list[Any]]:
        name, texts = call.one("filterType"), call.many("filterValues")
        if name is None:
            raise Refused(1003, "filterType not specified")
        if not texts:
            raise Refused(1003, "filterValues not specified")
        if len(texts) > MAX_FILTER_VALUES:
            raise Refused(1003, f"Too many values in filterValues: {len(texts)}, maximum {MAX_FILTER_VALUES}")
        field = self._store.fields.lookup(name)
        if field.name == "cookies":
            return self._store.fields["id"], self._people_of_cookies(texts)
        if field.type in ("integer", "reference"):
            return field, sorted({to_number(text) for text in texts})
        return field, sorted({folded(text) for text in texts})

    def _people_of_cookies(self, texts: Sequence[str]) -> list[int]:
        """Whose browsers those are, each written as in a browser or as exports write it. Refused 1012."""
        tokens = [text if text.startswith("_mch-") else Cookies.token(text) for text in texts]
        sql = f"SELECT DISTINCT lead_id FROM cookies WHERE token IN {marks(tokens)} ORDER BY lead_id"
        return [lead_id for (lead_id,) in self._store.all(sql, tokens)]

    def wanted(self, call: Call) -> dict[str, Field]:
        """The fields asked for, id always among them. Refused 1006 for one the user cannot see."""
        wanted: dict[str, Field] = {}
        for name in call.many("fields") or DEFAULT_FIELDS:
            field = self._store.fields.find(name)
            if field is None:
                raise Refused(1006, f"Field '{name}' not found")
            wanted[name] = field
        return {"id": self._store.fields["id"], **wanted}

    def _read(
        self, call: Call, wanted: dict[str, Field], field: Field, values: Sequence[Any], after: int, limit: int
    ) -> list[Row]:
        lag = self._lag(call)
        self._store.index_lookup(field)
        condition = f'"{field.name}" IN {marks(values)} AND id > ?{self.seen_by(call)} ORDER BY id LIMIT ?'
        rows = self._store.leads_where(wanted, condition, (*values, after, limit))
        unseen = self._past.seen(lag)
        if not unseen:
            return rows
        rows = [row for row in rows if row["id"] not in unseen]
        accepted = set(values)
        rows += [
            {name: past.get(name) for name in wanted}
            for lead_id, past in unseen.items()
            if past is not None and lead_id > after and folded(past.get(field.name)) in accepted
        ]
        return sorted(rows, key=lambda row: row["id"])[:limit]

    def as_seen(self, call: Call, rows: Sequence[Row], wanted: Iterable[str]) -> list[Row]:
        """Rows found elsewhere, over *wanted*, as this call sees them: some are as they were, some not there yet."""
        unseen = self._past.seen(self._lag(call))
        if not unseen:
            return [*rows]
        seen = (unseen.get(row["id"], row) for row in rows)
        return [{name: row.get(name) for name in wanted} for row in seen if row is not None]

    def seen_by(self, call: Call) -> str:
        """SQL over leads that holds for those the caller's partitions hold, to stand after a condition."""
        return self._partitions.condition(call.user)

    def shown(self, row: Row) -> Row:
        """A stored row as the answer has it."""
        fields = self._store.fields
        for name in row:
            if fields[name].type == "boolean":
                row[name] = bool(row[name])
        if self._settings.omit_nulls:
            return {name: value for name, value in row.items() if value is not None}
        return row

    # -- writes -----------------------------------------------------------------------------------------------------

    def order(self, call: Call, document: Members) -> WriteOrder:
        """What a sync call's JSON object asks for. Refused for unknown action, lookupField or partition."""
        action = document.get("action") or "createOrUpdate"
        if action not in ACTIONS:
            raise Refused(1003, f"Invalid action '{action}'")
        lookup = self._store.fields.lookup(str(document.get("lookupField") or "email"), "lookupField")
        partition = document.get("partitionName")
        if partition is not None and action == "updateOnly":
            raise Refused(1003, f"Invalid value for field 'partitionName' and value '{partition}'")
        creates = action != "updateOnly"
        return WriteOrder(
            cause=Cause(source=API_SOURCE, api_method="syncLead", user=call.user, request_id=call.request_id),
            lookup=lookup,
            action=action,
            commit_delay_seconds=call.commit_delay_seconds,
            partition_id=self._partitions.wanted(call.user, partition) if creates else 1,
            must_be_there=partition is not None,
            seen_partitions=self._partitions.seen_by(call.user),
        )

    def lead_ids(self, call: Call) -> list[Any]:
        """The ids a call names, from the query or the JSON body. Refused 1003 when there are none or too many."""
        if ids := call.many("id"):
            records: list[Any] = [{"id": text} for text in ids]
        else:
            _, records = call.inputs()
        found = [record.get("id") if isinstance(record, dict) else None for record in records]
        return [self._lead_id(value) for value in found]

    def _lead_id(self, value: Any) -> Any:
        try:
            return parse(self._store.fields["id"], value)
        except InvalidValue as wrong:
            raise Refused(1001, f'For input string: "{value}" failed to convert to a number') from wrong
