"""The operator: lets through what a ceiling holds, and has what was refused tried again.

Lives here: commands of a person, each by a process of its own.
"""

from __future__ import annotations

import asyncio
from random import Random

import polars as pl

from syncline.engine.inbox import approve, holds, retry
from syncline.engine.undo import undo
from syncline.engine.world import World
from syncline.errors import SynclineError
from tests.simulation.ports import Process, ProcessDied
from tests.simulation.sending import UNDO
from tests.simulation.stage import Stage
from tests.simulation.workers import fated


async def approve_all(stage: Stage) -> int:
    """Everything passes that a ceiling holds; how many sets that were."""
    store = stage.ground.store()
    found = await holds(store, stage.sync.name)
    ceilings = found.filter(pl.col("kind") == "ceiling")["digest"].to_list()
    for digest in ceilings:
        await approve(store, stage.sync.name, digest)
        stage.approved_us.append(stage.now_us())
        stage.tell(f"approved: {digest}")
    return len(ceilings)


async def operate(stage: Stage) -> None:
    """Now and then somebody looks at the inbox."""
    luck = Random(f"{stage.seed}/operator")
    while not stage.ended:
        await asyncio.sleep(luck.uniform(10.0, 200.0))
        if not stage.ended:
            await _look(stage, luck)


async def _look(stage: Stage, luck: Random) -> None:
    if luck.random() < 0.4:
        await approve_all(stage)
        return
    process, world = stage.start("operator")
    fated(stage, process, luck)
    if luck.random() < 0.5:
        await _undo(stage, process, world)
        return
    try:
        again = await retry(world, stage.sync, None)
        stage.tell(f"{process.name} has {again} letters tried again")
    except ProcessDied:
        return
    except SynclineError as error:
        stage.tell(f"{process.name} cannot: {error}")


async def _undo(stage: Stage, process: Process, world: World) -> None:
    """Take back what the newest run wrote, as far as nobody has changed it since."""
    runs = [report.run_id for report in stage.reports if report.records_written]
    if runs:
        await take_back(stage, process, world, runs[-1])


async def take_back(stage: Stage, process: Process, world: World, run_id: str) -> None:
    """Have a run undone."""
    stage.undone.append(stage.now_us())
    process.turn = f"{UNDO}/{stage.now_us()}"
    stage.tell(f"{process.name} undoes {run_id}")
    try:
        done = await undo(world, stage.sync, run_id)
        stage.tell(f"{process.name} undid {len(done.classes)}")
    except ProcessDied:
        return
    except SynclineError as error:
        stage.tell(f"{process.name} cannot undo: {error}")
