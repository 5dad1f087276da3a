"""Static lists as assets. Who is on them is told by lists.py.

Source: Marketo "Static Lists".
"""

from __future__ import annotations

from syncline_sandbox.marketo.assets.folders import Folders
from syncline_sandbox.marketo.assets.replies import (
    APP_URL,
    PROGRAM,
    Members,
    Parent,
    asset_time,
    found,
    parent_of,
    required,
)
from syncline_sandbox.marketo.assets.shelf import Shelf
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store


class StaticLists:
    """Answers the static list endpoints of the asset API."""

    def __init__(self, store: Store, shelf: Shelf, folders: Folders) -> None:
        self._store = store
        self._shelf = shelf
        self._folders = folders

    def by_id(self, call: Call) -> Members:
        row = self._shelf.of_call(call)
        return found([] if row is None else [_record(row)])

    def by_name(self, call: Call) -> Members:
        return found([_record(row) for row in self._shelf.named(required(call, "name"))])

    def browse(self, call: Call) -> Members:
        return found([_record(row) for row in self._shelf.browse(call)])

    def create(self, call: Call) -> Members:
        name, parent = self._shelf.new_name(required(call, "name")), parent_of(call)
        if parent is None:
            raise Refused(701, "folder cannot be blank")
        self._folders.row(parent)
        return self._told(self.make(name, parent, call.one("description")))

    def make(self, name: str, parent: Parent, description: str | None = None) -> int:
        """A new list; its id."""
        program_id = self._folders.program_of(parent)
        program = None if program_id is None else self._folders.name(Parent(PROGRAM, program_id))
        return self._shelf.put(name, parent, description, programName=program)

    def update(self, call: Call) -> Members:
        row = self._shelf.existing(call)
        changes = {name: text for name in ("name", "description") if (text := call.one(name)) is not None}
        if "name" in changes:
            self._shelf.new_name(changes["name"], row["id"])
        self._shelf.change(row["id"], **changes)
        return self._told(row["id"])

    def delete(self, call: Call) -> Members:
        row = self._shelf.existing(call)
        self._shelf.remove(row["id"])
        self._store.connection.execute("DELETE FROM list_members WHERE list_id = ?", (row["id"],))
        return found([{"id": row["id"]}])

    def _told(self, list_id: int) -> Members:
        row = self._shelf.get(list_id)
        assert row is not None
        return found([_record(row)])


def _record(row: Row) -> Members:
    description = {} if row["description"] is None else {"description": row["description"]}
    return {
        "id": row["id"],
        "name": row["name"],
        **description,
        "createdAt": asset_time(row["createdAt"]),
        "updatedAt": asset_time(row["updatedAt"]),
        "folder": {"id": row["folderId"], "type": row["folderType"]},
        "computedUrl": f"{APP_URL}ST{row['id']}A1",
    }
