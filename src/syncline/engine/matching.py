"""Matching as one job per sync: unlinked records of both sides in, links and holds into the store, creates out.

Lives here: loading and storing. Who is whom is decided by `reconcile.match`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncline.engine.batches import our_key
from syncline.engine.observe import dirty_records
from syncline.engine.outcomes import put_link_rows
from syncline.engine.settlement import add_rows
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.reconcile.match import MatchResult, match
from syncline.reconcile.plan import held_digest
from syncline.records import SIDES, Side
from syncline.spec.model import PSEUDO_FIELDS, MatchRule, Sync
from syncline.trees import Commit, Table
from syncline.values import FieldType


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What the job found. `classes`: side, object_type, record_id, class, reason of every dirty unlinked record that
    needs nothing more; `creates`: side, object_type, record_id of those nobody was found for."""

    link_ids: tuple[int, ...]
    classes: pl.DataFrame
    creates: pl.DataFrame


RECORD = {"side": pl.String, "object_type": pl.String, "record_id": pl.String}
CLASSES = RECORD | {"class": pl.String, "reason": pl.String}


async def match_unlinked(world: World, sync: Sync, dirty: pl.DataFrame, run_id: str) -> Matched:
    """Match the sync's unlinked records, *dirty* (DIRTY rows of unlinked records) among them."""
    marked = dirty.select(list(RECORD))
    sides = {side: await _side_frame(world, sync, side) for side in SIDES}
    frames = {side: rows.filter("takes_part").drop("takes_part", "why") for side, rows in sides.items()}
    result = match(frames["a"], frames["b"], sync.match_rules, sync.name_keys)
    link_ids = await _store_links(world, sync, result)
    await _store_holds(world, sync, result, run_id)
    lone = pl.concat(
        [
            part.select(pl.lit(side).alias("side"), "object_type", "record_id")
            for side, part in (("a", result.creates_a), ("b", result.creates_b))
        ]
    )
    out = [
        _classed(_ends(result), "agreed", "linked"),
        result.held.select(
            *RECORD, pl.lit("held").alias("class"), pl.format("several candidates: group {}", "hold_id").alias("reason")
        ),
        *(_left_out(side, rows) for side, rows in sides.items()),
    ]
    classes = pl.concat(out).join(marked, on=list(RECORD), how="semi")
    creates = lone.join(marked, on=list(RECORD), how="semi")
    vanished = marked.join(classes, on=list(RECORD), how="anti").join(creates, on=list(RECORD), how="anti")
    classes = pl.concat([classes, _classed(vanished, "agreed", "linked meanwhile")])
    return Matched(link_ids=link_ids, classes=classes, creates=creates)


def _classed(rows: pl.DataFrame, name: str, reason: str) -> pl.DataFrame:
    return rows.select(*RECORD, pl.lit(name).alias("class"), pl.lit(reason).alias("reason"))


