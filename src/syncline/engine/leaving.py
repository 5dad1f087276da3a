"""Links whose record left the filter, where the sync says that they end.

Lives here: `leaves_filter: unlink`. Both records stay and are strangers to each other from now on; one that passes the
filter again is matched like a new one. Not here: `stop`, which leaves the link and lets nothing flow (`planning`).
"""

from __future__ import annotations

import polars as pl

from syncline.engine.dirty import dirty_records
from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import LeavesFilter, Sync
from syncline.trees import Commit, Table


async def unlink_leavers(world: World, sync: Sync) -> None:
    """End the live links that planning found outside a filter, if the sync says so."""
    if sync.leaves_filter is not LeavesFilter.UNLINK:
        return
    live = await world.store.rows(Table.LINK, {"sync": sync.name, "state": "live"})
    left = live.filter(~pl.col("member_a").fill_null(True) | ~pl.col("member_b").fill_null(True)).select("link_id")
    if left.is_empty():
        return
    ends = await world.store.by_keys(Table.LINK_END, left)
    commit = Commit()
    commit.amend[Table.LINK] = [left.with_columns(pl.lit("tombstone").alias("state"))]
    commit.drop[Table.LINK_END] = ends.select("sync", "side", "object_type", "record_id")
    for side in SIDES:
        for (object_type,), part in ends.filter(pl.col("side") == side).group_by("object_type", maintain_order=True):
            commit.touch.append(dirty_records(sync.name, side, str(object_type), part["record_id"].to_list()))
    await world.store.commit(commit)
