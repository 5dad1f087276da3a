"""Work that has no occurrence: change streams, what they bring, and rolling verification. Resident loops of a worker.

    stream   live: one subscription per channel, by whoever holds its lease
    quick    live: what a stream has marked is planned and written at once, without waiting for the next run
    audit    audit: as much verification as the sync's share of the day's calls allows

Lives here: the loops, each under the lease of its unit, so that of several workers one does it. Not here: what a batch,
a share of links or a look at a bucket does (`engine.following`, `engine.units`, `engine.agreement`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from syncline.engine.agreement import calls_due, verify_next
from syncline.engine.following import hold_stream, name_of, streams_of
from syncline.engine.inbox import is_enabled
from syncline.engine.observe import meet
from syncline.engine.tenure import begin
from syncline.engine.units import Turn, run_unit, units_of
from syncline.engine.world import World
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.runtime.conduct import Told
from syncline.runtime.schedules import UNDER_WAY, standing_of
from syncline.spec.model import Sync
from syncline.trees import Fenced, Table

STREAM_SECONDS = 5.0
"""How often a worker without a stream asks whether its lease is free: so long it stands still after its holder died,
beside the lease's own time."""

QUICK_SECONDS = 1.0
AUDIT_SECONDS = 900.0
"""The least time between two looks: what the share of the day's calls comes to meanwhile is used at once."""

AUDIT_LOOK_SECONDS = 60.0
_DAY_SECONDS = 86_400.0
_TROUBLE_SECONDS = 60.0
MET_SECONDS = 600.0
"""How long a description of both systems is used for quick turns before it is asked for anew."""


@dataclass(kw_only=True)
class Residents:
    """The resident loops of one worker; `run` ends once *stopping* is set."""

    world: World
    worker_id: str
    stopping: asyncio.Event
    tell: Told
    in_hand: Callable[[str], AbstractAsyncContextManager[None]]  # one of us at a time: a lease tells workers apart only
    _met: dict[str, tuple[int, World, Sync]] = field(default_factory=dict)
    _since_us: int = 0

    async def run(self) -> None:
        """Run every loop until the worker stops; what goes wrong in one is told, and tried again after a while."""
        self._since_us = self.world.now_us()
        loops = [self._again(AUDIT_LOOK_SECONDS, self._audit, sync) for sync in self.world.syncs.values()]
        channels: dict[tuple[str, str], Sync] = {}
        for sync in self.world.syncs.values():
            streams = streams_of(self.world, sync)
            channels |= dict.fromkeys(streams, sync)  # a channel is followed once, whoever uses its objects
            if streams:
                loops.append(self._again(QUICK_SECONDS, self._quick, sync))
        loops += [self._again(STREAM_SECONDS, self._follower(*name), sync) for name, sync in channels.items()]
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await self.stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _again(self, seconds: float, act: Callable[[Sync], Awaitable[None]], sync: Sync) -> None:
        while True:
            pause = seconds
            try:
                await act(sync)
            except Fenced:
                pause = seconds  # another worker does it
            except (SynclineError, StopRequested) as error:
                self.tell("trouble", str(error) or "stopped")
                pause = max(seconds, _TROUBLE_SECONDS)
            await self.world.clock.sleep(pause)

    def _follower(self, connection: str, channel: str) -> Callable[[Sync], Awaitable[None]]:
        async def follow(sync: Sync) -> None:
            turn = Turn(worker=self.worker_id, cycle=self.world.random.token(8), lane=Lane.LIVE)
            async with self.in_hand(name_of(connection, channel)):
                await hold_stream(self._own(), sync, connection, channel, turn)

        return follow

    async def _quick(self, sync: Sync) -> None:
        """Plan and write what is marked now, unless a run does so anyway or nothing may run."""
        store = self.world.store
        marks = await store.take_dirty(sync.name, now_us=self.world.now_us(), linked=True, limit=1)
        if marks.is_empty():
            marks = await store.take_dirty(sync.name, now_us=self.world.now_us(), linked=False, limit=1)
        if marks.is_empty() or await self._may_not(sync):
            return
        async with self.in_hand(f"run:{sync.name}"):
            own = await begin(self.world, f"run:{sync.name}", self.worker_id)
            if own is None or own.tenure is None:
                return
            try:
                await self._plan_and_write(sync)
            finally:
                await own.tenure.end()

    async def _plan_and_write(self, sync: Sync) -> None:
        world, met = await self._introduced(sync)
        turn = Turn(worker=self.worker_id, cycle=self.world.random.token(8), lane=Lane.LIVE)
        for unit in units_of(met):
            if unit.part is not None:
                async with self.in_hand(unit.name):
                    await run_unit(world, met, unit, turn)

    async def _may_not(self, sync: Sync) -> bool:
        standing = await standing_of(self.world.store, sync)
        if standing is None or standing.paused_at is not None or not await is_enabled(self.world.store, sync.name):
            return True
        under_way = {"sync": sync.name, "kind": "run", "state": list(UNDER_WAY)}
        return len(await self.world.store.rows(Table.RUN, under_way, limit=1)) > 0

    async def _audit(self, sync: Sync) -> None:
        """Look at what was not looked at for longest, with what the share came to since the last look of any worker."""
        seconds = await self._seconds_since_look(sync)
        if seconds < AUDIT_SECONDS or sync.audit_share <= 0 or not await is_enabled(self.world.store, sync.name):
            return
        async with self.in_hand(f"audit:{sync.name}"):
            own = await begin(self._own(), f"audit:{sync.name}", self.worker_id)
            if own is None or own.tenure is None:
                return
            try:
                met = await meet(own, sync)
                await verify_next(own, met, calls=calls_due(own, met, min(seconds, _DAY_SECONDS)))
            finally:
                await own.tenure.end()

    async def _seconds_since_look(self, sync: Sync) -> float:
        looks = await self.world.store.rows(Table.AGREEMENT, {"sync": sync.name})
        newest_us = looks["checked_us"].max()
        return (self.world.now_us() - int(str(newest_us)) if newest_us else self.world.now_us() - self._since_us) / 1e6

    async def _introduced(self, sync: Sync) -> tuple[World, Sync]:
        known = self._met.get(sync.name)
        now_us = self.world.now_us()
        if known is None or now_us - known[0] > MET_SECONDS * 1e6:
            own = self._own()
            known = self._met[sync.name] = (now_us, own, await meet(own, sync))
        return known[1], known[2]

    def _own(self) -> World:
        """The world with descriptions of its own: loops must not change what others have met."""
        return replace(self.world, schemas={}, actors={})
