"""A unit of a sync's work in the hands of a command: under the unit's lease, so that no worker does it meanwhile.

Where the state is a file nobody else is there; on a server workers may be at work beside the command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncline.engine.tenure import LEASE_SECONDS, begin
from syncline.engine.world import World
from syncline.errors import StateError
from syncline.runtime.commands import kept

_TRIES = 3


@asynccontextmanager
async def in_hand(world: World, unit: str) -> AsyncIterator[World]:
    """The world under the lease of *unit*, kept while the body runs. StateError SYN-701: a worker has it in hand, or it
    was taken over because this process stood still."""
    holder = f"command-{world.random.token(6)}"
    own = await begin(world, unit, holder)
    for _ in range(_TRIES):
        if own is not None:
            break
        await asyncio.sleep(LEASE_SECONDS / _TRIES)
        own = await begin(world, unit, holder)
    if own is None or own.tenure is None:
        raise StateError(
            f"A worker has {unit} in hand at this moment.", code="SYN-701", remedy="Try again in a minute."
        )
    async with kept(own.tenure):
        yield own
