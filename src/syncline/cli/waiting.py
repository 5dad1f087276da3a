"""A clock that says when the program does nothing but wait, and for what kind of thing.

Whoever sleeps in a command sleeps by the clock port: a repeated call, a call that would exceed a limit, a bulk job that
is not done, a stamp that must pass. None of them knows of a screen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from syncline.ports import Clock

WORTH_SAYING_SECONDS = 1.0


class ToldClock:
    """*inner*, telling of every wait worth saying: its seconds when it begins, None when it is over."""

    def __init__(self, inner: Clock, tell: Callable[[float | None], None]) -> None:
        self._inner, self._tell = inner, tell

    def now(self) -> datetime:
        return self._inner.now()

    async def sleep(self, seconds: float) -> None:
        if seconds < WORTH_SAYING_SECONDS:
            await self._inner.sleep(seconds)
            return
        self._tell(seconds)
        try:
            await self._inner.sleep(seconds)
        finally:
            self._tell(None)
