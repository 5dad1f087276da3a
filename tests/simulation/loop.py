"""An event loop in which time passes only when everybody waits: the scheduler of a simulated history.

Lives here: the loop and its clock. Who waits for how long is drawn by the ports (`ports`), from the history's seed: so
the seed decides in which order everything is completed. Nothing is real-time, nothing runs on a thread.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from syncline_sandbox.core.clock import SandboxClock

T = TypeVar("T")
BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Deadlock(RuntimeError):
    """Everybody waits for somebody else: nothing can ever happen again."""


class _NoSockets:
    """What the loop asks for events of the outside: there are none, and asking lets time pass."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("every task waits for another one")
        self._loop.pass_time(timeout)
        return []

    def close(self) -> None:
        """Nothing to close."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready in order; when nothing is, time jumps to whoever wakes first."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0
        self._clock_resolution = 1e-6
        self._selector = _NoSockets(self)

    def time(self) -> float:
        return self._seconds

    def pass_time(self, seconds: float) -> None:
        self._seconds += seconds

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""


class VirtualTime(SandboxClock):
    """The one time of a history: the loop's. Implements `ports.Clock`, and is the clock of both sandboxes."""

    def __init__(self, loop: VirtualLoop, begin: datetime = BEGIN) -> None:
        super().__init__(frozen_at=begin)
        self._loop = loop
        self._begin = begin
        self._skew = timedelta(0)

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self._loop.time()) + self._skew

    def advance(self, seconds: float) -> None:
        """For a vendor's machine whose clock is off (`skewed`) alone."""
        self._skew += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def now_us(self) -> int:
        return int((self.now() - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop of its own. Nobody looks for circles of garbage meanwhile: they are few, and it takes time."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    gc.disable()
    try:
        yield loop
    finally:
        gc.enable()
        asyncio.set_event_loop(None)
        loop.close()


def run(loop: VirtualLoop, steps: Coroutine[Any, Any, T]) -> T:
    """Run *steps* to their end; what is left waiting is cancelled."""
    try:
        return loop.run_until_complete(steps)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
