"""What a match found goes into the store: links, the holds of groups in doubt, and marks of those who are in none.

Lives here: storing. Not here: who is whom (`reconcile.match`), or loading whom to match (`matching`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from syncline.engine.dirty import dirty_records
from syncline.engine.links import put_link_rows, stand_in
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.match import MatchResult
from syncline.reconcile.plan import held_digest
from syncline.records import SIDES, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


def linked_ends(result: MatchResult) -> pl.DataFrame:
    """side, object_type, record_id of both records of every link found."""
    return pl.concat(
        [
            result.links.select(
                pl.lit(side).alias("side"),
                pl.col(f"{side}_type").alias("object_type"),
                pl.col(f"{side}_id").alias("record_id"),
            )
            for side in SIDES
        ]
    )


async def store_links(world: World, sync: Sync, result: MatchResult) -> tuple[int, ...]:
    """Store the links found, with the marks of their records cleared; the ids of those that are new."""
    if result.links.is_empty():
        return ()
    commit = Commit()
    links = await _linked_again(world, sync, result.links, commit)
    first = await world.store.next_link_ids(len(links)) if len(links) else 0
    ids = tuple(range(first, first + len(links)))
    ends = [
        (sync.name, side, row[f"{side}_type"], row[f"{side}_id"], link_id, "current")
        for link_id, row in zip(ids, links.iter_rows(named=True), strict=True)
        for side in SIDES
    ]
    rows = list(zip(ids, links["rule"].to_list(), strict=True))
    if rows:
        put_link_rows(world, sync, rows, ends, commit, evidence=links["evidence"].to_list())
    matched = linked_ends(result)
    commit.drop[Table.DIRTY] = matched.select(
        pl.lit(sync.name).alias("sync"), pl.lit(0, dtype=pl.Int64).alias("link_id"), "side", "object_type", "record_id"
    )
    await world.store.commit(commit)
    return ids


async def _linked_again(world: World, sync: Sync, links: pl.DataFrame, commit: Commit) -> pl.DataFrame:
    """*links* without those one of whose records lost its counterpart: the other one takes that place in its link, and
    nothing is agreed between them yet."""
    kept = links.with_row_index("_row")
    for side in SIDES:
        keys = kept.select(
            pl.lit(sync.name).alias("sync"),
            pl.lit(side).alias("side"),
            pl.col(f"{side}_type").alias("object_type"),
            pl.col(f"{side}_id").alias("record_id"),
        )
        ends = (await world.store.by_keys(Table.LINK_END, keys)).select(
            pl.col("object_type").alias(f"{side}_type"), pl.col("record_id").alias(f"{side}_id"), "link_id"
        )
        again = kept.join(ends, on=[f"{side}_type", f"{side}_id"], how="inner")
        kept = kept.join(again, on="_row", how="anti")
        far = other(side)
        for (object_type,), part in again.group_by(f"{far}_type", maintain_order=True):
            made = list(part.select("link_id", f"{far}_id").iter_rows())
            await stand_in(world, sync, far, str(object_type), made, commit)
        if len(again):
            why = again.select(
                "link_id", pl.format("linked again: {}", "rule").alias("rule"), pl.col("evidence").alias("evidence")
            )
            commit.amend[Table.LINK].append(why)
    return kept.drop("_row")


def _freed(sync: Sync, subjects: Sequence[str], result: MatchResult) -> list[pl.DataFrame]:
    """Dirty marks of records that are in doubt no more and found nobody: they may be created now."""
    lone = {
        (side, object_type, record_id)
        for side, part in (("a", result.creates_a), ("b", result.creates_b))
        for object_type, record_id in part.select("object_type", "record_id").iter_rows()
    }
    members = [(m["side"], m["object_type"], m["record_id"]) for text in subjects for m in json.loads(text)]
    return [dirty_records(sync.name, *member[:2], [member[2]]) for member in dict.fromkeys(members) if member in lone]


async def store_holds(world: World, sync: Sync, result: MatchResult, open_now: pl.DataFrame, run_id: str) -> None:
    """Open a hold per group in doubt; close those of *open_now* that are in doubt no more."""
    commit = Commit()
    fresh = result.holds.join(open_now, on="hold_id", how="anti")
    if len(fresh):
        rows = fresh.with_columns(
            pl.lit(sync.name).alias("sync"),
            pl.Series("digest", [held_digest("match", [h]) for h in fresh["hold_id"]], dtype=pl.String),
            pl.lit("open").alias("state"),
            pl.lit(world.now_us(), dtype=pl.Int64).alias("at_us"),
            pl.lit(run_id).alias("run_id"),
        )
        add_rows(commit, Table.HOLD, rows)
    over = open_now.join(result.holds, on="hold_id", how="anti")
    if len(over):
        commit.amend[Table.HOLD] = [over.select("hold_id", pl.lit("resolved").alias("state"))]
        commit.touch += _freed(sync, over["subject"].to_list(), result)
    if not commit.is_empty():
        await world.store.commit(commit)
