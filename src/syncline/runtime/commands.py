"""Commands that write on a state which workers share: each under a lease of its own, and closing what a dead one left.

Lives here: the lease that says that a command lives, so that nobody takes what it has in flight for a dead process's,
and the rows of RUN of commands whose lease ran out. A command's lease stands for no unit of work: what keeps it and
workers apart is what keeps any two workers apart (sections, in-flight slots, what moved). Not here: those (`presence`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import polars as pl

from syncline.engine.tenure import KEEP_EVERY_SECONDS, Tenure, begin
from syncline.engine.world import World
from syncline.errors import StateError
from syncline.runtime.presence import cut_off
from syncline.trees import Commit, Fenced, Lease, Store, Table

LASTS_SECONDS = 60.0
"""Longer than a worker's lease: a command has no thread that keeps it while a first copy is matched in one piece."""

_HOLDER = "command-"
_PLACES = 1000
"""Leases are named by place, not by command: their rows stay."""


@asynccontextmanager
async def as_command(world: World) -> AsyncIterator[World]:
    """The world under the lease of a command, kept while the body runs.

    Raises:
        StateError: SYN-701, it stood still for so long that it was taken for dead; what it did later was not stored.
    """
    await close_dead(world.store)
    own, tenure = await _begun(world)
    async with kept(tenure):
        yield own


@asynccontextmanager
async def kept(tenure: Tenure) -> AsyncIterator[None]:
    """A command's tenure, kept while the body runs and then ended.

    Raises:
        StateError: SYN-701, the process stood still for so long that its lease passed on.
    """
    keeper = asyncio.ensure_future(_keep(tenure))
    try:
        yield
    except Fenced as error:
        raise StateError(
            f"{error} This process stood still for too long.", code="SYN-701", remedy="Repeat it."
        ) from error
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        with suppress(Fenced):
            await tenure.end()


async def _begun(world: World) -> tuple[World, Tenure]:
    holder = f"{_HOLDER}{world.random.token(8)}"
    for place in range(_PLACES):
        own = await begin(world, f"command:{place}", holder, seconds=LASTS_SECONDS)
        if own is not None and own.tenure is not None:
            return own, own.tenure
    raise StateError("Too many commands are at work on this state.", code="SYN-701", remedy="Wait for some to end.")


async def _keep(tenure: Tenure) -> None:
    while True:
        await asyncio.sleep(KEEP_EVERY_SECONDS)
        await tenure.keep()


async def close_dead(store: Store) -> int:
    """Close the runs of commands whose lease ran out; how many. One that was only frozen stores nothing any more."""
    running = await store.rows(Table.RUN, {"state": "running"})
    running = running.filter(pl.col("worker").str.starts_with(_HOLDER))
    if running.is_empty():
        return 0
    leases = await store.rows(Table.LEASE, {"holder": running["worker"].unique().to_list()})
    alive = {row["holder"] for row in leases.iter_rows(named=True) if not await _taken_over(store, Lease(**row))}
    left = running.filter(~pl.col("worker").is_in(list(alive)))
    if len(left):
        await store.commit(Commit(amend={Table.RUN: [cut_off(left, await store.clock_us())]}))
    return len(left)


async def _taken_over(store: Store, lease: Lease) -> bool:
    """Take the lease, if it ran out, and give it back: whoever had it is refused from now on."""
    taken = await store.take_lease(lease.name, "sweep", seconds=LASTS_SECONDS)
    if taken is not None:
        await store.give_back(taken)
    return taken is not None
