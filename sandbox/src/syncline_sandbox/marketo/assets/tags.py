"""Tag types: which tags programs may or must have, with which values.

Source: Marketo "Tags". No endpoint makes a tag type: the control endpoint does.
"""

from __future__ import annotations

from typing import Any

import orjson

from syncline_sandbox.marketo.assets.channels import PROGRAM_TYPES
from syncline_sandbox.marketo.assets.replies import Members, found, page, required
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Store

TABLES = """
CREATE TABLE IF NOT EXISTS tag_types (
    name TEXT PRIMARY KEY, applies_to TEXT NOT NULL, required INTEGER NOT NULL, allowed TEXT NOT NULL
);
"""


class Tags:
    """Answers the tag endpoints, and judges the tags of programs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, name: str, allowed: list[str], applies_to: list[str], *, needed: bool) -> None:
        """Make or replace a tag type."""
        row = (name, orjson.dumps(applies_to).decode(), int(needed), orjson.dumps(allowed).decode())
        self._store.connection.execute("INSERT OR REPLACE INTO tag_types VALUES (?, ?, ?, ?)", row)

    def browse(self, call: Call) -> Members:
        rows = self._store.all("SELECT * FROM tag_types ORDER BY name LIMIT ? OFFSET ?", page(call))
        return found([_record(*row[:3]) for row in rows])

    def by_name(self, call: Call) -> Members:
        rows = self._store.all("SELECT * FROM tag_types WHERE name = ?", (required(call, "name"),))
        return found([{**_record(*row[:3]), "allowableValues": f"[{', '.join(orjson.loads(row[3]))}]"} for row in rows])

    def judge(self, tags: dict[str, str], program_type: str) -> None:
        """Refused 709 for a tag that is unknown, not applicable or has no such value, or a required one missing."""
        kind = PROGRAM_TYPES[program_type]
        rows = self._store.all("SELECT name, applies_to, required, allowed FROM tag_types")
        known = {
            name: (orjson.loads(applies), needed, orjson.loads(allowed)) for name, applies, needed, allowed in rows
        }
        for name, value in tags.items():
            applies, _, allowed = known.get(name, ([], 0, []))
            if kind not in applies:
                raise Refused(709, f"Tag type '{name}' is not applicable")
            if allowed and value not in allowed:
                raise Refused(709, f"Invalid value '{value}' for tag type '{name}'")
        missing = [
            name for name, (applies, needed, _) in known.items() if needed and kind in applies and name not in tags
        ]
        if missing:
            raise Refused(709, f"Required tag type '{missing[0]}' is missing")


def _record(name: str, applies_to: str, needed: int) -> dict[str, Any]:
    applies = f"[{','.join(orjson.loads(applies_to))}]"
    return {"tagType": name, "applicableProgramTypes": applies, "required": bool(needed)}
