"""Awaited: rows that wait until an earlier write of ours has an outcome.

What a write in flight is to replace may be gone any moment, or already: it is nobody's to copy, be it along with a
field of its group that somebody did change; nor is what was read there meanwhile, which may stand before or after it.
Lives here: which rows of a batch wait. Not here: settling what is in doubt (`settlement`).
"""

from __future__ import annotations

import polars as pl

from syncline.engine.batches import Batch
from syncline.engine.journal import IN_FLIGHT, with_segments
from syncline.engine.world import World
from syncline.reconcile.plan import UNDO
from syncline.records import other
from syncline.spec.model import Sync
from syncline.trees import Table


async def awaiting(world: World, sync: Sync, batch: Batch) -> frozenset[str]:
    """The actions of *batch* whose record, or whose key, has a write in flight, and those that would copy a cell
    to which a write is in flight."""
    far = sync.side(other(batch.side)).connection
    entries = await world.store.rows(Table.ENTRY, {"connection": [batch.connection, far], "state": list(IN_FLIGHT)})
    own = (pl.col("connection") == batch.connection) & (pl.col("object_type") == batch.object_type)
    slots = {slot for pair in entries.filter(own).select("record_id", "match_key").iter_rows() for slot in pair if slot}
    taken = {row.action for row in batch.rows if row.slot in slots}
    sources = {(row.source_type, row.source_id) for row in batch.rows}
    there = entries.filter(pl.col("connection") == far)
    is_source = [end in sources for end in there.select("object_type", "record_id").iter_rows()]
    return frozenset(taken | await _copying(world, sync, batch, there.filter(is_source)))


async def _copying(world: World, sync: Sync, batch: Batch, in_doubt: pl.DataFrame) -> set[str]:
    """The actions of *batch* with a cell made from one that an entry *in_doubt* writes."""
    if in_doubt.is_empty():
        return set()
    types = in_doubt.select("batch_id", "position", "object_type")
    written = (await with_segments(world.store, in_doubt)).join(types, on=["batch_id", "position"])
    cells = set(written.select("object_type", "record_id", "field").iter_rows())
    out = set()
    for row in batch.rows:
        for mapping, verdict in row.lines.select("mapping", "verdict").iter_rows():
            source = sync.field_map(mapping).ends(row.source_side)[row.source_type].inputs[0]
            if verdict != UNDO and (row.source_type, row.source_id, source) in cells:
                out.add(row.action)
    return out
