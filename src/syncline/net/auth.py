"""Tokens: flows without I/O, and the keeper that holds the current token of one connection.

A flow is a generator: it yields an HttpRequest, is sent the HttpResponse and returns a Token (or raises AccessError).
It can so be tested by hand and driven by any transport. Vendors' flows live in their connectors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncline.errors import AccessError
from syncline.ports import Clock, HttpRequest, HttpResponse


@dataclass(frozen=True, kw_only=True)
class Token:
    """A bearer token. `lifetime_seconds` counts from its receipt; None: lives until the vendor refuses it.

    `base_url` is where the vendor wants the calls (no trailing slash), None if it does not say; `identity` is as whom
    we are connected, in the vendor's form.
    """

    value: str = field(repr=False)
    lifetime_seconds: float | None = None
    base_url: str | None = None
    identity: str | None = None


TokenFlow = Callable[[], Generator[HttpRequest, HttpResponse, Token]]
Exchange = Callable[[HttpRequest], Awaitable[HttpResponse]]


class TokenRefused(AccessError):
    """The vendor calls the token invalid or expired. A Judge answers with it; the client renews once and resends."""

    code = "SYN-210"
    remedy = "Check that the connected user and app are active and that the session is not restricted."


async def run_flow(flow: TokenFlow, exchange: Exchange) -> Token:
    """Drive *flow* over *exchange* to its token."""
    steps = flow()
    request = next(steps)
    while True:
        response = await exchange(request)
        try:
            request = steps.send(response)
        except StopIteration as done:
            token: Token = done.value
            return token


class TokenKeeper:
    """The current token of one connection, fetched by one caller at a time however many wait for it."""

    def __init__(self, flow: TokenFlow, clock: Clock) -> None:
        self._flow = flow
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._renew_at: datetime | None = None

    async def current(self, exchange: Exchange) -> Token:
        """The token to use now; fetched if there is none or its life is nearly over."""
        if (token := self._usable()) is not None:
            return token
        async with self._lock:
            return self._usable() or await self._fetch(exchange)

    async def renew(self, refused: Token, exchange: Exchange) -> Token:
        """A token other than *refused*: one that somebody fetched meanwhile, else a new one."""
        async with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token
            return await self._fetch(exchange)

    def _usable(self) -> Token | None:
        if self._renew_at is not None and self._clock.now() >= self._renew_at:
            return None
        return self._token

    async def _fetch(self, exchange: Exchange) -> Token:
        token = await run_flow(self._flow, exchange)
        self._token = token
        self._renew_at = None
        if token.lifetime_seconds is not None:
            # A tenth, at most a minute: a vendor that hands out the same dying token again is not asked every time.
            margin = min(60.0, token.lifetime_seconds / 10)
            self._renew_at = self._clock.now() + timedelta(seconds=token.lifetime_seconds - margin)
        return token
