"""Chains of heirs as the mirror tells them; a heir that was never seen is read by id.

Lives here: loading. Who is the last of a chain is decided by `reconcile.succession`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from syncline.engine.observe import read_again
from syncline.engine.world import World
from syncline.reconcile.succession import FATES, last_records
from syncline.records import Side
from syncline.spec.model import Sync
from syncline.trees import Table, empty

_LONGEST = 50
"""Steps of a chain that are followed in one look; a longer one goes on with the next."""

NAME = ("object_type", "record_id")


@dataclass(frozen=True, kw_only=True)
class Chains:
    """`rows`: MIRROR rows of the records asked for and of all their heirs that were found; `lasts` (LASTS)."""

    rows: pl.DataFrame
    lasts: pl.DataFrame

    def last_of(self, name: tuple[str, str]) -> tuple[str, str] | None:
        """The last record of a chain that begins at *name*: itself without an heir; None for a ring."""
        row = self.lasts.filter((pl.col("object_type") == name[0]) & (pl.col("record_id") == name[1]))
        if row.is_empty():
            return name
        found = row.select("last_type", "last_id").row(0)
        return None if found[0] is None else (found[0], found[1])

    def row_of(self, name: tuple[str, str]) -> dict[str, object] | None:
        """The MIRROR row of a record; None if it was never seen."""
        row = self.rows.filter((pl.col("object_type") == name[0]) & (pl.col("record_id") == name[1]))
        return None if row.is_empty() else row.row(0, named=True)

    def is_there(self, name: tuple[str, str] | None) -> bool:
        """Whether it was seen and neither deleted nor ended in another one."""
        row = self.row_of(name) if name is not None else None
        return row is not None and not row["is_deleted"] and row["fate"] is None


async def chains_of(world: World, sync: Sync, side: Side, names: pl.DataFrame, run_id: str) -> Chains:
    """Follow the fates of these records (object_type, record_id) to the end."""
    rows, wanted = empty(Table.MIRROR), names.select(NAME).unique()
    passed = wanted
    for _ in range(_LONGEST):
        found = await _seen(world, sync, side, wanted, run_id)
        rows = pl.concat([rows, found])
        heirs = found.filter(pl.col("heir_id").is_not_null()).select(
            pl.col("heir_type").alias("object_type"), pl.col("heir_id").alias("record_id")
        )
        wanted = heirs.unique().join(passed, on=NAME, how="anti")
        passed = pl.concat([passed, wanted])
        if wanted.is_empty():
            break
    fates = rows.filter(pl.col("heir_id").is_not_null()).select(list(FATES))
    return Chains(rows=rows, lasts=last_records(fates))


async def _seen(world: World, sync: Sync, side: Side, wanted: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """MIRROR rows of *wanted*; what was never seen is read by id first."""
    spec = sync.side(side)
    keys = wanted.with_columns(connection=pl.lit(spec.connection))
    found = await world.store.by_keys(Table.MIRROR, keys)
    unseen = wanted.join(found, on=NAME, how="anti").filter(pl.col("object_type").is_in(list(spec.object_types)))
    if unseen.is_empty():
        return found
    for (object_type,), part in unseen.partition_by("object_type", as_dict=True).items():
        await read_again(world, spec.connection, str(object_type), part["record_id"].to_list(), run_id)
    return await world.store.by_keys(Table.MIRROR, keys)
