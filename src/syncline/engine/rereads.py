"""Reading again by id: what could not be ordered, what was not visible yet, what was written and never read back.

Lives here: which records, and when. Not here: the reading itself (`observe`). Marks for it are dirty marks of the
pseudo sync "read:<connection>", so they outlive the process like every other mark.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.observe import read_again
from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

ASSUMED_SECONDS = 900.0
"""How long a value that we wrote may stay unread before it is asked for by id."""

_MOST = 100_000


async def read_due(world: World, connection: str, object_type: str, run_id: str) -> None:
    """Read the records whose mark is due, and clear the marks with what was read."""
    marks = await world.store.take_dirty(f"read:{connection}", now_us=world.now_us(), linked=False, limit=_MOST)
    own = marks.filter(pl.col("object_type") == object_type)
    ids = own["record_id"].to_list()
    await read_again(world, connection, object_type, ids, run_id, commit=Commit(clean=own))


async def to_be_read(world: World, sync: Sync, records: pl.DataFrame) -> pl.DataFrame:
    """Those of *records* (side, object_type, record_id, …) that are to be read as soon as the vendor surely shows what
    is: what the mirror holds of them is not what they are, and nobody knows in which field. Records out of sight, which
    are asked for from time to time, are none of them."""
    if records.is_empty():
        return records
    pseudo = pl.col("side").replace_strict({side: f"read:{sync.side(side).connection}" for side in SIDES})
    keys = records.select("object_type", "record_id", sync=pseudo, link_id=pl.lit(0, dtype=pl.Int64), side=pl.lit(""))
    marks = await world.store.by_keys(Table.DIRTY, keys.unique())
    soon = [world.now_us() + _lag_us(world, *row) for row in marks.select("sync", "object_type").iter_rows()]
    due = marks.filter(marks["due_us"] <= pl.Series(soon, dtype=pl.Int64))
    named = due.select("object_type", "record_id", pl.col("sync").alias("_pseudo"))
    found = records.with_columns(pseudo.alias("_pseudo"))
    return found.join(named, on=["object_type", "record_id", "_pseudo"], how="semi").drop("_pseudo")


def _lag_us(world: World, pseudo: str, object_type: str) -> int:
    return int(world.capabilities(pseudo.removeprefix("read:"), object_type).visibility_lag_seconds * 1e6)


async def read_assumed(world: World, connection: str, object_type: str, run_id: str) -> None:
    """Read what we wrote long ago and no capture has shown since: the vendor may have ignored it silently."""
    lag_seconds = world.capabilities(connection, object_type).visibility_lag_seconds
    until_us = world.now_us() - int(max(ASSUMED_SECONDS, lag_seconds) * 1e6)
    where = {"state": "written", "connection": connection, "object_type": object_type}
    written = await world.store.rows(Table.ENTRY, where)
    late = written.filter((pl.col("at_us") <= until_us) & pl.col("record_id").is_not_null())
    ids: Sequence[str] = late["record_id"].unique(maintain_order=True).to_list()
    await read_again(world, connection, object_type, ids[:_MOST], run_id)