def _left_out(side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(~pl.col("takes_part")).select(
        pl.lit(side).alias("side"),
        "object_type",
        "record_id",
        pl.lit("filtered").alias("class"),
        pl.col("why").alias("reason"),
    )


def _ends(result: MatchResult) -> pl.DataFrame:
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


async def _side_frame(world: World, sync: Sync, side: Side) -> pl.DataFrame:
    """Every record of a side as `match` wants it, linked ones as candidates, and whether it takes part."""
    spec = sync.side(side)
    linked = await world.store.rows(Table.LINK_END, {"sync": sync.name, "side": side})
    parts = []
    for object_type in spec.object_types:
        rows = await world.store.rows(Table.MIRROR, {"connection": spec.connection, "object_type": object_type})
        frame = _cells_to_match(world, sync, side, object_type, rows)
        own = linked.filter(pl.col("object_type") == object_type)["record_id"]
        is_linked = frame["record_id"].is_in(own.implode())
        parts.append(frame.with_columns(is_linked.alias("is_linked")))
    return pl.concat(parts, how="diagonal_relaxed")


def keys_compared(rules: tuple[MatchRule, ...], name_keys: tuple[str, str]) -> tuple[str, ...]:
    """The mapping keys that any rule looks at."""
    names = {key for rule in rules for key in rule.equal}
    names |= {key for rule in rules for keys in rule.any_of for key in keys}
    names |= {key for rule in rules for key in rule.contradictions}
    names |= {rule.by_id for rule in rules if rule.by_id}
    return tuple(sorted(names | set(name_keys)))


def _cells_to_match(world: World, sync: Sync, side: Side, object_type: str, rows: pl.DataFrame) -> pl.DataFrame:
    spec, schema = sync.side(side), world.schema(sync.side(side).connection, object_type)
    filter_fields = sync.filter_fields.get(side, {}).get(object_type, ())
    ends = {
        m.key: m.ends(side)[object_type]
        for m in sync.fields
        if object_type in m.ends(side) and m.key in keys_compared(sync.match_rules, sync.name_keys)
    }
    key_field = spec.key_fields.get(object_type)
    fields = {end.inputs[0] for end in ends.values()} | set(filter_fields) | ({key_field} if key_field else set())
    wide = read_cells(rows, sorted(fields - PSEUDO_FIELDS))
    passes = pl.Series([True] * len(wide), dtype=pl.Boolean)
    if predicate := spec.filters.get(object_type):
        cells = wide.select([pl.col(CELL + name).alias(name) for name in filter_fields])
        types = {name: f.type if (f := schema.field(name)) else FieldType.TEXT for name in filter_fields}
        passes = world.evaluate.predicate(predicate, cells, types).fill_null(False)
    key_of_self = [our_key(sync, side, object_type, record_id) for record_id in wide["record_id"]]
    named = pl.col(CELL + key_field).str.to_lowercase() if key_field else pl.lit(None, dtype=pl.String)
    return wide.select(
        "object_type",
        "record_id",
        *[pl.col(CELL + end.inputs[0]).alias(key) for key, end in ends.items()],
        pl.Series("key_of_self", key_of_self, dtype=pl.String),
        named.alias("key_named"),
        (~pl.col("is_deleted") & pl.Series(passes)).alias("takes_part"),
        pl.when("is_deleted").then(pl.lit("deleted")).otherwise(pl.lit("does not pass the filter")).alias("why"),
    )


async def _store_links(world: World, sync: Sync, result: MatchResult) -> tuple[int, ...]:
    links = result.links
    if links.is_empty():
        return ()
    first = await world.store.next_link_ids(len(links))
    ids = tuple(range(first, first + len(links)))
    ends = [
        (sync.name, side, row[f"{side}_type"], row[f"{side}_id"], link_id, "current")
        for link_id, row in zip(ids, links.iter_rows(named=True), strict=True)
        for side in SIDES
    ]
    commit = Commit()
    rows = list(zip(ids, links["rule"].to_list(), strict=True))
    put_link_rows(world, sync, rows, ends, commit, evidence=links["evidence"].to_list())
    matched = _ends(result)
    commit.drop[Table.DIRTY] = matched.select(
        pl.lit(sync.name).alias("sync"), pl.lit(0, dtype=pl.Int64).alias("link_id"), "side", "object_type", "record_id"
    )
    await world.store.commit(commit)
    return ids


def _freed(sync: Sync, subjects: Sequence[str], result: MatchResult) -> list[pl.DataFrame]:
    """Dirty marks of records that are in doubt no more and found nobody: they may be created now."""
    lone = {
        (side, object_type, record_id)
        for side, part in (("a", result.creates_a), ("b", result.creates_b))
        for object_type, record_id in part.select("object_type", "record_id").iter_rows()
    }
    members = [(m["side"], m["object_type"], m["record_id"]) for text in subjects for m in json.loads(text)]
    return [dirty_records(sync.name, *member[:2], [member[2]]) for member in dict.fromkeys(members) if member in lone]


async def _store_holds(world: World, sync: Sync, result: MatchResult, run_id: str) -> None:
    """Open a hold per group in doubt; close those of this sync that are in doubt no more."""
    open_now = await world.store.rows(Table.HOLD, {"sync": sync.name, "state": "open", "kind": ["ambiguous", "linked"]})
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
