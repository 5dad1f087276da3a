"""Static lists: reading them and their members, adding and removing people, membership of one person.

Source: Marketo "Static Lists" and "List Membership" (added, removed, memberof, 1004, 1013, 1015); recorded traffic for
adding a member again, which reports "added". Lists are made by the asset API (static_lists.py) and by the control
endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.activity_types import ADD_TO_LIST, REMOVE_FROM_LIST
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.leads import API_SOURCE, Leads
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.store import Store, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import iso

Members = dict[str, Any]
_COLUMNS = ("id", "name", "description", "programName", "createdAt", "updatedAt")
_GROUP_LISTS = ("Folder", 13)
_WORKSPACE = "Default"


class Lists:
    """Answers the list endpoints."""

    def __init__(self, store: Store, log: ActivityLog, leads: Leads, clock: SandboxClock, refusing: Refusing) -> None:
        self._store = store
        self._log = log
        self._leads = leads
        self._clock = clock
        self._refusing = refusing

    def make(self, name: str, program: str | None = None, folder: tuple[str, int] = _GROUP_LISTS) -> int:
        """A new list; its id. `program` is only a label here: who puts a list into a program says so by the folder."""
        now = iso(self._clock.now())
        columns = (*_COLUMNS[1:], "folderType", "folderId")
        self._store.insert("lists", columns, [(name, None, program, now, now, *folder)])
        (list_id,) = self._store.one("SELECT max(id) FROM lists")
        return int(list_id)

    # -- reads ------------------------------------------------------------------------------------------------------

    def lists(self, call: Call) -> Members:
        condition, parameters = "1", []
        for column in ("id", "name", "programName"):
            if values := call.many(column):
                condition += f" AND {column} IN {marks(values)}"
                parameters += values
        if (names := call.many("workspaceName")) and _WORKSPACE not in names:
            return {"result": []}
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
        inside = f"id IN (SELECT lead_id FROM list_members WHERE list_id = ?){self._leads.seen_by(call)}"
        condition = f"{inside} AND id > ? ORDER BY id LIMIT ?"
        rows = self._store.leads_where(wanted, condition, (list_id, after, size + 1))
        more = {"nextPageToken": cursor(query, rows[size - 1]["id"])} if len(rows) > size else {}
        seen = self._leads.as_seen(call, rows[:size], wanted)
        return {"result": [self._leads.shown(row) for row in seen], **more}

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
            self._add(found, lead, stamp, API_SOURCE)
            return {"id": lead, "status": "added"}

        return self._each(call, add, writes=True)

    def remove(self, call: Call) -> Members:
        found, stamp = self._list(call), self._stamp(call)

        def remove(lead: int) -> Members:
            if not self._remove(found, lead, stamp, API_SOURCE):
                return skipped(1015, "Lead not in list", id=lead)
            return {"id": lead, "status": "removed"}

        return self._each(call, remove, writes=True)

    def named(self, name: str) -> Members:
        """The list, for who is no client. Refused 1013."""
        row = self._store.one(f"SELECT {', '.join(_COLUMNS)} FROM lists WHERE name = ? ORDER BY id", (name,))
        if row is None:
            raise Refused(1013, "Object not found")
        return _record(row)

    def put_on(self, found: Members, people: Iterable[int], cause: Cause) -> None:
        """Add people, as a flow does."""
        stamp = self._caused(cause)
        for lead in people:
            self._add(found, lead, stamp, cause.source)
        self._log.flush()

    def take_off(self, found: Members, people: Iterable[int], cause: Cause) -> None:
        """Remove people, as a flow does."""
        stamp = self._caused(cause)
        for lead in people:
            self._remove(found, lead, stamp, cause.source)
        self._log.flush()

    def _add(self, found: Members, lead: int, stamp: Stamp, source: str) -> None:
        if not self._holds(found["id"], lead):
            now = iso(self._clock.now())
            self._store.insert("list_members", ("list_id", "lead_id", "createdAt"), [(found["id"], lead, now)])
            self._tell(lead, ADD_TO_LIST, found, stamp, source)

    def _remove(self, found: Members, lead: int, stamp: Stamp, source: str) -> bool:
        """Whether the lead was on the list."""
        sql = "DELETE FROM list_members WHERE list_id = ? AND lead_id = ?"
        was_there = self._store.connection.execute(sql, (found["id"], lead)).rowcount > 0
        if was_there:
            self._tell(lead, REMOVE_FROM_LIST, found, stamp, source)
        return was_there

    def _each(self, call: Call, deed: Callable[[int], Members], *, writes: bool = False) -> Members:
        leads, results = self._leads.lead_ids(call), []
        refusals = self._refusing(call, len(leads)) if writes else {}
        for index, lead in enumerate(leads):
            if index in refusals:
                results.append(skipped(*refusals[index], id=lead))
            else:
                results.append(deed(lead) if self._exists(lead) else skipped(1004, "Lead not found", id=lead))
        self._log.flush()
        return {"result": results}

    def _tell(self, lead: int, type_id: int, found: Mapping[str, Any], stamp: Stamp, source: str) -> None:
        name = ".".join(part for part in (found.get("programName"), found["name"]) if part)
        self._log.told(lead, type_id, stamp, found["id"], name, {"Source": source})

    def _stamp(self, call: Call) -> Stamp:
        return self._caused(Cause(source=API_SOURCE), call.commit_delay_seconds)

    def _caused(self, cause: Cause, delay_seconds: float = 0.0) -> Stamp:
        now = self._clock.now().timestamp()
        return Stamp(int(now), now + delay_seconds, self._log.cause(cause))

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
    told = {name: value for name, value in zip(_COLUMNS, row, strict=True) if value is not None}
    return {**told, "workspaceName": _WORKSPACE}
