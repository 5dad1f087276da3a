"""One cycle of a sync: observe, match, merge, plan, gate, write, settle – and the proof that nothing was lost.

Lives here: the order of the steps and the run's report. Each step lives in its own file. A cycle that dies anywhere
is continued by the next one from what the store says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.accounting import (
    account,
    considered_of,
    final_classes,
    marked_ends,
    shifted_links,
    without_shifted,
)
from syncline.engine.bounds import FREE, Bounds
from syncline.engine.ceilings import hold_above_ceilings
from syncline.engine.creates import plan_creates
from syncline.engine.deeds import resolve_deeds
from syncline.engine.dirty import marks_of_actions
from syncline.engine.empty_sides import hold_empty_sides
from syncline.engine.intake import Capture
from syncline.engine.laws import balances
from syncline.engine.leaving import unlink_leavers
from syncline.engine.life.afterlife import plan_tombstones
from syncline.engine.life.deletes import carry_out_deletes
from syncline.engine.life.gone import note_gone
from syncline.engine.life.just_before import look_once_more
from syncline.engine.life.origins import ask_for_origins
from syncline.engine.life.step import Settled, settle_endings
from syncline.engine.matching import match_unlinked
from syncline.engine.observe import capture, meet, read_everything
from syncline.engine.planning import CLASSES, Planned, plan_links
from syncline.engine.rereads import half_known, read_assumed, read_due
from syncline.engine.sheets import Sheets
from syncline.engine.terms import adopt_terms, are_in_force
from syncline.engine.world import Progress, World
from syncline.engine.write import Written, resolve_unknown, write_actions
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.reconcile.conserve import Balance
from syncline.reconcile.plan import Held
from syncline.records import SIDES, Side
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Store, Table, empty


@dataclass(frozen=True, kw_only=True)
class Part:
    """A share of a sync's planning: records in no link and endings (*identity*), marked *links*; of these a *bucket*
    (k, n), None for all."""

    identity: bool = True
    links: bool = True
    bucket: tuple[int, int] | None = None


WHOLE = Part()

TAKE = 1_000_000
"""Dirty marks taken in one run; more are left for the next."""


@dataclass(kw_only=True)
class RunReport:
    """What one run saw and did. `classes` counts records per conservation class and side; `is_green` only if both laws
    balance, nothing is unknown, held by a ceiling or empty against expectation, and nothing stopped the run early."""

    run_id: str
    sync: str
    kind: str = "run"
    captures: list[Capture] = field(default_factory=list)
    links_made: int = 0
    sheets: Sheets = field(default_factory=Sheets)
    held: list[Held] = field(default_factory=list)
    classes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CLASSES))
    conflicts: int = 0
    balances: list[Balance] = field(default_factory=list)
    unknown: int = 0
    stopped: SynclineError | None = None
    started_us: int | None = None  # None until it is opened
    fates: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # what became of each action, and why
    cycle: str | None = None  # of which this is a part; the parts of a cycle share its ceilings
    worker: str | None = None
    lane: Lane | None = None
    due_us: int | None = None
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def actions(self) -> pl.DataFrame:
        """Everything that was planned, field by field (ACTIONS); `sheets` tells of large plans in less memory."""
        return self.sheets.whole()

    @property
    def is_balanced(self) -> bool:
        return all(law.is_balanced for law in self.balances)

    @property
    def is_green(self) -> bool:
        return (
            self.is_balanced
            and not self.unknown
            and self.stopped is None
            and not self.held
            and not any(c.is_empty_side for c in self.captures)
        )

    @property
    def skipped(self) -> int:
        """Rows that were read and held nothing new for us: a field nobody maps moved, or our own write came back."""
        return sum(capture.rows - capture.applied for capture in self.captures)

    @property
    def records_written(self) -> int:
        return self.classes.filter(pl.col("class") == "written")["record_id"].n_unique()

    def counts(self, side: str) -> dict[str, int]:
        if self.classes.is_empty():
            return {}
        own = self.classes.filter(pl.col("side") == side)
        return dict(sorted(own["class"].value_counts().iter_rows()))


async def run_cycle(
    world: World,
    sync: Sync,
    *,
    writes: bool = True,
    lane: Lane = Lane.LIVE,
    sweep: bool = False,
    bounds: Bounds = FREE,
) -> RunReport:
    """Run one whole cycle; with *writes* false it stops after the gate (on a store of its own: `Store.copy`).

    With *sweep* objects with mapped formula fields are read whole: a formula's new result moves no stamp.

    Raises what ends a run before anything is planned (ConfigError, AccessError, Later, NotUnderstood, StateError).
    What stops the writing midway is in the report.
    """
    report = RunReport(run_id=world.random.token(8), sync=sync.name)
    calls_before = {name: connector.usage().calls_sent for name, connector in world.connectors.items()}
    await open_run(world, report)
    try:
        sync = await meet(world, sync)
        await _observe(world, sync, report, sweep=sweep)
        world.report(Progress("match", sync.name, 0))  # from here on writes may be under way
        await plan_and_write(world, sync, report, writes=writes, lane=lane, bounds=bounds)
    except (SynclineError, StopRequested, asyncio.CancelledError) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        raise
    for name, connector in world.connectors.items():
        report.calls[name] = connector.usage().calls_sent - calls_before[name]
    report.balances = await balances(world.store, sync.name, report.run_id)
    await close_run(world, report, state_of(report))
    return report


def state_of(report: RunReport) -> str:
    if not report.is_balanced or report.stopped is not None:
        return "failed"
    return "held" if report.held or report.unknown or not report.is_green else "succeeded"


async def _observe(world: World, sync: Sync, report: RunReport, *, sweep: bool) -> None:
    await settle_terms(world, sync, report)
    for side in SIDES:
        for object_type in sync.side(side).object_types:
            await observe_object(world, sync, side, object_type, report, sweep=sweep)
    await hold_empty_sides(world, sync, report.run_id, report.captures)


async def settle_terms(world: World, sync: Sync, report: RunReport) -> None:
    """What comes before any planning: the terms of the sync, and what is still unknown of earlier writes."""
    await adopt_terms(world, sync)
    report.unknown = await resolve_unknown(world, sync, report.run_id)
    report.unknown += await resolve_deeds(world, sync, report.run_id)


async def observe_object(
    world: World,
    sync: Sync,
    side: Side,
    object_type: str,
    report: RunReport,
    *,
    sweep: bool,
    whole: bool = False,
) -> None:
    """Bring the mirror of one object up to date, then with what was marked to be read by id: a record alone does not
    tell what the history of its fields does, and a change by somebody else would pass for a write that was ignored."""
    connection = sync.side(side).connection
    is_whole = whole or (sweep and has_formulas(world, sync, side, object_type))
    read = read_everything if is_whole else capture
    report.captures.append(await read(world, connection, object_type, report.run_id))
    await read_due(world, connection, object_type, report.run_id)
    await read_assumed(world, connection, object_type, report.run_id)


def has_formulas(world: World, sync: Sync, side: Side, object_type: str) -> bool:
    """Whether the sync reads a field of the object that the vendor calculates."""
    schema = world.schema(sync.side(side).connection, object_type)
    fields = (schema.field(name) for name in sync.fields_read(side, object_type))
    return any(field is not None and field.is_calculated for field in fields)


async def plan_and_write(
    world: World,
    sync: Sync,
    report: RunReport,
    *,
    writes: bool,
    lane: Lane = Lane.LIVE,
    forced: bool = False,
    only: frozenset[tuple[str, str, str]] | None = None,
    owner: str | None = None,
    part: Part = WHOLE,
    bounds: Bounds = FREE,
) -> None:
    """Plan what is dirty, gate it, write it, and store what became of every record considered.

    *only* restricts it to these records (side, object type, record id) and their links, *part* to a share of the work;
    *forced* also creates where the sync by itself would not; *owner* gets what is created, as in `batches.batches_of`;
    *bounds* say what of it may be done.
    """
    now_us = world.now_us()
    planned = Planned()
    was_linked = len(await world.store.rows(Table.LINK, {"sync": sync.name}, limit=1)) > 0
    chosen = _chosen(sync, only)
    ended, strangers = Settled(), empty(Table.DIRTY)
    if part.identity:
        just_read = {(c.connection, c.object_type) for c in report.captures if c.is_backfill}
        new = await _strangers(world, sync, now_us, chosen)
        await ask_for_origins(world, sync, new, report.run_id, just_read)
        await look_once_more(world, sync, new, report.run_id, forced=forced, just_read=just_read)
        merges = writes and not bounds.is_sealed
        ended = await settle_endings(world, sync, report.run_id, writes=merges, only=chosen, lane=lane)
        strangers = await _strangers(world, sync, now_us, chosen)
        await _match(world, sync, strangers, planned, report, forced=forced, bounds=bounds)
    links = await _marked_links(world, sync, now_us, part, chosen)
    if part is not WHOLE and len(links) and not await are_in_force(world, sync):
        links = links.clear()  # planned by old terms, what is marked for new ones would count as looked at
    before = await marked_ends(world, links)
    if chosen is None and len(doubtful := (await half_known(world, sync, before)).select("link_id")):
        links, before = (one.join(doubtful, on="link_id", how="anti") for one in (links, before))
    if len(links):
        await plan_links(world, sync, links["link_id"].to_list(), report.run_id, planned)
        await plan_tombstones(world, sync, links["link_id"].to_list(), report.run_id, planned, forced=forced)
        await note_gone(world, sync, links["link_id"].to_list(), report.run_id)
    shifted = shifted_links(before, await marked_ends(world, links))
    considered = considered_of(strangers, before)
    if not bounds.is_sealed:
        report.held = await hold_above_ceilings(
            world,
            sync,
            planned,
            report.run_id,
            is_first_copy=not was_linked,
            is_whole=only is None and part is WHOLE,
            cycle=report.cycle,
        )
    allowed = bounds.actions(planned.sheets.without(report.held))
    going, written = allowed.going, Written()
    if writes:
        conflicts = planned.all_conflicts()
        taken = pl.concat([strangers["seq"], links["seq"]]).max()
        taken_seq = taken if isinstance(taken, int) else 0
        written = await write_actions(
            world, sync, report.run_id, going, conflicts, lane=lane, owner=owner, taken_seq=taken_seq
        )
        await carry_out_deletes(world, sync, report.run_id, going, written, lane=lane)
    written.classes |= allowed.refused
    planned.later += marks_of_actions(sync, planned.sheets.outline(), allowed.left)
    report.sheets = planned.sheets
    report.stopped = written.stopped or ended.stopped
    report.fates = written.classes
    report.unknown += sum(name == "unknown" for name, _ in written.classes.values())
    report.conflicts = len(planned.all_conflicts())
    report.classes = without_shifted(final_classes(planned, written, report.held), considered, shifted)
    if writes:
        await account(
            world, sync, report.run_id, report.classes, pl.concat([strangers, links]), considered, planned.later
        )
        if not bounds.is_sealed:
            await unlink_leavers(world, sync)


async def _match(
    world: World,
    sync: Sync,
    strangers: pl.DataFrame,
    planned: Planned,
    report: RunReport,
    *,
    forced: bool,
    bounds: Bounds,
) -> None:
    """Match records in no link, and plan the creates of those that nobody was found for."""
    if strangers.is_empty():
        return
    async with world.store.alone():
        matched = await match_unlinked(world, sync, strangers, report.run_id, forced=forced, bounds=bounds)
    report.links_made = len(matched.link_ids)
    planned.later.extend(matched.later)
    planned.classes.append(
        matched.classes.with_columns(pl.lit(0, dtype=pl.Int64).alias("link_id")).select(list(CLASSES))
    )
    await plan_creates(world, sync, matched.creates, planned, report.run_id, forced=forced)


async def _marked_links(world: World, sync: Sync, now_us: int, part: Part, chosen: pl.DataFrame | None) -> pl.DataFrame:
    """The dirty marks of links that are a part's affair, all or those of *chosen* records."""
    if not part.links:
        return empty(Table.DIRTY)
    if chosen is None:
        return await world.store.take_dirty(sync.name, now_us=now_us, linked=True, limit=TAKE, bucket=part.bucket)
    ends = await world.store.by_keys(Table.LINK_END, chosen)
    return await _due(world, ends.select("sync", "link_id").unique(), now_us)


