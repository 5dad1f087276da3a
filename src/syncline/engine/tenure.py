"""Tenure: working on a unit under a lease, so that what a worker does after it was taken for dead has no effect.

Lives here: a world whose commits carry a fence, the check before something is sent, and keeping the lease alive. Not
here: what the units are (`units`), or who works on which and when (`runtime`).

A fence guards our store, not the vendor. So a worker keeps its lease right before it sends: from then on it lasts long
enough for nobody else to begin the same work meanwhile. What is sent later than that – by a process that was frozen
between the two – is recognised by its journal entry when it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from syncline.ports import Clock
from syncline.trees import Commit, Fenced, Lease, Store, Table

if TYPE_CHECKING:
    from syncline.engine.world import World

LEASE_SECONDS = 6.0
"""How long a lease lasts unless it is kept: whoever dies is taken over within it and the next look of another."""

KEEP_EVERY_SECONDS = 2.0


class Tenure:
    """One holding of a lease. `fence` names it for ever; the lease's end moves with every `keep`."""

    def __init__(self, store: Store, lease: Lease, *, seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self.lease = lease

    @property
    def fence(self) -> int:
        return self.lease.fence

    async def keep(self) -> None:
        """Make the lease last from now on. Fenced if it has passed to another holder: stop at once."""
        kept = await self._store.keep_lease(self.lease, seconds=self._seconds)
        if kept is None:
            raise Fenced(f"The lease {self.lease.name} (fence {self.lease.fence}) has passed to another worker.")
        self.lease = kept

    async def end(self) -> None:
        """Give the lease back, so that the next may take it at once."""
        await self._store.give_back(self.lease)


class FencedStore:
    """A store whose every commit requires a lease that is still held; in all else the store it stands for."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._fences = {lease.name: lease.fence}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        await self._store.commit(replace(commit, fences={**commit.fences, **self._fences}))


async def begin(world: World, name: str, holder: str, *, seconds: float = LEASE_SECONDS) -> World | None:
    """The world for work on the unit *name*, with a tenure of its own; None while somebody else has it in hand.

    The caller ends it with `world.tenure.end()`, unless it was Fenced.
    """
    lease = await world.store.take_lease(name, holder, seconds=seconds)
    if lease is None:
        return None
    store: Any = FencedStore(world.store, lease)
    return replace(world, store=store, tenure=Tenure(world.store, lease, seconds=seconds))


@asynccontextmanager
async def kept(tenure: Tenure, clock: Clock) -> AsyncIterator[None]:
    """Keep the lease alive while the body runs; for clocks that let others run while one sleeps.

    A lease that is lost is not noticed here but at the next commit or sending, which are refused.
    """
    keeper = asyncio.ensure_future(_keep_on(tenure.keep, clock))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep_on(keep: Callable[[], Awaitable[None]], clock: Clock) -> None:
    while True:
        await clock.sleep(KEEP_EVERY_SECONDS)
        await keep()


async def in_other_hands(world: World, journals: pl.DataFrame) -> pl.DataFrame:
    """Those of *journals* (JOURNAL rows) whose writer is at work on them: their tenure is another one that lasts.

    What they have in flight is theirs; everything else in flight has nobody any more and is unknown.
    """
    now_us = await world.store.clock_us()
    leases = await world.store.rows(Table.LEASE)
    live = leases.filter((pl.col("holder") != "") & (pl.col("expires_us") > now_us))["fence"]
    fences = [fence for fence in live.to_list() if fence != world.fence]
    return journals.filter(pl.col("fence").is_in(fences))
