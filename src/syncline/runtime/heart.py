"""The heart of a worker among others: signs of life from a thread of its own, with a connection of its own.

A worker computes for seconds at a time and must not be taken for dead meanwhile. But its heart stops if the worker's
own loop has not come round for long: then others had better take over.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

from syncline.errors import SynclineError
from syncline.runtime import presence
from syncline.runtime.presence import BEAT_SECONDS, Me
from syncline.trees import Store

LOOK_SECONDS = 0.02
STUCK_SECONDS = 300.0
"""A worker whose loop stands still for so long is no longer kept alive."""


class Heart:
    """Beats between `start` and `stop`. *told* gives our state and the units in hand, *open_store* the state once
    more."""

    def __init__(
        self,
        open_store: Callable[[], Awaitable[Store]],
        me: Me,
        started_us: int,
        told: Callable[[], tuple[str, list[str]]],
    ) -> None:
        self._open, self._me, self._started_us, self._told = open_store, me, started_us, told
        self._ends = threading.Event()
        self._came_round = time.monotonic()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._beat_on()), name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_beating(self) -> bool:
        return self._thread.is_alive()

    def come_round(self) -> None:
        """The worker's loop turns."""
        self._came_round = time.monotonic()

    async def stop(self) -> None:
        """Beat no more; returns once the connection is closed."""
        self._ends.set()
        # Not by the loop's executor: that is DBOS's, which has left by now.
        while self.is_beating:
            await asyncio.sleep(LOOK_SECONDS)

    async def _beat_on(self) -> None:
        store: Store | None = None
        while not self._ends.is_set():
            try:
                store = store or await self._open()
                if time.monotonic() - self._came_round < STUCK_SECONDS:
                    await presence.show(store, self._me, *self._told(), self._started_us)
                    await presence.keep_leases(store, self._me.worker_id)
            except SynclineError:
                pass  # the worker's own loop meets the same trouble and tells it; the next beat tries again
            await asyncio.get_running_loop().run_in_executor(None, self._ends.wait, BEAT_SECONDS)
        if store is not None:
            await store.close()