async def _strangers(world: World, sync: Sync, now_us: int, chosen: pl.DataFrame | None) -> pl.DataFrame:
    """The dirty marks of records in no link, all or those that are *chosen*."""
    if chosen is None:
        return await world.store.take_dirty(sync.name, now_us=now_us, linked=False, limit=TAKE)
    return await _due(world, chosen.with_columns(pl.lit(0, dtype=pl.Int64).alias("link_id")), now_us)


async def _due(world: World, keys: pl.DataFrame, now_us: int) -> pl.DataFrame:
    """The due marks with these *keys*, as `Store.take_dirty` gives them: whoever wants a few reads no load's."""
    marks = await world.store.by_keys(Table.DIRTY, keys)
    return marks.filter(pl.col("due_us") <= now_us).sort("seq")


def _chosen(sync: Sync, only: frozenset[tuple[str, str, str]] | None) -> pl.DataFrame | None:
    if only is None:
        return None
    names = {"side": pl.String, "object_type": pl.String, "record_id": pl.String}
    return pl.DataFrame(sorted(only), schema=names, orient="row").with_columns(pl.lit(sync.name).alias("sync"))


async def close_cut_off(store: Store) -> int:
    """Runs that still count as running although nobody runs: their process died. To be called before the first run of
    whoever holds the state; how many that were. A whole run that a worker conducted is left for the next worker."""
    running = await store.rows(Table.RUN, {"state": "running"})
    left = running.filter((pl.col("kind") != "run") | pl.col("worker").is_null())
    if left.is_empty():
        return 0
    error = "cut off: its process ended before it did; the next run went on from what was stored"
    summaries = [json.dumps(json.loads(text) | {"error": error}) for text in left["summary"]]
    rows = left.select("run_id", pl.lit("failed").alias("state"), pl.Series("summary", summaries, dtype=pl.String))
    await store.commit(Commit(amend={Table.RUN: [rows]}))
    return len(left)


