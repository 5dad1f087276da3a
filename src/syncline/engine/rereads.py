"""Reading again by id: what could not be ordered, what was not visible yet, what was written and never read back.

Lives here: which records, and when. Not here: the reading itself (`observe`). Marks for it are dirty marks of the
pseudo sync "read:<connection>", so they outlive the process like every other mark.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.observe import read_again
from syncline.engine.world import World
from syncline.records import How
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

ASSUMED_SECONDS = 900.0
"""How long a value that we wrote may stay unread before it is asked for by id."""

PATIENCE_US = 60_000_000
"""How much longer than a system's lag a plan waits for a reading."""

_MOST = 100_000


async def read_due(world: World, connection: str, object_type: str, run_id: str) -> None:
    """Read the records whose mark is due, and clear the marks with what was read."""
    marks = await world.store.take_dirty(f"read:{connection}", now_us=world.now_us(), linked=False, limit=_MOST)
    own = marks.filter(pl.col("object_type") == object_type)
    ids = own["record_id"].to_list()
    await read_again(world, connection, object_type, ids, run_id, commit=Commit(clean=own))


async def half_known(world: World, sync: Sync, records: pl.DataFrame) -> pl.DataFrame:
    """Those of *records* (side, object_type, record_id, …) of which an event told last, moments ago, and which are to
    be read for what no event told: what the mirror holds of them is not what they are, and nobody knows in which field.

    Moments, by our clock: where it is not the vendor's, or the reading never comes, nothing waits for it."""
    out = [records.clear()]
    for (side, object_type), part in records.partition_by("side", "object_type", as_dict=True).items():
        connection = sync.side("a" if side == "a" else "b").connection
        doubtful = await _read_for(world, connection, str(object_type), part["record_id"])
        out.append(part.filter(pl.col("record_id").is_in(doubtful.implode())))
    return pl.concat(out)


async def _read_for(world: World, connection: str, object_type: str, ids: pl.Series) -> pl.Series:
    lag_us = int(world.capabilities(connection, object_type).visibility_lag_seconds * 1e6)
    keys = pl.DataFrame({"record_id": ids.unique()}).with_columns(object_type=pl.lit(object_type))
    pseudo = {"sync": pl.lit(f"read:{connection}"), "link_id": pl.lit(0, dtype=pl.Int64), "side": pl.lit("")}
    marks = await world.store.by_keys(Table.DIRTY, keys.with_columns(**pseudo))
    now_us = world.now_us()
    due = marks.filter(pl.col("due_us") <= now_us + lag_us).select("object_type", "record_id")
    if due.is_empty():
        return due["record_id"]
    known = await world.store.by_keys(Table.MIRROR, due.with_columns(connection=pl.lit(connection)))
    age_us = now_us - pl.col("as_of_us")
    return known.filter((pl.col("how") == How.EVENT.value) & age_us.is_between(0, lag_us + PATIENCE_US))["record_id"]


async def read_assumed(world: World, connection: str, object_type: str, run_id: str) -> None:
    """Read what we wrote long ago and no capture has shown since: the vendor may have ignored it silently."""
    lag_seconds = world.capabilities(connection, object_type).visibility_lag_seconds
    until_us = world.now_us() - int(max(ASSUMED_SECONDS, lag_seconds) * 1e6)
    where = {"state": "written", "connection": connection, "object_type": object_type}
    written = await world.store.rows(Table.ENTRY, where)
    late = written.filter((pl.col("at_us") <= until_us) & pl.col("record_id").is_not_null())
    ids: Sequence[str] = late["record_id"].unique(maintain_order=True).to_list()
    await read_again(world, connection, object_type, ids[:_MOST], run_id)
