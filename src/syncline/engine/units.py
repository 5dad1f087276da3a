"""Units: a sync's work cut into pieces that several workers can do side by side, each under its own lease.

    observe:<connection>:<object type>   reading what changed, and what was marked to be read by id
    identity:<sync>                      the terms, what is unknown of earlier writes, endings, matching, creates
    fields:<sync>:<k>                    links whose number leaves k: merge, plan, gate, write

Every unit starts from what the store says and leaves it consistent, so they need no order among themselves: what one
finds, another takes up at its next turn. Lives here: the cut, and one unit's way under its lease. Not here: what is
done (`cycle`), leases (`tenure`), or who does what when (`runtime`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from syncline.engine.cycle import (
    Part,
    RunReport,
    close_run,
    observe_object,
    open_run,
    plan_and_write,
    settle_terms,
    state_of,
)
from syncline.engine.empty_sides import hold_empty_sides
from syncline.engine.laws import balances
from syncline.engine.tenure import LEASE_SECONDS, begin
from syncline.engine.world import World
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.records import SIDES, Side
from syncline.spec.model import Sync
from syncline.trees import Fenced

BUCKETS = 8
"""Into how many shares the links of a sync fall, unless somebody says otherwise: the same for all who work on a state,
for whoever has a share is alone with its links (`shares`)."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One piece of a sync's work. `name` is also its lease's. `side` and `object_type` are an observation's, `part` is
    None for it."""

    name: str
    side: Side | None = None
    object_type: str = ""
    part: Part | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """On whose behalf units are done: the *worker*, the *cycle* they belong to (its units share the ceilings), the
    *lane* of its calls and the occurrence it stands for."""

    worker: str
    cycle: str
    lane: Lane = Lane.LIVE
    due_us: int | None = None
    sweep: bool = False
    whole: bool = False  # read every object whole, whatever changed
    lease_seconds: float = LEASE_SECONDS


def units_of(sync: Sync, buckets: int = BUCKETS) -> tuple[Unit, ...]:
    """All units of *sync*, in the order in which one worker alone does them best."""
    observing = [
        Unit(name=f"observe:{sync.side(side).connection}:{object_type}", side=side, object_type=object_type)
        for side in SIDES
        for object_type in sync.side(side).object_types
    ]
    identity = Unit(name=f"identity:{sync.name}", part=Part(links=False))
    shares = [
        Unit(name=f"fields:{sync.name}:{k}", part=Part(identity=False, bucket=(k, buckets))) for k in range(buckets)
    ]
    return (*observing, identity, *shares)


async def run_units(world: World, sync: Sync, units: Sequence[Unit], turn: Turn) -> list[RunReport]:
    """Do those of *units* that nobody else has in hand, one after the other. *world* has met the sync in this cycle
    (`observe.meet`), and *sync* is what came of it."""
    reports = [await run_unit(world, sync, unit, turn) for unit in units]
    return [report for report in reports if report is not None]


async def run_unit(world: World, sync: Sync, unit: Unit, turn: Turn) -> RunReport | None:
    """Do one unit under its lease and give the lease back; None, and nothing done, while somebody else has it or no
    mark asks for it.

    Raises what ends a run (as `cycle.run_cycle`), with the run's row closed. Fenced: the lease passed on meanwhile;
    another worker does it, nothing of ours was stored since.
    """
    if not await _has_work(world, sync, unit):
        return None
    own = await begin(world, unit.name, turn.worker, seconds=turn.lease_seconds)
    if own is None:
        return None
    own.share = unit.part.bucket if unit.part is not None else None
    report = RunReport(
        run_id=world.random.token(8),
        sync=sync.name,
        kind="part",
        cycle=turn.cycle,
        worker=turn.worker,
        lane=turn.lane,
        due_us=turn.due_us,
    )
    await open_run(own, report)
    try:
        await _carry_out(own, sync, unit, turn, report)
        report.balances = await balances(own.store, sync.name, report.run_id)
        await close_run(own, report, state_of(report))
    except Fenced:
        await close_run(world, report, "failed", f"{unit.name}: its lease passed to another worker, who goes on")
        raise
    except (SynclineError, StopRequested, asyncio.CancelledError) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        await _end(own)
        raise
    await _end(own)
    return report


async def _has_work(world: World, sync: Sync, unit: Unit) -> bool:
    """Whether a share of the links has a mark that is due; the other units find out by looking."""
    if unit.part is None or unit.part.identity:
        return True
    marks = await world.store.take_dirty(
        sync.name, now_us=world.now_us(), linked=True, limit=1, bucket=unit.part.bucket
    )
    return not marks.is_empty()


async def _carry_out(world: World, sync: Sync, unit: Unit, turn: Turn, report: RunReport) -> None:
    if unit.part is None:
        assert unit.side is not None
        await observe_object(world, sync, unit.side, unit.object_type, report, sweep=turn.sweep, whole=turn.whole)
        await hold_empty_sides(world, sync, report.run_id, report.captures)
        return
    if unit.part.identity:
        await settle_terms(world, sync, report)
    await plan_and_write(world, sync, report, writes=True, lane=turn.lane, part=unit.part)


async def _end(world: World) -> None:
    if world.tenure is not None:
        await world.tenure.end()
