"""Folders: the tree every asset lies in, and the folder endpoints.

Source: Marketo "Folders" (query by id, by name, browse with root and maxDepth, create, update, delete). A program is a
folder too when it is asked for by the type Program.
"""

from __future__ import annotations

from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.assets.replies import (
    APP_URL,
    FOLDER,
    PROGRAM,
    WORKSPACE,
    Members,
    Parent,
    asset_time,
    flag,
    found,
    page,
    parent_of,
    required,
)
from syncline_sandbox.marketo.assets.shelf import SHARED, Shelf
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store

TABLES = f"""
CREATE TABLE IF NOT EXISTS folders (
    {SHARED}, kind TEXT NOT NULL, isArchive INTEGER NOT NULL DEFAULT 0, isSystem INTEGER NOT NULL DEFAULT 0
);
"""
MARKETING_ACTIVITIES, LIST_FOLDER, SMART_LIST_FOLDER, FORM_FOLDER = (Parent(FOLDER, n) for n in (15, 13, 31, 12))
_MARKETING_FOLDER = "Marketing Folder"
# Every instance has these: id, name, parent, folderType. The ids of Marketing Activities are those of the samples.
_FOUNDING = (
    (5, "Design Studio", None, "Zone"),
    (6, "Default", 5, "Zone"),
    (12, "Forms", 6, "Landing Page Form"),
    (9, "Lead Database", None, "Zone"),
    (10, "Default", 9, "Zone"),
    (13, "Group Lists", 10, "List"),
    (31, "Group Smart Lists", 10, "Smart List"),
    (14, "Marketing Activities", None, "Zone"),
    (15, "Default", 14, "Zone"),
)
_KINDS = {
    "Default": "Marketing Program",
    "Event": "Marketing Event",
    "Event with Webinar": "Marketing Event",
    "Engagement": "Nurture Program",
    "Email": "Email Batch Program",
}
# table → what its assets are called in the contents of a folder; the smart list of a campaign is part of it
_CONTENTS = {
    "folders": FOLDER,
    "programs": PROGRAM,
    "smart_campaigns": "Smart Campaign",
    "(SELECT * FROM smart_lists WHERE campaignId IS NULL)": "Smart List",
    "lists": "List",
    "forms": "Form",
}


