"""Avro schemas of events: the header, a field per readable column, compounds as nested records, and a fingerprint.

"Change Event Fields", "Change Event Schema" of the Change Data Capture Developer Guide; "Event Avro Schema" of the
Pub/Sub API guide. Lives here: schemas and the coding of payloads. What stands in an event is decided in `changes.py`.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any, cast

import fastavro
import orjson

from syncline_sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject
from syncline_sandbox.salesforce.stamps import moment_of

NAMESPACE = "com.sforce.eventbus"
HEADER = "ChangeEventHeader"
CHANGE_TYPES = (
    "CREATE UPDATE DELETE UNDELETE GAP_CREATE GAP_UPDATE GAP_DELETE GAP_UNDELETE GAP_OVERFLOW SNAPSHOT".split()
)
# On no change event: what belongs to the row's life, or is derived from other records.
_NEVER = frozenset(
    "Id IsDeleted SystemModstamp MasterRecordId LastActivityDate LastViewedDate LastReferencedDate PhotoUrl".split()
)
_PERSON_NAME = ("Salutation", "FirstName", "LastName")
_ADDRESS = "Street City State PostalCode Country Latitude Longitude GeocodeAccuracy".split()
_AVRO_TYPES = {
    "boolean": "boolean",
    "int": "int",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "date": "long",
    "datetime": "long",
}
# How the vendor names a field's type in the `doc` of the schema.
_DOC_TYPES = {
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "currency": "Currency",
    "percent": "Percent",
    "date": "DateOnly",
    "datetime": "DateTime",
    "reference": "EntityId",
    "picklist": "DynamicEnum",
    "multipicklist": "MultiEnum",
    "textarea": "MultiLineText",
    "email": "Email",
    "phone": "Phone",
    "url": "Url",
}
_DOCS = {
    "CreatedDate": "CreatedDate:DateTime",
    "CreatedById": "CreatedBy:EntityId",
    "LastModifiedDate": "LastModifiedDate:DateTime",
    "LastModifiedById": "LastModifiedBy:EntityId",
    "OwnerId": "Owner:EntityId",
}


@dataclass(frozen=True)
class Slot:
    """Where the value of a column goes: a field of its own, or a part of the compound at `position`."""

    field: Field
    position: int
    name: str
    part: int | None = None
    part_name: str = ""

    @property
    def place(self) -> tuple[int, int | None]:
        return self.position, self.part

    @cached_property
    def column(self) -> str:
        return cast(str, self.field.column)

    @cached_property
    def rolled_up(self) -> bool:
        """True for what follows from other records: roll-ups, and counts and sums that nobody writes."""
        written = self.field.createable or self.field.updateable
        return self.field.calculated or (self.field.type in NUMBER_TYPES and not written)

    @cached_property
    def _as_avro(self) -> Callable[[Any], Any]:
        return _ENCODE.get(self.field.type, str)

    def value(self, row: Mapping[str, Any]) -> Any:
        """The column's value as Avro has it."""
        stored = row[self.column]
        return None if stored is None else self._as_avro(stored)


class EventSchema:
    """One version of an event's schema. `id` is its fingerprint: another as soon as a field comes or goes."""

    def __init__(self, name: str, fields: list[dict[str, Any]], slots: tuple[Slot, ...] = ()) -> None:
        self.name = name
        self.slots = slots
        shape = {"type": "record", "name": name, "namespace": NAMESPACE, "fields": fields}
        digest = hashlib.md5(orjson.dumps(shape), usedforsecurity=False).digest()
        self.id = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self.json = orjson.dumps({**shape, "uuid": self.id}).decode()
        self._parsed = fastavro.parse_schema(shape, named_schemas={})

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """The payload. ValueError when values do not fit the schema."""
        out = io.BytesIO()
        try:
            fastavro.schemaless_writer(out, self._parsed, dict(values))
        except (TypeError, OverflowError, AttributeError, KeyError) as wrong:
            raise ValueError(f"not an event of {self.name}: {wrong}") from wrong
        return out.getvalue()


def decode(schema_json: str, payload: bytes) -> dict[str, Any]:
    """The values of a payload written with this schema. ValueError when it is none."""
    taken = io.BytesIO(payload)
    try:
        values = fastavro.schemaless_reader(taken, _parsed(schema_json), None)
    except (EOFError, IndexError, UnicodeDecodeError, OverflowError, MemoryError, StopIteration) as broken:
        raise ValueError(f"the payload does not follow its schema: {broken}") from broken
    if taken.tell() != len(payload) or not isinstance(values, dict):
        raise ValueError("the payload does not follow its schema: bytes are left over")
    return values


