"""Updates of unknown outcome to records that are no longer found by id: given up once they cannot arrive any more.

Lives here: that one case, in which no reading will ever settle them. Not here: what a reading says of an update
(`settlement`), or lost creates (`lost_creates`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.dirty import dirty_links, read_marks
from syncline.engine.world import World
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


async def give_up_unfound(
    world: World, sync: Sync, connection: str, object_type: str, entries: pl.DataFrame, missing: Sequence[str]
) -> None:
    """Give those of *entries* (ENTRY rows in flight) up whose record is *missing* although the vendor's late commit is
    over. Should it come back within a day, it is still compared with what we sent."""
    able = world.capabilities(connection, object_type)
    wait_us = int((able.late_commit_seconds + able.visibility_lag_seconds) * 1e6)
    over = entries.filter(
        pl.col("record_id").is_in(list(missing)) & (pl.col("at_us") < pl.lit(world.now_us() - wait_us, dtype=pl.Int64))
    )
    if over.is_empty():
        return
    commit = Commit(amend={Table.ENTRY: [over.select("batch_id", "position", pl.lit("abandoned").alias("state"))]})
    commit.touch = [
        read_marks(connection, object_type, over["record_id"].unique(), due_us=0),
        dirty_links(sync.name, over["link_id"].unique().to_list()),
    ]
    await world.store.commit(commit)
