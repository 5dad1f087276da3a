"""Matching as one job per sync: unlinked records of both sides in, links and holds into the store, creates out.

Lives here: loading whom to match, and what becomes of each. Not here: who is whom (`reconcile.match`), or storing
(`match_storing`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.bounds import FREE, Bounds
from syncline.engine.dirty import dirty_records
from syncline.engine.life.endings import HAS_ENDED
from syncline.engine.match_index import (
    RECORD,
    compared_cells,
    compared_fields,
    is_kept,
    left_behind,
    make_keys,
    sharing,
)
from syncline.engine.match_storing import linked_ends, store_holds, store_links
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.reconcile.match import MatchResult, match
from syncline.reconcile.match_twins import later_twins
from syncline.records import SIDES, Side, other
from syncline.spec.model import PSEUDO_FIELDS, Creates, Sync
from syncline.trees import Commit, Table
from syncline.values import FieldType


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What the job found. `classes`: side, object_type, record_id, class, reason of every dirty unlinked record that
    needs nothing more; `creates`: side, object_type, record_id of those nobody was found for; `later`: marks to set
    once the marks taken are cleared."""

    link_ids: tuple[int, ...]
    classes: pl.DataFrame
    creates: pl.DataFrame
    later: tuple[pl.DataFrame, ...] = ()


FEW = 0.1
"""Up to this share of all records, the dirty ones are matched with those around them alone."""

CLASSES = RECORD | {"class": pl.String, "reason": pl.String}


async def match_unlinked(
    world: World, sync: Sync, dirty: pl.DataFrame, run_id: str, *, forced: bool = False, bounds: Bounds = FREE
) -> Matched:
    """Match the sync's unlinked records, *dirty* (DIRTY rows of unlinked records) among them.

    *forced*: a person asks for creates that the sync by itself would not do. *bounds* say which links may be stored.
    """
    creating: Creating = frozenset(s for s in SIDES if forced or sync.side(s).creates is not Creates.NEVER)
    marked = dirty.select(list(RECORD))
    open_holds = await world.store.rows(Table.HOLD, {"sync": sync.name, "state": "open", "kind": list(_DOUBTS)})
    lost, rivals = await left_behind(world, sync)
    changed = pl.concat([marked, await _linked_and_changed(world, sync), rivals]).unique(maintain_order=True)
    are_few = len(changed) <= FEW * await _count(world, sync)
    if are_few and await is_kept(world, sync):
        sides, result, open_holds = await _around(world, sync, changed, open_holds, creating)
    else:
        sides, result = await _matched(world, sync, None, creating)
    undecided, result = result, _as_decided(result, await _decided(world, sync))
    result, refused = _within(result, bounds)
    if are_few:
        await make_keys(world, sync)
    link_ids = await store_links(world, sync, result)
    await store_holds(world, sync, result, open_holds, run_id)
    await world.store.commit(Commit(drop={Table.MATCH_KEY: lost.drop("value")}))
    lone = pl.concat(
        [
            part.select(pl.lit(side).alias("side"), "object_type", "record_id")
            for side, part in (("a", result.creates_a), ("b", result.creates_b))
        ]
    )
    out = [
        _classed(linked_ends(result), "agreed", "linked"),
        refused,
        result.held.select(
            *RECORD, pl.lit("held").alias("class"), pl.format("several candidates: group {}", "hold_id").alias("reason")
        ),
        *(_left_out(side, rows) for side, rows in sides.items()),
    ]
    classes = pl.concat(out).join(marked, on=list(RECORD), how="semi")
    known = await world.store.by_keys(Table.LINK_END, marked.with_columns(pl.lit(sync.name).alias("sync")))
    creates = lone.join(marked, on=list(RECORD), how="semi").join(known, on=list(RECORD), how="anti")
    waiting = _later_twins(sync, sides, undecided, creates, creating)
    creates = creates.join(waiting, on=list(RECORD), how="anti")
    classes = pl.concat([classes, waiting])
    waiting = pl.concat([waiting, refused.join(marked, on=list(RECORD), how="semi")])
    vanished = marked.join(classes, on=list(RECORD), how="anti").join(creates, on=list(RECORD), how="anti")
    classes = pl.concat([classes, _classed(vanished, "agreed", "linked meanwhile")])
    later = tuple(
        dirty_records(sync.name, str(side), str(object_type), part["record_id"].to_list())
        for (side, object_type), part in waiting.partition_by("side", "object_type", as_dict=True).items()
    )
    return Matched(link_ids=link_ids, classes=classes, creates=creates, later=later)


