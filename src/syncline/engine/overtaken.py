"""What our write replaced without having seen it, as far as a change stream shows it.

Events tell new values only. Lives here: the value from before a change of ours, taken from the change of somebody else
that came right before it. What follows from it is told elsewhere (`in_flight`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from syncline.engine.world import World
from syncline.trees import Table

_CELL = ["record_id", "field"]


async def with_overtaken(world: World, connection: str, object_type: str, moments: pl.DataFrame) -> pl.DataFrame:
    """*moments* (MOMENT_SCHEMA) with `old` where a change of ours came right after one of somebody else that we had not
    taken in: one that was, we knew when we wrote."""
    own = world.own_actor(connection)
    ours = moments.filter((pl.col("actor") == own).fill_null(False)) if own is not None else moments.clear()
    if ours.is_empty():
        return moments
    keys = pl.DataFrame({"record_id": ours["_id"].unique()}).with_columns(
        connection=pl.lit(connection), object_type=pl.lit(object_type)
    )
    stored = (await world.store.by_keys(Table.MOMENT, keys)).select(*_CELL, "at_us", "actor", "new")
    fresh = moments.select(pl.col("_id").alias("record_id"), "field", "at_us", "actor", "new")
    history = await world.store.by_keys(Table.HISTORY, keys)
    taken_in = dict(sorted(_taken_in(history), key=lambda one: one[1]))
    late_us = int(world.capabilities(connection, object_type).late_commit_seconds * 1e6)
    olds = {
        (row["record_id"], row["field"], row["at_us"]): row["before"]
        for row in _right_before(pl.concat([stored, fresh]), own).iter_rows(named=True)
        if taken_in.get((row["record_id"], row["field"], row["before"]), 0) < row["before_us"] - late_us
    }
    cells = zip(moments["_id"], moments["field"], moments["at_us"], moments["old"], strict=True)
    return moments.with_columns(
        pl.Series("old", [old or olds.get((one, name, at)) for one, name, at, old in cells], dtype=pl.String)
    )


def _right_before(moments: pl.DataFrame, own: str | None) -> pl.DataFrame:
    """Changes of ours with what somebody else had set right before: `before`, `before_us`."""
    ordered = moments.sort("at_us", maintain_order=True).with_columns(
        pl.col("new").shift(1).over(_CELL).alias("before"),
        pl.col("at_us").shift(1).over(_CELL).alias("before_us"),
        (pl.col("actor").shift(1).over(_CELL) == own).fill_null(False).alias("was_ours"),
    )
    return ordered.filter((pl.col("actor") == own) & pl.col("before").is_not_null() & ~pl.col("was_ours"))


def _taken_in(history: pl.DataFrame) -> Iterator[tuple[tuple[str, str, str | None], int]]:
    """Record, field and value of every change that reached the mirror, and when: its stamp, which may be older than its
    commit."""
    seen = history.filter(pl.col("cause") == "observed").select("record_id", "at_us", "cells")
    for record_id, at_us, text in seen.iter_rows():
        for name, (_, after) in json.loads(text).items():
            yield (record_id, name, after), at_us
