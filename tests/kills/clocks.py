"""The time of the trials: a machine's clock that is wrong, and a server's that goes with the systems' time.

Lives here: clocks alone. The systems keep the true time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import polars as pl

from syncline.demo.clock import DemoClock
from syncline.ports import Clock
from syncline.trees import Commit, Store, Table
from syncline.values import micros

_Told = TypeVar("_Told")


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


class StoreInTime:
    """A store on a server, whose time is that of *clock*, as it is on a file.

    The server's own stands all but still while hours of a trial pass: a budget shared by its ledger would wait for it
    a thousand times, each wait would move the trial's time on, and how far depended on the speed of the machine.
    Leases stay with the server's.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def clock_us(self) -> int:
        return micros(self._clock.now())

    async def revise(
        self,
        name: str,
        reads: Mapping[Table, Mapping[str, Any] | None],
        decide: Callable[[int, Mapping[Table, pl.DataFrame]], tuple[Commit, _Told]],
    ) -> _Told:
        return await self._store.revise(name, reads, lambda _, found: decide(micros(self._clock.now()), found))
