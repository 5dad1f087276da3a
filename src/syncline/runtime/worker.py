"""One worker: a process that takes part in the work on a state until it is asked to stop.

Lives here: its resident loops – signs of life, planning and taking over, urgent requests, retention – and its beginning
and end. Not here: what they do in detail (`presence`, `schedules`, `conduct`, `requests`), nor DBOS (`durable`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from syncline.engine.world import World
from syncline.errors import ConfigError, StateError, StopRequested, SynclineError
from syncline.runtime import asking, door, durable, presence, requests, schedules
from syncline.runtime.commands import close_dead
from syncline.runtime.conduct import Conductor, Told, attempt_of
from syncline.runtime.heart import Heart
from syncline.runtime.presence import BEAT_SECONDS, Me
from syncline.runtime.residents import Residents
from syncline.runtime.retention import EVERY_SECONDS, Retention, drop_old
from syncline.trees import Store, Table

LOOK_SECONDS = 1.0
URGENT_SECONDS = 0.5
GRACE_SECONDS = 120.0
"""How long a stopping worker waits for the slices in hand; a unit leaves at its next safe point."""


class Worker:
    """Works on *world*'s syncs as *me* until *stopping* is set. With a *door_path* nobody else can be at this state,
    so whoever still counts as working is dead, and commands ask through it. *tell* gets (kind, words) of what a
    person should see. *open_store* opens the state once more, where several processes may."""

    def __init__(
        self,
        world: World,
        me: Me,
        *,
        url: str,
        door_path: Path | None,
        open_store: Callable[[], Awaitable[Store]] | None,
        retention: Retention,
        stopping: asyncio.Event,
        tell: Told,
    ) -> None:
        self.world, self.me = world, me
        self.stopping = stopping
        self.conductor = Conductor(
            world=world, worker_id=me.worker_id, have_unit_done=durable.have_unit_done, stopping=stopping, tell=tell
        )
        self._url, self._door, self._retention, self._tell = url, door_path, retention, tell
        self._open_store = open_store
        self._heart: Heart | None = None
        self._state = "working"
        self._asked: set[tuple[str, int]] = set()
        self._urgent: dict[str, asyncio.Task[None]] = {}
        self._urgent_world = world
        self._started_us = 0

    async def work(self) -> None:
        """Work until `stopping` is set, then finish what is in hand and leave. Raises StateError if the state or the
        runtime's own database cannot be used, ConfigError SYN-118 for a schedule whose moment has passed."""
        self._started_us = await self.world.store.clock_us()
        await self._show()
        async with AsyncExitStack() as stack:
            if self._open_store is not None:
                self._heart = Heart(self._open_store, self.me, self._started_us, lambda: (self._state, self._doing()))
                self._heart.start()
                stack.push_async_callback(self._heart.stop)
                await self._open_for_urgent(self._open_store, stack)
            durable.launch(self._url, self.me.worker_id, self.conductor)
            stack.push_async_callback(durable.leave)
            await durable.open_queues()
            await self._take_over(alone=self._door is not None)
            await self._first_look()
            if self._door is not None:
                await stack.enter_async_context(door.opened(self._door, self._act))
            await self._until_stopped()
            await self._finish()
        self._state = "stopped"
        await self._show()
        self._tell("stopped", "Stopped: leases are given back, the rest is for the next worker.")

    async def _open_for_urgent(self, open_store: Callable[[], Awaitable[Store]], stack: AsyncExitStack) -> None:
        """Give requests connections of their own: on the others they would wait behind a load's reads and commits."""
        store = await open_store()
        stack.push_async_callback(store.close)
        self._urgent_world = replace(self.world, store=store)

    async def _act(self, asked: dict[str, Any]) -> dict[str, Any]:
        return await asking.act(self.world, self.me.worker_id, asked)

    async def _first_look(self) -> None:
        """What is wrong with a schedule stops a start; later it is told and the others go on."""
        for sync in self.world.syncs.values():
            await schedules.tick(self.world.store, sync, self.me.worker_id)
        await self._ask_for_queued()

    async def _until_stopped(self) -> None:
        loops: list[asyncio.Task[Any]] = [
            asyncio.ensure_future(self._again_and_again(BEAT_SECONDS, self._beat)),
            asyncio.ensure_future(self._again_and_again(LOOK_SECONDS, self._look)),
            asyncio.ensure_future(self._again_and_again(URGENT_SECONDS, self._answer_urgent, topic=requests.URGENT)),
            asyncio.ensure_future(self._again_and_again(EVERY_SECONDS, self._forget)),
        ]
        residents = Residents(
            world=self.world,
            worker_id=self.me.worker_id,
            stopping=self.stopping,
            tell=self._tell,
            in_hand=self.conductor.in_hand,
        )
        loops.append(asyncio.ensure_future(residents.run()))
        wish = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait([wish, *loops], return_when=asyncio.FIRST_COMPLETED)
            for one in loops:
                if one.done():
                    one.result()
        finally:
            for one in (wish, *loops):
                one.cancel()
            await asyncio.gather(wish, *loops, return_exceptions=True)

    async def _again_and_again(
        self, seconds: float, act: Callable[[], Awaitable[None]], *, topic: str | None = None
    ) -> None:
        while True:
            try:
                await act()
            except StateError as error:
                if error.code in _ENDS:
                    raise
                self._tell("trouble", str(error))
            except ConfigError as error:
                self._tell("trouble", str(error))
            if topic is None:
                await self.world.clock.sleep(seconds)
            else:
                await self.world.store.wait(topic, seconds)

    async def _show(self) -> None:
        await presence.show(self.world.store, self.me, self._state, self._doing(), self._started_us)

    def _doing(self) -> list[str]:
        return sorted({*self.conductor.doing, *(f"push:{one}" for one in list(self._urgent))})

    async def _beat(self) -> None:
        if self._heart is not None:
            self._heart.come_round()
            return
        await self._show()
        await presence.keep_leases(self.world.store, self.me.worker_id)

    async def _look(self) -> None:
        await self._take_over()
        await self.conductor.requeue_broken_off()
        for sync in self.world.syncs.values():
            await schedules.tick(self.world.store, sync, self.me.worker_id)
        await self._ask_for_queued()

    async def _take_over(self, *, alone: bool = False) -> None:
        """Write workers off who give no sign of life, and have done what they had in hand."""
        store = self.world.store
        lost = await presence.lost_workers(store, self.me, alone=alone)
        if lost:
            runs = await presence.write_off(store, self.me, lost)
            for worker_id in lost:
                self._tell("lost", f"Worker {worker_id} gives no sign of life: its work goes on without it.")
            if runs:
                self._tell("taken over", f"{len(runs)} run(s) go on from what was stored.")
        await close_dead(store)
        # Also what another one wrote off and died before it could cancel.
        gone = (await store.rows(Table.WORKER, {"state": "lost"})).filter(
            pl.col("seen_us") > await store.clock_us() - _RECENT_US
        )
        if len(gone):
            await durable.cancel_what_held(gone["worker_id"].to_list())

    async def _ask_for_queued(self) -> None:
        for row in (await self.world.store.rows(Table.RUN, {"kind": "run", "state": "queued"})).to_dicts():
            name = (row["run_id"], attempt_of(row))
            if name not in self._asked and row["sync"] in self.world.syncs:
                await durable.ask_for_run(*name)
                self._asked.add(name)

    async def _answer_urgent(self) -> None:
        for request in await requests.open_requests(self._urgent_world.store):
            name = request["request_id"]
            if name not in self._urgent and len(self._urgent) < requests.PLACES:
                self._urgent[name] = asyncio.ensure_future(self._do_urgent(request))

    async def _do_urgent(self, request: dict[str, object]) -> None:
        try:
            await requests.do_request(self._urgent_world, self.me.worker_id, request)
        except (StopRequested, SynclineError) as error:
            self._tell("trouble", str(error))
        finally:
            self._urgent.pop(str(request["request_id"]), None)

    async def _forget(self) -> None:
        await drop_old(self.world.store, self._retention)
        await durable.drop_before(self.world.clock.now() - timedelta(days=self._retention.parts))

    async def _finish(self) -> None:
        """Wait until what is in hand has come to a safe point, keeping our leases meanwhile."""
        self._tell("stopping", f"Finishing what is in hand: {_said(self.conductor.doing)}.")
        deadline_us = await self.world.store.clock_us() + int(GRACE_SECONDS * 1e6)
        self._state = "stopping"
        while self.conductor.is_busy or self._urgent:
            await self._show()
            await presence.keep_leases(self.world.store, self.me.worker_id)
            if await self.world.store.clock_us() > deadline_us:
                break
            await self.world.clock.sleep(URGENT_SECONDS)


_ENDS = ("SYN-702", "SYN-703", "SYN-712")
_RECENT_US = 3_600_000_000


def _said(doing: set[str]) -> str:
    return ", ".join(sorted(doing)) or "nothing"
