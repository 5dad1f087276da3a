"""Programs: reading, creating, updating, approving. Copies and ends are in program_life.py.

Source: Marketo "Programs" (types, tags, period costs, costsDestructiveUpdate, approval of email programs), "Tags".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from syncline_sandbox.marketo.assets.channels import PROGRAM_TYPES, Channels, Status
from syncline_sandbox.marketo.assets.folders import Folders
from syncline_sandbox.marketo.assets.replies import (
    APP_URL,
    PROGRAM,
    WORKSPACE,
    Members,
    Parent,
    asset_time,
    flag,
    found,
    instant,
    page,
    parent_of,
    required,
    rows_of,
)
from syncline_sandbox.marketo.assets.shelf import SHARED, Shelf
from syncline_sandbox.marketo.assets.tags import Tags
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store, marks

TABLES = f"""
CREATE TABLE IF NOT EXISTS programs (
    {SHARED}, type TEXT NOT NULL, channel TEXT NOT NULL, status TEXT NOT NULL, tags TEXT NOT NULL, costs TEXT NOT NULL,
    startDate TEXT, endDate TEXT, sfdcId TEXT, sfdcName TEXT
);
CREATE INDEX IF NOT EXISTS programs_by_name ON programs (name);
"""
COLUMNS = ("type", "channel", "status", "tags", "costs", "startDate", "endDate", "sfdcId", "sfdcName")
_URL_CODES = {"Default": "PG", "Event": "ME", "Event with Webinar": "ME", "Engagement": "NP", "Email": "EBP"}
_FIRST_STATUS = {"Engagement": "off", "Email": "unlocked"}
_TYPES = {name.lower(): name for name in PROGRAM_TYPES} | {code: name for name, code in PROGRAM_TYPES.items()}
# filterType in lower case → column
_FILTERS = {"id": "id", "programid": "id", "folderid": "folderId"}
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])\Z")


class Programs:
    """Answers the program endpoints; members and campaigns ask here for programs."""

    def __init__(self, store: Store, shelf: Shelf, folders: Folders, channels: Channels, tags: Tags) -> None:
        self._store = store
        self.shelf = shelf
        self._folders = folders
        self._channels = channels
        self._tags = tags

    def get(self, program_id: int) -> Row | None:
        return self.shelf.get(program_id)

    def statuses(self, program: Mapping[str, Any]) -> list[Status]:
        """What the members of a program can be."""
        return self._channels.statuses(program["channel"])

    # -- reads ------------------------------------------------------------------------------------------------------

    def by_id(self, call: Call) -> Members:
        row = self.shelf.of_call(call)
        return found([] if row is None else [self.record(row, tags=True, costs=True)])

    def by_name(self, call: Call) -> Members:
        wanted = {"tags": flag(call, "includeTags"), "costs": flag(call, "includeCosts")}
        return found([self.record(row, **wanted) for row in self.shelf.named(required(call, "name"))])

    def by_tag(self, call: Call) -> Members:
        kind, value, (size, offset) = required(call, "tagType"), required(call, "tagValue"), page(call)
        condition = "(SELECT 1 FROM json_each(tags) t WHERE t.key = ? AND t.value = ?) ORDER BY id LIMIT ? OFFSET ?"
        return found([self.record(row, tags=True) for row in self.shelf.where(condition, (kind, value, size, offset))])

    def browse(self, call: Call) -> Members:
        """One page. Tags and costs are not told here."""
        condition, parameters = "", []
        if (status := call.one("status")) is not None:
            condition, parameters = " AND status = ?", [status]
        if (kind := call.one("filterType")) is not None:
            values = call.many("filterValues")
            if kind.lower() == "workspace":
                condition += " AND 1" if WORKSPACE in values else " AND 0"
            elif (column := _FILTERS.get(kind.lower())) is None:
                raise Refused(1003, f"Invalid filterType '{kind}'")
            else:
                condition += f" AND {column} IN {marks(values)}"
                parameters += values
        return found([self._browsed(row) for row in self.shelf.browse(call, condition, parameters)])

    # -- writes -----------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Members:
        name, parent = self.shelf.new_name(required(call, "name")), parent_of(call)
        kind = _TYPES.get(required(call, "type").lower())
        if kind is None:
            raise Refused(709, f"Invalid program type '{call.one('type')}'")
        if parent is None:
            raise Refused(701, "folder cannot be blank")
        tags = _tags(rows_of(call, "tags") or [])
        self._tags.judge(tags, kind)
        program_id = self.make(
            name,
            kind,
            required(call, "channel"),
            parent,
            description=call.one("description") or "",
            tags=tags,
            costs=_costs(rows_of(call, "costs") or []),
            **_dates(call),
        )
        return self._told(program_id)

    def make(self, name: str, kind: str, channel: str, parent: Parent, **members: Any) -> int:
        """A new program; its id. Refused for a parent or a channel that does not fit."""
        self._fits(kind, parent)
        row = self._channels.row(channel)
        if row is None or row["applicableProgramType"] != PROGRAM_TYPES[kind]:
            raise Refused(709, f"Channel '{channel}' is not applicable to the program type '{kind}'")
        members = {"status": _FIRST_STATUS.get(kind, ""), "tags": {}, "costs": [], **members}
        for part in ("tags", "costs"):
            members[part] = orjson.dumps(members[part]).decode()
        return self.shelf.put(name, parent, type=kind, channel=channel, **members)

    def _fits(self, kind: str, parent: Parent) -> None:
        """Engagement programs hold programs of any kind, the others email programs only."""
        above = self._folders.row(parent)
        if parent.type == PROGRAM and above["type"] != "Engagement" and (kind != "Email" or above["type"] == "Email"):
            raise Refused(711, f"A program of the type '{above['type']}' cannot contain one of the type '{kind}'")

    def update(self, call: Call) -> Members:
        row = self.shelf.existing(call)
        changes: dict[str, Any] = _dates(call)
        if call.one("name") is not None:
            changes["name"] = self.shelf.new_name(required(call, "name"), row["id"])
            sql = "UPDATE lists SET programName = ? WHERE folderId = ? AND folderType = ?"
            self._store.connection.execute(sql, (changes["name"], row["id"], PROGRAM))
        if (description := call.one("description")) is not None:
            changes["description"] = description
        if (tags := rows_of(call, "tags")) is not None:
            self.set_tags(row, {**orjson.loads(row["tags"]), **_tags(tags)})
        if (costs := rows_of(call, "costs")) is not None or flag(call, "costsDestructiveUpdate"):
            kept = [] if flag(call, "costsDestructiveUpdate") else orjson.loads(row["costs"])
            changes["costs"] = orjson.dumps([*kept, *_costs(costs or [])]).decode()
        self.shelf.change(row["id"], **changes)
        return self._told(row["id"])

    def set_tag(self, call: Call) -> Members:
        row, kind = self.shelf.existing(call), call.captured["tag"]
        self.set_tags(row, {**orjson.loads(row["tags"]), kind: required(call, "tagValue")})
        return found([{"id": row["id"]}])

    def delete_tag(self, call: Call) -> Members:
        row, kind = self.shelf.existing(call), call.captured["tag"]
        tags = orjson.loads(row["tags"])
        if tags.pop(kind, None) is None:
            raise Refused(702, f"Tag '{kind}' not found")
        self.set_tags(row, tags)
        return found([{"id": row["id"]}])

    def set_tags(self, row: Row, tags: dict[str, str]) -> None:
        """Refused 709 for tags the program must not have."""
        self._tags.judge(tags, row["type"])
        self.shelf.change(row["id"], tags=orjson.dumps(tags).decode())

    def approve(self, call: Call) -> Members:
        row = self._email_program(call)
        if row["status"] == "locked" or not (row["startDate"] and row["endDate"]):
            raise Refused(709, "Program cannot be approved: it is approved already, or startDate or endDate is missing")
        self.shelf.change(row["id"], status="locked")
        return found([{"id": row["id"]}])

    def unapprove(self, call: Call) -> Members:
        row = self._email_program(call)
        if row["status"] != "locked":
            raise Refused(709, "Program is not approved")
        self.shelf.change(row["id"], status="unlocked")
        return found([{"id": row["id"]}])

    def _email_program(self, call: Call) -> Row:
        row = self.shelf.existing(call)
        if row["type"] != "Email":
            raise Refused(709, "Only email programs can be approved or unapproved")
        return row

    # -- records ----------------------------------------------------------------------------------------------------

    def _told(self, program_id: int) -> Members:
        row = self.shelf.get(program_id)
        assert row is not None
        return found([self.record(row, tags=True, costs=True)])

    def record(self, row: Row, *, tags: bool = False, costs: bool = False) -> Members:
        """One program; tags and costs are null unless asked for."""
        pairs = [{"tagType": kind, "tagValue": value} for kind, value in orjson.loads(row["tags"]).items()]
        shown = {
            "tags": (pairs or None) if tags else None,
            "costs": (orjson.loads(row["costs"]) or None) if costs else None,
        }
        return {**self._browsed(row), **shown}

    def _browsed(self, row: Row) -> Members:
        place = Parent(row["folderType"], row["folderId"])
        optional = {name: row[name] for name in ("sfdcId", "sfdcName") if row[name] is not None}
        dates = {name: asset_time(row[name]) for name in ("startDate", "endDate") if row[name] is not None}
        return {
            "id": row["id"],
            "name": row["name"],
            "description": row["description"],
            "createdAt": asset_time(row["createdAt"]),
            "updatedAt": asset_time(row["updatedAt"]),
            "url": f"{APP_URL}{_URL_CODES[row['type']]}{row['id']}A1",
            "type": row["type"],
            "channel": row["channel"],
            "folder": {"type": place.type, "value": place.id, "folderName": self._folders.name(place)},
            "status": row["status"],
            "workspace": WORKSPACE,
            "headStart": False,
            **optional,
            **dates,
        }


def _tags(rows: list[Members]) -> dict[str, str]:
    if any("tagType" not in row or "tagValue" not in row for row in rows):
        raise Refused(709, "A tag needs tagType and tagValue")
    return {str(row["tagType"]): str(row["tagValue"]) for row in rows}


def _costs(rows: list[Members]) -> list[Members]:
    costs = []
    for row in rows:
        if not _DAY.match(str(row.get("startDate", ""))):
            raise Refused(704, f"Invalid date format '{row.get('startDate')}'")
        amount = row.get("cost")
        if isinstance(amount, bool) or not isinstance(amount, int):
            raise Refused(709, f"Invalid cost '{amount}': a whole number is expected")
        costs.append(
            {"startDate": row["startDate"], "cost": amount, **({"note": row["note"]} if row.get("note") else {})}
        )
    return costs


def _dates(call: Call) -> dict[str, str]:
    return {name: instant(text) for name in ("startDate", "endDate") if (text := call.one(name)) is not None}
