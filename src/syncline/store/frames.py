"""Frames to rows and back. Nothing here touches a database.

A frame is checked against `trees.TABLES` before anything is stored: columns, types, and that no key is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import polars as pl

from syncline.errors import OurBug
from syncline.store.tables import NULLABLE_KEYS, key_of
from syncline.trees import TABLES, Table

Rows = list[tuple[Any, ...]]

_FEW = 100  # up to here the work for each column outweighs that for each row


def to_rows(table: Table, frame: pl.DataFrame, columns: Sequence[str]) -> Rows:
    """The frame's rows as tuples in the order of *columns*. OurBug if it has other columns, types, or null keys."""
    return fitted(table, frame, columns).rows()


def fitted(table: Table, frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The frame with *columns*, in their order and types. OurBug if it has other columns, types, or null keys."""
    if set(frame.columns) != set(columns):
        wrong = sorted(set(frame.columns) ^ set(columns))
        raise OurBug(f"A frame for the table {table.value} has the wrong columns.", evidence=f"differing: {wrong}")
    cast, schema = frame if frame.columns == list(columns) else frame.select(columns), TABLES[table][0]
    wrong_types = {
        name: schema[name] for name, dtype in zip(columns, cast.dtypes, strict=True) if dtype != schema[name]
    }
    try:
        cast = cast.cast(pl.Schema(wrong_types)) if wrong_types else cast
    except pl.exceptions.PolarsError as error:
        raise OurBug(f"A frame for the table {table.value} has a wrong type.", evidence=str(error)) from error
    for name in key_of(table):
        if name in columns and name != NULLABLE_KEYS.get(table) and cast[name].null_count():
            raise OurBug(f"A key column of the table {table.value} is null.", evidence=name)
    return cast


def to_frame(table: Table, rows: Rows) -> pl.DataFrame:
    """Rows with all columns of the table, in its order, as a frame of its types."""
    if not rows:
        return _empty(table).clone()
    if len(rows) <= _FEW:
        return pl.DataFrame(rows, schema=TABLES[table][0], orient="row")
    pairs = zip(TABLES[table][0].items(), zip(*rows, strict=True), strict=True)
    return pl.DataFrame([_series(name, dtype, cells) for (name, dtype), cells in pairs])


@cache
def _empty(table: Table) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(TABLES[table][0]))


def _series(name: str, dtype: pl.DataType, cells: Sequence[Any]) -> pl.Series:
    if isinstance(dtype, pl.Boolean):
        return pl.Series(name, [None if cell is None else bool(cell) for cell in cells], dtype=pl.Boolean)
    return pl.Series(name, cells, dtype=dtype)
