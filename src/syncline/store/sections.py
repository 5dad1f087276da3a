"""Sections: stretches of reading and committing that nobody else may come between.

Lives here: `Sections`, a lock of this process whose holder may take it again. What keeps other processes out is given
to it: a database's lock, where several may use one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


async def _nothing() -> None:
    """Where no other process has to be kept out."""


class Sections:
    """One task at a time, in the order of asking; a section inside a section of the same task is the same section."""

    def __init__(
        self, enter: Callable[[], Awaitable[None]] = _nothing, leave: Callable[[], Awaitable[None]] = _nothing
    ) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None
        self._enter = enter
        self._leave = leave

    def is_mine(self) -> bool:
        """Whether the present task is inside its section."""
        return self._holder is not None and self._holder is asyncio.current_task()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        if self.is_mine():
            yield
            return
        async with self._lock:
            await self._enter()
            self._holder = asyncio.current_task()
            try:
                yield
            finally:
                self._holder = None
                await self._leave()
