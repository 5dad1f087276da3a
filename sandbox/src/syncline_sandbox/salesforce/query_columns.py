"""The columns of a query instead of its rows: `query?q=…&columns=true`.

Not in the vendor's guides; the vendor's CLI asks for it after each `data query`, and its repository keeps recorded
answers (salesforcecli/plugin-data, test/test-files/queryFields.exemplars.ts), whose shape this is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .schema import Field, Schema, SObject
from .soql import CompiledQuery
from .soql.compiled import Cell, Children, Choice, Node
from .soql.parser import parse
from .soql.syntax import Call, Path, Query

_APEX_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "currency": "Double",
    "percent": "Double",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "address": "Address",
    "location": "Location",
    "base64": "Blob",
}
_NUMBERS = frozenset({"Integer", "Double"})

Entry = Cell | Node | Children | Choice
Column = dict[str, Any]


def columns(text: str, compiled: CompiledQuery, schema: Schema) -> dict[str, Any]:
    """What a query that compiled would select."""
    sobject, query = schema.sobject(compiled.sobject), parse(text)
    assert sobject is not None
    shown = [*_columns(compiled.root.entries, sobject, schema)]
    if compiled.kind == "aggregate":
        shown = [*_grouped(query, compiled.root.entries, shown)]
    return {
        "columnMetadata": shown,
        "entityName": sobject.name,
        "groupBy": bool(query.group_by),
        "idSelected": any(column["columnName"] == "Id" for column in shown),
        "keyPrefix": sobject.key_prefix,
    }


def _columns(entries: Iterable[Entry], sobject: SObject | None, schema: Schema) -> Iterable[Column]:
    for entry in entries:
        if isinstance(entry, Cell):
            yield _plain(entry, sobject.field(entry.key) if sobject else None)
        elif isinstance(entry, Children):
            child = schema.sobject(entry.more.root.type_name or "")
            below = [*_columns(entry.more.root.entries, child, schema)]
            yield {**_column(entry.key), "aggregate": True, "joinColumns": below}
        else:
            yield {
                **_column(entry.key),
                "foreignKeyName": _key(sobject, entry.key),
                "joinColumns": _below(entry, schema),
            }


def _below(entry: Node | Choice, schema: Schema) -> list[Column]:
    """The columns of a parent; of a TYPEOF those of all its branches, each once."""
    nodes = [entry] if isinstance(entry, Node) else [*entry.nodes.values(), *filter(None, [entry.otherwise])]
    found: dict[str, Column] = {}
    for node in nodes:
        parent = schema.sobject(node.type_name) if node.type_name else None
        for column in _columns(node.entries, parent, schema):
            found.setdefault(column["columnName"], column)
    return [*found.values()]


def _key(sobject: SObject | None, relationship: str) -> str | None:
    """The field that holds the id of a parent."""
    fields = sobject.references() if sobject else []
    return next((field.name for field in fields if field.relationship_name == relationship), None)


def _plain(cell: Cell, field: Field | None) -> Column:
    return {
        **_column(cell.key, cell.type),
        "custom": bool(field and field.custom),
        "insertable": bool(field and field.createable),
        "updatable": bool(field and field.updateable),
    }


def _grouped(query: Query, entries: list[Entry], shown: list[Column]) -> Iterable[Column]:
    """Calls are columns of their own: `expr0` or their alias, displayed as they were written, in lower case."""
    for item, entry, column in zip(query.items, entries, shown, strict=True):
        if not isinstance(item.expression, Call):
            yield column
            continue
        assert isinstance(entry, Cell)
        number = _APEX_TYPES.get(entry.type) in _NUMBERS
        about = {"aggregate": True, "displayName": _written(item.expression), "numberType": number}
        yield {**_column(entry.key), **about}


def _written(expression: Path | Call | None) -> str:
    if isinstance(expression, Call):
        return f"{expression.function.lower()}({_written(expression.argument)})"
    return ".".join(expression.names) if expression else ""


def _column(name: str, field_type: str | None = None) -> Column:
    apex_type = None if field_type is None else _APEX_TYPES.get(field_type, "String")
    return {
        "aggregate": False,
        "apexType": apex_type,
        "booleanType": apex_type == "Boolean",
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": apex_type in _NUMBERS,
        "textType": apex_type == "String",
        "updatable": False,
    }
