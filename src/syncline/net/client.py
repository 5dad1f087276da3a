"""The one path of every request: token, budget, sending, judging, repeating what is safe to repeat.

What an answer means is the connector's `Judge`. Nothing here knows a vendor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

from syncline.errors import (
    ConfigError,
    Later,
    OutcomeUnknown,
    Parked,
    QuotaExhausted,
    RateLimited,
    SynclineError,
    Unavailable,
)
from syncline.net.auth import Token, TokenFlow, TokenKeeper, TokenRefused
from syncline.net.breaker import Outage
from syncline.net.budget import PATIENCE_SECONDS, Budget
from syncline.net.redaction import Redactor
from syncline.net.retry_after import retry_after_seconds
from syncline.ports import Clock, HttpRequest, HttpResponse, Lane, Random, Transport

Judge = Callable[[HttpRequest, HttpResponse], SynclineError | None]
"""Says which error an answer stands for, None if the caller can use it. TokenRefused asks for a new token."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How safe requests are repeated: doubling from `first_seconds` to `longest_seconds`, with jitter."""

    attempts: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 60.0

    def seconds(self, failures: int, random: Random) -> float:
        """The wait after the *failures*-th failure in a row; between half and all of the step."""
        step = min(self.longest_seconds, self.first_seconds * 2.0 ** (failures - 1))
        return step * random.uniform(0.5, 1.0)


