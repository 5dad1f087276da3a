"""Edits that our writes overwrote unseen: what history tells afterwards goes into the conflict log.

Lives here: finding, among fresh moments, changes of ours that replaced another value than the one we had read. Not
here: what a reading means (`settlement`), or preventing the loss (`contended`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from syncline.engine.journal import with_segments
from syncline.engine.planning import CLOCK_SKEW_US
from syncline.engine.settlement import add_rows, lost_row
from syncline.engine.world import World
from syncline.records import Page
from syncline.trees import Commit, Table

_LOOKED_AT = ("sent", "unknown", "written", "settled", "abandoned")


FAST_CLOCK_US = 60_000_000
"""How far the clock of one of our processes may be ahead while a change is still known as its own."""


async def log_overwritten(world: World, connection: str, page: Page, commit: Commit, run_id: str) -> None:
    """Log the values that *page*'s moments show between our reading of a field and our write to it."""
    if page.moments is None or page.moments.is_empty():
        return
    fresh = await _fresh(world, connection, page.object_type, page.moments.rename({"_id": "record_id"}))
    ours = await _ours(world, connection, fresh)
    if ours.is_empty():
        return
    keys = (
        ours.select("record_id")
        .unique()
        .with_columns(connection=pl.lit(connection), object_type=pl.lit(page.object_type))
    )
    entries = (await world.store.by_keys(Table.ENTRY, keys)).filter(pl.col("state").is_in(list(_LOOKED_AT)))
    written = (await with_segments(world.store, entries)).filter(pl.col("link_id") > 0)
    step_us = world.capabilities(connection, page.object_type).stamp_step_us
    rows = [
        lost_row(
            world,
            entry,
            run_id,
            kind="overwritten_in_flight",
            reason=f"{entry['field']}: edited on side {entry['side']} between our reading and our write",
            lost=entry["expected"],
            kept=old,
        )
        | {"winner_side": "b" if entry["side"] == "a" else "a"}
        for entry, old in _replaced(ours, written, step_us)
    ]
    if rows:
        add_rows(commit, Table.CONFLICT, pl.DataFrame(rows).unique("conflict_id", keep="last"))


async def _fresh(world: World, connection: str, object_type: str, moments: pl.DataFrame) -> pl.DataFrame:
    """Moments that were not stored before."""
    keys = (
        moments.select("record_id")
        .unique()
        .with_columns(connection=pl.lit(connection), object_type=pl.lit(object_type))
    )
    known = await world.store.by_keys(Table.MOMENT, keys)
    return moments.join(known, on=["record_id", "field", "at_us", "new"], how="anti", nulls_equal=True)


async def _ours(world: World, connection: str, moments: pl.DataFrame) -> pl.DataFrame:
    """Moments of our own writes: by who we are there, or by the request id of one of our calls, whose batch is
    `call_batch` then."""
    own = world.own_actor(connection)
    by_actor = (pl.col("actor") == own).fill_null(False) if own is not None else pl.lit(False)
    origins = moments["origin"].drop_nulls().unique().to_list()
    if not origins:
        return moments.filter(by_actor).with_columns(pl.lit(None, dtype=pl.String).alias("call_batch"))
    calls = await world.store.rows(Table.JOURNAL, {"connection": connection, "origin": origins})
    batches = calls.select("origin", pl.col("batch_id").alias("call_batch")).unique("origin", maintain_order=True)
    told = moments.join(batches, on="origin", how="left", maintain_order="left")
    return told.filter(by_actor | pl.col("call_batch").is_not_null())


def _replaced(ours: pl.DataFrame, written: pl.DataFrame, step_us: int) -> Iterator[tuple[dict[str, Any], str]]:
    """Entries with the value their write replaced, where it was neither what we had read nor what we wrote.

    A moment is that of the write whose call it names, whatever our clock says. Where it names none, it is that of the
    write which expected its value; of a value the vendor spelt its own way, of the last write. What no write before it
    explains is of one that expected exactly its value and was sent by a process whose clock is ahead.
    """
    pairs = ours.select("record_id", "field", "at_us", "old", "new", "call_batch").join(
        written, on=["record_id", "field"], how="inner"
    )
    is_named = (pl.col("call_batch") == pl.col("batch_id")).fill_null(False)
    ahead_us = pl.col("sent_us") - pl.col("at_us") - step_us
    is_near = ahead_us <= CLOCK_SKEW_US
    is_expected = (pl.col("new") == pl.col("expected")).fill_null(False)
    is_of_fast_clock = pl.col("call_batch").is_null() & is_expected & (ahead_us <= FAST_CLOCK_US)
    near = pairs.filter(is_named | is_near | is_of_fast_clock)
    closest = pl.when(is_near).then("sent_us").otherwise(-pl.col("sent_us"))
    near = near.sort(is_named, is_near, is_expected, closest, maintain_order=True)
    newest = near.unique(["record_id", "field", "at_us"], keep="last", maintain_order=True)
    lost = newest.filter(
        pl.col("old").is_not_null()
        & (pl.col("old") != pl.col("pre_image").fill_null(""))  # null: a create, which found nothing there
        & (pl.col("old") != pl.col("new"))
    )
    for row in lost.iter_rows(named=True):
        yield row | {"expected": row["new"]}, row["old"]
