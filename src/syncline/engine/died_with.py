"""Edits that our deletes took along: told only after the record was gone, they go into the conflict log.

Lives here: finding them among the moments of a page. Not here: asking a person where an edit is known before the delete
(`life.tombstones`), or what other writes replaced unseen (`in_flight`).
"""

from __future__ import annotations

import polars as pl

from syncline import records
from syncline.engine.journal import DEED
from syncline.engine.planning import CLOCK_SKEW_US
from syncline.engine.settlement import add_rows, lost_row
from syncline.engine.world import World
from syncline.reconcile.cells import CELL, widen
from syncline.records import Operation, Page, Side
from syncline.spec.model import Direction, Sync
from syncline.trees import Commit, Table


async def log_died_with(world: World, connection: str, page: Page, commit: Commit, run_id: str) -> None:
    """Log what *page*'s moments tell of changes by others, made before we deleted the record and never read."""
    gone = {*page.missing, *page.rows.filter(pl.col(records.DELETED))[records.ID]}
    if page.moments is None or not gone:
        return
    told = page.moments.rename({"_id": "record_id"}).filter(pl.col("record_id").is_in(list(gone)))
    if told.is_empty():
        return
    deletes = await _deletes(world, connection, page.object_type, told["record_id"].unique())
    if deletes.is_empty():
        return
    own = world.own_actor(connection)
    before = told.join(deletes, on="record_id").filter(
        (pl.col("at_us") <= pl.col("sent_us") + CLOCK_SKEW_US) & pl.col("new").is_not_null()
    )
    newest = before.sort("at_us", maintain_order=True).group_by("record_id", "field", maintain_order=True).last()
    held = await _held(world, connection, page.object_type, newest)
    rows = []
    for row in newest.iter_rows(named=True):
        is_ours = own is not None and row["actor"] == own
        mapping = _mapping(world.syncs[row["sync"]], row["side"], page.object_type, row["field"])
        if is_ours or mapping is None or held.get((row["record_id"], row["field"])) == row["new"]:
            continue
        reason = f"{row['field']}: edited on side {row['side']} before we deleted the record, and told only afterwards"
        entry = row | {"mapping": mapping}
        rows.append(
            lost_row(world, entry, run_id, kind="overwritten_in_flight", reason=reason, lost=row["new"], kept=None)
        )
    if rows:
        add_rows(commit, Table.CONFLICT, pl.DataFrame(rows).unique("conflict_id", keep="last"))


async def _deletes(world: World, connection: str, object_type: str, record_ids: pl.Series) -> pl.DataFrame:
    """record_id, link_id, sync, side, sent_us: our newest delete of each of these records that was not refused."""
    keys = record_ids.to_frame().with_columns(connection=pl.lit(connection), object_type=pl.lit(object_type))
    entries = (await world.store.by_keys(Table.ENTRY, keys)).filter(pl.col("state") != "rejected")
    batches = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    deletes = batches.filter(pl.col("operation") == DEED + Operation.DELETE.value)
    found = entries.select("batch_id", "record_id", "link_id").join(deletes, on="batch_id")
    return (
        found.sort("sent_us").select("record_id", "link_id", "sync", "side", "sent_us").unique("record_id", keep="last")
    )


async def _held(
    world: World, connection: str, object_type: str, told: pl.DataFrame
) -> dict[tuple[str, str], str | None]:
    """By record and field, what we last knew the record to hold."""
    keys = told.select("record_id").unique()
    rows = await world.store.by_keys(
        Table.MIRROR, keys.with_columns(connection=pl.lit(connection), object_type=pl.lit(object_type))
    )
    fields = told["field"].unique().to_list()
    wide = widen(rows, fields)
    return {(row["record_id"], name): row[CELL + name] for row in wide.iter_rows(named=True) for name in fields}


def _mapping(sync: Sync, side: Side, object_type: str, field: str) -> str | None:
    """The mapping by which a field flows to the other side; None if none does."""
    for one in sync.fields:
        flows = one.direction is Direction.BOTH or one.direction.value.startswith(side)
        if flows and object_type in one.ends(side) and field in one.ends(side)[object_type].inputs:
            return one.key
    return None
