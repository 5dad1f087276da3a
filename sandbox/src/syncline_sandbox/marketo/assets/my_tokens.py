"""My Tokens of folders and programs.

Source: Marketo "Tokens" (types, create is also update, delete by name). A program inherits what lies above it.
"""

from __future__ import annotations

from syncline_sandbox.marketo.assets.folders import Folders
from syncline_sandbox.marketo.assets.replies import APP_URL, FOLDER, Members, Parent, found, required
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Store

TABLES = """
CREATE TABLE IF NOT EXISTS my_tokens (
    folderType TEXT NOT NULL, folderId INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, value TEXT,
    PRIMARY KEY (folderType, folderId, name)
);
"""
_TYPES = ("date", "number", "rich text", "score", "sfdc campaign", "text")
_LONGEST_NAME = 50


class MyTokens:
    """Answers the token endpoints; flows ask here for values."""

    def __init__(self, store: Store, folders: Folders) -> None:
        self._store = store
        self._folders = folders

    def inherited(self, place: Parent) -> dict[str, str]:
        """Name → value of all tokens that hold at a place; the nearest wins."""
        values: dict[str, str] = {}
        for above in reversed(self._folders.above(place)):
            values |= {name: value or "" for name, _, value in self._own(above)}
        return values

    def copy(self, source: Parent, target: Parent) -> None:
        """A clone has the tokens of its original."""
        sql = (
            "INSERT OR REPLACE INTO my_tokens SELECT ?, ?, name, type, value FROM my_tokens "
            "WHERE folderType = ? AND folderId = ?"
        )
        self._store.connection.execute(sql, (*target, *source))

    def read(self, call: Call) -> Members:
        place = self._place(call)
        tokens = self._own(place)
        return found([self._record(place, tokens)] if tokens else [])

    def put(self, call: Call) -> Members:
        place, name, kind, value = self._place(call), *(required(call, part) for part in ("name", "type", "value"))
        if kind not in _TYPES:
            raise Refused(709, f"Invalid token type '{kind}'")
        if len(name) > _LONGEST_NAME:
            raise Refused(709, f"Token name cannot exceed {_LONGEST_NAME} characters")
        sql = "INSERT OR REPLACE INTO my_tokens VALUES (?, ?, ?, ?, ?)"
        self._store.connection.execute(sql, (*place, name, kind, value))
        return found([self._record(place, [(name, kind, value)])])

    def delete(self, call: Call) -> Members:
        place, name, kind = self._place(call), required(call, "name"), required(call, "type")
        sql = "DELETE FROM my_tokens WHERE folderType = ? AND folderId = ? AND name = ? AND type = ?"
        if not self._store.connection.execute(sql, (*place, name, kind)).rowcount:
            raise Refused(702, "Token not found")
        return found([{"id": place.id}])

    def _place(self, call: Call) -> Parent:
        place = Parent((call.one("folderType") or FOLDER).capitalize(), to_number(call.captured["id"]))
        self._folders.row(place)
        return place

    def _own(self, place: Parent) -> list[tuple[str, str, str | None]]:
        sql = "SELECT name, type, value FROM my_tokens WHERE folderType = ? AND folderId = ? ORDER BY name"
        return self._store.all(sql, place)

    @staticmethod
    def _record(place: Parent, tokens: list[tuple[str, str, str | None]]) -> Members:
        url = f"{APP_URL}MF{place.id}C3"
        listed = [{"name": name, "type": kind, "value": value, "computedUrl": url} for name, kind, value in tokens]
        return {"folder": {"type": place.type, "value": place.id}, "tokens": listed}
