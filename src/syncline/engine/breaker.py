"""The breaker: a field that something keeps setting back after our writes is frozen, and everything else flows.

Lives here: finding such fields among the actions about to be planned, their marks, and the thaw: after a window of
silence, with a new spec, or by a person. Not here: what a frozen field does to a decision (`reconcile.merge_marks`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from syncline.engine.dirty import dirty_links
from syncline.engine.journal import with_segments
from syncline.engine.pairs import Slice
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.spec.model import FieldMap, Sync
from syncline.trees import TABLES, Commit, Store, Table

FROZEN = "frozen"
THAWED = "thawed"
"""The mark a thaw leaves for one window: what happened before it does not count against the field any more."""

_SENT = ("written", "settled", "unknown")


def window_us(sync: Sync) -> int:
    return int(sync.breaker_window_seconds * 1e6)


def thaw(world: World, sync: Sync, part: Slice, commit: Commit) -> Slice:
    """*part* without the frozen marks whose field has been silent for a whole window; they are dropped."""
    is_ours = pl.col("kind").is_in([FROZEN, THAWED])
    over = part.marks.filter(is_ours & (pl.col("at_us") <= world.now_us() - window_us(sync)))
    if over.is_empty():
        return part
    keys = ["link_id", "mapping", "kind"]
    commit.drop[Table.MARK] = over.select(keys)
    return replace(part, marks=part.marks.join(over, on=keys, how="anti"))


async def frozen_fields(store: Store, sync: Sync) -> pl.DataFrame:
    """The MARK rows of every frozen field of the sync, oldest first; `detail` names both writers and their values."""
    marks = await store.rows(Table.MARK, {"kind": FROZEN})
    links = await store.by_keys(Table.LINK, marks.select("link_id").unique())
    own = links.filter(pl.col("sync") == sync.name)
    return marks.join(own, on="link_id", how="semi").sort("at_us", "link_id", "mapping")


async def thaw_fields(world: World, sync: Sync, link_ids: Sequence[int], mapping: str | None = None) -> int:
    """A person lets frozen fields of these links flow again (*mapping* None: all of them); how many that were. Only
    what happens from now on can freeze them again."""
    frozen = (await frozen_fields(world.store, sync)).filter(pl.col("link_id").is_in(list(link_ids)))
    if mapping is not None:
        frozen = frozen.filter(pl.col("mapping") == mapping)
    if len(frozen):
        commit = Commit(touch=[dirty_links(sync.name, frozen["link_id"].unique().to_list())])
        release(frozen, world.now_us(), commit)
        await world.store.commit(commit)
    return len(frozen)


def release(frozen: pl.DataFrame, now_us: int, commit: Commit) -> None:
    """Replace these frozen marks in *commit*: the count of set-backs begins anew."""
    if frozen.is_empty():
        return
    commit.drop[Table.MARK] = frozen.select("link_id", "mapping", "kind")
    thawed = frozen.with_columns(
        pl.lit(THAWED).alias("kind"), pl.lit("{}").alias("detail"), pl.lit(now_us, dtype=pl.Int64).alias("at_us")
    )
    add_rows(commit, Table.MARK, thawed.select(list(TABLES[Table.MARK][0])))


async def trip(
    world: World, sync: Sync, part: Slice, actions: pl.DataFrame, decisions: pl.DataFrame, commit: Commit
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take the oscillating fields out of *actions*, mark them frozen, and say so in *decisions*."""
    found = [
        row
        for one in actions.partition_by("side", "object_type")
        for row in await _oscillating(world, sync, part.marks, one)
    ]
    if not found:
        return actions, decisions
    stopped = pl.DataFrame(
        [(row["link_id"], key) for row in found for key in _with_group(part.maps, row["mapping"])],
        schema={"link_id": pl.Int64, "mapping": pl.String},
        orient="row",
    ).unique()
    now_us = world.now_us()
    marks = [(row["link_id"], row["mapping"], FROZEN, json.dumps(_detail(world, sync, row)), now_us) for row in found]
    add_rows(commit, Table.MARK, pl.DataFrame(marks, schema=dict(TABLES[Table.MARK][0]), orient="row"))
    is_stopped = pl.col("_stopped").fill_null(False)
    said = decisions.join(stopped.with_columns(_stopped=True), on=["link_id", "mapping"], how="left")
    decisions = said.with_columns(
        pl.when(is_stopped).then(pl.lit(FROZEN)).otherwise("verdict").alias("verdict"),
        pl.when(is_stopped).then(pl.lit(FROZEN)).otherwise("class").alias("class"),
        pl.when(~is_stopped).then("kind").alias("kind"),
        pl.when(is_stopped).then(pl.lit(_REASON)).otherwise("reason").alias("reason"),
    ).select(decisions.columns)
    return actions.join(stopped, on=["link_id", "mapping"], how="anti"), decisions


