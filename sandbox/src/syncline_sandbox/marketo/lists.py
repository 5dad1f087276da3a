"""Static lists: reading them and their members, adding and removing people, membership of one person.

Source: Marketo "Static Lists" and "List Membership" (added, removed, memberof, 1004, 1013, 1015); recorded traffic for
adding a member again, which reports "added". The asset API, which makes lists, is not imitated: the control endpoint
makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.activity_types import ADD_TO_LIST, REMOVE_FROM_LIST
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.leads import API_SOURCE, Leads
from syncline_sandbox.marketo.store import Store, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import iso

Members = dict[str, Any]
_COLUMNS = ("id", "name", "description", "programName", "createdAt", "updatedAt")


class Lists:
    """Answers the list endpoints."""

    def __init__(self, store: Store, log: ActivityLog, leads: Leads, clock: SandboxClock) -> None:
        self._store = store
        self._log = log
        self._leads = leads
        self._clock = clock

    def make(self, name: str, program: str | None = None, description: str | None = None) -> int:
        """A new list; its id."""
        now = iso(self._clock.now())
        self._store.insert("lists", _COLUMNS[1:], [(name, description, program, now, now)])
        (list_id,) = self._store.one("SELECT max(id) FROM lists")
        return int(list_id)

    # -- reads ------------------------------------------------------------------------------------------------------

    def lists(self, call: Call) -> Members:
        condition, parameters = "1", []
        for column in ("id", "name", "programName"):
            if values := call.many(column):
                condition += f" AND {column} IN {marks(values)}"
                parameters += values
        size = call.batch_size()
        after = read_cursor(token, "lists") if (token := call.one("nextPageToken")) else 0
        sql = f"SELECT {', '.join(_COLUMNS)} FROM lists WHERE {condition} AND id > ? ORDER BY id LIMIT ?"
        rows = self._store.all(sql, (*parameters, after, size + 1))
        more = {"nextPageToken": cursor("lists", rows[size - 1][0])} if len(rows) > size else {}
        return {"result": [_record(row) for row in rows[:size]], **more}

    def one(self, call: Call) -> Members:
        return {"result": [self._list(call)]}

    def members(self, call: Call) -> Members:
        """The leads of a list, in pages."""
        list_id, wanted, size = self._list(call)["id"], self._leads.wanted(call), call.batch_size()
        query = f"list {list_id}|{list(wanted)}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        condition = "id IN (SELECT lead_id FROM list_members WHERE list_id = ?) AND id > ? ORDER BY id LIMIT ?"
        rows = self._store.leads_where(wanted, condition, (list_id, after, size + 1))
        more = {"nextPageToken": cursor(query, rows[size - 1]["id"])} if len(rows) > size else {}
        return {"result": [self._leads.shown(row) for row in rows[:size]], **more}

    def is_member(self, call: Call) -> Members:
        list_id = self._list(call)["id"]
        state = {True: "memberof", False: "notmemberof"}
        return self._each(call, lambda lead: {"id": lead, "status": state[self._holds(list_id, lead)]})

    def of_lead(self, call: Call) -> Members:
        """The lists one person is in."""
        lead_id, size = to_number(call.captured["id"]), call.batch_size()
        if not self._exists(lead_id):
            raise Refused(1004, "Lead not found")
        query = f"lists of {lead_id}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        sql = "SELECT list_id, createdAt FROM list_members WHERE lead_id = ? AND list_id > ? ORDER BY list_id LIMIT ?"
        rows = self._store.all(sql, (lead_id, after, size + 1))
        more = {"nextPageToken": cursor(query, rows[size - 1][0])} if len(rows) > size else {}
        result = [{"listId": list_id, "createdAt": at, "updatedAt": at} for list_id, at in rows[:size]]
        return {"result": result, **more, "moreResult": bool(more)}

    # -- writes -----------------------------------------------------------------------------------------------------

    def add(self, call: Call) -> Members:
        found, stamp = self._list(call), self._stamp(call)

        def add(lead: int) -> Members:
            if not self._holds(found["id"], lead):
                now = iso(self._clock.now())
                self._store.insert("list_members", ("list_id", "lead_id", "createdAt"), [(found["id"], lead, now)])
                self._tell(lead, ADD_TO_LIST, found, stamp)
            return {"id": lead, "status": "added"}

        return self._each(call, add)

    def remove(self, call: Call) -> Members:
        found, stamp = self._list(call), self._stamp(call)

        def remove(lead: int) -> Members:
            if not self._holds(found["id"], lead):
                return skipped(1015, "Lead not in list", id=lead)
            sql = "DELETE FROM list_members WHERE list_id = ? AND lead_id = ?"
            self._store.connection.execute(sql, (found["id"], lead))
            self._tell(lead, REMOVE_FROM_LIST, found, stamp)
            return {"id": lead, "status": "removed"}

        return self._each(call, remove)

    def _each(self, call: Call, deed: Callable[[int], Members]) -> Members:
        results = [
            deed(lead) if self._exists(lead) else skipped(1004, "Lead not found", id=lead)
            for lead in self._leads.lead_ids(call)
        ]
        self._log.flush()
        return {"result": results}

    def _tell(self, lead: int, type_id: int, found: Mapping[str, Any], stamp: Stamp) -> None:
        name = ".".join(part for part in (found.get("programName"), found["name"]) if part)
        self._log.told(lead, type_id, stamp, found["id"], name, {"Source": API_SOURCE})

    def _stamp(self, call: Call) -> Stamp:
        now = self._clock.now().timestamp()
        return Stamp(int(now), now + call.commit_delay_seconds, self._log.cause(Cause(source=API_SOURCE)))

    def _list(self, call: Call) -> Members:
        sql = f"SELECT {', '.join(_COLUMNS)} FROM lists WHERE id = ?"
        row = self._store.one(sql, (to_number(call.captured["id"]),))
        if row is None:
            raise Refused(1013, "Object not found")
        return _record(row)

    def _exists(self, lead_id: int) -> bool:
        return self._store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)) is not None

    def _holds(self, list_id: int, lead_id: int) -> bool:
        sql = "SELECT 1 FROM list_members WHERE list_id = ? AND lead_id = ?"
        return self._store.one(sql, (list_id, lead_id)) is not None


def _record(row: Any) -> Members:
    return {name: value for name, value in zip(_COLUMNS, row, strict=True) if value is not None}
