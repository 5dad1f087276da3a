"""Planning: dirty links turned into actions, with every side effect on our own trees.

Lives here: the way from marks to actions, and what a plan collects. Not here: who wins (`reconcile.merge`), records
without a link (`creates`), ceilings (`reconcile.plan.gate`) or sending (`write`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncline.engine.bases import base_rows, patch_bases
from syncline.engine.breaker import still_frozen, thaw, trip
from syncline.engine.pairs import Slice, slices
from syncline.engine.pending import pending_marks
from syncline.engine.remapped import apart_marks
from syncline.engine.settlement import add_rows, conflict_id
from syncline.engine.shared import NOBODY, Owners, owners_of
from syncline.engine.shares import is_own
from syncline.engine.sheets import Sheets
from syncline.engine.siblings import with_siblings
from syncline.engine.world import Progress, World
from syncline.reconcile.conserve import GRAVITY
from syncline.reconcile.merge import merge
from syncline.reconcile.plan import deletes, updates
from syncline.records import SIDES, Side, other
from syncline.spec.model import FieldMap, LeavesFilter, Policy, Sync
from syncline.trees import TABLES, Commit, Table

SLICE_LINKS = 2_000
"""Links planned at once, siblings beyond it: what bounds the memory of a large plan."""

CLOCK_SKEW_US = 1_000_000
"""How far the clocks of two systems may be apart unnoticed: evidence of time is widened by it."""


@dataclass(kw_only=True)
class Planned:
    """Actions to gate, conflict-log rows to store with them, and the class of every record considered.

    `classes`: side, object_type, record_id, link_id, class, reason; fields' gravest class per record. `later`: dirty
    marks to set once the marks taken are cleared.
    """

    sheets: Sheets = field(default_factory=Sheets)
    conflicts: list[pl.DataFrame] = field(default_factory=list)
    classes: list[pl.DataFrame] = field(default_factory=list)
    later: list[pl.DataFrame] = field(default_factory=list)

    def all_conflicts(self) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=dict(TABLES[Table.CONFLICT][0])), *self.conflicts])

    def all_classes(self) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=CLASSES), *self.classes])


CLASSES: dict[str, pl.DataType] = {
    "side": pl.String(),
    "object_type": pl.String(),
    "record_id": pl.String(),
    "link_id": pl.Int64(),
    "class": pl.String(),
    "reason": pl.String(),
}


async def plan_links(world: World, sync: Sync, link_ids: Sequence[int], run_id: str, planned: Planned) -> None:
    """Merge these links, store agreed bases, marks and open conflicts at once, and add their actions to *planned*."""
    done = 0
    for ids in await with_siblings(world, sync, link_ids, SLICE_LINKS):
        if not await _planned_in_share(world, sync, ids, run_id, planned):
            async with world.store.alone():
                parts = [part async for part in slices(world, sync, ids)]
                await _plan_parts(world, sync, parts, await owners_of(world, sync, parts), run_id, planned)
        done += len(ids)
        world.report(Progress("plan", sync.name, done, len(link_ids)))


async def _planned_in_share(world: World, sync: Sync, ids: Sequence[int], run_id: str, planned: Planned) -> bool:
    """Plan these links beside those who are at other shares. False, and nothing is stored, where they are not ours
    alone: they are of other shares as well, or have a cell that stirs in common with other links."""
    if not is_own(world, sync, ids):
        return False
    async with world.store.in_share():
        parts = [part async for part in slices(world, sync, ids)]
        if await owners_of(world, sync, parts) is not NOBODY:
            return False
        await _plan_parts(world, sync, parts, NOBODY, run_id, planned)
    return True


async def _plan_parts(
    world: World, sync: Sync, parts: Sequence[Slice], owners: Owners, run_id: str, planned: Planned
) -> None:
    """Plan slices together: what several of their records have in common is decided once."""
    merged = [_merge_slice(world, sync, owners.settled(part)) for part in parts]
    reduced = owners.reduced(world, sync, [(one.part, one.decisions) for one in merged], run_id)
    planned.conflicts.append(reduced.conflicts)
    planned.later.append(reduced.later)
    for one, decisions in zip(merged, reduced.decisions, strict=True):
        await _carry_out(world, sync, replace(one, decisions=decisions), run_id, planned, owners=owners)
    if len(known := owners.marks(sync, world.now_us())):
        await world.store.commit(Commit(put={Table.MARK: known}))


async def plan_slice(
    world: World, sync: Sync, part: Slice, run_id: str, planned: Planned, *, ended_side: Side | None = None
) -> None:
    """Plan one slice. Nothing flows where a record has ended, but on *ended_side*: there its end is what is told."""
    merged = _merge_slice(world, sync, part, ended_side)
    await _carry_out(world, sync, merged, run_id, planned, ended_side=ended_side)


@dataclass(frozen=True, kw_only=True)
class _Merged:
    """A slice and what the merge says of it; `ends` with obstacles, `flowing` the pairs without one."""

    part: Slice
    ends: pl.DataFrame
    flowing: pl.DataFrame
    decisions: pl.DataFrame
    commit: Commit


def _merge_slice(world: World, sync: Sync, part: Slice, ended_side: Side | None = None) -> _Merged:
    commit = Commit()
    part = thaw(world, sync, part, commit)
    ends = _membership(part.ends, ended_side)
    _store_membership(ends, commit)
    flowing = part.pairs.join(ends.filter(pl.col("obstacle").is_null()).select("link_id"), on="link_id", how="semi")
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    step = max(world.capabilities(sync.side(s).connection, types[s]).stamp_step_us for s in SIDES)
    decisions = merge(
        flowing,
        _first_link_as_conflict(part) if sync.first_link is None else part.maps,
        part.type_a,
        first_link=sync.first_link or Policy.NON_BLANK,
        marks=part.marks.select("link_id", "mapping", "kind", "detail"),
        moments=part.moments,
        now_us=world.now_us(),
        clock_skew_us=CLOCK_SKEW_US,
        stamp_step_us=step,
    )
    return _Merged(part=part, ends=ends, flowing=flowing, decisions=decisions, commit=commit)


async def _carry_out(
    world: World,
    sync: Sync,
    merged: _Merged,
    run_id: str,
    planned: Planned,
    *,
    ended_side: Side | None = None,
    owners: Owners = NOBODY,
) -> None:
    """What follows from the decisions of a slice: actions, conflicts, bases, marks and classes."""
    part, ends, flowing, decisions, commit = (
        merged.part,
        merged.ends,
        merged.flowing,
        merged.decisions,
        merged.commit,
    )
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    actions = updates(flowing, decisions, part.maps, types, world.key)
    actions, decisions = await trip(world, sync, part, actions, decisions, commit)
    planned.sheets.add(actions)
    if sync.leaves_filter is LeavesFilter.DELETE and ended_side is None:
        planned.sheets.add(_leavers(part, ends))
    planned.later.append(still_frozen(world, sync, part, decisions, commit))
    _note_conflicts(world, sync, decisions, run_id, planned, commit)
    _store_bases(sync, part, decisions, commit)
    await patch_bases(world, owners.patches(sync, part), commit)
    if len(echoed := owners.apart(part, world.now_us())):
        add_rows(commit, Table.MARK, echoed)
    if len(part.kept) and len(noted := apart_marks(part.kept, world.now_us())):
        add_rows(commit, Table.MARK, noted)
    await _store_marks(world, part, decisions, commit)
    planned.classes.append(_classes(ends, decisions, types))
    if not commit.is_empty():
        await world.store.commit(commit)


def _first_link_as_conflict(part: Slice) -> tuple[FieldMap, ...]:
    return tuple(replace(m, first_link=m.first_link or m.policy(part.type_a)) for m in part.maps)


def _membership(ends: pl.DataFrame, ended_side: Side | None = None) -> pl.DataFrame:
    """*ends* with `obstacle`: why nothing flows on this link, null if it does. An undecided filter keeps the last
    membership; the other side's record leaving the filter stops the link as well."""
    members = {s: pl.coalesce(f"now_member_{s}", f"member_{s}").fill_null(True) for s in SIDES}
    sight = {s: pl.col(f"visible_{s}").fill_null(True) for s in SIDES}
    obstacle = pl.coalesce(
        [pl.when(pl.col(f"is_deleted_{s}")).then(pl.lit(f"deleted on side {s}")) for s in SIDES if s != ended_side]
        + [pl.when(pl.col(f"fate_{s}").is_not_null()).then(_lives_on(s)) for s in SIDES if s != ended_side]
        + [pl.when(~sight[s]).then(pl.lit(f"no longer visible on side {s}")) for s in SIDES]
        + [pl.when(~members[s]).then(pl.lit(f"left the filter of side {s}")) for s in SIDES]
    )
    return ends.with_columns(obstacle.alias("obstacle"), *(members[s].alias(f"next_member_{s}") for s in SIDES))