def encode(schema_json: str, values: Mapping[str, Any]) -> bytes:
    """The payload of values by a schema that may no longer be the current one."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _parsed(schema_json), dict(values))
    return out.getvalue()


_PARSED: dict[str, Any] = {}


def _parsed(schema_json: str) -> Any:
    if schema_json not in _PARSED:
        _PARSED[schema_json] = fastavro.parse_schema(orjson.loads(schema_json), named_schemas={})
    return _PARSED[schema_json]


def change_event_schema(sobject: SObject) -> EventSchema:
    """The schema of the change events of an object as its fields stand now."""
    fields: list[dict[str, Any]] = [{"name": HEADER, "type": _header()}]
    slots: list[Slot] = []
    parts: dict[str, list[Field]] = {}
    for field in sobject.fields():
        if field.compound_field_name and field.column is not None:
            parts.setdefault(field.compound_field_name, []).append(field)
    defined: set[str] = set()
    for field in sobject.fields():
        if field.name in _NEVER or field.compound_field_name:
            continue
        if field.name in parts:
            fields.append(_compound(field, parts[field.name], len(fields), slots, defined))
        elif field.column is not None:
            slots.append(Slot(field, len(fields), field.name))
            fields.append(_plain(field.name, field))
    return EventSchema(change_event_name(sobject.name), fields, tuple(slots))


def channel_schema(name: str) -> EventSchema:
    """The schema of a channel of many entities: what all their events share."""
    return EventSchema(name, [{"name": HEADER, "type": _header()}])


def platform_event_schema(sobject: SObject) -> EventSchema:
    """The schema of a platform event: who and when, then its own fields."""
    fields: list[dict[str, Any]] = [
        {"name": "CreatedDate", "type": "long", "doc": _DOCS["CreatedDate"]},
        {"name": "CreatedById", "type": "string", "doc": _DOCS["CreatedById"]},
    ]
    own = [field for field in sobject.fields() if field.custom and field.column is not None]
    slots = tuple(Slot(field, place, field.name) for place, field in enumerate(own, len(fields)))
    return EventSchema(sobject.name, fields + [_plain(field.name, field) for field in own], slots)


def change_event_name(entity: str) -> str:
    """`LeadChangeEvent`, or `X__ChangeEvent` of a custom object."""
    return f"{entity.removesuffix('c')}ChangeEvent" if entity.endswith("__c") else f"{entity}ChangeEvent"


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _compound(
    field: Field, members: list[Field], position: int, slots: list[Slot], defined: set[str]
) -> dict[str, Any]:
    person = field.type != "address"
    order = _PERSON_NAME if person else _ADDRESS
    prefix = "" if person else field.name.removesuffix("Address")
    named = {member.name.removeprefix(prefix): member for member in members}
    chosen = [(name, named[name]) for name in order if name in named]
    slots += [Slot(member, position, field.name, part, name) for part, (name, member) in enumerate(chosen)]
    kind = "PersonName" if person else "Address"
    record: Any = kind
    if kind not in defined:
        defined.add(kind)
        record = {"type": "record", "name": kind, "fields": [_plain(name, member) for name, member in chosen]}
    return {"name": field.name, "type": ["null", record], "doc": f"Data:{kind}", "default": None}


def _plain(name: str, field: Field) -> dict[str, Any]:
    doc = _DOCS.get(name, f"Data:{_DOC_TYPES.get(field.type, 'Text')}")
    return {"name": name, "type": ["null", _AVRO_TYPES.get(field.type, "string")], "doc": doc, "default": None}


def _header() -> dict[str, Any]:
    texts = {"type": "array", "items": "string"}
    kinds: dict[str, Any] = {
        "entityName": "string",
        "recordIds": texts,
        "changeType": {"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES},
        "changeOrigin": "string",
        "transactionKey": "string",
        "sequenceNumber": "int",
        "commitTimestamp": "long",
        "commitNumber": "long",
        "commitUser": "string",
        "nulledFields": texts,
        "diffFields": texts,
        "changedFields": texts,
    }
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    return {"type": "record", "name": HEADER, "fields": fields}


@lru_cache(maxsize=1024)
def _milliseconds_of(stamp: str) -> int:
    return milliseconds(moment_of(stamp))  # a transaction writes the same stamp many times


_ENCODE: dict[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "int": int,
    "double": float,
    "currency": float,
    "percent": float,
    "date": lambda text: milliseconds(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)),
    "datetime": _milliseconds_of,
}
