"""A process that follows the vendor's change stream under its lease, as a resident loop of a worker does.

Not here: what stands for the network (`pushed_bus`).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

from syncline.engine.following import follow, name_of, streams_of
from syncline.engine.observe import meet
from syncline.engine.tenure import begin, kept
from syncline.engine.units import Turn
from syncline.errors import SynclineError
from syncline.trees import Fenced
from tests.simulation.ports import ProcessDied
from tests.simulation.stage import Stage
from tests.simulation.workers import fated


async def follow_channels(stage: Stage, number: int) -> None:
    """A process that follows every channel whose lease it gets, started again after a death."""
    luck = Random(f"{stage.seed}/stream {number}")
    while not stage.ended:
        process, world = stage.start(f"stream {number}")
        fated(stage, process, luck)
        try:
            world = replace(world, schemas={}, actors={})
            sync = await meet(world, stage.sync)
            for connection, channel in streams_of(world, sync)[:1]:
                own = await begin(world, name_of(connection, channel), process.name)
                if own is None or own.tenure is None:
                    break
                stage.tell(f"{process.name} follows {channel}")
                turn = Turn(worker=process.name, cycle="stream")
                async with kept(own.tenure, own.clock):
                    await _until_rest(stage, asyncio.ensure_future(follow(own, sync, connection, channel, turn)))
                await own.tenure.end()
        except ProcessDied:
            await asyncio.sleep(luck.choice((2.0, 30.0)))
        except (Fenced, SynclineError) as error:
            stage.tell(f"{process.name} stops following: {error}")
        await asyncio.sleep(luck.uniform(1.0, 20.0))


async def _until_rest(stage: Stage, following: asyncio.Task[None]) -> None:
    while not stage.ended and not following.done():
        await asyncio.wait({following}, timeout=5.0)
    following.cancel()
    try:
        await following
    except asyncio.CancelledError:
        return
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
