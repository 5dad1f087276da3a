"""Applying an approved plan: exactly what it says, where nothing has moved since; what moved waits for the next plan.

    observe ─▶ read every record of the plan once more ─▶ compare the evidence ─▶ plan these ─▶ write what is in both

A process that dies in the middle is continued by applying again: what became of its writes is read back first, what
this plan has written already is recognised by its journal, and the rest goes on. Lives here: that way. Not here: what
may be written (`limits`), who may apply (`approval`), or what is told of it (`results`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator

import polars as pl

from syncline.engine.cycle import (
    RunReport,
    close_run,
    observe_object,
    open_run,
    plan_and_write,
    settle_terms,
    state_of,
)
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.empty_sides import hold_empty_sides
from syncline.engine.laws import balances
from syncline.engine.observe import meet, read_again
from syncline.engine.prints import Name, prints_of
from syncline.engine.sealed import approval
from syncline.engine.sealed.content import records_of
from syncline.engine.sealed.limits import Limits
from syncline.engine.sealed.paper import Plan
from syncline.engine.sealed.results import Applied, Before, results_of, written_before
from syncline.engine.world import Progress, World
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

_AT_ONCE = 10_000


async def apply_plan(world: World, sync: Sync, plan: Plan) -> Applied:
    """Do what *plan* says and what is still as it was; a plan that was applied before is left alone.

    Raises SafetyStop SYN-622 if the plan is not for here, SYN-620 if nobody has approved it, and what ends a run before
    anything is planned. Once something was sent nothing is raised: what did not go is in the outcome, and applying
    again goes on with it.
    """
    approval.require_ours(world, sync, plan.header)
    approved = await approval.require_approved(world, plan.header)
    if approved.state == "applied":
        return Applied(digest=plan.header.digest, earlier=approved)
    report = RunReport(
        run_id=world.random.token(8), sync=sync.name, kind="apply", cycle=f"plan:{plan.header.digest}", lane=Lane.LIVE
    )
    calls_before = {name: connector.usage().calls_sent for name, connector in world.connectors.items()}
    await open_run(world, report)
    await approval.note(world, plan.header.digest, run_id=report.run_id, is_done=False)
    try:
        applied = await _carry_out(world, await meet(world, sync), plan, report)
    except (SynclineError, StopRequested, asyncio.CancelledError) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        raise
    for name, connector in world.connectors.items():
        report.calls[name] = connector.usage().calls_sent - calls_before[name]
    report.balances = await balances(world.store, sync.name, report.run_id)
    await close_run(world, report, state_of(report))
    if applied.is_whole:
        await approval.note(world, plan.header.digest, run_id=report.run_id, is_done=True)
    return applied


async def _carry_out(world: World, sync: Sync, plan: Plan, report: RunReport) -> Applied:
    await settle_terms(world, sync, report)
    for side in SIDES:
        for object_type in sync.side(side).object_types:
            await observe_object(world, sync, side, object_type, report, sweep=False)
    await hold_empty_sides(world, sync, report.run_id, report.captures)
    before = await written_before(world, sync, report)
    names = _names(plan, before)
    await _read_again(world, sync, names, report)
    limits = Limits(plan, await _moved(world, sync, plan, names))
    await _mark(world, sync, names)
    world.report(Progress("match", sync.name, 0))  # from here on writes may be under way
    await plan_and_write(world, sync, report, writes=True, only=frozenset(names), bounds=limits)
    return await results_of(world, sync, plan, limits, before, report)


def _names(plan: Plan, before: Before) -> set[Name]:
    """The records of everything that this plan has not written yet."""
    left = {name for action in plan.actions if action not in before for name in records_of(action)}
    ends = {
        end
        for a_type, a_id, b_type, b_id in plan.links.iter_rows()
        for end in (("a", a_type, a_id), ("b", b_type, b_id))
    }
    return left | ends


async def _read_again(world: World, sync: Sync, names: Collection[Name], report: RunReport) -> None:
    """Read these records by id, but for those of objects that were read whole a moment ago."""
    whole = {(one.connection, one.object_type) for one in report.captures if one.is_backfill}
    for side in SIDES:
        connection = sync.side(side).connection
        for object_type in sync.side(side).object_types:
            ids = sorted(record_id for s, o, record_id in names if (s, o) == (side, object_type))
            if (connection, object_type) in whole:
                continue
            for some in _parts(ids):
                await read_again(world, connection, object_type, some, report.run_id)
                world.report(Progress("read again", f"{connection}.{object_type}", len(some), len(ids)))


def _parts(ids: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(ids), _AT_ONCE):
        yield ids[at : at + _AT_ONCE]


async def _moved(world: World, sync: Sync, plan: Plan, names: Collection[Name]) -> dict[Name, str]:
    """The records that are not as they were when the plan was sealed, with the words for it."""
    now = await prints_of(world, sync, names)
    return {name: _words(sync, name) for name in names if now[name] != plan.prints.get(name)}


def _words(sync: Sync, name: Name) -> str:
    side, object_type, record_id = name
    connection = sync.side("a" if side == "a" else "b").connection
    return f"{object_type} {record_id} of {connection} changed after the plan was sealed"


async def _mark(world: World, sync: Sync, names: Iterable[Name]) -> None:
    """Mark these records dirty, so that the plan looks at each of them."""
    rows = pl.DataFrame(
        sorted(names), schema=dict.fromkeys(("side", "object_type", "record_id"), pl.String), orient="row"
    )
    ends = await world.store.by_keys(Table.LINK_END, rows.with_columns(sync=pl.lit(sync.name)))
    lone = rows.join(ends, on=rows.columns, how="anti")
    marks = [dirty_links(sync.name, ends["link_id"].unique().sort().to_list())]
    for (side, object_type), part in lone.group_by("side", "object_type", maintain_order=True):
        marks.append(dirty_records(sync.name, str(side), str(object_type), part["record_id"]))
    await world.store.commit(Commit(touch=marks))