class Folders:
    """Answers the folder endpoints, and knows the tree for everybody else."""

    def __init__(self, store: Store, clock: SandboxClock, programs: Shelf) -> None:
        self._store = store
        self._shelf = Shelf(store, clock, "folders", "Folder", ("kind", "isArchive", "isSystem"))
        self._programs = programs

    def establish(self) -> None:
        """The folders no instance is without."""
        for number, name, parent, kind in _FOUNDING:
            if self._shelf.get(number) is None:
                place = None if parent is None else Parent(FOLDER, parent)
                self._shelf.put(name, place, f"Root node of {name}", id=number, kind=kind, isSystem=1)

    # -- the tree ---------------------------------------------------------------------------------------------------

    def row(self, place: Parent) -> Row:
        """The folder or program. Refused 710."""
        row = (self._programs if place.type == PROGRAM else self._shelf).get(place.id)
        if row is None:
            raise Refused(710, "Parent Folder Not Found")
        return row

    def name(self, place: Parent) -> str:
        return str(self.row(place)["name"])

    def above(self, place: Parent) -> list[Parent]:
        """The place itself and everything above it, nearest first."""
        chain: list[Parent] = []
        while place.id and place not in chain:
            chain.append(place)
            row = self.row(place)
            place = Parent(row["folderType"] or "", row["folderId"] or 0)
        return chain

    def program_of(self, place: Parent) -> int | None:
        """The id of the nearest program around a place, or None."""
        return next((above.id for above in self.above(place) if above.type == PROGRAM), None)

    def contents(self, place: Parent) -> list[Parent]:
        """Everything that lies directly in a place, as (kind, id)."""
        return [
            Parent(kind, asset_id)
            for table, kind in _CONTENTS.items()
            for (asset_id,) in self._store.all(
                f"SELECT id FROM {table} WHERE folderId = ? AND folderType = ? ORDER BY id", (place.id, place.type)
            )
        ]

    # -- endpoints --------------------------------------------------------------------------------------------------

    def by_id(self, call: Call) -> Members:
        kind = required(call, "type").capitalize()
        return found(self._shown([Parent(kind, to_number(call.captured["id"]))]))

    def by_name(self, call: Call) -> Members:
        name, kind, root = required(call, "name"), (call.one("type") or "").capitalize(), parent_of(call, "root")
        if call.one("workSpace") not in (None, WORKSPACE):
            return found([])
        shelves = {FOLDER: self._shelf, PROGRAM: self._programs}
        places = [
            Parent(label, row["id"])
            for label, shelf in shelves.items()
            if kind in ("", label)
            for row in shelf.named(name)
        ]
        return found(self._shown([place for place in places if root is None or root in self.above(place)]))

    def browse(self, call: Call) -> Members:
        """Breadth first from the root, or from all roots."""
        root, depth, (size, offset) = parent_of(call, "root"), call.number("maxDepth", 2), page(call)
        if call.one("workSpace") not in (None, WORKSPACE):
            return found([])
        level = [root] if root is not None else [Parent(FOLDER, n) for n, _, above, _ in _FOUNDING if above is None]
        places: list[Parent] = []
        while level and depth >= 0:
            places += level
            level = [place for above in level for place in self.contents(above) if place.type in (FOLDER, PROGRAM)]
            depth -= 1
        return found(self._shown(places[offset : offset + size]))

    def content(self, call: Call) -> Members:
        place = Parent((call.one("type") or FOLDER).capitalize(), to_number(call.captured["id"]))
        size, offset = page(call)
        inside = self.contents(place)[offset : offset + size]
        return found([{"id": asset.id, "type": asset.type} for asset in inside])

    def create(self, call: Call) -> Members:
        name, parent = required(call, "name"), parent_of(call, "parent")
        if parent is None:
            raise Refused(701, "parent cannot be blank")
        above = self.row(parent)
        if any(self.row(place)["name"] == name for place in self.contents(parent) if place.type == FOLDER):
            raise Refused(709, f"Folder name '{name}' already exists in the parent folder")
        kind = _MARKETING_FOLDER if parent.type == PROGRAM or parent == MARKETING_ACTIVITIES else above["kind"]
        folder_id = self._shelf.put(name, parent, call.one("description") or "", kind=kind)
        return found(self._shown([Parent(FOLDER, folder_id)]))

    def update(self, call: Call) -> Members:
        row = self._changeable(call)
        changes: dict[str, Any] = {
            name: text for name in ("name", "description") if (text := call.one(name)) is not None
        }
        if call.one("isArchive") is not None:
            changes["isArchive"] = int(flag(call, "isArchive"))
        self._shelf.change(row["id"], **changes)
        return found(self._shown([Parent(FOLDER, row["id"])]))

    def delete(self, call: Call) -> Members:
        row = self._changeable(call)
        if self.contents(Parent(FOLDER, row["id"])):
            raise Refused(709, "Folder is not empty")
        self._shelf.remove(row["id"])
        return found([{"id": row["id"]}])

    def _changeable(self, call: Call) -> Row:
        if required(call, "type").capitalize() != FOLDER:
            raise Refused(711, "Programs are changed by the programs API")
        row = self._shelf.existing(call)
        if row["isSystem"]:
            raise Refused(709, "System folders cannot be changed")
        return row

    def _shown(self, places: list[Parent]) -> list[Members]:
        shelves = {FOLDER: self._shelf, PROGRAM: self._programs}
        pairs = [(place, shelves[place.type].get(place.id)) for place in places if place.type in shelves]
        return [self._record(place, row) for place, row in pairs if row is not None]

    def _record(self, place: Parent, row: Row) -> Members:
        chain = self.above(place)
        parent = chain[1] if len(chain) > 1 else None
        return {
            "name": row["name"],
            "description": row["description"],
            "createdAt": asset_time(row["createdAt"]),
            "updatedAt": asset_time(row["updatedAt"]),
            "url": None if row.get("isSystem") else f"{APP_URL}MF{place.id}A1",
            "folderId": {"id": place.id, "type": place.type},
            "folderType": row["kind"] if place.type == FOLDER else _KINDS[row["type"]],
            "parent": None if parent is None else {"id": parent.id, "type": parent.type},
            "path": "/" + "/".join(self.name(above) for above in reversed(chain)),
            "isArchive": bool(row.get("isArchive")),
            "isSystem": bool(row.get("isSystem")),
            "accessZoneId": 1,
            "workspace": WORKSPACE,
            "id": place.id,
        }
