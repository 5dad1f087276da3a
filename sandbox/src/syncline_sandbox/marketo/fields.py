"""The field catalogue: standard fields, custom fields made at run time, and what the connected user may see of them.

Lives here: one Field, the catalogue, describe and schema records. Not here: parsing of values (values.py), columns
(store.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncline_sandbox.marketo import standard_fields
from syncline_sandbox.marketo.envelope import Refused

# Marketo "Create Lead Field" (POST schema/fields.json): the types the API can create.
CREATABLE_TYPES = frozenset("boolean currency date datetime email float integer percent phone score string url".split())
_LOOKUP_TYPES = frozenset(("string", "email", "integer"))
LENGTHS = {"string": 255, "email": 255, "phone": 255, "url": 255}
# What an e-mail shows with HTML encoded unless a field says otherwise: what holds text (the samples of "Leads").
ENCODED_TYPES = frozenset(("string", "text", "email", "phone", "url"))
API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
MAX_API_FIELDS = 100


@dataclass(frozen=True, kw_only=True)
class Field:
    """One lead field. `hidden` and `read_only` hold for the API user, `is_hidden` is the vendor's own flag."""

    id: int
    name: str
    label: str
    type: str
    length: int | None = None
    read_only: bool = False  # rest.readOnly in describe
    writable: bool = True  # False: system-managed, or made read-only by a test
    custom: bool = False
    description: str = ""
    is_hidden: bool = False
    is_sensitive: bool = False
    is_html_encoded: bool | None = None  # None: by its type
    hidden: bool = False  # the API user may not see it

    @property
    def visible(self) -> bool:
        return not (self.hidden or self.is_hidden)

    @property
    def lookup(self) -> bool:
        """May serve as filterType and lookupField."""
        if self.custom:
            return self.type in _LOOKUP_TYPES
        return self.name in standard_fields.LOOKUPS

    @property
    def described_type(self) -> str:
        """Score fields are reported as integers (recorded)."""
        return "integer" if self.type == "score" else self.type


class FieldCatalog:
    """All fields of the instance by REST name. Names are matched as written, unique without regard to case."""

    def __init__(self, custom: Iterable[Field] = ()) -> None:
        self._fields: dict[str, Field] = {field.name: field for field in _standard()}
        for field in custom:
            self._fields[field.name] = field
        self._folded = {name.lower() for name in self._fields}
        self.by_id = {field.id: field for field in self._fields.values()}

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def all(self) -> list[Field]:
        return list(self._fields.values())

    def find(self, name: str) -> Field | None:
        """The field the API user may see by this name, or None."""
        field = self._fields.get(name)
        return field if field is not None and field.visible else None

    def visible(self) -> list[Field]:
        return [field for field in self._fields.values() if field.visible]

    def lookup(self, name: str, parameter: str = "filterType") -> Field:
        """The field for a filterType or lookupField, case-insensitively. Refused when unknown or not usable."""
        field = self.find(name) or next((f for f in self.visible() if f.name.lower() == name.lower()), None)
        if field is None:
            raise Refused(1003, f"Invalid {parameter} '{name}'")
        if not field.lookup:
            raise Refused(1011, f"Lookup field '{field.name}' not supported")
        return field

    def put(self, field: Field) -> None:
        """Add or replace one field."""
        self._fields[field.name] = field
        self._folded.add(field.name.lower())
        self.by_id[field.id] = field

    def change(self, name: str, **members: Any) -> Field:
        """Replace members of one field. KeyError when there is none."""
        self.put(replace(self._fields[name], **members))
        return self._fields[name]

    def new_custom(self, item: dict[str, Any]) -> Field:
        """A custom field from one record of POST schema/fields.json; not yet put. Refused 1002, 1003 or 1017."""
        number = max([standard_fields.FIRST_CUSTOM_ID - 1, *self.by_id]) + 1
        field = custom_field(item, number, CREATABLE_TYPES, self._folded)
        if any(known.label.lower() == field.label.lower() for known in self._fields.values()):
            raise Refused(1017, "Object already exists")
        if sum(known.custom for known in self._fields.values()) >= MAX_API_FIELDS:
            raise Refused(1003, f"Limit of {MAX_API_FIELDS} custom fields reached")
        return field


def custom_field(item: Mapping[str, Any], number: int, types: Collection[str], taken: Collection[str]) -> Field:
    """A field as a record of POST schema/fields.json has it. *taken*: folded names. Refused 1002, 1003 or 1017."""
    name, label, kind = (str(item.get(key) or "") for key in ("name", "displayName", "dataType"))
    for key, value in (("displayName", label), ("name", name), ("dataType", kind)):
        if not value:
            raise Refused(1002, f"Missing value for the required parameter '{key}'")
    if not API_NAME.match(name):
        raise Refused(1003, f"Invalid value for field 'name' and value '{name}'")
    if kind not in types:
        raise Refused(1003, f"Invalid value for field 'dataType' and value '{kind}'")
    if name.lower() in taken:
        raise Refused(1017, "Object already exists")
    encoded = item.get("isHtmlEncodingInEmail")
    return Field(
        id=number,
        name=name,
        label=label,
        type=kind,
        length=LENGTHS.get(kind),
        custom=True,
        description=str(item.get("description") or ""),
        is_hidden=bool(item.get("isHidden", False)),
        is_sensitive=bool(item.get("isSensitive", False)),
        is_html_encoded=None if encoded is None else bool(encoded),
    )


def describe(field: Field) -> dict[str, Any]:
    """One element of describe.json."""
    length = {} if field.length is None else {"length": field.length}
    rest = {"name": field.name, "readOnly": field.read_only}
    return {"id": field.id, "displayName": field.label, "dataType": field.described_type, **length, "rest": rest}


def describe2(field: Field, *, crm_managed: bool = False) -> dict[str, Any]:
    """One element of describe2.json's fields."""
    length = {} if field.length is None else {"length": field.length}
    head = {"name": field.name, "displayName": field.label, "dataType": field.described_type}
    return {**head, **length, "updateable": field.writable, "crmManaged": crm_managed}


def schema_record(field: Field) -> dict[str, Any]:
    """One element of schema/fields.json."""
    length = {} if field.length is None else {"length": field.length}
    encoded = field.is_html_encoded
    return {
        "displayName": field.label,
        "name": field.name,
        "description": field.description or None,
        "dataType": field.type,
        **length,
        "isHidden": field.is_hidden,
        "isHtmlEncodingInEmail": field.type in ENCODED_TYPES if encoded is None else encoded,
        "isSensitive": field.is_sensitive,
        "isCustom": field.custom,
        "isApiCreated": field.custom,
    }


def _standard() -> Iterable[Field]:
    for line in standard_fields.TABLE.strip().splitlines():
        number, name, kind, length, label = line.split(" ", 4)
        yield Field(
            id=int(number),
            name=name,
            label=label,
            type=kind,
            length=int(length) or None,
            read_only=name in standard_fields.READ_ONLY,
            writable=name not in standard_fields.SYSTEM_MANAGED,
            is_sensitive=name in standard_fields.SENSITIVE,
        )
