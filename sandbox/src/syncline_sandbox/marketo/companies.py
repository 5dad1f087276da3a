"""Companies: describe, query, sync, delete. How their fields reach the linked leads is in company_fields.py.

Source: Marketo "Companies" and "Lead Database" (the common interface of non-lead objects: seq, dedupeBy, deleteBy).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.company_fields import COMPANY_KEY as KEY
from syncline_sandbox.marketo.company_fields import CompanyFields
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.standard_fields import COMPANY_FIELDS
from syncline_sandbox.marketo.store import Store, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import InvalidValue, iso, parse

ACTIONS = ("createOrUpdate", "createOnly", "updateOnly")
_READABLE = ("id", KEY, "createdAt", "updatedAt", *COMPANY_FIELDS)
_DEFAULT = ("id", KEY, "createdAt", "updatedAt")
_SEARCHABLE = {"externalcompanyid": KEY, "dedupefields": KEY, "id": "id", "idfield": "id", "company": "company"}

Members = dict[str, Any]


class Companies:
    """Answers the company endpoints."""

    def __init__(self, store: Store, log: ActivityLog, past: LeadPast, clock: SandboxClock) -> None:
        self._store = store
        self._log = log
        self._mirror = CompanyFields(store, log, past)
        self._clock = clock

    def describe(self, _call: Call) -> Members:
        fields = [
            {
                "name": KEY,
                "displayName": "External Company Id",
                "dataType": "string",
                "length": 100,
                "updateable": False,
            }
        ]
        for field in (self._store.fields[name] for name in COMPANY_FIELDS):
            length = {} if field.length is None else {"length": field.length}
            head = {"name": field.name, "displayName": field.label, "dataType": field.type}
            fields.append({**head, **length, "updateable": True, "crmManaged": False})
        members = {
            "name": "Company",
            "idField": "id",
            "dedupeFields": [KEY],
            "searchableFields": [[KEY], ["id"], ["company"]],
        }
        return {"result": [{**members, "fields": fields}]}

    def query(self, call: Call) -> Members:
        column = _SEARCHABLE.get((call.one("filterType") or "").lower())
        values = call.many("filterValues")
        if column is None:
            raise Refused(1003, f"Invalid filterType '{call.one('filterType') or ''}'")
        if not values or len(values) > 300:
            raise Refused(1003, "filterValues not specified" if not values else "Too many values in filterValues")
        names = tuple(dict.fromkeys(("id", *(call.many("fields") or _DEFAULT))))
        if unknown := [name for name in names if name not in _READABLE]:
            raise Refused(1006, f"Field '{unknown[0]}' not found")
        size, query = call.batch_size(), f"companies|{column}|{values}|{names}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        selected = ", ".join(f'"{name}"' for name in names)
        sql = f'SELECT {selected} FROM companies WHERE "{column}" IN {marks(values)} AND id > ? ORDER BY id LIMIT ?'
        rows = self._store.all(sql, (*values, after, size + 1))
        more = {"nextPageToken": cursor(query, rows[size - 1][0])} if len(rows) > size else {}
        page = [{"seq": seq, **dict(zip(names, row, strict=True))} for seq, row in enumerate(rows[:size])]
        return {"result": page, **more, "moreResult": bool(more)}

    def sync(self, call: Call) -> Members:
        document, records = call.inputs()
        action, by = document.get("action") or "createOrUpdate", document.get("dedupeBy") or "dedupeFields"
        if action not in ACTIONS:
            raise Refused(1003, f"Invalid action '{action}'")
        if by not in ("dedupeFields", "idField") or (by == "idField" and action == "createOnly"):
            raise Refused(1003, f"Invalid dedupeBy '{by}' value")
        now = self._clock.now().timestamp()
        cause = Cause(source="Web service API", api_method="syncCompany", user=call.user, request_id=call.request_id)
        stamp = Stamp(int(now), now + call.commit_delay_seconds, self._log.cause(cause))
        key = "id" if by == "idField" else KEY
        results = [{"seq": seq, **self._write(record, key, action, stamp, call)} for seq, record in enumerate(records)]
        self._log.flush()
        return {"result": results}

    def delete(self, call: Call) -> Members:
        document, records = call.inputs()
        key = "id" if document.get("deleteBy") == "idField" else KEY
        return {"result": [{"seq": seq, **self._delete(record, key)} for seq, record in enumerate(records)]}

    def _write(self, record: Any, key: str, action: str, stamp: Stamp, call: Call) -> Members:
        if not isinstance(record, dict) or record.get(key) in (None, ""):
            return skipped(1002, f"Missing required parameter '{key}'")
        try:
            values = self._parse({name: value for name, value in record.items() if name != key})
        except Refused as refused:
            return skipped(int(refused.code), refused.message)
        found = self._store.one(f'SELECT id, {KEY} FROM companies WHERE "{key}" = ?', (record[key],))
        if found is None and (action == "updateOnly" or key == "id"):
            return skipped(1013, "Record not found")
        if found is not None and action == "createOnly":
            return skipped(1017, "Object already exists")
        now = iso(self._clock.now())
        if found is None:
            members = {KEY: record[key], "createdAt": now, "updatedAt": now, **values}
            self._store.insert("companies", tuple(members), [tuple(members.values())])
            (company_id,) = self._store.one(f"SELECT id FROM companies WHERE {KEY} = ?", (record[key],))
            return {"status": "created", "id": company_id}
        self._mirror.write(found[1], values, stamp, now, call.commit_delay_seconds)
        return {"status": "updated", "id": found[0]}

    def _parse(self, record: Mapping[str, Any]) -> Members:
        values = {}
        for name, value in record.items():
            if name not in COMPANY_FIELDS:
                raise Refused(1006, f"Field '{name}' not found")
            try:
                values[name] = parse(self._store.fields[name], value)
            except InvalidValue:
                raise Refused(1003, f"Invalid value for field '{name}' and value '{value}'") from None
        return values

    def _delete(self, record: Any, key: str) -> Members:
        value = record.get(key) if isinstance(record, dict) else None
        found = self._store.one(f'SELECT id, {KEY} FROM companies WHERE "{key}" = ?', (value,))
        if found is None:
            return skipped(1013, "Record not found")
        if self._store.one(f"SELECT 1 FROM leads WHERE {KEY} = ? LIMIT 1", (found[1],)) is not None:
            return skipped(1022, "Object in use", id=found[0])
        self._store.connection.execute("DELETE FROM companies WHERE id = ?", (found[0],))
        return {"id": found[0], "status": "deleted"}
