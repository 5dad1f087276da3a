"""Fields a caller wants a type to have: what may be added, changed and taken away, and what a link may point at.

Source: Marketo "Custom Objects" (Add Fields, Update Field, Delete Fields, List Linkable Custom Objects; what is fixed
once a type is approved; limits 50 fields, 3 dedupe fields, 20 added after approval). The codes of the refusals are not
documented: 1001 to 1003 and 1013 by what they mean.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from syncline_sandbox.marketo.custom_objects.definition import DATA_TYPES, Definition, FieldDefinition
from syncline_sandbox.marketo.custom_objects.shelf import COMPANY, LEAD, CustomType, TypeShelf
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Store

MAX_FIELDS, MAX_DEDUPE, MAX_ADDED = 50, 3, 20
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_RESERVED = frozenset(("id", "marketoguid", "createdat", "updatedat"))
# What a lead may be linked by.
LINK_TYPES = ("string", "email", "integer")

Members = dict[str, Any]


class FieldMaker:
    """Turns the members of a call into field definitions."""

    def __init__(self, store: Store, shelf: TypeShelf) -> None:
        self._store = store
        self._shelf = shelf

    def added(self, kept: CustomType, records: list[Any]) -> Definition:
        """The newest version with these fields added. Refused when one of them cannot be."""
        version = kept.newest
        for record in records:
            field = self._new(record if isinstance(record, dict) else {})
            if version.find(field.name) is not None:
                raise Refused(1017, f"Field '{field.name}' already exists")
            if kept.approved is not None and (field.is_link or field.is_dedupe):
                raise Refused(1003, "Link and dedupe fields cannot be added to an approved type")
            version = version.with_field(field)
        _refuse_too_many(version)
        if kept.approved is not None and kept.added + len(records) > MAX_ADDED:
            raise Refused(1003, f"Limit of {MAX_ADDED} fields added after approval reached")
        return version

    def changed(self, kept: CustomType, name: str, document: Members) -> Definition:
        """The newest version with one field changed."""
        version = kept.newest
        field = _required(version, name)
        fresh = self._new({**_members(field), **document, "name": field.name})
        is_live = kept.approved is not None and kept.approved.find(name) is not None
        fixed = (fresh.data_type, fresh.is_dedupe, fresh.related_object, fresh.related_field)
        if is_live and fixed != (field.data_type, field.is_dedupe, field.related_object, field.related_field):
            raise Refused(1003, f"Field '{field.name}' is approved: its type, key and link cannot be changed")
        version = version.with_field(fresh)
        _refuse_too_many(version)
        return version

    def removed(self, kept: CustomType, records: list[Any]) -> Definition:
        """The newest version without these fields."""
        version = kept.newest
        for record in records:
            field = _required(version, str(record.get("name")) if isinstance(record, dict) else "")
            if kept.approved is not None and (field.is_link or field.is_dedupe):
                raise Refused(1003, f"Field '{field.name}' is a link or dedupe field of an approved type")
            version = version.without_field(field.name)
        return version

    def linkable(self) -> list[Members]:
        """What links may point at: leads, companies and approved types."""
        leads = [field for field in self._store.fields.visible() if field.type in LINK_TYPES]
        company = {"name": "id", "displayName": "Id", "dataType": "integer"}
        types = [kept for kept in self._shelf.all() if kept.approved is not None]
        return [
            {
                "name": LEAD,
                "displayName": "Lead",
                "fields": [{"name": f.name, "displayName": f.label, "dataType": f.type} for f in leads],
            },
            {"name": COMPANY, "displayName": "Company", "fields": [company]},
            *(_linkable_type(kept) for kept in types),
        ]

    def _new(self, record: Members) -> FieldDefinition:
        name, label, kind = (str(record.get(member) or "") for member in ("name", "displayName", "dataType"))
        if not (name and label and kind):
            raise Refused(1002, "Missing value for the required parameter 'name', 'displayName' or 'dataType'")
        if not NAME.match(name) or name.lower() in _RESERVED:
            raise Refused(1003, f"Invalid value for field 'name' and value '{name}'")
        if kind not in DATA_TYPES:
            raise Refused(1003, f"Invalid value for field 'dataType' and value '{kind}'")
        field = FieldDefinition(
            name=name,
            label=label,
            data_type=kind,
            description=str(record.get("description") or ""),
            is_dedupe=record.get("isDedupeField") is True,
        )
        return self._linked(field, record.get("relatedTo")) if kind == "link" else field

    def _linked(self, field: FieldDefinition, related: Any) -> FieldDefinition:
        """The link resolved: names are taken without case, and display names too, as linkableObjects tells both."""
        wanted = related if isinstance(related, dict) else {}
        target, by = str(wanted.get("name") or "").lower(), str(wanted.get("field") or "").lower()
        found = next((known for known in self.linkable() if known["name"].lower() == target), None)
        if found is None:
            raise Refused(1013, f"Object '{wanted.get('name')}' cannot be linked to")
        for known in found["fields"]:
            if by in (known["name"].lower(), known["displayName"].lower()):
                resolved = {"related_object": found["name"], "related_field": known["name"]}
                return replace(field, **resolved, value_type=known["dataType"])
        raise Refused(1006, f"Field '{wanted.get('field')}' not found")


def _linkable_type(kept: CustomType) -> Members:
    version = kept.approved
    assert version is not None
    keys = [version.find(name) for name in version.dedupe]
    fields = [
        {"name": key.name, "displayName": key.label, "dataType": key.as_field().type} for key in keys if key is not None
    ]
    guid = {"name": "marketoGUID", "displayName": "Marketo GUID", "dataType": "string"}
    return {"name": kept.name, "displayName": version.display_name, "fields": [guid, *fields]}


def _members(field: FieldDefinition) -> Members:
    related = {"name": field.related_object, "field": field.related_field}
    return {
        "displayName": field.label,
        "dataType": field.data_type,
        "description": field.description,
        "isDedupeField": field.is_dedupe,
        **({"relatedTo": related} if field.is_link else {}),
    }


def _required(version: Definition, name: str) -> FieldDefinition:
    field = version.find(name)
    if field is None:
        raise Refused(1006, f"Field '{name}' not found")
    return field


def _refuse_too_many(version: Definition) -> None:
    if len(version.fields) > MAX_FIELDS:
        raise Refused(1003, f"Limit of {MAX_FIELDS} fields reached")
    if len(version.dedupe) > MAX_DEDUPE:
        raise Refused(1003, f"Limit of {MAX_DEDUPE} dedupe fields reached")
