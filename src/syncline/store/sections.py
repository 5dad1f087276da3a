"""Sections: stretches of reading and committing that nobody else may come between, within one process.

Lives here: `Sections`, a lock whose holder may take it again. Not here: what a second process may do (`claim`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Sections:
    """One task at a time, in the order of asking; a section inside a section of the same task is the same section."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if self._holder is task and task is not None:
            yield
            return
        async with self._lock:
            self._holder = task
            try:
                yield
            finally:
                self._holder = None
