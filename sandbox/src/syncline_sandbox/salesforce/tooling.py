"""The one tooling resource a sync tool needs: making a custom field.

Lives here: `tooling/sobjects/CustomField` with POST ("CustomField" of the Tooling API, whose `Metadata` is the
CustomField of the Metadata API). What a field of the org may be is in `custom_fields.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import OrgError
from .ids import IdSource
from .schema import Schema
from .web import Answer, Call, Route

CUSTOM_FIELD_PREFIX = "00N"

# The Metadata API's type -> the describe's.
_TYPES = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
}
# Metadata attribute -> key of `custom_fields.custom_field`.
_KEYS = {
    "label": "label",
    "length": "length",
    "precision": "precision",
    "scale": "scale",
    "unique": "unique",
    "caseSensitive": "case_sensitive",
    "externalId": "external_id",
    "required": "required",
}


class ToolingResources:
    """`tooling/sobjects/CustomField`. *add_field* adds a field to an object by name and specification."""

    def __init__(self, schema: Schema, ids: IdSource, add_field: Callable[[str, dict[str, Any]], None]) -> None:
        self._schema = schema
        self._ids = ids
        self._add_field = add_field

    def routes(self) -> list[Route]:
        return [Route("POST", "tooling/sobjects/CustomField", self._create)]

    def _create(self, call: Call) -> Answer:
        body = call.json_object()
        object_name, _, name = str(body.get("FullName", "")).partition(".")
        metadata = body.get("Metadata")
        if not name or not isinstance(metadata, dict):
            raise OrgError("REQUIRED_FIELD_MISSING", "Required fields are missing: [FullName, Metadata]", ("FullName",))
        sobject = self._schema.sobject(object_name)
        if sobject is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", f"Entity of type {object_name} cannot be found")
        if sobject.field(name) is not None:
            text = f"There is already a field named {name.removesuffix('__c')} on {sobject.label}."
            raise OrgError("DUPLICATE_DEVELOPER_NAME", text, ("DeveloperName",))
        try:
            self._add_field(sobject.name, _specification(name, metadata))
        except ValueError as wrong:
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", str(wrong)) from wrong
        made = {"id": self._ids.new(CUSTOM_FIELD_PREFIX), "success": True, "errors": [], "warnings": [], "infos": []}
        return Answer(status=201, body=made)


def _specification(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(str(metadata.get("type")))
    if kind is None:
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", f"Field type not made here: {metadata.get('type')}", ("type",))
    chosen = {ours: metadata[theirs] for theirs, ours in _KEYS.items() if theirs in metadata}
    return {"name": name, "type": kind, **chosen}
