"""One process's part of a budget that several share: the chunks it holds, when it asks for more and what it gives back.

Lives here: talking to the ledger. What is granted is decided by `spending`, who may call next by `budget`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TypeVar

from syncline.net import spending
from syncline.net.limits import Limits
from syncline.net.spending import CHUNK_US, Ask, Grant
from syncline.ports import Account, Clock, Lane, Ledger
from syncline.values import micros

_Result = TypeVar("_Result")
Change = Callable[[Account, int], None]

_NOTES_EVERY = timedelta(seconds=15)
"""A holder that is alone tells so often where the vendor's day stands; a hold or a breaker is told at once."""


@dataclass
class Chunk:
    """What is granted to the calls of urgent, or to those of all other lanes."""

    name: str | None = None  # of the window allowance; None: nothing is to be settled
    granted: int = 0
    left: int = 0
    until: datetime | None = None  # start no call later, by our own clock
    places: int = 0
    running: int = 0
    ends: datetime | None = None  # when the last call under way has timed out
    refusals: dict[Lane, tuple[datetime, Grant]] = field(default_factory=dict)  # until when, and in which words
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, now: datetime, longest_seconds: float) -> bool:
        """Start one call by it, if it holds one more."""
        if not self.left or self.until is None or now >= self.until or self.running >= self.places:
            return False
        self.left -= 1
        self.running += 1
        ends = now + timedelta(seconds=longest_seconds)
        self.ends = ends if self.ends is None else max(ends, self.ends)
        return True

    def refusal(self, now: datetime, lane: Lane) -> Grant | None:
        """What the lane was told last, while that holds."""
        until, grant = self.refusals.get(lane, (now, None))
        return None if grant is None or until <= now else replace(grant, wait_us=_micros(until - now))

    def settled(self) -> tuple[str, int] | None:
        """The window allowance and what was used of it; from now on nothing of it is."""
        used = None if self.name is None else (self.name, self.granted - self.left)
        self.name, self.left = None, 0
        return used