class HttpClient:
    """Sends requests of one connection.

    *base_url* (no trailing slash) completes URLs that begin with "/", unless the token names another. *judge* is asked
    about every answer to `send`; *learn* is shown every answer first, to read quota headers into the budget. *secrets*
    are masked in every error's message and evidence, as are the tokens.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        clock: Clock,
        random: Random,
        budget: Budget,
        base_url: str,
        judge: Judge,
        flow: TokenFlow | None = None,
        learn: Callable[[HttpResponse], None] | None = None,
        secrets: Iterable[str] = (),
        backoff: Backoff | None = None,
    ) -> None:
        self.budget = budget
        self.redactor = Redactor(secrets)
        self._transport = transport
        self._clock = clock
        self._random = random
        self._base_url = base_url
        self._judge = judge
        self._tokens = TokenKeeper(flow, clock) if flow is not None else None
        self._learn = learn
        self._backoff = backoff or Backoff()

    async def send(self, request: HttpRequest, *, lane: Lane, is_safe: bool | None = None) -> HttpResponse:
        """The answer to *request*, judged good.

        *is_safe* says whether repeating the request can change nothing; by default only GET, HEAD and OPTIONS are. Safe
        requests are repeated after Later (waiting what the vendor asks, else backing off) and after a lost answer; a
        lost answer to a safe request ends as Unavailable. Others are sent once: OutcomeUnknown if the answer was lost
        or a 5xx came back, for a gateway may have passed the request on. A refused token is renewed once for either:
        a request refused for its token was not executed.

        Raises:
            AccessError: also after a renewed token was refused again.
            SynclineError: whatever the judge says.
        """
        safe = request.method in SAFE_METHODS if is_safe is None else is_safe
        return await self._repeat(lambda: self._authorised(request, lane, safe), safe)

    async def token(self) -> Token:
        """The current token, fetched if need be: who we are and where the vendor wants its calls."""
        if self._tokens is None:
            raise ValueError("this client has no token flow")
        return self._keep_secret(await self._tokens.current(self._exchange_token))

    async def renew(self, refused: Token) -> Token:
        """A token other than *refused*, for calls that go another way than through `send`."""
        if self._tokens is None:
            raise ValueError("this client has no token flow")
        return self._keep_secret(await self._tokens.renew(refused, self._exchange_token))

    async def aclose(self) -> None:
        await self.budget.close()
        await self._transport.aclose()

    async def _repeat(self, attempt: Callable[[], Awaitable[HttpResponse]], safe: bool) -> HttpResponse:
        failed: list[SynclineError] = []
        while True:
            try:
                return await attempt()
            except (Later, OutcomeUnknown) as error:
                if isinstance(error, Parked) and failed:
                    _give_up(failed[-1])  # says what happened; that we stopped asking is only its consequence
                failed.append(error)
                if not safe or _is_for_later(error):
                    raise
                if len(failed) >= self._backoff.attempts:
                    _give_up(error)
                await self._clock.sleep(self._wait_seconds(error, len(failed)))

    def _wait_seconds(self, error: SynclineError, failures: int) -> float:
        backoff = self._backoff.seconds(failures, self._random)
        return max(error.retry_after_seconds, backoff) if isinstance(error, RateLimited) else backoff

    async def _authorised(self, request: HttpRequest, lane: Lane, safe: bool) -> HttpResponse:
        if self._tokens is None:
            return await self._judged(self._complete(request, None), lane, safe)
        token = await self.token()
        try:
            return await self._judged(self._complete(request, token), lane, safe)
        except TokenRefused:
            renewed = self._keep_secret(await self._tokens.renew(token, self._exchange_token))
            return await self._judged(self._complete(request, renewed), lane, safe)

    def _complete(self, request: HttpRequest, token: Token | None) -> HttpRequest:
        base_url = (token.base_url if token else None) or self._base_url
        url = base_url + request.url if request.url.startswith("/") else request.url
        headers = {**request.headers, "Authorization": f"Bearer {token.value}"} if token else request.headers
        return replace(request, url=url, headers=headers)

    async def _judged(self, request: HttpRequest, lane: Lane, safe: bool) -> HttpResponse:
        response = await self._exchange(request, lane)
        error = self._judge(request, response)
        self._count(response, error)
        if error is None:
            self.budget.day_goes_on()
            return response
        await self._hold(response, error)
        if isinstance(error, Unavailable) and response.status >= 500 and not safe:
            error = OutcomeUnknown(f"HTTP {response.status} to a write: {error.message}")
        raise self._cleaned(error, request, response)

    async def _exchange(self, request: HttpRequest, lane: Lane, *, is_charged: bool = True) -> HttpResponse:
        async with self.budget.slot(lane, longest_seconds=request.timeout_seconds, is_charged=is_charged):
            try:
                response = await self._transport.send(request)
            except SynclineError as error:
                told = self._cleaned(error, request, None)
                if not isinstance(error, ConfigError):
                    self.budget.failed(self._random.uniform(0.5, 1.0), told.message)
                raise told from error.__cause__
            if self._learn is not None:
                self._learn(response)
        return response

    def _count(self, response: HttpResponse, error: SynclineError | None) -> None:
        """Tell the breaker. A refusal, also one for access, proves that the system works."""
        if response.status >= 500 or isinstance(error, Outage):
            said = f"HTTP {response.status}" if error is None else self.redactor.clean(error.message)
            self.budget.failed(self._random.uniform(0.5, 1.0), said)
        else:
            self.budget.succeeded()

    async def _hold(self, response: HttpResponse, error: SynclineError) -> None:
        """Let no call of anybody go before the vendor wants one again."""
        asked = retry_after_seconds(response, self._clock.now())
        if isinstance(error, RateLimited):
            error.retry_after_seconds = error.retry_after_seconds if asked is None else asked
            self.budget.throttle(error.retry_after_seconds, self.redactor.clean(error.message))
        elif isinstance(error, QuotaExhausted) and error.is_of_calls:
            self.budget.day_is_over(error.resets_at)
        elif asked is not None:
            self.budget.throttle(asked, self.redactor.clean(error.message))
        await self.budget.publish()

    async def _exchange_token(self, request: HttpRequest) -> HttpResponse:
        """A token request changes nothing, so it is repeated; what its answer means, the flow reads."""

        async def attempt() -> HttpResponse:
            response = await self._exchange(request, Lane.URGENT, is_charged=False)
            self._count(response, None)
            if response.status >= 500 or response.status == 429:
                busy = Unavailable(f"The token endpoint answered HTTP {response.status}.")
                await self._hold(response, busy)
                raise self._cleaned(busy, request, response)
            return response

        return await self._repeat(attempt, safe=True)

    def _keep_secret(self, token: Token) -> Token:
        self.redactor.learn(token.value)
        return token

    def _cleaned(self, error: SynclineError, request: HttpRequest, response: HttpResponse | None) -> SynclineError:
        error.message = self.redactor.clean(error.message)
        error.args = (error.message,)
        error.evidence = self.redactor.clean(error.evidence or self.redactor.evidence(request, response))
        return error


def _is_for_later(error: SynclineError) -> bool:
    """Whether the wait is longer than a caller should stand still for."""
    if isinstance(error, RateLimited):
        return error.retry_after_seconds > PATIENCE_SECONDS
    return isinstance(error, (QuotaExhausted, Parked))


def _give_up(error: SynclineError) -> NoReturn:
    """A safe request whose answer never came changed nothing: it is a Later, not an unknown outcome."""
    if isinstance(error, OutcomeUnknown):
        raise Unavailable(error.message, evidence=error.evidence) from error
    raise error
