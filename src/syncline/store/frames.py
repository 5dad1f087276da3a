"""Frames to rows and back. Nothing here touches a database.

A frame is checked against `trees.TABLES` before anything is stored: columns, types, and that no key is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from syncline.errors import OurBug
from syncline.store.tables import NULLABLE_KEYS, key_of
from syncline.trees import TABLES, Table

Rows = list[tuple[Any, ...]]


def to_rows(table: Table, frame: pl.DataFrame, columns: Sequence[str]) -> Rows:
    """The frame's rows as tuples in the order of *columns*. OurBug if it has other columns, types, or null keys."""
    if set(frame.columns) != set(columns):
        wrong = sorted(set(frame.columns) ^ set(columns))
        raise OurBug(f"A frame for the table {table.value} has the wrong columns.", evidence=f"differing: {wrong}")
    schema = TABLES[table][0]
    try:
        fitted = frame.select(pl.col(name).cast(schema[name]) for name in columns)
    except pl.exceptions.PolarsError as error:
        raise OurBug(f"A frame for the table {table.value} has a wrong type.", evidence=str(error)) from error
    for name in columns:
        if name in key_of(table) and name != NULLABLE_KEYS.get(table) and fitted[name].null_count():
            raise OurBug(f"A key column of the table {table.value} is null.", evidence=name)
    return fitted.rows()


def to_frame(table: Table, rows: Rows) -> pl.DataFrame:
    """Rows with all columns of the table, in its order, as a frame of its types."""
    schema = TABLES[table][0]
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    pairs = zip(schema.items(), columns, strict=True)
    return pl.DataFrame([_series(name, dtype, cells) for (name, dtype), cells in pairs])


def _series(name: str, dtype: pl.DataType, cells: Sequence[Any]) -> pl.Series:
    if isinstance(dtype, pl.Boolean):
        return pl.Series(name, cells, dtype=pl.Int64).cast(pl.Boolean)
    return pl.Series(name, cells, dtype=dtype)
