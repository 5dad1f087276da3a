"""Marks for records that ended, or that are themselves again: where the structural step has to look.

Lives here: the marks – dirty marks of the pseudo sync "life:<sync>", set with the observation that showed the ending,
so that they outlive the process. Not here: what an ending means (`step`).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from syncline.engine.dirty import dirty_records
from syncline.engine.world import World
from syncline.records import Side
from syncline.spec.model import Sync
from syncline.trees import Commit

_MOST = 1_000_000

HAS_ENDED = pl.col("is_deleted") | pl.col("fate").is_not_null()
"""Of MIRROR rows: deleted, merged away or converted."""


def life_marks(sync: str, side: str, object_type: str, ids: Iterable[str], *, due_us: int = 0) -> pl.DataFrame:
    """Marks (without seq) for records whose end is to be looked at."""
    return dirty_records(f"life:{sync}", side, object_type, ids, due_us=due_us)


def mark_endings(
    world: World, connection: str, object_type: str, known: pl.DataFrame, mirror: pl.DataFrame, commit: Commit
) -> None:
    """Mark, in every sync that uses them, the records of *mirror* (new MIRROR rows) that have ended, or that had in
    *known* (the rows before) and are there again."""
    if mirror.is_empty():
        return
    had_ended = known.filter(HAS_ENDED)["record_id"]
    ids = mirror.filter(HAS_ENDED | pl.col("record_id").is_in(had_ended.implode()))["record_id"]
    if ids.is_empty():
        return
    for sync, side in world.sides_of(connection, object_type):
        commit.touch.append(life_marks(sync.name, side, object_type, ids))


async def marks_due(world: World, sync: Sync, side: Side) -> pl.DataFrame:
    """The marks (DIRTY) of a side that are due."""
    marks = await world.store.take_dirty(f"life:{sync.name}", now_us=world.now_us(), linked=False, limit=_MOST)
    return marks.filter(pl.col("side") == side)
