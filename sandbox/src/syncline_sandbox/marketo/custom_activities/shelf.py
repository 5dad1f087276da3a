"""The custom activity types of an instance as they are stored: an approved version, a draft, or both.

Source: Marketo "Activities" (Custom Activity Types, attributes, valid data types); ids start at 100001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.store import Store

FIRST_ID = 100_001
DATA_TYPES = ("string", "boolean", "integer", "float", "link", "email", "currency", "date", "datetime", "phone", "text")
_TYPES = """
CREATE TABLE IF NOT EXISTS custom_activity_types (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE COLLATE NOCASE, approved TEXT, draft TEXT,
    made_at TEXT, changed_at TEXT
)
"""

Members = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One attribute of a type."""

    api_name: str
    name: str
    description: str = ""
    data_type: str = "string"

    def told(self) -> Members:
        text = {"description": self.description} if self.description else {}
        return {"apiName": self.api_name, "name": self.name, **text, "dataType": self.data_type}

    def as_field(self) -> Field:
        """For parsing values of it."""
        kind = "url" if self.data_type == "link" else self.data_type
        length = 255 if kind in ("string", "email", "phone", "url") else None
        return Field(id=0, name=self.api_name, label=self.name, type=kind, length=length)


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a type. `primary` is None while another attribute is about to become it."""

    name: str
    trigger_name: str
    filter_name: str
    primary: Attribute | None
    description: str = ""
    attributes: tuple[Attribute, ...] = field(default=())

    def find(self, wanted: str) -> Attribute | None:
        """A secondary attribute by API name, or by the name people see."""
        folded = wanted.lower()
        return next((a for a in self.attributes if folded in (a.api_name.lower(), a.name.lower())), None)

    def with_attributes(self, attributes: Sequence[Attribute]) -> Version:
        return replace(self, attributes=tuple(attributes))


@dataclass(frozen=True, kw_only=True)
class ActivityKind:
    """A custom activity type."""

    id: int
    api_name: str
    approved: Version | None
    draft: Version | None
    made_at: str
    changed_at: str

    @property
    def status(self) -> str:
        if self.approved is None:
            return "draft"
        return "approved" if self.draft is None else "approved with draft"

    @property
    def newest(self) -> Version:
        """The draft, or the approved version without one."""
        version = self.draft or self.approved
        assert version is not None
        return version


class KindShelf:
    """Stores types."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.connection.execute(_TYPES)

    def all(self) -> list[ActivityKind]:
        return [_kind(row) for row in self._store.all("SELECT * FROM custom_activity_types ORDER BY id")]

    def find(self, api_name: str) -> ActivityKind | None:
        row = self._store.one("SELECT * FROM custom_activity_types WHERE name = ?", (api_name,))
        return None if row is None else _kind(row)

    def add(self, api_name: str, draft: Version, now: str) -> ActivityKind:
        (last,) = self._store.one(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'custom_activity_types'"
        )
        kind = ActivityKind(
            id=max(last + 1, FIRST_ID), api_name=api_name, approved=None, draft=draft, made_at=now, changed_at=now
        )
        self.put(kind)
        return kind

    def put(self, kind: ActivityKind) -> None:
        versions = (None if v is None else orjson.dumps(asdict(v)).decode() for v in (kind.approved, kind.draft))
        row = (kind.id, kind.api_name, *versions, kind.made_at, kind.changed_at)
        self._store.connection.execute(
            "INSERT INTO custom_activity_types VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "approved = excluded.approved, draft = excluded.draft, changed_at = excluded.changed_at",
            row,
        )

    def remove(self, kind: ActivityKind) -> None:
        self._store.connection.execute("DELETE FROM custom_activity_types WHERE id = ?", (kind.id,))

    def is_in_use(self, kind: ActivityKind) -> bool:
        return self._store.one("SELECT 1 FROM activities WHERE type_id = ? LIMIT 1", (kind.id,)) is not None


def _kind(row: Any) -> ActivityKind:
    number, api_name, approved, draft, made_at, changed_at = row
    versions = [None if text is None else _version(orjson.loads(text)) for text in (approved, draft)]
    return ActivityKind(
        id=number,
        api_name=api_name,
        approved=versions[0],
        draft=versions[1],
        made_at=made_at,
        changed_at=changed_at,
    )


def _version(stored: Mapping[str, Any]) -> Version:
    primary = None if stored["primary"] is None else Attribute(**stored["primary"])
    return Version(**{**stored, "primary": primary, "attributes": tuple(Attribute(**a) for a in stored["attributes"])})
