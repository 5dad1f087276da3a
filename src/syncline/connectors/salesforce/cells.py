"""Between the wire's values and canonical cells, a column at a time. No requests, no names of objects.

Wire forms: Salesforce, SOAP API Developer Guide, "Primitive Data Types", and Bulk API 2.0 Guide, "Valid Date Format in
Records". JSON numbers arrive as their digits (see `client`), so that a currency amount is never a float.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from syncline.records import ACTOR, AS_OF, CREATED, DELETED, ID, PAGE_SCHEMA, STAMP, Unreadable
from syncline.schema import ObjectSchema
from syncline.values import EMPTY, FieldType, form_of

_SYSTEM = {ID: "Id", STAMP: "SystemModstamp", ACTOR: "LastModifiedById", CREATED: "CreatedDate", DELETED: "IsDeleted"}
SYSTEM_COLUMNS = tuple(_SYSTEM.values())

Columns = Callable[[str], pl.Series]
"""Gives the raw column of one field or parent path: text as it came, null where there was none."""

# What is canonical as it stands; only the rest goes through `values.form_of`, one distinct value at a time.
_PLAIN_TEXT = r"^[!-~](?:[ -~]*[!-~])?$"
_READY = {
    FieldType.NUMBER: r"^(?:0|-?[1-9][0-9]*)$",
    FieldType.INTEGER: r"^(?:0|-?[1-9][0-9]*)$",
    FieldType.BOOLEAN: r"^(?:true|false)$",
    FieldType.DATE: r"^$",
    FieldType.DATETIME: r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    FieldType.MULTICHOICE: r"^$",
}
_UTC_STAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$"
_ID_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def rows_of(
    schema: ObjectSchema, fields: Sequence[str], columns: Columns, *, height: int, as_of_us: int
) -> tuple[pl.DataFrame, tuple[Unreadable, ...]]:
    """The rows of a page with the columns of PAGE_SCHEMA and *fields*, and those that could not be translated."""
    if not height:
        return empty_rows(fields), ()
    told = {name: path for name, path in _SYSTEM.items() if name == ID or path in schema.fields}
    paths = told | {name: name for name in fields}
    raw = pl.DataFrame([columns(path).alias(name) for name, path in paths.items()])
    types = {name: FieldType.DATETIME for name in _STAMPS if name in told}
    cells = canonical_columns(raw, types | {name: schema.fields[name].type for name in fields})
    known = {DELETED: pl.lit(False), AS_OF: pl.lit(as_of_us)} | {name: _SAID[name] for name in told}
    system = (known.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in PAGE_SCHEMA.items())
    return _without_unreadable(cells.select(*system, *fields), fields, columns)


def canonical_columns(raw: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.DataFrame:
    """*raw* with the canonical cells in the columns that have a type: "" for null; null (else impossible) where the
    value is not of the type."""
    cells = raw.with_columns(_ready(name, field_type) for name, field_type in types.items())
    odd = cells.select(_is_odd(name, field_type).any() for name, field_type in types.items())
    spelt = [_respelt(cells[name], types[name]) for name in odd.columns if odd[name].item()]
    return cells.with_columns(spelt) if spelt else cells


def _ready(name: str, field_type: FieldType) -> pl.Expr:
    cell = pl.col(name).fill_null(EMPTY)
    if field_type is not FieldType.DATETIME:
        return cell
    return pl.when(cell.str.contains(_UTC_STAMP)).then(cell.str.slice(0, 23) + "Z").otherwise(cell)


def _is_odd(name: str, field_type: FieldType) -> pl.Expr:
    cell = pl.col(name)
    return ~cell.str.contains(_READY.get(field_type, _PLAIN_TEXT)) & (cell != EMPTY)


def _respelt(column: pl.Series, field_type: FieldType) -> pl.Series:
    form, odd = form_of(field_type), column.to_frame().filter(_is_odd(column.name, field_type)).to_series()
    forms = {value: _formed(form, value) for value in odd.unique()}
    return column.replace(list(forms), list(forms.values()))


def record_columns(records: Sequence[Mapping[str, Any]]) -> Columns:
    """The columns of REST records. A parent path reads the nested record; no parent, no value."""

    def column(path: str) -> pl.Series:
        name, *rest = path.split(".")
        values = [record.get(name) for record in records]
        for further in rest:
            values = [parent.get(further) if parent else None for parent in values]
        return pl.Series(path, [value if type(value) is str else _text(value) for value in values], dtype=pl.String())

    return column


def table_columns(table: pl.DataFrame) -> Columns:
    """The columns of a Bulk result, whose parent columns are named by their path. An empty cell is a null."""

    def column(path: str) -> pl.Series:
        return table[path]

    return column


def wire_value(field_type: FieldType, cell: str) -> Any:
    """A canonical cell as JSON: null clears; numbers keep their digits."""
    if cell == EMPTY:
        return None
    if field_type is FieldType.BOOLEAN:
        return cell == "true"
    if field_type in (FieldType.NUMBER, FieldType.INTEGER):
        return msgspec.Raw(cell.encode())
    return cell


def full_id(text: str) -> str:
    """The 18-character form of a record id; anything that is not 15 characters long is returned as it is.

    Each group of five adds one character that says which of the five are capitals ("Record IDs").
    """
    if len(text) != 15 or not text.isascii():
        return text
    groups = (text[start : start + 5] for start in (0, 5, 10))
    return text + "".join(
        _ID_CHECK[sum(1 << bit for bit, char in enumerate(group) if char.isupper())] for group in groups
    )


def is_id(text: str) -> bool:
    """Whether *text* has the form of an 18-character record id, check characters included."""
    return len(text) == 18 and text.isascii() and text.isalnum() and full_id(text[:15]) == text


def _instant(name: str) -> pl.Expr:
    """Microseconds since 1970; null where there is none or it is no instant."""
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="us", strict=False)


_STAMPS = (STAMP, CREATED)
_SAID = {
    ID: pl.col(ID),
    STAMP: _instant(STAMP),
    ACTOR: pl.col(ACTOR),
    CREATED: _instant(CREATED),
    DELETED: pl.col(DELETED).eq_missing(pl.lit("true")),
}
"""What the system columns say, out of canonical cells."""


def _formed(form: Callable[[object], str], value: str) -> str | None:
    try:
        return form(value)
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _without_unreadable(
    frame: pl.DataFrame, fields: Sequence[str], columns: Columns
) -> tuple[pl.DataFrame, tuple[Unreadable, ...]]:
    if not any(frame[name].null_count() for name in (ID, *fields)):
        return frame, ()
    bad = frame.select(pl.any_horizontal(pl.col(ID, *fields).is_null())).to_series()
    reasons = [_unreadable(frame, index, fields, columns) for index in bad.arg_true()]
    return frame.filter(~bad), tuple(reasons)


def _unreadable(frame: pl.DataFrame, index: int, fields: Sequence[str], columns: Columns) -> Unreadable:
    culprits = [name for name in fields if frame[name][index] is None]
    raw = {name: columns(name)[index] for name in dict.fromkeys(("Id", *fields))}
    return Unreadable(
        record_id=frame[ID][index],
        reason=f"not of the field's type: {', '.join(culprits)}" if culprits else "a record without an Id",
        raw=msgspec.json.encode(raw).decode()[:4_000],
    )


def empty_rows(fields: Sequence[str]) -> pl.DataFrame:
    """A page's frame without rows."""
    return pl.DataFrame(schema={**PAGE_SCHEMA, **dict.fromkeys(fields, pl.String())})
