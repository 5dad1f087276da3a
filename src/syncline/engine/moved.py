"""Moved: whether what an action was planned from still stands at the moment it is prepared.

Between the plan and the write, another lane may have pushed the same record, a read may have brought another value, or
the record may have been merged, linked or let go. Such an action is planned again, not sent. Lives here: the
comparison, on our own trees alone. Not here: asking the vendor once more (`contended`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from syncline.engine.bases import base_columns
from syncline.engine.batches import Batch
from syncline.engine.world import World
from syncline.reconcile.cells import decode_objects
from syncline.records import SIDES, Operation, other
from syncline.spec.model import PSEUDO_FIELDS, Sync
from syncline.trees import Table

_Cells = Mapping[str, Mapping[str, str | None]]


async def moved(world: World, sync: Sync, batch: Batch) -> frozenset[str]:
    """The actions of *batch* that no longer rest on what is stored: bases, both records' cells, the link's ends."""
    if batch.operation is Operation.CREATE:
        return await _linked_meanwhile(world, sync, batch)
    lines = batch.lines()
    if lines.is_empty():
        return frozenset()
    actions = [row.action for row in batch.rows]
    at = await _other_ends(world, sync, batch) | await _other_bases(world, sync, lines)
    at |= await _other_cells(world, sync, batch, lines)
    return frozenset(actions[position] for position in at)


async def _linked_meanwhile(world: World, sync: Sync, batch: Batch) -> frozenset[str]:
    """Creates of records that found their counterpart since."""
    keys = pl.DataFrame(
        [(sync.name, row.source_side, row.source_type, row.source_id) for row in batch.rows if not row.link_id],
        schema=["sync", "side", "object_type", "record_id"],
        schema_overrides=dict.fromkeys(("sync", "side", "object_type", "record_id"), pl.String),
        orient="row",
    )
    lifted = await _lifted_meanwhile(world, batch)
    if keys.is_empty():
        return lifted
    ends = await world.store.by_keys(Table.LINK_END, keys)
    taken = set(ends.select("object_type", "record_id").iter_rows())
    linked = {row.action for row in batch.rows if not row.link_id and (row.source_type, row.source_id) in taken}
    return lifted | linked


async def _lifted_meanwhile(world: World, batch: Batch) -> frozenset[str]:
    """Creates through tombstones that are none any more: the record that ended is there again."""
    ids = pl.DataFrame({"link_id": [row.link_id for row in batch.rows if row.link_id]}, schema={"link_id": pl.Int64})
    links = await world.store.by_keys(Table.LINK, ids.unique())
    still = set(links.filter(pl.col("state") == "tombstone")["link_id"])
    return frozenset(row.action for row in batch.rows if row.link_id and row.link_id not in still)


async def _other_ends(world: World, sync: Sync, batch: Batch) -> set[int]:
    """Rows whose link is no longer between these two records."""
    ids = [row.link_id for row in batch.rows if row.link_id]
    ends = await world.store.by_keys(Table.LINK_END, pl.DataFrame({"link_id": ids}, schema={"link_id": pl.Int64}))
    current = set(
        ends.filter(pl.col("role") == "current").select("link_id", "side", "object_type", "record_id").iter_rows()
    )
    out = set()
    for position, row in enumerate(batch.rows):
        wanted = {
            (row.link_id, batch.side, batch.object_type, row.write.record_id),
            (row.link_id, row.source_side, row.source_type, row.source_id),
        }
        if row.link_id and not wanted <= current:
            out.add(position)
    return out


async def _other_bases(world: World, sync: Sync, lines: pl.DataFrame) -> set[int]:
    """Rows whose base is another than the one they were decided by."""
    bases = await world.store.by_keys(Table.BASE, lines.select("link_id").unique())
    columns = base_columns(bases.filter(pl.col("revision") == sync.revision()), [m.key for m in sync.fields])
    out: set[int] = set()
    for (key,), own in lines.partition_by("mapping", as_dict=True).items():
        now = own.join(columns.select("link_id", f"xa.{key}", f"xb.{key}"), on="link_id", how="left")
        differs = [pl.col(f"x{side}.{key}").fill_null(0) != pl.col(f"base_{side}_before") for side in SIDES]
        out |= set(now.filter(pl.any_horizontal(differs))["position"])
    return out


async def _other_cells(world: World, sync: Sync, batch: Batch, lines: pl.DataFrame) -> set[int]:
    """Rows whose target or source cell is another than the one they were planned from."""
    there = await _cells(world, batch.connection, batch.object_type, [row.write.record_id or "" for row in batch.rows])
    far = sync.side(other(batch.side)).connection
    here: dict[str, _Cells] = {}
    for object_type in dict.fromkeys(row.source_type for row in batch.rows):
        ids = [row.source_id for row in batch.rows if row.source_type == object_type]
        here[object_type] = await _cells(world, far, object_type, ids)
    out: set[int] = set()
    for position, mapping, name, before, made_from in lines.select(
        "position", "mapping", "field", "before", "made_from"
    ).iter_rows():
        row = batch.rows[position]
        source = sync.field_map(mapping).ends(row.source_side)[row.source_type].inputs[0]
        now = there.get(row.write.record_id or "", {}).get(name)
        from_now = here[row.source_type].get(row.source_id, {}).get(source)
        if now != before or (source not in PSEUDO_FIELDS and from_now != made_from):
            out.add(position)
    return out


async def _cells(world: World, connection: str, object_type: str, ids: list[str]) -> dict[str, dict[str, str | None]]:
    keys = (
        pl.DataFrame({"record_id": ids}, schema={"record_id": pl.String})
        .unique()
        .with_columns(connection=pl.lit(connection), object_type=pl.lit(object_type))
    )
    rows = await world.store.by_keys(Table.MIRROR, keys)
    return dict(zip(rows["record_id"], decode_objects(rows["cells"]), strict=True))