def _lives_on(side: Side) -> pl.Expr:
    return pl.format("{} on side {} into a record that does not stand in its place yet", f"fate_{side}", pl.lit(side))


def _leavers(part: Slice, ends: pl.DataFrame) -> pl.DataFrame:
    """ACTIONS that delete the counterpart of a record that left its filter; where both left, nobody is deleted."""
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    both = ends.filter(~pl.any_horizontal("is_deleted_a", "is_deleted_b"))
    rows = [
        (other(s), types[other(s)], far, link_id, types[s], own, f"left the filter of side {s}")
        for s in SIDES
        for link_id, own, far in both.filter(~pl.col(f"next_member_{s}") & pl.col(f"next_member_{other(s)}"))
        .filter(pl.col("visible_a").fill_null(True) & pl.col("visible_b").fill_null(True))
        .select("link_id", f"id_{s}", f"id_{other(s)}")
        .iter_rows()
    ]
    return deletes(rows)


def _store_membership(ends: pl.DataFrame, commit: Commit) -> None:
    changed = pl.any_horizontal([pl.col(f"next_member_{s}").ne_missing(pl.col(f"member_{s}")) for s in SIDES])
    moved = ends.filter(changed)
    if len(moved):
        commit.amend[Table.LINK] = [
            moved.select(
                "link_id", pl.col("next_member_a").alias("member_a"), pl.col("next_member_b").alias("member_b")
            )
        ]


