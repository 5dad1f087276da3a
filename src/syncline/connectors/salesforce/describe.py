"""Describes: the vendor's fields in our types, with the connected user's rights, and parent paths as read-only fields.

Facts: Salesforce, REST API Developer Guide, "sObject Describe" and Object Reference, "Field Types". Compound fields
(addresses, locations), blobs and types this table does not know are left out: components are fields of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from syncline.connectors.salesforce.client import Answer, SalesforceClient
from syncline.connectors.salesforce.errors import ObjectRefused
from syncline.errors import NotUnderstood
from syncline.ports import Clock, Lane
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType, instant

FRESH_FOR = timedelta(hours=1)
"""How long reads and writes trust a describe; a refused field has it read again at once."""
_SETTLED = timedelta(seconds=60)

_TYPES = {
    "string": FieldType.TEXT,
    "textarea": FieldType.TEXT,
    "combobox": FieldType.TEXT,
    "encryptedstring": FieldType.TEXT,
    "anyType": FieldType.TEXT,
    "time": FieldType.TEXT,
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "picklist": FieldType.CHOICE,
    "multipicklist": FieldType.MULTICHOICE,
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "boolean": FieldType.BOOLEAN,
    "reference": FieldType.REFERENCE,
    "id": FieldType.ID,
}
_TEXTS = frozenset({FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.CHOICE})


@dataclass(frozen=True, kw_only=True)
class _Parent:
    """A relationship whose fields are offered as paths. `fields` None: all; an owner may be a queue, and a
    polymorphic parent gives only the fields of the Name object ("Polymorphic Relationships")."""

    object_type: str
    fields: frozenset[str] | None = None
    shows_moves: bool = True
    parents: tuple[str, ...] = ()  # relationships of the parent whose paths are offered too


# `shows_moves`: children are read again when the parent moved. A user's stamp moves at each login, which would bring
# all of an owner's records back at every poll.
_PARENTS = {
    "Account": _Parent(object_type="Account", parents=("Owner",)),
    "Owner": _Parent(
        object_type="User",
        fields=frozenset({"Name", "FirstName", "LastName", "Email", "Phone", "Title", "Username"}),
        shows_moves=False,
    ),
}


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A describe as last read. `relations` are the relationships of `_PARENTS` this object has."""

    schema: ObjectSchema
    relations: tuple[str, ...]
    last_modified: str | None
    checked_us: int


class Describer:
    """Describes by object type, read again with If-Modified-Since. One call each, also when nothing has changed."""

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def schema(self, object_type: str, lane: Lane, *, again: bool = False) -> ObjectSchema:
        """The object with its parents' paths. *again*: ask the vendor even if the last answer is fresh.

        Raises:
            ObjectRefused: the connected user sees no such object.
        """
        known = await self._read(object_type, lane, again=again)
        fields = dict(known.schema.fields)
        for relation in known.relations:
            fields |= await self._parent_fields(relation, lane, again=again)
        return replace(known.schema, fields=fields)

    def known(self, object_type: str) -> ObjectSchema | None:
        """The object without parents as last described; None before the first time. No call."""
        known = self._known.get(object_type)
        return known.schema if known else None

    def forget(self, object_type: str) -> None:
        """Have the next question ask the vendor in full: a right was taken, which a 304 may not show."""
        self._known.pop(object_type, None)
        for relation in _PARENTS.values():
            self._known.pop(relation.object_type, None)

    async def _parent_fields(self, relation: str, lane: Lane, *, again: bool) -> dict[str, Field]:
        parent = _PARENTS[relation]
        try:
            known = await self._read(parent.object_type, lane, again=again)
        except ObjectRefused:
            return {}  # the parent's object is hidden: none of its paths can be read
        further: dict[str, Field] = {}
        for name in set(parent.parents) & set(known.relations):
            further |= await self._parent_fields(name, lane, again=False)
        offered = {
            name: field for name, field in known.schema.fields.items() if parent.fields is None or name in parent.fields
        }
        return {
            f"{relation}.{name}": replace(
                field,
                name=f"{relation}.{name}",
                label=f"{known.schema.label}: {field.label}",
                is_createable=False,
                is_updateable=False,
                is_required=False,
                is_unique=False,
                is_external_id=False,
                choices=None,
            )
            for name, field in (offered | further).items()
        }

    async def _read(self, object_type: str, lane: Lane, *, again: bool) -> _Known:
        known = self._known.get(object_type)
        if known is not None and not again and self._clock.now() - instant(known.checked_us) < FRESH_FOR:
            return known
        conditional = {"If-Modified-Since": known.last_modified} if known and known.last_modified else {}
        answer = await self._client.get(f"/sobjects/{object_type}/describe", lane, headers=conditional)
        if answer.status == 304 and known is not None:
            fresh = replace(known, checked_us=answer.sent_us)
        else:
            fresh = _known(object_type, answer)
        self._known[object_type] = fresh
        return fresh


def moving_parents(paths: list[str]) -> list[str]:
    """The relationships among *paths* whose parent's move is a reason to read the child again."""
    relations = dict.fromkeys(path.partition(".")[0] for path in paths if "." in path)
    return [relation for relation in relations if relation in _PARENTS and _PARENTS[relation].shows_moves]


def _known(object_type: str, answer: Answer) -> _Known:
    body = answer.body
    if not isinstance(body, dict) or not isinstance(body.get("fields"), list):
        raise NotUnderstood(f"Salesforce described {object_type} without fields.", evidence=repr(body)[:500])
    described = [item for item in body["fields"] if item["type"] in _TYPES]
    return _Known(
        schema=ObjectSchema(
            name=body["name"],
            label=body["label"],
            fields={item["name"]: _field(item) for item in described},
            can_create=bool(body["createable"]),
            can_update=bool(body["updateable"]),
            can_delete=bool(body["deletable"]),
        ),
        relations=tuple(_relations(described)),
        last_modified=_validator(answer),
        checked_us=answer.sent_us,
    )


def _validator(answer: Answer) -> str | None:
    """The Last-Modified of a describe, unless it is so young that a second change could hide in the same second
    (RFC 9110, 8.8.2.2: such a date is a weak validator)."""
    text = answer.headers.get("last-modified")
    if text is None or answer.server_at is None:
        return None
    return text if answer.server_at - parsedate_to_datetime(text) >= _SETTLED else None


def _relations(described: list[Mapping[str, Any]]) -> list[str]:
    names = {item.get("relationshipName"): item.get("referenceTo") or [] for item in described}
    return [relation for relation, parent in _PARENTS.items() if parent.object_type in names.get(relation, [])]


def _field(item: Mapping[str, Any]) -> Field:
    field_type = _TYPES[item["type"]]
    required = item["createable"] and not item["nillable"] and not item["defaultedOnCreate"]
    return Field(
        name=item["name"],
        label=item["label"],
        type=field_type,
        length=int(item["length"]) or None if field_type in _TEXTS else None,
        is_createable=bool(item["createable"]),
        is_updateable=bool(item["updateable"]),
        is_required=bool(required),
        is_unique=bool(item["unique"]),
        is_external_id=bool(item["externalId"]),
        is_calculated=bool(item["calculated"]),
        is_custom=bool(item["custom"]),
        choices=_choices(item),
    )


def _choices(item: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The values a restricted picklist accepts. An unrestricted one stores what it is given."""
    if not item["restrictedPicklist"]:
        return None
    return tuple(choice["value"] for choice in item["picklistValues"] if choice["active"])