_REASON = "something keeps setting it back after our writes; frozen until a person, a new spec or a day of silence"


def _with_group(maps: Sequence[FieldMap], key: str) -> list[str]:
    own = next(m for m in maps if m.key == key)
    return [m.key for m in maps if m.key == key or (own.is_atomic and m.group_key == own.group_key)]


def _detail(world: World, sync: Sync, row: Mapping[str, Any]) -> dict[str, object]:
    """Both writers, and the values they fight over."""
    us = world.own_actor(sync.side(row["side"]).connection) or "this sync"
    return {
        "side": row["side"],
        "writers": [us, row["other"] or "unknown"],
        "ours": row["after"],
        "theirs": row["before"],
        "times": row["times"],
        "values": [row["before"], row["made_from"]] if row["side"] == "a" else [row["made_from"], row["before"]],
    }


async def _oscillating(world: World, sync: Sync, marks: pl.DataFrame, actions: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of *actions* (one side and object) that were written often enough since the last thaw, and each time set
    back by no person."""
    updates = actions.filter(pl.col("record_id").is_not_null())
    if updates.is_empty():
        return []
    connection = sync.side(updates["side"][0]).connection
    keys = updates.select("record_id", "object_type").unique().with_columns(connection=pl.lit(connection))
    entries = (await world.store.by_keys(Table.ENTRY, keys)).filter(
        (pl.col("at_us") >= world.now_us() - window_us(sync)) & pl.col("state").is_in(list(_SENT))
    )
    if entries["record_id"].value_counts().filter(pl.col("count") >= sync.breaker_times).is_empty():
        return []
    written = await with_segments(world.store, entries)
    same = updates.select("link_id", "mapping", "side", "record_id", "field", "before", "after", "made_from").join(
        written.select("record_id", "field", "sent_us", before="pre_image", after="expected"),
        on=["record_id", "field", "before", "after"],
        how="inner",
        nulls_equal=True,
    )
    thawed = marks.filter(pl.col("kind") == THAWED).select("link_id", "mapping", thawed_us="at_us")
    same = same.join(thawed, on=["link_id", "mapping"], how="left").filter(
        pl.col("thawed_us").is_null() | (pl.col("sent_us") >= pl.col("thawed_us"))
    )
    restored = await _restorers(world, keys, same.drop("thawed_us"))
    return [
        row
        for row in restored.group_by("link_id", "mapping", "side", "before", "after", "made_from", maintain_order=True)
        .agg((~pl.col("by_person")).sum().alias("times"), pl.col("actor").drop_nulls().last().alias("other"))
        .iter_rows(named=True)
        if row["times"] >= sync.breaker_times
    ]


async def _restorers(world: World, keys: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """*same* with who set the value back after each write: `actor` (null unknown) and `by_person`."""
    moments = (await world.store.by_keys(Table.MOMENT, keys)).select(
        "record_id", "field", "at_us", "actor", "is_person", before="new"
    )
    after = same.join(moments, on=["record_id", "field", "before"], how="left").filter(
        pl.col("at_us").is_null() | (pl.col("at_us") >= pl.col("sent_us"))
    )
    first = after.sort("at_us").unique(["link_id", "mapping", "sent_us"], keep="first", maintain_order=True)
    names = ["link_id", "mapping", "sent_us"]
    facts = first.select(*names, "actor", pl.col("is_person").fill_null(False).alias("by_person"))
    return same.join(facts, on=names, how="left").with_columns(pl.col("by_person").fill_null(False))


def still_frozen(world: World, sync: Sync, part: Slice, decisions: pl.DataFrame, commit: Commit) -> pl.DataFrame:
    """Dirty marks that wake frozen fields when their silence may be over; a field that moved starts it anew."""
    frozen = decisions.filter(pl.col("verdict") == FROZEN).select("link_id", "mapping", "value_a", "value_b")
    if frozen.is_empty():
        return dirty_links(sync.name, [])
    marks = frozen.join(part.marks.filter(pl.col("kind") == FROZEN), on=["link_id", "mapping"], how="inner")
    moved = []
    for row in marks.iter_rows(named=True):
        detail, now = json.loads(row["detail"]), [row["value_a"], row["value_b"]]
        if detail.get("values") != now:
            moved.append((row["link_id"], row["mapping"], FROZEN, json.dumps(detail | {"values": now}), world.now_us()))
    if moved:
        add_rows(commit, Table.MARK, pl.DataFrame(moved, schema=dict(TABLES[Table.MARK][0]), orient="row"))
    ids = frozen["link_id"].unique(maintain_order=True).to_list()
    return dirty_links(sync.name, ids, due_us=world.now_us() + window_us(sync))
