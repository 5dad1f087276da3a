"""Our own processes in a history: one worker with whole cycles, or several with units under leases; pushes beside them.

Lives here: the loops that stand in for the runtime, and when a process dies or stands still. Not here: the port calls
at which that happens (`ports`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from random import Random

from syncline.engine.cycle import RunReport, close_cut_off, run_cycle
from syncline.engine.observe import meet
from syncline.engine.push import push
from syncline.engine.tenure import begin
from syncline.engine.units import Turn, run_unit, units_of
from syncline.engine.world import World
from syncline.errors import OurBug, SynclineError
from syncline.records import SIDES, Side
from syncline.trees import AlreadyThere, Fenced
from tests.simulation.chronicle import Row
from tests.simulation.ports import Process, ProcessDied
from tests.simulation.stage import Pushed, Stage

BUCKETS = 2
PAUSES = (3.0, 20.0, 70.0, 400.0)


def fated(stage: Stage, process: Process, luck: Random) -> None:
    """Draw what happens to a process: it may die at some port call, or stand still for a while."""
    if not stage.variant.has_faults or stage.ended:
        return
    if luck.random() < 0.35:
        process.plan[luck.randint(1, 260)] = lambda one: _dies(stage, one)
    if luck.random() < 0.25:
        seconds = luck.choice((2.0, 15.0, 90.0, 700.0))
        process.plan[luck.randint(1, 260)] = lambda one: _freezes(stage, one, seconds)
    own = Random(f"{stage.seed}/crash {process.name}")
    if stage.variant.crash_share and own.random() < stage.variant.crash_share:
        process.last_commit = own.randint(1, 14)
        process.at_last = lambda one: _dies(stage, one)
    if "ends reading" in stage.variant.crossings and own.random() < 0.5:
        process.ends_reading = True
        process.at_last = lambda one: _dies(stage, one)


def _dies(stage: Stage, process: Process) -> None:
    stage.tell(f"{process.name} dies")
    stage.deaths += 1
    process.die()


def _freezes(stage: Stage, process: Process, seconds: float) -> None:
    stage.tell(f"{process.name} stands still for {seconds:.0f} s")
    process.freeze(seconds)


async def work(stage: Stage, number: int) -> None:
    """One worker's life: started, working turn after turn, started again after a death, until everything rests."""
    luck = Random(f"{stage.seed}/worker {number}")
    alone = stage.variant.workers == 1
    turns = 0
    while not stage.ended:
        process, world = stage.start(f"worker {number}")
        fated(stage, process, luck)
        try:
            if alone:
                await close_cut_off(world.store)
            while not stage.ended:
                await (cycle(stage, process, world) if alone else turn(stage, process, world, luck))
                turns += 1
                if number == 0 and turns >= stage.variant.rounds:
                    stage.ended = True
                    return
                await asyncio.sleep(luck.choice(PAUSES) * luck.uniform(0.5, 1.5))
        except ProcessDied:
            turns += 1
            await asyncio.sleep(luck.choice((1.0, 10.0, 60.0)))


async def cycle(stage: Stage, process: Process, world: World) -> RunReport | None:
    """One whole cycle; None if it ended early."""
    process.turn = f"{process.name}/{stage.now_us()}"
    stage.tell("cycle")

    async def whole() -> RunReport:
        return await run_cycle(replace(world, schemas={}, actors={}, terms={}), stage.sync)

    return await _attempted(stage, "cycle", whole)


async def turn(stage: Stage, process: Process, world: World, luck: Random | None) -> list[RunReport]:
    """One turn through all units that nobody else has in hand, in an order of the seed's (without *luck* in theirs)."""
    process.turn = f"{process.name}/{stage.now_us()}"
    world = replace(world, schemas={}, actors={}, terms={})
    stage.tell(f"{process.name} begins a turn")
    try:
        sync = await meet(world, stage.sync)
    except SynclineError as error:
        stage.tell(f"{process.name} meets nobody: {error}")
        return []
    units = list(units_of(sync, BUCKETS))
    if luck is not None:
        luck.shuffle(units)
    own = Turn(worker=process.name, cycle=world.random.token(8))
    attempts = [
        await _attempted(stage, f"{process.name} {unit.name}", partial(run_unit, world, sync, unit, own))
        for unit in units
    ]
    return [report for report in attempts if report is not None]


async def _attempted(stage: Stage, what: str, attempt: Callable[[], Awaitable[RunReport | None]]) -> RunReport | None:
    try:
        report = await attempt()
    except Fenced as fenced:
        stage.tell(f"  {what} was fenced off: {fenced}")
        return None
    except AlreadyThere as raced:
        stage.tell(f"  {what} lost a race: {raced}")
        return None
    except SynclineError as error:
        stage.tell(f"  {what} ended: {error.code} {error}")
        if isinstance(error, OurBug):
            stage.complaints.append(f"bug: {what}: {error} {error.evidence}")
        return None
    if report is not None:
        stage.reports.append(report)
        stage.tell(
            f"  {what} ended: {report.records_written} written, {report.unknown} unknown, held {len(report.held)}"
        )
        if report.stopped is not None:
            stage.tell(f"  … stopped by {report.stopped}")
    return report


async def push_now(stage: Stage, luck: Random) -> None:
    """Somebody has a record pushed, by a process of its own or, with one worker, of the same kind."""
    side: Side = luck.choice(SIDES)
    rows = [row for row in stage.chronicle.rows[side].values() if not row.has_ended]
    if rows:
        await push_one(stage, luck.choice(rows), luck)


async def push_one(stage: Stage, row: Row, luck: Random) -> None:
    """Somebody has this record pushed, by a process of its own."""
    side = row.side
    process, world = stage.start("push")
    fated(stage, process, luck)
    stage.tell(f"{process.name} pushes {side} {row.record_id}")
    stage.pushes.append(Pushed(side=side, record_id=row.record_id, at_us=stage.now_us()))
    try:
        own = await begin(world, f"push:{world.random.token(4)}", process.name)
        assert own is not None
        await _attempted(stage, process.name, lambda: push(own, stage.sync, row.record_id))
        if own.tenure is not None:
            await own.tenure.end()
    except ProcessDied:
        return
