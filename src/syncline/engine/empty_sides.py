"""A side that was full and is suddenly empty: a person says whether that is true.

Lives here: the hold and its end. That nothing is taken from the empty answer is `intake`'s affair.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.holds import hold_row
from syncline.engine.intake import Capture
from syncline.engine.world import World
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


async def hold_empty_sides(world: World, sync: Sync, run_id: str, captures: Sequence[Capture]) -> None:
    """A side that was full and is now empty waits for a person; nothing was taken from the empty answer. The hold ends
    by itself once the side shows records again. Objects that are not among *captures* are not judged."""
    commit = Commit()
    judged = {_hold_id(sync, c): c for c in captures}
    rows = [
        hold_row(
            world,
            sync.name,
            run_id,
            hold_id=hold_id,
            kind="empty_side",
            subject={"connection": c.connection, "object_type": c.object_type},
            evidence={"rows_read": 0},
            digest="",
        )
        for hold_id, c in judged.items()
        if c.is_empty_side
    ]
    if rows:
        commit.put[Table.HOLD] = pl.DataFrame(rows, schema=dict(TABLES[Table.HOLD][0]))
    known = await world.store.rows(Table.HOLD, {"sync": sync.name, "kind": "empty_side", "state": "open"})
    over = known.filter(pl.col("hold_id").is_in([name for name, c in judged.items() if not c.is_empty_side]))
    if len(over):
        commit.amend[Table.HOLD] = [over.select("hold_id", pl.lit("resolved").alias("state"))]
    await world.store.commit(commit)


def _hold_id(sync: Sync, captured: Capture) -> str:
    return f"empty:{sync.name}:{captured.connection}.{captured.object_type}"
