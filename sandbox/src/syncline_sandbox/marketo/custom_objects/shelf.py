"""The custom object types of an instance: stored versions, and the kind of record an approved one makes.

Source: Marketo "Custom Objects" (Approval of Type: a draft beside the approved version; one to many by a link to a lead
or company, many to many by an object between). An unapproved type has no records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from syncline_sandbox.marketo.custom_objects.definition import Definition, FieldDefinition, read_definition
from syncline_sandbox.marketo.objects.kind import GUID, Kind, Link
from syncline_sandbox.marketo.store import Store

LEAD, COMPANY = "lead", "company"
_TYPES = """
CREATE TABLE IF NOT EXISTS custom_object_types (
    name TEXT PRIMARY KEY COLLATE NOCASE, approved TEXT, draft TEXT, made_at TEXT, changed_at TEXT,
    crm_managed INTEGER NOT NULL, added INTEGER NOT NULL  -- fields added after the first approval
)
"""


@dataclass(frozen=True, kw_only=True)
class CustomType:
    """A type: its approved version, its draft, or both."""

    name: str
    approved: Definition | None
    draft: Definition | None
    made_at: str | None
    changed_at: str | None
    crm_managed: bool
    added: int

    @property
    def state(self) -> str:
        if self.approved is None:
            return "draft"
        return "approved" if self.draft is None else "approvedWithDraft"

    @property
    def newest(self) -> Definition:
        """The draft, or the approved version without one."""
        version = self.draft or self.approved
        assert version is not None
        return version


class TypeShelf:
    """Stores types."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.connection.execute(_TYPES)

    def all(self) -> list[CustomType]:
        return [_type(row) for row in self._store.all("SELECT * FROM custom_object_types ORDER BY rowid")]

    def find(self, name: str) -> CustomType | None:
        row = self._store.one("SELECT * FROM custom_object_types WHERE name = ?", (name,))
        return None if row is None else _type(row)

    def put(self, kept: CustomType) -> None:
        versions = (None if v is None else orjson.dumps(v.stored()).decode() for v in (kept.approved, kept.draft))
        row = (kept.name, *versions, kept.made_at, kept.changed_at, int(kept.crm_managed), kept.added)
        self._store.connection.execute(
            "INSERT INTO custom_object_types VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "approved = excluded.approved, draft = excluded.draft, made_at = excluded.made_at, "
            "changed_at = excluded.changed_at, crm_managed = excluded.crm_managed, added = excluded.added",
            row,
        )

    def remove(self, name: str) -> None:
        """The type and its records."""
        self._store.connection.execute("DELETE FROM custom_object_types WHERE name = ?", (name,))
        self._store.connection.execute(f'DROP TABLE IF EXISTS "{table_of(name)}"')

    def kind(self, kept: CustomType) -> Kind:
        """The kind of record of an approved type."""
        version = kept.approved
        assert version is not None
        links = tuple(self._link(field) for field in version.fields if field.is_link)
        return Kind(
            name=kept.name,
            label=version.display_name,
            description=version.description,
            table=table_of(kept.name),
            id_field=GUID,
            dedupe=version.dedupe,
            fields=tuple(field.as_field() for field in version.fields),
            search=tuple(link.field for link in links),
            links=links,
            not_found="Object not found",
            needs_update_only=True,
            crm_managed=kept.crm_managed,
            made_at=kept.made_at or "",
            changed_at=kept.changed_at or "",
        )

    def _link(self, field: FieldDefinition) -> Link:
        target, column = field.related_object.lower(), field.related_field
        if target == LEAD:
            self._store.index_lookup(self._store.fields[column])
            head = {"table": "leads", "code": 1004, "message": "Lead not found", "name": "Lead"}
        elif target == COMPANY:
            head = {"table": "companies", "code": 1013, "message": "Object not found", "name": "Company"}
        else:
            head = {"table": table_of(target), "code": 1013, "message": "Object not found", "name": target}
        return Link(field=field.name, column=column, label=column, **head)  # type: ignore[arg-type]


def table_of(name: str) -> str:
    """The table of a type's records."""
    return f"custom_{name.lower()}"


def _type(row: Any) -> CustomType:
    name, approved, draft, made_at, changed_at, crm_managed, added = row
    versions = [None if text is None else read_definition(orjson.loads(text)) for text in (approved, draft)]
    return CustomType(
        name=name,
        approved=versions[0],
        draft=versions[1],
        made_at=made_at,
        changed_at=changed_at,
        crm_managed=bool(crm_managed),
        added=added,
    )