def _later_twins(
    sync: Sync,
    sides: Mapping[Side, pl.DataFrame],
    result: MatchResult,
    creates: pl.DataFrame,
    creating: Creating,
) -> pl.DataFrame:
    """CLASSES of records that would be created beside an earlier one which fits them: one create in flight per match
    key. The next run finds the earlier one's counterpart. Only who is among the *creates* of this run is waited for:
    whoever else found nobody (he is in a tombstone, or was refused) is never created."""
    parts = [pl.DataFrame(schema=CLASSES)]
    for side, found_nobody in (("a", result.creates_a), ("b", result.creates_b)):
        going = creates.filter(pl.col("side") == side)
        lone = found_nobody.join(going, on=["object_type", "record_id"], how="semi", maintain_order="left")
        if side not in creating or lone.height < 2:
            continue
        own: Side = "a" if side == "a" else "b"
        rows = sides[own].join(lone, on=["object_type", "record_id"], how="semi").drop("takes_part", "why")
        found = later_twins(rows, own, sync.match_rules, sync.name_keys)
        parts.append(
            found.select(
                pl.lit(side).alias("side"),
                "object_type",
                "record_id",
                pl.lit("deferred").alias("class"),
                pl.format("{} {} fits it and is created first", "first_type", "first_id").alias("reason"),
            )
        )
    return pl.concat(parts)


def _within(result: MatchResult, bounds: Bounds) -> tuple[MatchResult, pl.DataFrame]:
    """*result* with the links that may be stored, and CLASSES of the records of the others, which come again."""
    links = bounds.links(result.links)
    others = replace(result, links=result.links.join(links, on=["a_type", "a_id", "b_type", "b_id"], how="anti"))
    refused = _classed(linked_ends(others), "deferred", "its link is not in the approved plan")
    return replace(result, links=links), refused


_MANY = 1_000_000
DELETED = "deleted"
LIVES_ON = "it lives on as another record"
_DOUBTS = ("ambiguous", "linked")


async def _decided(world: World, sync: Sync) -> pl.Series:
    """The groups in doubt of which a person said that they are different persons."""
    where = {"sync": sync.name, "state": "approved", "kind": list(_DOUBTS)}
    return (await world.store.rows(Table.HOLD, where))["hold_id"]


def _as_decided(result: MatchResult, decided: pl.Series) -> MatchResult:
    """*result* without the doubts that were *decided*: their members found nobody."""
    is_over = pl.col("hold_id").is_in(decided.implode())
    freed = result.held.filter(is_over)
    if freed.is_empty():
        return result
    lone = {s: freed.filter(pl.col("side") == s).select("object_type", "record_id") for s in SIDES}
    return replace(
        result,
        holds=result.holds.filter(~is_over),
        held=result.held.filter(~is_over),
        creates_a=pl.concat([result.creates_a, lone["a"]]),
        creates_b=pl.concat([result.creates_b, lone["b"]]),
    )


async def _linked_and_changed(world: World, sync: Sync) -> pl.DataFrame:
    """The records of dirty links (RECORD): as candidates they may look different now."""
    dirty = await world.store.take_dirty(sync.name, now_us=world.now_us(), linked=True, limit=_MANY)
    return (await world.store.by_keys(Table.LINK_END, dirty.select("link_id"))).select(list(RECORD))


async def _count(world: World, sync: Sync) -> int:
    places = [(sync.side(side).connection, name) for side in SIDES for name in sync.side(side).object_types]
    counts = [await world.store.count(Table.MIRROR, {"connection": c, "object_type": name}) for c, name in places]
    return sum(counts)


Creating = frozenset[Side]
"""The sides whose unmatched records may be created on the other side."""


async def _matched(
    world: World, sync: Sync, among: pl.DataFrame | None, creating: Creating
) -> tuple[dict[Side, pl.DataFrame], MatchResult]:
    """Match all records, or those in *among* (RECORD), and the frames of both sides."""
    sides = {side: await _side_frame(world, sync, side, among) for side in SIDES}
    frames = {side: _candidates(rows, other(side) in creating) for side, rows in sides.items()}
    return sides, match(frames["a"], frames["b"], sync.match_rules, sync.name_keys, world.score)


async def _around(
    world: World, sync: Sync, changed: pl.DataFrame, open_holds: pl.DataFrame, creating: Creating
) -> tuple[dict[Side, pl.DataFrame], MatchResult, pl.DataFrame]:
    """Match *changed* records with everybody who could change the outcome; the open holds that were looked at again.

    Whoever is found or in doubt is looked at with all who agree with *him* in some way, until nobody new turns up: so
    each record that is linked or held here met every candidate it has.
    """
    core, doubts = changed, [(row["hold_id"], _members(row["subject"])) for row in open_holds.iter_rows(named=True)]
    while True:
        core, near, seen = await _with_doubts(world, sync, core, doubts)
        sides, result = await _matched(world, sync, near, creating)
        involved = pl.concat([linked_ends(result), *(_members(subject) for subject in result.holds["subject"])])
        new = involved.unique(maintain_order=True).join(core, on=list(RECORD), how="anti")
        if new.is_empty():
            return sides, result, open_holds.filter(pl.col("hold_id").is_in(seen))
        core = pl.concat([core, new])