async def open_run(world: World, report: RunReport) -> None:
    await _put_run(world, report, "running", None, {})


async def close_run(world: World, report: RunReport, state: str, error: str | None = None) -> None:
    if error is None and report.stopped is not None:
        error = str(report.stopped)
    summary = {
        "rows_observed": sum(c.rows for c in report.captures),
        "rows_skipped": report.skipped,
        "links_made": report.links_made,
        "classes": {side: report.counts(side) for side in SIDES},
        "conflicts": report.conflicts,
        "held": [held.kind for held in report.held],
        "unknown": report.unknown,
        "calls": report.calls,
        "balanced": report.is_balanced,
        "error": error,
    }
    await _put_run(world, report, state, world.now_us(), summary)


async def _put_run(
    world: World, report: RunReport, state: str, ended_us: int | None, summary: Mapping[str, object]
) -> None:
    if report.started_us is None:
        known = await world.store.rows(Table.RUN, {"run_id": report.run_id})
        report.started_us = known["started_us"][0] if len(known) else world.now_us()
    row = {
        "run_id": report.run_id,
        "sync": report.sync,
        "kind": report.kind,
        "state": state,
        "started_us": report.started_us,
        "ended_us": ended_us,
        "summary": json.dumps(summary),
        "cycle": report.cycle,
        "worker": report.worker or world.holder,
        "lane": None if report.lane is None else report.lane.value,
        "due_us": report.due_us,
    }
    await world.store.commit(Commit(put={Table.RUN: pl.DataFrame([row], schema=dict(TABLES[Table.RUN][0]))}))
