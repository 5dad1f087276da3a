"""The call budget of one connection: who may call now, who waits and why; lanes with a reserve for urgent.

Lives here: the queue of one process. It delays and says why; what is over for longer than a wait is worth raises. What
a vendor's headers look like is told by its connector through `learn_day` and `throttle`. Not here: what may be granted
(`spending`), or the breaker's rules (`breaker`).

A budget is either its own ledger (tests, sandboxes, one process), or spends by a ledger that all workers of the
connection share: then calls are granted in chunks, and what is not used is given back as soon as nothing is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncline.errors import Parked, QuotaExhausted
from syncline.net import breaker, spending
from syncline.net.limits import Limits as Limits
from syncline.net.limits import Wait as Wait
from syncline.net.limits import share_of
from syncline.net.shares import Shares
from syncline.net.spending import Ask, Grant
from syncline.ports import Account, Clock, Lane, Ledger, Usage
from syncline.values import instant, micros

_RANK = {Lane.URGENT: 0, Lane.LIVE: 1, Lane.BULK: 2, Lane.AUDIT: 3}

PATIENCE_SECONDS = 60.0
"""A longer hold is not waited for: whoever called is told, and does something else meanwhile."""


@dataclass
class Budget:
    """Grants slots for calls. `on_wait` is told of every delay before it begins (metrics, progress, `status`)."""

    limits: Limits
    clock: Clock
    on_wait: Callable[[Wait], None] | None = None
    calls_sent: int = 0
    account: Account = field(default_factory=Account)
    _shares: Shares | None = None
    _running: int = 0
    _waiting: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _results: breaker.Results = field(default_factory=breaker.Results)

    def share(self, ledger: Ledger, holder: str, *, alone: bool) -> None:
        """Spend by *ledger* from now on, as *holder*: as `ports.Sharing.share_budget`."""
        self._shares = Shares(ledger=ledger, holder=holder, limits=self.limits, clock=self.clock, is_alone=alone)

    @asynccontextmanager
    async def slot(self, lane: Lane, *, longest_seconds: float = 60.0, is_charged: bool = True) -> AsyncIterator[None]:
        """Hold one call's place while the body runs; entered when lane, concurrency and window allow.

        The body takes at most *longest_seconds*: so long others keep off the place if this process dies. What is not
        *charged* to the vendor's day (a login) goes through also when that is used up.

        Raises:
            QuotaExhausted: the lane's share of the vendor's day is used up.
            Parked: the connection takes no calls for now, and for longer than is worth waiting.
        """
        await self._enter(lane, longest_seconds, is_charged=is_charged)
        try:
            yield
        finally:
            self._running -= 1
            if self._shares is not None:
                await self._shares.leave(lane, self.account, is_idle=not any(self._waiting.values()))
            await self._stir()

    def learn_day(self, used: int, limit: int, *, resets_at: datetime | None = None) -> None:
        """Take over what the vendor says of its day: calls used by everybody, and its limit."""
        resets_us = None if resets_at is None else micros(resets_at)
        self._change(lambda account, now_us: spending.learn_day(account, now_us, used, limit, resets_us))

    def day_is_over(self, resets_at: datetime | None) -> None:
        """The vendor refused a call because the day is used up, whatever its number said."""
        resets_us = None if resets_at is None else micros(resets_at)
        self._change(lambda account, now_us: spending.end_day(account, now_us, resets_us))

    def day_goes_on(self) -> None:
        """A call was answered well, whatever was said of the day before."""
        if spending.is_asked_about(self.account):
            self._change(lambda account, _: spending.day_goes_on(account))

    def throttle(self, seconds: float, reason: str) -> None:
        """Hold all calls for *seconds*: the vendor has just refused one for its rate."""
        self._change(lambda account, now_us: spending.hold(account, now_us, seconds, reason))

    def failed(self, chance: float, said: str) -> None:
        """A call met a system in trouble; *said* is why, *chance* (0.5 to 1) how long the breaker opens by it."""
        is_bad = self._results.note(is_good=False)
        self._change(lambda account, now_us: breaker.failed(account, now_us, chance, said, is_bad=is_bad))

    def succeeded(self) -> None:
        """A call was answered by a system that works, whatever the answer."""
        self._results.note(is_good=True)
        if breaker.is_worth_telling(self.account, is_good=True):
            self._change(lambda account, _: breaker.succeeded(account))

    async def publish(self) -> None:
        """Let the other workers know what was learnt; nothing happens if there is nothing new or nobody else."""
        if self._shares is not None:
            await self._shares.publish(self.account)

    async def close(self) -> None:
        """Tell what was learnt and not told yet; what is held was given back with the last call."""
        if self._shares is not None:
            await self._shares.publish(self.account, is_last=True)

    def usage(self) -> Usage:
        """Calls sent since start, and the vendor's day as far as it told us."""
        limits = self.limits
        per_minute: float | None = None
        if limits.calls_per_window is not None:
            per_minute = limits.calls_per_window * 60 / limits.window_seconds * (1 - limits.urgent_reserve)
        return Usage(
            calls_sent=self.calls_sent,
            day_used=self.account.day_used,
            day_limit=self.account.day_limit,
            calls_per_minute=per_minute,
        )

    def _change(self, change: Callable[[Account, int], None]) -> None:
        change(self.account, micros(self.clock.now()))
        if self._shares is not None:
            self._shares.note(change)

    async def _enter(self, lane: Lane, longest_seconds: float, *, is_charged: bool = True) -> None:
        if self._shares is not None:
            await self._shares.begin(self.account)
        self._waiting[lane] += 1
        try:
            while True:
                await self._await_place(lane)
                grant = await self._grant(lane, longest_seconds, is_charged)
                if grant.calls:
                    break
                await self._wait_for(grant, lane)
        except BaseException:
            self._waiting[lane] -= 1
            await self._stir()  # lower lanes were waiting behind this one
            raise
        self._waiting[lane] -= 1
        # Of a budget that is its own ledger there was no await since the place was found free. Of a shared one there
        # was, and others may have come in; its ledger counts the places of all.
        self._running += 1
        self.calls_sent += 1

    async def _grant(self, lane: Lane, longest_seconds: float, is_charged: bool) -> Grant:
        """One call, or a refusal."""
        if self._shares is None or self._shares.is_alone:
            longest_us = int(longest_seconds * 1e6)
            wanted = Ask(holder="", lane=lane, longest_us=longest_us, is_exact=True, is_charged=is_charged)
            return spending.ask(self.account, micros(self.clock.now()), self.limits, wanted)
        demand = sum(count for other, count in self._waiting.items() if other is not Lane.URGENT)
        return await self._shares.take(lane, self.account, longest_seconds, demand=demand, is_charged=is_charged)

    async def _wait_for(self, refusal: Grant, lane: Lane) -> None:
        seconds = refusal.wait_us / 1e6
        until = self.clock.now() + timedelta(seconds=seconds)
        if refusal.refused_by == "day":
            resets_us = self.account.resets_us
            resets_at = None if resets_us is None else instant(resets_us)
            raise QuotaExhausted(f"{refusal.reason}.", resets_at=resets_at)
        if refusal.refused_by == "breaker" or seconds > PATIENCE_SECONDS:
            await self.publish()
            raise Parked(f"No call is made for now: {refusal.reason}", until=until)
        if self.on_wait is not None:
            self.on_wait(Wait(lane=lane, seconds=seconds, reason=refusal.reason))
        await self.clock.sleep(seconds)

    async def _stir(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _await_place(self, lane: Lane) -> None:
        if self._has_place(lane):
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_place(lane))

    def _has_place(self, lane: Lane) -> bool:
        room = share_of(self.limits, self.limits.concurrent, lane)
        ahead = sum(count for other, count in self._waiting.items() if _RANK[other] < _RANK[lane])
        return self._running + ahead < room
