"""The four calls over one kind of record: describe, query, sync, delete.

Source: Marketo "Lead Database": action and dedupeBy, results in input order with `seq`, 1002, 1003, 1006, 1013, 1017,
1022, 1036. Of two records with one key in a call the second is refused. May idField go with createOrUpdate? The
overview says yes, the objects' own pages no: setting `id_field_needs_update_only`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.objects.kind import Kind, Members, describe
from syncline_sandbox.marketo.objects.query import query
from syncline_sandbox.marketo.objects.rows import Rows
from syncline_sandbox.marketo.objects.rules import Change, Rules
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.record import RecordSkipped, folded
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.values import InvalidValue, is_plain, iso, parse

ACTIONS = ("createOrUpdate", "createOnly", "updateOnly")


class ObjectRoom:
    """Answers the calls about one kind."""

    def __init__(
        self, store: Store, clock: SandboxClock, settings: Settings, kind: Kind, refusing: Refusing, rules: Rules
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._refusing = refusing
        self._rules = rules
        self.rows = Rows(store, kind)

    @property
    def kind(self) -> Kind:
        return self.rows.kind

    def describe(self, _call: Call, *, crm_managed: bool = False) -> Members:
        return {"result": [describe(self.kind, crm_managed=crm_managed)]}

    def query(self, call: Call) -> Members:
        return query(self.rows, call, self._settings)

    def sync(self, call: Call) -> Members:
        document, records = call.inputs()
        action, keys = self._order(document)
        return {"result": self.write(call, records, action, keys)}

    def delete(self, call: Call) -> Members:
        document, records = call.inputs()
        by = document.get("deleteBy") or "dedupeFields"
        if by not in ("dedupeFields", "idField"):
            raise Refused(1003, f"Invalid deleteBy '{by}' value")
        keys = self._keys(by)
        return {"result": self._each(call, records, lambda record: self._delete(record, keys))}

    def write(
        self, call: Call, records: Sequence[Any], action: str, keys: tuple[str, ...], *, twice: bool = False
    ) -> list[Members]:
        """One result per record, in order. *twice*: a key may come again and is written again, as in an import."""
        seen: set[tuple[Any, ...]] | None = None if twice else set()
        now = iso(self._clock.now())
        return self._each(call, records, lambda record: self._write(record, action, keys, seen, now))

    # -- one record -------------------------------------------------------------------------------------------------

    def _order(self, document: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        action, by = document.get("action") or "createOrUpdate", document.get("dedupeBy") or "dedupeFields"
        if action not in ACTIONS:
            raise Refused(1003, f"Invalid action '{action}'")
        needs_update = self.kind.needs_update_only or self._settings.id_field_needs_update_only
        allowed = ("updateOnly",) if needs_update else ("updateOnly", "createOrUpdate")
        if by not in ("dedupeFields", "idField") or (by == "idField" and action not in allowed):
            raise Refused(1003, f"Invalid dedupeBy '{by}' value")
        return action, self._keys(by)

    def _keys(self, by: str) -> tuple[str, ...]:
        return (self.kind.id_field,) if by == "idField" else self.kind.dedupe

    def _each(self, call: Call, records: Sequence[Any], deed: Callable[[Any], Members]) -> list[Members]:
        refusals = self._refusing(call, len(records))
        self._rules.begin(call)
        results = []
        for seq, record in enumerate(records):
            try:
                if seq in refusals:
                    raise RecordSkipped(*refusals[seq])
                results.append({"seq": seq, **deed(record)})
            except RecordSkipped as reason:
                results.append({"seq": seq, **skipped(reason.code, reason.message)})
        self._rules.end()
        return results

    def _write(
        self, record: Any, action: str, keys: tuple[str, ...], seen: set[tuple[Any, ...]] | None, now: str
    ) -> Members:
        key, values = self._parsed(record, keys)
        if seen is not None:
            if (known := tuple(map(folded, key))) in seen:
                raise RecordSkipped(1036, "Duplicate object found in input")
            seen.add(known)
        row = self.rows.find(keys, key)
        if row is None and (action == "updateOnly" or keys != self.kind.dedupe):
            raise RecordSkipped(1013, self.kind.not_found)
        if row is not None and action == "createOnly":
            raise RecordSkipped(1017, "Object already exists")
        if row is None:
            values = {**dict(zip(keys, key, strict=True)), **values}
        self._check(values, row)
        if row is None:
            made = self.rows.insert(values, now)
            self._rules.saved(Change(before=None, values=values, row=made, now=now))
            return {"status": "created", self.kind.id_field: made[self.kind.id_field]}
        changes = {name: value for name, value in values.items() if row[name] != value}
        if changes:
            self.rows.update(row["id"], changes, now)
            self._rules.saved(Change(before=row, values=changes, row={**row, **changes}, now=now))
        return {"status": "updated", self.kind.id_field: row[self.kind.id_field]}

    def _check(self, values: Row, row: Row | None) -> None:
        """Fixed keys stay, what is required is there, and what is linked to exists."""
        for name in self.kind.dedupe:
            if row is not None and name in values and folded(values[name]) != folded(row[name]):
                raise RecordSkipped(1003, f"Invalid value for field '{name}' and value '{values[name]}'")
        merged = {**(row or {}), **values}
        for name in self.kind.required:
            if merged.get(name) is None:
                raise RecordSkipped(1002, f"Missing value for the required parameter '{name}'")
        for link in self.kind.links:
            if (value := values.get(link.field)) is None:
                continue
            sql = f'SELECT 1 FROM "{link.table}" WHERE "{link.column}" = ? LIMIT 1'
            if self._store.one(sql, (value,)) is None:
                raise (Refused if link.whole_call else RecordSkipped)(link.code, link.message)

    def _parsed(self, record: Any, keys: tuple[str, ...]) -> tuple[tuple[Any, ...], Row]:
        """The values of the key, and the others."""
        if not isinstance(record, dict):
            raise RecordSkipped(1003, "Invalid data")
        values: Row = {}
        for name, value in record.items():
            field = self.kind.by_name.get(name.lower())
            if field is None:
                raise RecordSkipped(1006, f"Field '{name}' not found")
            if field in self.kind.system_fields and field.name not in keys:
                raise RecordSkipped(1003, f"Invalid value for field '{field.name}' and value '{value}'")
            try:
                values[field.name] = parse(field, value)
            except InvalidValue:
                raise RecordSkipped(1003, f"Invalid value for field '{field.name}' and value '{value}'") from None
        for name in keys:
            if values.get(name) is None:
                raise RecordSkipped(1002, f"Missing value for the required parameter '{name}'")
        return tuple(values.pop(name) for name in keys), values

    def _delete(self, record: Any, keys: tuple[str, ...]) -> Members:
        wanted = {name.lower(): value for name, value in record.items()} if isinstance(record, dict) else {}
        key = [wanted.get(name.lower()) for name in keys]
        if not all(map(is_plain, key)):
            raise RecordSkipped(1002, f"Missing value for the required parameter '{keys[0]}'")
        row = self.rows.find(keys, key)
        if row is None:
            raise RecordSkipped(1013, self.kind.not_found)
        if self._rules.is_in_use(row):
            return skipped(1022, "Object in use", **{self.kind.id_field: row[self.kind.id_field]})
        self.rows.delete(row["id"])
        self._rules.deleted(row)
        return {self.kind.id_field: row[self.kind.id_field], "status": "deleted"}