def _candidates(rows: pl.DataFrame, may_be_created_here: bool) -> pl.DataFrame:
    """What `match` looks at. A record outside the filter is nobody's partner; where records may be created on its side
    it still stands against a second copy of it, as a linked one does."""
    outside = ~pl.col("takes_part") & ~pl.col("why").is_in([DELETED, LIVES_ON])
    kept = rows.filter(pl.col("takes_part") | (outside & may_be_created_here))
    return kept.with_columns(pl.col("is_linked") | ~pl.col("takes_part")).drop("takes_part", "why")


async def _with_doubts(
    world: World, sync: Sync, core: pl.DataFrame, doubts: list[tuple[str, pl.DataFrame]]
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """*core* grown by all members of the holds near it, who is near that (RECORD), and the ids of these holds."""
    while True:
        near = await sharing(world, sync, core)
        known = set(near.iter_rows())
        touching = [(hold_id, members) for hold_id, members in doubts if not known.isdisjoint(members.iter_rows())]
        grown = pl.concat([core, *(members for _, members in touching)]).unique(maintain_order=True)
        if len(grown) == len(core):
            return core, near, [hold_id for hold_id, _ in touching]
        core = grown


def _members(subject: str) -> pl.DataFrame:
    """The records (RECORD) of a hold's subject."""
    rows = [(m["side"], m["object_type"], m["record_id"]) for m in json.loads(subject)]
    return pl.DataFrame(rows, schema=RECORD, orient="row")


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


async def _side_frame(world: World, sync: Sync, side: Side, among: pl.DataFrame | None) -> pl.DataFrame:
    """The records of a side, all or *among* these, as `match` wants them, linked ones as candidates, and whether they
    take part."""
    spec = sync.side(side)
    tombs = (await world.store.rows(Table.LINK, {"sync": sync.name, "state": "tombstone"}))["link_id"]
    parts = []
    for object_type in spec.object_types:
        in_mirror = {"connection": spec.connection, "object_type": object_type}
        in_links = {"sync": sync.name, "side": side, "object_type": object_type}
        rows = await _of_side(world, Table.MIRROR, in_mirror, side, among)
        linked = await _of_side(world, Table.LINK_END, in_links, side, among)
        frame = _cells_to_match(world, sync, side, object_type, rows)
        bound = linked.filter(~_is_bereft(linked, tombs))
        parts.append(frame.with_columns(pl.col("record_id").is_in(bound["record_id"].implode()).alias("is_linked")))
    return pl.concat(parts, how="diagonal_relaxed")


def _is_bereft(ends: pl.DataFrame, tombs: pl.Series) -> pl.Series:
    """Which of *ends* (LINK_END) are current in one of *tombs* (link ids). One that is alive lost its counterpart: who
    is found for it now is linked to it again."""
    return ends.select((pl.col("role") == "current") & pl.col("link_id").is_in(tombs.implode())).to_series()


async def _of_side(
    world: World, table: Table, place: dict[str, str], side: Side, among: pl.DataFrame | None
) -> pl.DataFrame:
    """Rows of *table* at *place*, all or those of the records of a side *among* these."""
    if among is None:
        return await world.store.rows(table, place)
    own = among.filter((pl.col("side") == side) & (pl.col("object_type") == place["object_type"])).select("record_id")
    return await world.store.by_keys(
        table, own.with_columns(pl.lit(value).alias(name) for name, value in place.items())
    )


def _cells_to_match(world: World, sync: Sync, side: Side, object_type: str, rows: pl.DataFrame) -> pl.DataFrame:
    spec, schema = sync.side(side), world.schema(sync.side(side).connection, object_type)
    filter_fields = sync.filter_fields.get(side, {}).get(object_type, ())
    wide = read_cells(rows, sorted(compared_fields(sync, side, object_type) | set(filter_fields) - PSEUDO_FIELDS))
    passes = pl.Series([True] * len(wide), dtype=pl.Boolean)
    if predicate := spec.filters.get(object_type):
        cells = wide.select([pl.col(CELL + name).alias(name) for name in filter_fields])
        types = {name: f.type if (f := schema.field(name)) else FieldType.TEXT for name in filter_fields}
        passes = world.evaluate.predicate(predicate, cells, types).fill_null(False)
    return wide.select(
        "object_type",
        "record_id",
        *compared_cells(sync, side, object_type, wide),
        (~HAS_ENDED & pl.Series(passes)).alias("takes_part"),
        pl.when("is_deleted")
        .then(pl.lit(DELETED))
        .when(pl.col("fate").is_not_null())
        .then(pl.lit(LIVES_ON))
        .otherwise(pl.lit("does not pass the filter"))
        .alias("why"),
    )
