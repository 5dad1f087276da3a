"""Workers that spend one budget, and the system that counts what they send: who may exceed what is seen there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import msgspec

from syncline.errors import Later
from syncline.net.budget import Budget, Limits
from syncline.net.limits import share_of
from syncline.ports import DAY_SHARE, Account, Lane, Ledger
from syncline.values import micros
from tests.support.scheduler import ScheduledClock

_Told = TypeVar("_Told")

LONGEST_SECONDS = 12.0


class Died(Exception):
    """The story is over, and the process of this task has long been dead."""


class MemoryLedger:
    """Implements `ports.Ledger` by one object."""

    def __init__(self, clock: ScheduledClock) -> None:
        self._clock = clock
        self.account = Account()

    async def revise(self, change: Callable[[Account, int], _Told]) -> _Told:
        account = _copied(self.account)
        told = change(account, micros(self._clock.now()))
        self.account = account
        return told


def _copied(account: Account) -> Account:
    return replace(
        account,
        seen=msgspec.json.decode(msgspec.json.encode(account.seen)),
        allowances={name: replace(one) for name, one in account.allowances.items()},
    )


@dataclass
class System:
    """A system with limits that counts for itself. `broken` holds what it would have refused."""

    limits: Limits
    clock: ScheduledClock
    day_limit: int
    used: int = 0
    running: list[Lane] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    starts: list[tuple[float, Lane]] = field(default_factory=list)

    def begin(self, lane: Lane) -> None:
        now = self.clock.now().timestamp()
        if self.used >= self.day_limit * DAY_SHARE[lane]:
            self.broken.append(f"{self.used} calls of the day are used, and {lane} calls")
        self.used += 1
        self.running.append(lane)
        self.starts.append((now, lane))
        recent = [one for at, one in self.starts if now - at < self.limits.window_seconds - 1e-6]
        self._compare(self.running, self.limits.concurrent, "at once")
        if self.limits.calls_per_window is not None:
            self._compare(recent, self.limits.calls_per_window, "in a window")

    def _compare(self, calls: Sequence[Lane], most: int, what: str) -> None:
        others = [lane for lane in calls if lane is not Lane.URGENT]
        if len(calls) > most:
            self.broken.append(f"{len(calls)} calls {what}")
        if len(others) > share_of(self.limits, most, Lane.BULK):
            self.broken.append(f"{len(others)} calls {what} that are not urgent")

    def end(self, lane: Lane) -> int:
        """The call is answered, and the answer tells how much of the day is used."""
        self.running.remove(lane)
        return self.used


@dataclass
class Life:
    """The life of one process: once it is dead, nothing of it goes on."""

    is_dead: bool = False
    is_over: bool = False

    async def goes_on(self) -> None:
        if self.is_dead:
            if self.is_over:
                raise Died
            await asyncio.Event().wait()


@dataclass
class Distant:
    """A ledger some milliseconds away, for one process."""

    ledger: Ledger
    clock: ScheduledClock
    random: random.Random
    life: Life

    async def revise(self, change: Callable[[Account, int], _Told]) -> _Told:
        await self.life.goes_on()
        await self.clock.sleep(self.random.uniform(0.0005, 0.02))
        await self.life.goes_on()
        told = await self.ledger.revise(change)
        await self.clock.sleep(self.random.uniform(0.0005, 0.02))
        await self.life.goes_on()
        return told


@dataclass
class Worker:
    """One process. It is dead when its `life` says so, between any two things it does."""

    budget: Budget
    system: System
    random: random.Random
    life: Life
    parked: int = 0

    async def calls(self, lane: Lane, number: int) -> None:
        """Call so many times, one after the other; what is parked is given up."""
        for _ in range(number):
            try:
                async with self.budget.slot(lane, longest_seconds=LONGEST_SECONDS):
                    await self._call(lane)
            except Later:
                self.parked += 1
                return
            await self.system.clock.sleep(self.random.choice((0.0, 0.1, 1.0)))
            await self.life.goes_on()

    async def _call(self, lane: Lane) -> None:
        await self.life.goes_on()
        self.system.begin(lane)
        await self.system.clock.sleep(self.random.uniform(0, self.random.choice((0.3, 3, LONGEST_SECONDS))))
        used = self.system.end(lane)
        await self.life.goes_on()
        if self.random.random() < 0.3:
            self.budget.learn_day(used, self.system.day_limit)


def worker(name: str, system: System, ledger: Ledger, seed: str) -> Worker:
    """A worker that spends by *ledger*, with chances of its own."""
    chance, life = random.Random(seed), Life()
    budget = Budget(system.limits, system.clock)
    budget.share(Distant(ledger, system.clock, chance, life), name, alone=False)
    return Worker(budget, system, chance, life)


async def dies(one: Worker, after: timedelta) -> None:
    await one.system.clock.sleep(after.total_seconds())
    one.life.is_dead = True
