"""A clock whose sleepers a seed wakes: virtual time passes only when nobody has anything else to do."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from tests.support.virtual import START


class ScheduledClock:
    """Implements `ports.Clock`. Sleepers of the same instant wake in an order of the seed's."""

    def __init__(self, seed: int, start: datetime = START) -> None:
        self._now = start
        self._random = random.Random(seed)
        self._sleepers: list[tuple[datetime, float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        wakes = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (wakes, self._random.random(), woken))
        await woken

    async def drive(
        self,
        *stories: Coroutine[Any, Any, Any],
        until: float = 3600.0,
        ending: Callable[[], None] = lambda: None,
    ) -> list[int]:
        """Run *stories* to their end, or until so many seconds have passed or nobody can go on; the numbers of those
        not ended. They are cancelled after *ending* was called."""
        tasks = [asyncio.ensure_future(story) for story in stories]
        end = self._now + timedelta(seconds=until)
        await _everybody_waits()
        while self._sleepers and not all(task.done() for task in tasks):
            wakes, _, woken = heapq.heappop(self._sleepers)
            if wakes > end:
                break
            self._now = max(self._now, wakes)
            if not woken.done():
                woken.set_result(None)
            await _everybody_waits()
        left = [number for number, task in enumerate(tasks) if not task.done()]
        ending()
        for number in left:
            tasks[number].cancel()
        await asyncio.gather(*(tasks[number] for number in left), return_exceptions=True)
        for number, task in enumerate(tasks):
            if number not in left:
                task.result()
        return left


async def _everybody_waits() -> None:
    """Return once no task can go on by itself."""
    ready: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    while ready:
        await asyncio.sleep(0)