def _note_conflicts(
    world: World, sync: Sync, decisions: pl.DataFrame, run_id: str, planned: Planned, commit: Commit
) -> None:
    """Conflicts that a write decides are stored with it, the others at once."""
    disputed = decisions.filter(pl.col("kind").is_not_null())
    if disputed.is_empty():
        return
    conflicts = _conflict_rows(world, sync, disputed, run_id)
    writing = pl.col("verdict").is_in(["write", "conflict_write", "fill"])
    decided = disputed.filter(writing).select("link_id", "mapping")
    planned.conflicts.append(conflicts.join(decided, on=["link_id", "mapping"], how="semi"))
    rest = conflicts.join(decided, on=["link_id", "mapping"], how="anti")
    if len(rest):
        add_rows(commit, Table.CONFLICT, rest)


def _conflict_rows(world: World, sync: Sync, rows: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """CONFLICT rows of decisions that have a loser or wait for a person."""
    ids = [
        conflict_id(link_id, mapping, kind, a, b)
        for link_id, mapping, kind, a, b in rows.select("link_id", "mapping", "kind", "value_a", "value_b").iter_rows()
    ]
    is_open = pl.col("verdict") == "held"
    winner = pl.when(~is_open).then(
        pl.when(pl.col("loser_side") == "a").then(pl.lit("b")).when(pl.col("loser_side") == "b").then(pl.lit("a"))
    )
    return rows.select(
        pl.Series("conflict_id", ids, dtype=pl.String),
        pl.lit(sync.name).alias("sync"),
        "link_id",
        "mapping",
        "kind",
        pl.when(is_open).then(pl.lit("open")).otherwise(pl.lit("logged")).alias("state"),
        "policy",
        "reason",
        winner.alias("winner_side"),
        "value_a",
        "value_b",
        pl.lit(world.now_us(), dtype=pl.Int64).alias("at_us"),
        pl.lit(run_id).alias("run_id"),
    )


def _store_bases(sync: Sync, part: Slice, decisions: pl.DataFrame, commit: Commit) -> None:
    """Advance the bases that advance without a write: agreed fields, kept blanks, kept values of a changed mapping."""
    sets = decisions.filter(pl.col("set_base_a") | pl.col("set_base_b"))
    if sets.is_empty() and part.kept.is_empty():
        return
    moved = pl.concat([sets.select("link_id"), part.kept.select("link_id")]).unique()
    rows = part.pairs.join(moved, on="link_id", how="semi")
    known = set(rows.columns)
    for (key,), own in sets.partition_by("mapping", as_dict=True).items():
        flags = own.select("link_id", "set_base_a", "set_base_b")
        rows = rows.join(flags, on="link_id", how="left", maintain_order="left").with_columns(
            pl.when(pl.col(f"set_base_{s}"))
            .then(pl.col(f"f{s}.{key}"))
            .otherwise(pl.col(f"x{s}.{key}"))
            .alias(f"x{s}.{key}")
            for s in SIDES
        )
        rows = rows.drop("set_base_a", "set_base_b")
    missing = [f"x{s}.{m.key}" for s in SIDES for m in sync.fields if f"x{s}.{m.key}" not in known]
    rows = rows.with_columns([pl.lit(None, dtype=pl.UInt64).alias(name) for name in missing])
    prints = {s: rows.select([f"x{s}.{m.key}" for m in sync.fields]) for s in SIDES}
    commit.put[Table.BASE] = base_rows(sync, rows["link_id"], prints)


_NOTED = {"apart": "apart", "drift": "drift", "held": "held_conflict", "blocked": "blocked", "waiting": "waiting"}
"""Verdicts that leave a mark by which `verify` and `explain` say why two values differ."""


async def _store_marks(world: World, part: Slice, decisions: pl.DataFrame, commit: Commit) -> None:
    is_noted = pl.col("verdict").is_in(list(_NOTED))
    keys = ["link_id", "mapping", "kind"]
    rows = decisions.filter(is_noted)
    if len(rows):
        rows = rows.select(
            "link_id",
            "mapping",
            pl.col("verdict").replace_strict(_NOTED, return_dtype=pl.String).alias("kind"),
            pl.struct("target", "reason", "value_a", "value_b").struct.json_encode().alias("detail"),
            pl.lit(world.now_us(), dtype=pl.Int64).alias("at_us"),
        )
        add_rows(commit, Table.MARK, rows)
    over = part.marks.filter(pl.col("kind").is_in(list(_NOTED.values()))).select(keys)
    if len(over):
        over = over.join(rows, on=keys, how="anti").join(
            decisions.filter(~is_noted), on=["link_id", "mapping"], how="semi"
        )
        await _close_conflicts(world, over, commit)
    pending, decided = pending_marks(part, decisions, world.now_us())
    if len(pending):
        add_rows(commit, Table.MARK, pending)
    dropped = pl.concat([over, decided])
    if len(dropped):
        earlier = commit.drop.get(Table.MARK)
        commit.drop[Table.MARK] = dropped if earlier is None else pl.concat([earlier, dropped])


async def _close_conflicts(world: World, over: pl.DataFrame, commit: Commit) -> None:
    """A conflict that waited for a person and is none any more stays in the log, closed."""
    settled = over.filter(pl.col("kind") == "held_conflict").select("link_id", "mapping")
    if settled.is_empty():
        return
    found = await world.store.by_keys(Table.CONFLICT, settled.with_columns(pl.lit("open").alias("state")))
    if len(found):
        closed = found.select("conflict_id", pl.lit("logged").alias("state"))
        commit.amend.setdefault(Table.CONFLICT, []).append(closed)


def _classes(ends: pl.DataFrame, decisions: pl.DataFrame, types: dict[Side, str]) -> pl.DataFrame:
    """The gravest class per link, counted on both sides: what stops a link's field concerns both its records."""
    order = pl.col("class").replace_strict(GRAVITY, return_dtype=pl.Int32)
    worst = (
        decisions.with_columns(order.alias("_gravity"))
        .sort("_gravity", descending=True)
        .group_by("link_id", maintain_order=True)
        .first()
        .select("link_id", "class", "reason")
    )
    joined = ends.join(worst, on="link_id", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("obstacle").is_not_null())
        .then(pl.lit("filtered"))
        .otherwise(pl.coalesce("class", pl.lit("unchanged")))
        .alias("class"),
        pl.coalesce("obstacle", "reason", pl.lit("both sides hold what they agreed on")).alias("reason"),
    )
    return pl.concat(
        [
            joined.select(
                pl.lit(side).alias("side"),
                pl.lit(types[side]).alias("object_type"),
                pl.col(f"id_{side}").alias("record_id"),
                "link_id",
                "class",
                "reason",
            )
            for side in SIDES
        ]
    )