@dataclass(kw_only=True)
class Shares:
    """What this process holds of the connection's limits, and how it comes by more."""

    ledger: Ledger
    holder: str
    limits: Limits
    clock: Clock
    is_alone: bool
    _chunks: dict[bool, Chunk] = field(default_factory=lambda: {True: Chunk(), False: Chunk()})  # by: is it urgent
    _news: list[Change] = field(default_factory=list)
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    _has_begun: bool = False
    _told_at: datetime | None = None
    _told: tuple[object, ...] = ()

    def note(self, change: Change) -> None:
        """Keep what was learnt until the ledger is told."""
        if not self.is_alone:
            self._news.append(change)

    async def begin(self, own: Account) -> None:
        """Before the first call: take over what the ledger knows."""
        if self._has_begun:
            return
        async with self._beginning:
            if not self._has_begun:
                await self._revise(own, lambda _, __: None)
                self._has_begun, self._told = True, _telling(own)
                if self.is_alone:
                    spending.ask_at_once(own)

    async def take(
        self, lane: Lane, own: Account, longest_seconds: float, *, demand: int, is_charged: bool = True
    ) -> Grant:
        """One call of the chunk in hand, or of a new one; else the refusal. *demand*: how many wait for one."""
        chunk = self._chunks[lane is Lane.URGENT]
        if not is_charged:
            async with chunk.asking:
                return await self._ask(chunk, lane, own, longest_seconds, 1, is_charged=False)
        if own.breaker == "closed" and (had := self._had(chunk, lane, own, longest_seconds)) is not None:
            return had
        async with chunk.asking:
            if own.breaker == "closed" and (had := self._had(chunk, lane, own, longest_seconds)) is not None:
                return had
            return await self._ask(chunk, lane, own, longest_seconds, demand)

    async def leave(self, lane: Lane, own: Account, *, is_idle: bool) -> None:
        """One call has ended. What is held and not needed any more goes back."""
        if self.is_alone:
            await self.publish(own)
            return
        chunk = self._chunks[lane is Lane.URGENT]
        chunk.running -= 1
        chunk.refusals.clear()
        if chunk.running:
            return
        chunk.ends = None
        if is_idle or not chunk.left:
            async with chunk.asking:
                stands = self._stands(chunk, lane, self.clock.now())
                await self._revise(own, lambda account, now_us: spending.settle(account, now_us, self.limits, stands))

    async def publish(self, own: Account, *, is_last: bool = False) -> None:
        """Tell the ledger what was learnt."""
        if self.is_alone:
            await self._publish_alone(own, is_last)
        elif self._news:
            await self._revise(own, lambda _, __: None)

    def _had(self, chunk: Chunk, lane: Lane, own: Account, longest_seconds: float) -> Grant | None:
        """A call of the chunk in hand, or the refusal of a moment ago."""
        now = self.clock.now()
        if (refusal := chunk.refusal(now, lane)) is not None:
            return refusal
        # The chunk may have been asked for by a lane that goes further, or before the vendor said stop.
        if spending.is_day_over(own, lane) or (own.held_until_us or 0) > micros(now):
            return None
        return Grant(calls=1) if chunk.take(now, longest_seconds) else None

    async def _ask(
        self,
        chunk: Chunk,
        lane: Lane,
        own: Account,
        longest_seconds: float,
        demand: int,
        *,
        is_charged: bool = True,
    ) -> Grant:
        asked_at, longest_us = self.clock.now(), int(longest_seconds * 1e6)
        stands = self._stands(chunk, lane, asked_at)
        wanted = replace(stands, calls=max(1, demand), longest_us=longest_us, is_charged=is_charged)
        grant = await self._revise(own, lambda account, now_us: spending.ask(account, now_us, self.limits, wanted))
        if not grant.calls:
            chunk.places = wanted.running
            chunk.refusals[lane] = (asked_at + timedelta(microseconds=grant.wait_us), grant)
            return grant
        chunk.name, chunk.granted, chunk.left, chunk.places = grant.name, grant.calls, grant.calls, grant.places
        chunk.until = asked_at + timedelta(microseconds=CHUNK_US)
        if chunk.take(self.clock.now(), longest_seconds):
            return grant
        return Grant(wait_us=1, reason="the answer of the ledger came too late", refused_by="place")

    def _stands(self, chunk: Chunk, lane: Lane, now: datetime) -> Ask:
        """How the holder stands; the chunk in hand is settled by saying it."""
        running_us = 0 if chunk.ends is None or not chunk.running else max(0, _micros(chunk.ends - now))
        return Ask(
            holder=self.holder, lane=lane, running=chunk.running, running_us=running_us, used=chunk.settled(), calls=0
        )

    async def _revise(self, own: Account, change: Callable[[Account, int], _Result]) -> _Result:
        """Revise the ledger, with everything that was learnt first, and take over how it stands."""
        news = tuple(self._news)

        def revised(account: Account, now_us: int) -> tuple[Account, _Result]:
            for one in news:
                one(account, now_us)
            result = change(account, now_us)
            return replace(account, seen=dict(account.seen), allowances={}), result

        account, result = await self.ledger.revise(revised)
        del self._news[: len(news)]
        _adopt(own, account)
        return result

    async def _publish_alone(self, own: Account, is_last: bool) -> None:
        telling, now = _telling(own), self.clock.now()
        is_due = is_last or self._told_at is None or now - self._told_at >= _NOTES_EVERY
        if not self._has_begun or telling == self._told or (telling[:-1] == self._told[:-1] and not is_due):
            return
        self._told, self._told_at = telling, now
        stored = replace(own, seen=dict(own.seen), allowances={})
        await self.ledger.revise(lambda account, _: _adopt(account, stored))


def _telling(own: Account) -> tuple[object, ...]:
    """What others must know of it at once, and last what they may learn later."""
    return own.held_until_us, own.breaker, own.openings, own.day_limit, (own.day_used, own.day_ours)


def _adopt(own: Account, other: Account) -> None:
    for one in fields(Account):
        if one.name != "allowances":
            setattr(own, one.name, getattr(other, one.name))


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
