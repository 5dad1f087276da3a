"""What a kind of record is: its fields, keys and links, and how describe tells of them.

Source: Marketo "Lead Database" (describe), "Opportunities", "Companies", "Custom Objects" (relationships).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from syncline_sandbox.marketo.fields import Field

Members = dict[str, Any]
GUID = "marketoGUID"
_STANDARD_KIND_MADE_AT = "2015-02-03T22:36:23Z"


@dataclass(frozen=True, kw_only=True)
class Link:
    """*field* holds the value of *column* in a row of *table*; without such a row the record is skipped with *code*.

    `name` and `label` are the other object's in describe; `whole_call`: the refusal is the whole call's.
    """

    field: str
    table: str
    column: str
    code: int = 1013
    message: str = "Object not found"
    name: str = ""
    label: str = ""
    whole_call: bool = False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`fields` are those a writer may name, keys included; id, createdAt and updatedAt are everybody's.

    `table` keeps the rows. `search` are further fields one may filter by. `required`: may not be null.
    `needs_update_only`: records can be named by idField only with the action updateOnly.
    """

    name: str
    label: str
    table: str
    id_field: str
    dedupe: tuple[str, ...]
    fields: tuple[Field, ...]
    description: str = ""
    search: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    required: tuple[str, ...] = ()
    not_found: str = "Record not found"
    needs_update_only: bool = False
    shows_populated: bool = False  # without `fields` a query answers whatever is not null
    crm_managed: bool = False  # the native CRM sync owns it
    made_at: str = _STANDARD_KIND_MADE_AT
    changed_at: str = _STANDARD_KIND_MADE_AT

    @cached_property
    def system_fields(self) -> tuple[Field, ...]:
        by_id = (
            Field(id=0, name=GUID, label="Marketo GUID", type="string", length=36, writable=False)
            if self.id_field == GUID
            else Field(id=0, name="id", label="Id", type="integer", writable=False)
        )
        moments = (("createdAt", "Created At"), ("updatedAt", "Updated At"))
        return by_id, *(Field(id=0, name=name, label=label, type="datetime", writable=False) for name, label in moments)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Every field by its folded name: the vendor's own samples spell marketoGUID in two ways."""
        return {field.name.lower(): field for field in (*self.system_fields, *self.fields)}

    @cached_property
    def default_fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.id_field, *self.dedupe, "createdAt", "updatedAt")))

    @property
    def searchable(self) -> list[list[str]]:
        single = (self.id_field, *self.search)
        return [[*self.dedupe], *([name] for name in dict.fromkeys(single) if (name,) != self.dedupe)]


def describe(kind: Kind, *, crm_managed: bool = False) -> Members:
    """The element of describe.json. *crm_managed*: the native CRM sync owns all fields that are not the system's."""
    head = listed(kind)
    system = [_described(field, crm_managed=False) for field in kind.system_fields]
    owned = crm_managed or kind.crm_managed
    return {**head, "fields": [*system, *(_described(field, crm_managed=owned) for field in kind.fields)]}


def listed(kind: Kind) -> Members:
    """A kind without its fields, as the list of custom objects has it."""
    text = {"description": kind.description} if kind.description else {}
    related = [
        {"field": link.field, "type": "child", "relatedTo": {"name": link.name, "field": link.label}}
        for link in kind.links
        if link.name
    ]
    return {
        "name": kind.name,
        "displayName": kind.label,
        **text,
        "createdAt": kind.made_at,
        "updatedAt": kind.changed_at,
        "idField": kind.id_field,
        "dedupeFields": [*kind.dedupe],
        "searchableFields": kind.searchable,
        **({"relationships": related} if related else {}),
    }


def _described(field: Field, *, crm_managed: bool) -> Members:
    length = {} if field.length is None else {"length": field.length}
    head = {"name": field.name, "displayName": field.label, "dataType": field.type}
    return {**head, **length, "updateable": field.writable, "crmManaged": crm_managed}


def fields_of(table: str) -> tuple[Field, ...]:
    """Fields from a text table: name, type, length or 0, `key` when it is fixed once set or `-`, label; one a line."""
    rows: Sequence[list[str]] = [line.split(" ", 4) for line in table.strip().splitlines()]
    return tuple(
        Field(id=0, name=name, label=label, type=kind, length=int(length) or None, writable=mark != "key")
        for name, kind, length, mark, label in rows
    )
