"""Avro payloads of change events into plain values, by the schema of their id.

Lives here: schemas (an id is a fingerprint: another as soon as a field comes or goes), and the decoding. Not here: what
the values mean (`translation`), or how a schema is fetched (`subscription`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fastavro

HEADER = "ChangeEventHeader"


class Unreadable(Exception):
    """A payload that does not follow its schema. `header` is what could be read of it all the same."""

    def __init__(self, message: str, header: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.header = header


@dataclass(frozen=True, kw_only=True)
class EventSchema:
    """One version of an event's schema. `fields` are its fields, each with the names of its parts if it is a compound,
    as `Compound.Part`."""

    parsed: Any
    header: Any  # the schema of the header alone
    fields: tuple[tuple[str, ...], ...]

    def values(self, payload: bytes) -> dict[str, Any]:
        """The values of *payload*. Unreadable if it does not follow the schema."""
        try:
            return _read(self.parsed, payload)
        except ValueError as broken:
            raise Unreadable(str(broken), self._header_of(payload)) from broken

    def _header_of(self, payload: bytes) -> Mapping[str, Any] | None:
        """The header stands first, so it can be read where what follows cannot."""
        try:
            found: Mapping[str, Any] = _read(self.header, payload, whole=False)[HEADER]
        except (ValueError, KeyError):
            return None
        return found


def schema_of(text: str) -> EventSchema:
    """The schema of its JSON text. ValueError if it is none of a change event."""
    shape = json.loads(text)
    fields = shape.get("fields") if isinstance(shape, dict) else None
    if not fields or fields[0].get("name") != HEADER:
        raise ValueError("the schema does not begin with a change event's header")
    named: dict[str, Any] = {}
    try:
        parsed = fastavro.parse_schema(shape, named_schemas=named)
        header = fastavro.parse_schema({**shape, "fields": fields[:1]}, named_schemas={})
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, KeyError, TypeError) as broken:
        raise ValueError(f"the schema cannot be understood: {broken}") from broken
    compounds: dict[str, tuple[str, ...]] = {}
    return EventSchema(
        parsed=parsed, header=header, fields=tuple((field["name"], *_parts(field, compounds)) for field in fields)
    )


def _parts(field: Mapping[str, Any], compounds: dict[str, tuple[str, ...]]) -> list[str]:
    """The parts of a compound, of which a type is defined where it first stands and named from then on."""
    if field["name"] == HEADER:
        return []
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    for kind in kinds:
        if isinstance(kind, dict) and kind.get("type") == "record":
            compounds[kind["name"].rpartition(".")[2]] = tuple(part["name"] for part in kind["fields"])
        name = kind["name"] if isinstance(kind, dict) and "name" in kind else kind
        if isinstance(name, str) and name.rpartition(".")[2] in compounds:
            return [f"{field['name']}.{part}" for part in compounds[name.rpartition(".")[2]]]
    return []


def _read(schema: Any, payload: bytes, *, whole: bool = True) -> dict[str, Any]:
    taken = io.BytesIO(payload)
    try:
        values = fastavro.schemaless_reader(taken, schema, None)
    except (EOFError, IndexError, UnicodeDecodeError, OverflowError, MemoryError, StopIteration, ValueError) as broken:
        raise ValueError(f"the payload does not follow its schema: {type(broken).__name__}") from broken
    if not isinstance(values, dict) or (whole and taken.tell() != len(payload)):
        raise ValueError("the payload does not follow its schema: bytes are left over")
    return values
