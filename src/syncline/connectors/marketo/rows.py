"""People as columns: what Marketo sent, column by column, in canonical cells.

`_stamp_us` is always null. The visible `updatedAt` moves on changes of standard fields only ("Bulk Lead Extract":
the filter uses a hidden change time instead), can lie a second before `createdAt` (recorded), and has whole seconds:
two states of a person can carry the same one, so it orders nothing. Reads are ordered by when they were sent, changes
by their activities. `updatedAt` itself can be read as a field. `_actor` is null too: a person's record does not say
who changed it; moments do. A boolean that is blank reads `false` (recorded), so blank and false are one cell here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from syncline.connectors.marketo.describe import LeadFields
from syncline.records import ACTOR, AS_OF, CREATED, DELETED, ID, PAGE_SCHEMA, STAMP, Unreadable
from syncline.values import EMPTY, FieldType, form_of, micros, parse_instant

RAW_CHARACTERS = 4_000
ALWAYS_READ = ("id", "createdAt")

Person = Mapping[str, Any]
Columns = Mapping[str, Sequence[Any]]
"""Raw values by field name, `id` and `createdAt` among them; None is blank."""

_STRANGE = (ValueError, TypeError, KeyError)


def cell(kind: FieldType, raw: Any) -> str:
    """The canonical cell of a raw value of this type, None included. ValueError if it cannot be of that type."""
    return _cells(kind, [raw])[0]


def _cells(kind: FieldType, raw: Sequence[Any]) -> list[str]:
    form = form_of(kind)
    blank = "false" if kind is FieldType.BOOLEAN else EMPTY
    return [blank if value is None else form(value) or blank for value in raw]


def people_frame(
    people: Sequence[Person], fields: Sequence[str], known: LeadFields, as_of_us: int
) -> tuple[pl.DataFrame, list[Unreadable]]:
    """Rows of *fields* for *people*, and those that could not be translated, each with its reason."""
    names = dict.fromkeys((*ALWAYS_READ, *fields))
    return columns_frame({name: [person.get(name) for person in people] for name in names}, fields, known, as_of_us)


def columns_frame(
    raw: Columns, fields: Sequence[str], known: LeadFields, as_of_us: int
) -> tuple[pl.DataFrame, list[Unreadable]]:
    """As `people_frame`, from columns."""
    kinds = {name: known.type_of(name) for name in fields}
    try:
        return _frame(raw, kinds, as_of_us), []
    except _STRANGE:
        readable, unreadable = _sorted_out(raw, kinds)
        kept = {name: [values[row] for row in readable] for name, values in raw.items()}
        return _frame(kept, kinds, as_of_us), unreadable


def _frame(raw: Columns, kinds: Mapping[str, FieldType], as_of_us: int) -> pl.DataFrame:
    if None in raw["id"]:
        raise ValueError("a person without an id")
    ids = [str(record_id) for record_id in raw["id"]]
    created = [micros(parse_instant(text)) if text else None for text in raw["createdAt"]]
    cells = [pl.Series(name, _cells(kind, raw[name]), dtype=pl.String) for name, kind in kinds.items()]
    return head(ids, as_of_us, created_us=created).with_columns(cells)


def _sorted_out(raw: Columns, kinds: Mapping[str, FieldType]) -> tuple[list[int], list[Unreadable]]:
    """The rows that can be translated one by one, and what is wrong with the others."""
    readable, unreadable = [], []
    for row, record_id in enumerate(raw["id"]):
        person = {name: [values[row]] for name, values in raw.items()}
        try:
            _frame(person, kinds, 0)
        except _STRANGE as strange:
            shown = msgspec.json.encode({name: values[0] for name, values in person.items()}).decode()
            name = None if record_id is None else str(record_id)
            unreadable.append(Unreadable(name, f"{type(strange).__name__}: {strange}", shown[:RAW_CHARACTERS]))
        else:
            readable.append(row)
    return readable, unreadable


def head(
    ids: Sequence[str],
    as_of_us: int,
    *,
    created_us: Sequence[int | None] | None = None,
    is_deleted: bool = False,
) -> pl.DataFrame:
    """The columns every page has before its cells."""
    return pl.DataFrame(
        {
            ID: ids,
            STAMP: [None] * len(ids),
            ACTOR: [None] * len(ids),
            CREATED: created_us if created_us is not None else [None] * len(ids),
            DELETED: [is_deleted] * len(ids),
            AS_OF: [as_of_us] * len(ids),
        },
        schema=PAGE_SCHEMA,
    )


def deleted_frame(ids: Sequence[str], fields: Sequence[str], as_of_us: int) -> pl.DataFrame:
    """Rows of people proven deleted: every cell unread."""
    return head(ids, as_of_us, is_deleted=True).with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in fields
    )


def no_rows(fields: Sequence[str]) -> pl.DataFrame:
    return deleted_frame([], fields, 0)
