"""Keys that many rows are looked up by, as frames: checked, grouped and made. Nothing here touches a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import polars as pl

from syncline.errors import OurBug
from syncline.store.tables import key_of
from syncline.trees import LINK_END, TABLES, Table


def wanted_of(table: Table, keys: pl.DataFrame) -> pl.DataFrame:
    """The keys in the table's types, each once. OurBug if they are not of the table's columns."""
    schema = TABLES[table][0]
    if not keys.columns or set(keys.columns) - set(schema):
        raise OurBug(f"The table {table.value} has no such columns.", evidence=str(keys.columns))
    types = {name: schema[name] for name in keys.columns}
    if keys.dtypes != list(types.values()):
        keys = keys.cast(pl.Schema(types))
    return keys.unique(maintain_order=True) if keys.height > 1 else keys


def by_nulls(keys: pl.DataFrame) -> Iterable[pl.DataFrame]:
    """The keys in groups in each of which a column is always null or never: null is not equal by `=`."""
    mixed = [column.name for column in keys if 0 < column.null_count() < keys.height]
    if not mixed:
        return [keys] if keys.height else []
    return (group for _, group in keys.group_by(*(pl.col(name).is_null() for name in mixed), maintain_order=True))


def ends_of(sides: Sequence[tuple[Any, ...]], object_type: str, ids: Sequence[str]) -> pl.DataFrame:
    """Keys of LINK_END: these records on these sides (sync, side)."""
    keys = [(sync, side, object_type, record_id) for (sync, side), record_id in product(sides, ids)]
    schema = {name: LINK_END[name] for name in key_of(Table.LINK_END)}
    return pl.DataFrame(keys, schema=schema, orient="row")
