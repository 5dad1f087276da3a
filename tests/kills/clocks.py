"""A machine's clock that is wrong: it differs from the time that passes for everybody else, and jumps.

Lives here: the clock alone. The systems keep the true time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from syncline.demo.clock import DemoClock


class WrongClock:
    """Implements `ports.Clock`: the time of *true*, shifted by *ahead*, and by *jump* more once it was read *after*
    times."""

    def __init__(self, true: DemoClock, *, ahead: timedelta, jump: timedelta = timedelta(0), after: int = 0) -> None:
        self._true = true
        self._ahead = ahead
        self._jump = jump
        self._left = after

    def now(self) -> datetime:
        if self._left:
            self._left -= 1
            if not self._left:
                self._ahead += self._jump
        return self._true.now() + self._ahead

    async def sleep(self, seconds: float) -> None:
        await self._true.sleep(seconds)
