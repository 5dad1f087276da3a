"""The call budget of one connection: window, concurrency, the vendor's day, lanes with a reserve for urgent.

It delays and says why; only a day that is used up for a lane raises. What a vendor's headers look like is told by
its connector through `learn_day` and `throttle`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncline.errors import QuotaExhausted
from syncline.ports import Clock, Lane, Usage

_RANK = {Lane.URGENT: 0, Lane.LIVE: 1, Lane.BULK: 2, Lane.AUDIT: 3}

# Share of the vendor's day at which a lane stops. Other people's integrations live on the same quota: the background
# lanes stop early ("stop non-urgent work above 70-80 %"), urgent may use it to the end.
DAY_SHARE = {Lane.URGENT: 1.0, Lane.LIVE: 0.95, Lane.BULK: 0.8, Lane.AUDIT: 0.7}

# A used-up day is asked about this often: no call, no header that says the day has moved on.
PROBE_EVERY = timedelta(minutes=5)
_OVERTAKING = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a vendor allows a connection; None: it does not limit that."""

    concurrent: int = 10
    calls_per_window: int | None = None
    window_seconds: float = 20.0
    urgent_reserve: float = 0.1  # share of window and concurrency that only the urgent lane may use


@dataclass(frozen=True, kw_only=True)
class Wait:
    """One delay the budget imposed, and the sentence that says why."""

    lane: Lane
    seconds: float
    reason: str


@dataclass
class _Day:
    """What the vendor last said of its day."""

    used: int
    limit: int
    lowest: int  # since it said so; one below it begins another day
    at: datetime


@dataclass
class Budget:
    """Grants slots for calls. `on_wait` is told of every delay before it begins (metrics, progress, `status`)."""

    limits: Limits
    clock: Clock
    on_wait: Callable[[Wait], None] | None = None
    calls_sent: int = 0
    _sent_at: deque[datetime] = field(default_factory=deque)
    _running: int = 0
    _waiting: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _held_until: datetime | None = None
    _held_why: str = ""
    _day: _Day | None = None
    _resets_at: datetime | None = None

    @asynccontextmanager
    async def slot(self, lane: Lane) -> AsyncIterator[None]:
        """Hold one call's place while the body runs; entered when lane, concurrency and window allow.

        Raises:
            QuotaExhausted: the lane's share of the vendor's day is used up.
        """
        await self._enter(lane)
        try:
            yield
        finally:
            self._running -= 1
            await self._stir()

    def learn_day(self, used: int, limit: int, *, resets_at: datetime | None = None) -> None:
        """Take over what the vendor says of its day: calls used by everybody, and its limit."""
        now = self.clock.now()
        day = self._day
        if day is None or used < day.lowest or limit != day.limit:
            self._day = _Day(used=used, limit=limit, lowest=used, at=now)
        else:
            # Answers overtake each other by seconds; a rolling day falls by minutes.
            day.used = used if now - day.at > _OVERTAKING else max(day.used, used)
            day.at = now
        self._resets_at = resets_at

    def throttle(self, seconds: float, reason: str) -> None:
        """Hold all calls for *seconds*: the vendor has just refused one for its rate."""
        until = self.clock.now() + timedelta(seconds=seconds)
        if self._held_until is None or until > self._held_until:
            self._held_until, self._held_why = until, reason

    def usage(self) -> Usage:
        """Calls sent since start, and the vendor's day as far as it told us."""
        if self._day is None:
            return Usage(calls_sent=self.calls_sent)
        return Usage(calls_sent=self.calls_sent, day_used=self._day.used, day_limit=self._day.limit)

    async def _enter(self, lane: Lane) -> None:
        self._check_day(lane)
        self._waiting[lane] += 1
        try:
            while True:
                await self._await_place(lane)
                wait = self._delay(lane)
                if wait is None:
                    break
                if self.on_wait is not None:
                    self.on_wait(wait)
                await self.clock.sleep(wait.seconds)
                self._check_day(lane)
        except BaseException:
            self._waiting[lane] -= 1
            await self._stir()  # lower lanes were waiting behind this one
            raise
        self._waiting[lane] -= 1
        # No await since the checks: nobody else can have taken the place.
        self._running += 1
        self.calls_sent += 1
        if self.limits.calls_per_window is not None:
            self._sent_at.append(self.clock.now())

    async def _stir(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _await_place(self, lane: Lane) -> None:
        if self._has_place(lane):
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_place(lane))

    def _has_place(self, lane: Lane) -> bool:
        room = self._share(self.limits.concurrent, lane)
        ahead = sum(count for other, count in self._waiting.items() if _RANK[other] < _RANK[lane])
        return self._running + ahead < room

    def _delay(self, lane: Lane) -> Wait | None:
        """How long this lane has to wait for rate reasons, None if not at all."""
        now = self.clock.now()
        if self._held_until is not None and now < self._held_until:
            return Wait(lane=lane, seconds=(self._held_until - now).total_seconds(), reason=self._held_why)
        if self.limits.calls_per_window is None:
            return None
        window = timedelta(seconds=self.limits.window_seconds)
        while self._sent_at and self._sent_at[0] + window <= now:
            self._sent_at.popleft()
        room = self._share(self.limits.calls_per_window, lane)
        if len(self._sent_at) < room:
            return None
        free_at = self._sent_at[len(self._sent_at) - room] + window
        reason = (
            f"{len(self._sent_at)} calls in {self.limits.window_seconds:g} s: the window of the {lane} lane is full"
        )
        return Wait(lane=lane, seconds=(free_at - now).total_seconds(), reason=reason)

    def _share(self, total: int, lane: Lane) -> int:
        if lane is Lane.URGENT:
            return total
        return max(1, total - round(total * self.limits.urgent_reserve))

    def _check_day(self, lane: Lane) -> None:
        day = self._day
        if day is None or day.used < day.limit * DAY_SHARE[lane]:
            return
        now = self.clock.now()
        if now - day.at >= PROBE_EVERY:
            day.at = now  # this one call is let through: its answer says whether the day has moved on
            return
        raise QuotaExhausted(
            f"{day.used} of the day's {day.limit} calls are used; the {lane} lane stops at {DAY_SHARE[lane]:.0%}.",
            resets_at=self._resets_at,
        )
