"""Marketo's REST calls: token, envelope, long queries as POST, the vendor's time, and the day's count of calls.

What an answer means lives in errors.py; what is asked lives in the modules that ask.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from syncline.connectors.marketo.errors import judge, next_central_midnight
from syncline.connectors.marketo.manifest import Options
from syncline.errors import AccessError, NotUnderstood
from syncline.net.auth import Token
from syncline.net.budget import Budget, Limits
from syncline.net.client import HttpClient
from syncline.ports import Clock, HttpRequest, HttpResponse, Lane, Random, Transport

_T = TypeVar("_T")

# The vendor refuses URIs above 8 KB (414); host, token headers and escapes want room.
_LONGEST_QUERY = 4_000
_USAGE_EVERY_CALLS = 250


class Envelope(msgspec.Struct):
    """A successful reply. `result` is empty where the vendor leaves it out."""

    requestId: str = ""
    result: list[Any] = []
    nextPageToken: str | None = None
    moreResult: bool = False


class _TokenReply(msgspec.Struct):
    access_token: str
    expires_in: float
    scope: str | None = None


_ENVELOPE = msgspec.json.Decoder(Envelope)


def token_flow(options: Options) -> Generator[HttpRequest, HttpResponse, Token]:
    """Client credentials (vendor's page "Authentication"). The same token is served again until its hour is over."""
    form = {
        "grant_type": "client_credentials",
        "client_id": options.client_id,
        "client_secret": options.client_secret,
    }
    response = yield HttpRequest(
        method="POST",
        url=f"{options.url}/identity/oauth/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )
    if response.status in (400, 401, 403):
        raise AccessError(
            f"Marketo refused the client id or secret (HTTP {response.status}).",
            code="SYN-201",
            remedy="Copy client id and secret again from Admin > LaunchPoint > View Details.",
        )
    try:
        reply = msgspec.json.decode(response.body, type=_TokenReply)
    except msgspec.DecodeError as strange:
        raise NotUnderstood(
            f"The identity service answered HTTP {response.status} with something that is not a token.",
            remedy="Check that the connection's url is the REST endpoint's host.",
        ) from strange
    return Token(value=reply.access_token, lifetime_seconds=reply.expires_in, identity=reply.scope)


class MarketoApi:
    """The calls of one connection."""

    def __init__(self, options: Options, transport: Transport, clock: Clock, random: Random) -> None:
        self.clock = clock
        self.options = options
        self.http = HttpClient(
            transport=transport,
            clock=clock,
            random=random,
            budget=Budget(
                Limits(concurrent=options.concurrent_calls, calls_per_window=options.calls_per_20_seconds), clock
            ),
            base_url=options.url,
            judge=judge(clock),
            flow=lambda: token_flow(options),
            secrets=(options.client_secret,),
        )
        self._usage_told_at: int | None = None  # calls sent when the vendor's count was last read

    async def get(
        self, path: str, query: Mapping[str, str | int] | None = None, *, lane: Lane, timeout_seconds: float = 70.0
    ) -> Envelope:
        """One query. A long one goes as a form in a POST, which the vendor documents as the way round its URI limit."""
        encoded = urlencode(query or {}, safe=",")
        if len(encoded) <= _LONGEST_QUERY:
            request = HttpRequest(
                method="GET", url=f"{path}?{encoded}" if encoded else path, timeout_seconds=timeout_seconds
            )
        else:
            request = HttpRequest(
                method="POST",
                url=f"{path}?_method=GET",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=encoded.encode(),
                timeout_seconds=timeout_seconds,
            )
        return decoded(await self.http.send(request, lane=lane, is_safe=True))

    async def post(
        self, path: str, document: object, *, lane: Lane, is_safe: bool = False, timeout_seconds: float = 100.0
    ) -> Envelope:
        """One JSON call; *document* may be bytes already encoded. *is_safe*: repeating it changes nothing."""
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        request = HttpRequest(
            method="POST",
            url=path,
            headers={"Content-Type": "application/json"},
            body=body,
            timeout_seconds=timeout_seconds,
        )
        return decoded(await self.http.send(request, lane=lane, is_safe=is_safe))

    async def file(self, path: str, *, lane: Lane) -> bytes:
        """A bulk file as it is. Declined with vendor code 404 if there is none (yet)."""
        request = HttpRequest(method="GET", url=path, timeout_seconds=600.0)
        return (await self.http.send(request, lane=lane)).body

    async def identity(self) -> str | None:
        """The API user's e-mail, as the identity service names it."""
        return (await self.http.token()).identity

    async def learn_usage(self, *, lane: Lane, always: bool = False) -> None:
        """Read the day's count of calls of all integrations, at most every 250 calls of ours unless *always*.

        The vendor tells what was used and never what is allowed: the quota is a setting ("Usage" page).
        """
        sent = self.http.budget.calls_sent
        if not always and self._usage_told_at is not None and sent - self._usage_told_at < _USAGE_EVERY_CALLS:
            return
        reply = await self.get("/rest/v1/stats/usage.json", lane=lane)
        self._usage_told_at = self.http.budget.calls_sent
        used = sum(day.get("total", 0) for day in reply.result if isinstance(day, dict))
        resets_at = next_central_midnight(self.clock.now())
        self.http.budget.learn_day(used, self.options.daily_quota, resets_at=resets_at)

    def vendor_now(self, reply: Envelope) -> datetime:
        """The vendor's time when it made *reply*, never later than our own clock.

        The part of `requestId` after "#" is the server's time in milliseconds, hexadecimal. That is observed, not
        documented: an id of another shape leaves our clock. The earlier of the two is safe, for a position that lies
        too early only reads something twice.
        """
        now = self.clock.now()
        try:
            return min(now, datetime.fromtimestamp(int(reply.requestId.rpartition("#")[2], 16) / 1000, UTC))
        except (ValueError, OverflowError, OSError):
            return now


def decoded(response: HttpResponse) -> Envelope:
    """The envelope in *response*. NotUnderstood if its members are of other types than documented."""
    try:
        return _ENVELOPE.decode(response.body)
    except msgspec.DecodeError as strange:
        raise NotUnderstood(f"Marketo's reply does not have its documented shape: {strange}.") from strange


@contextmanager
def documented(what: str) -> Iterator[None]:
    """Read members of an answer inside: one that is absent or of another type is NotUnderstood."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError) as strange:
        raise NotUnderstood(f"Marketo's answer on {what} lacks a documented member: {strange!r}.") from strange


def parts(values: Sequence[_T], size: int) -> list[Sequence[_T]]:
    """*values* in runs of at most *size*."""
    return [values[start : start + size] for start in range(0, len(values), size)]
