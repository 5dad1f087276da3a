"""Sections: stretches of reading and committing that nobody else may come between.

Lives here: `Sections`, a lock of this process whose holder may take it again, and who goes first. What keeps other
processes out, and tells them who is ahead, is given to it: locks of a database, where several may use one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Protocol

from syncline.errors import OurBug

PATIENCE_SECONDS = 2.0
"""How long those ahead are waited for, since the last section of somebody who is not; then one takes its turn: whatever
is always behind goes on slowly, and nobody who stands still while he is ahead stops it."""

LOOK_SECONDS = 0.01

_IS_AHEAD: ContextVar[bool] = ContextVar("is_ahead", default=False)


class Outside(Protocol):
    """What the sections of a process owe to other processes."""

    async def enter(self, *, is_polite: bool, is_shared: bool) -> bool:
        """Keep the others out, all of them or those who do not share; False, and nobody is kept out, if one of them is
        ahead and we are polite."""
        ...

    async def leave(self) -> None: ...

    async def announce(self) -> None:
        """Tell the others that one of us is ahead, or several."""
        ...

    async def withdraw(self) -> None:
        """None of us is any more."""
        ...


class Nobody:
    """Where no other process has to be kept out."""

    async def enter(self, *, is_polite: bool, is_shared: bool) -> bool:
        return True

    async def leave(self) -> None: ...

    async def announce(self) -> None: ...

    async def withdraw(self) -> None: ...


class Sections:
    """One task at a time, in the order of asking, those ahead before all others; a section inside a section of the
    same task is the same section."""

    def __init__(self, outside: Outside | None = None) -> None:
        self._outside = outside or Nobody()
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None
        self._is_shared = False  # what is held
        self._ahead = 0
        self._all_passed = asyncio.Event()
        self._last_turn_at = 0.0  # of somebody who was not ahead

    def is_mine(self) -> bool:
        """Whether the present task is inside its section."""
        return self._holder is not None and self._holder is asyncio.current_task()

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[None]:
        """The sections of the present task, and of tasks it makes, go before those of everybody else."""
        token = _IS_AHEAD.set(True)
        self._ahead += 1
        self._all_passed.clear()
        try:
            if self._ahead == 1:
                await self._outside.announce()
            yield
        finally:
            _IS_AHEAD.reset(token)
            self._ahead -= 1
            if not self._ahead:
                self._all_passed.set()
                await self._outside.withdraw()

    @asynccontextmanager
    async def alone(self, *, is_shared: bool = False) -> AsyncIterator[None]:
        """*is_shared*: other processes' shared sections may go on beside it. OurBug if one that is not is asked for
        inside one that is: two who asked would wait for each other."""
        if self.is_mine():
            if self._is_shared and not is_shared:
                raise OurBug("A section that keeps everybody out was asked for inside one of a share.")
            yield
            return
        await self._take(is_shared)
        self._holder, self._is_shared = asyncio.current_task(), is_shared
        try:
            yield
        finally:
            self._holder = None
            try:
                await self._outside.leave()
            finally:
                self._lock.release()

    async def _take(self, is_shared: bool) -> None:
        loop = asyncio.get_running_loop()
        asked_at, is_ahead = loop.time(), _IS_AHEAD.get()
        while True:
            patience = max(asked_at, self._last_turn_at) + PATIENCE_SECONDS - loop.time()
            is_polite = not is_ahead and patience > 0
            if is_polite and self._ahead:
                await self._let_pass(patience)
                continue
            await self._lock.acquire()
            try:
                is_free = not (is_polite and self._ahead)
                is_taken = is_free and await self._outside.enter(is_polite=is_polite, is_shared=is_shared)
            except BaseException:
                self._lock.release()
                raise
            if is_taken:
                break
            self._lock.release()
            await asyncio.sleep(LOOK_SECONDS)
        if not is_ahead:
            self._last_turn_at = loop.time()

    async def _let_pass(self, seconds: float) -> None:
        with suppress(TimeoutError):  # then it is our turn, whoever is ahead
            await asyncio.wait_for(self._all_passed.wait(), seconds)
