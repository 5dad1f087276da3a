"""One kind of asset in its table: put, found, browsed, changed, removed. What a record says is told by its room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.assets.replies import Parent, page, parent_of, window
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.values import iso

SHARED = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, description TEXT, createdAt TEXT, updatedAt TEXT, "
    "folderId INTEGER, folderType TEXT"
)
_SHARED_COLUMNS = ("id", "name", "description", "createdAt", "updatedAt", "folderId", "folderType")


class Shelf:
    """Assets of one kind. `label` names the kind in refusals; `extra` are the columns it has beside the shared ones."""

    def __init__(self, store: Store, clock: SandboxClock, table: str, label: str, extra: Sequence[str] = ()) -> None:
        self._store = store
        self._clock = clock
        self.table = table
        self.label = label
        self._columns = (*_SHARED_COLUMNS, *extra)

    def put(self, name: str, parent: Parent | None, description: str | None = None, **extra: Any) -> int:
        """A new asset; its id."""
        now = iso(self._clock.now())
        place = parent or Parent("", 0)
        members = {
            "name": name,
            "description": description,
            "createdAt": now,
            "updatedAt": now,
            "folderId": place.id or None,
            "folderType": place.type or None,
            **extra,
        }
        marks = ", ".join("?" * len(members))
        sql = f"INSERT INTO {self.table} ({', '.join(members)}) VALUES ({marks})"
        asset_id = self._store.connection.execute(sql, tuple(members.values())).lastrowid
        assert asset_id is not None
        return asset_id

    def where(self, condition: str, parameters: Sequence[Any] = ()) -> list[Row]:
        sql = f"SELECT {', '.join(self._columns)} FROM {self.table} WHERE {condition}"
        return [dict(zip(self._columns, row, strict=True)) for row in self._store.all(sql, parameters)]

    def get(self, asset_id: int) -> Row | None:
        rows = self.where("id = ?", (asset_id,))
        return rows[0] if rows else None

    def named(self, name: str) -> list[Row]:
        return self.where("name = ? ORDER BY id", (name,))

    def of_call(self, call: Call) -> Row | None:
        """The asset whose id is in the path, or None."""
        return self.get(to_number(call.captured["id"]))

    def existing(self, call: Call) -> Row:
        """The asset a write is about. Refused 702."""
        row = self.of_call(call)
        if row is None:
            raise Refused(702, f"{self.label} not found")
        return row

    def browse(self, call: Call, condition: str = "", parameters: Sequence[Any] = ()) -> list[Row]:
        """One page, by the parameters every browse knows: folder, dates, offset."""
        dates, bounds = window(call)
        inside, place = "", []
        if (parent := parent_of(call)) is not None:
            inside, place = " AND folderId = ? AND folderType = ?", [parent.id, parent.type]
        size, offset = page(call)
        clause = f"1{condition}{dates}{inside} ORDER BY id LIMIT ? OFFSET ?"
        return self.where(clause, (*parameters, *bounds, *place, size, offset))

    def change(self, asset_id: int, **members: Any) -> None:
        """Set members and the date of the last change."""
        members["updatedAt"] = iso(self._clock.now())
        assignments = ", ".join(f"{name} = ?" for name in members)
        sql = f"UPDATE {self.table} SET {assignments} WHERE id = ?"
        self._store.connection.execute(sql, (*members.values(), asset_id))

    def remove(self, asset_id: int) -> None:
        self._store.connection.execute(f"DELETE FROM {self.table} WHERE id = ?", (asset_id,))

    def new_name(self, name: str, own_id: int = 0) -> str:
        """The name, if no other asset of this kind has it. Refused 709."""
        if len(name) > 255:
            raise Refused(709, f"{self.label} name cannot exceed 255 characters")
        if any(row["id"] != own_id for row in self.named(name)):
            raise Refused(709, f"{self.label} name '{name}' already exists")
        return name
