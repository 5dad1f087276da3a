"""Reading again by id: what could not be ordered, what was not visible yet, what was written and never read back.

Lives here: which records, and when. Not here: the reading itself (`observe`). Marks for it are dirty marks of the
pseudo sync "read:<connection>", so they outlive the process like every other mark.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.observe import read_again
from syncline.engine.world import World
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


async def read_assumed(world: World, connection: str, object_type: str, run_id: str) -> None:
    """Read what we wrote long ago and no capture has shown since: the vendor may have ignored it silently."""
    lag_seconds = world.capabilities(connection, object_type).visibility_lag_seconds
    until_us = world.now_us() - int(max(ASSUMED_SECONDS, lag_seconds) * 1e6)
    where = {"state": "written", "connection": connection, "object_type": object_type}
    written = await world.store.rows(Table.ENTRY, where)
    late = written.filter((pl.col("at_us") <= until_us) & pl.col("record_id").is_not_null())
    ids: Sequence[str] = late["record_id"].unique(maintain_order=True).to_list()
    await read_again(world, connection, object_type, ids[:_MOST], run_id)
