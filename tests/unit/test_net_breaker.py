"""The circuit breaker and Retry-After: a system in trouble, or one that asks for quiet, is left alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from syncline.errors import AccessError, NotUnderstood, Parked, RateLimited, SynclineError, Unavailable
from syncline.net import breaker
from syncline.net.breaker import FAILURES, FIRST_SECONDS, LONGEST_SECONDS, Outage
from syncline.net.budget import Budget, Limits
from syncline.net.client import HttpClient
from syncline.net.retry_after import retry_after_seconds
from syncline.ports import Account, HttpRequest, HttpResponse, Lane
from tests.support.scheduler import ScheduledClock
from tests.support.spenders import MemoryLedger
from tests.support.virtual import START, ScriptedTransport, SeededRandom, Step, VirtualClock

GOOD, DOWN = HttpResponse(status=200), HttpResponse(status=503)
READ = HttpRequest(method="GET", url="https://base.test/things")
WRITE = HttpRequest(method="POST", url="https://base.test/things")


def judge(_: HttpRequest, response: HttpResponse) -> SynclineError | None:
    answers = {
        401: AccessError("no right"),
        418: NotUnderstood("a teapot"),
        429: RateLimited("slow down", retry_after_seconds=5),
        503: Unavailable("busy"),
        299: Outage("the service says that it is down"),
    }
    return answers.get(response.status)


def client(clock: VirtualClock, *steps: Step) -> tuple[HttpClient, ScriptedTransport]:
    transport = ScriptedTransport(steps)
    budget = Budget(Limits(), clock)
    http = HttpClient(
        transport=transport,
        clock=clock,
        random=SeededRandom(),
        budget=budget,
        base_url="https://base.test",
        judge=judge,
    )
    return http, transport


def tried(http: HttpClient, request: HttpRequest = READ) -> type[Exception] | None:
    try:
        asyncio.run(http.send(request, lane=Lane.LIVE))
    except SynclineError as error:
        return type(error)
    return None


def test_a_system_that_is_down_for_a_day_is_not_hammered() -> None:
    clock = VirtualClock()
    http, transport = client(clock, *[DOWN] * 10_000)
    asked = 0
    while clock.now() < START + timedelta(days=1):
        assert tried(http) is not None
        asked += 1
        clock.advance(60)
    assert asked > 1_000
    assert len(transport.sent) <= 2 * FAILURES + 24 * 3600 / (LONGEST_SECONDS / 2)


def test_it_opens_after_failures_in_a_row_and_one_probe_closes_it() -> None:
    clock = VirtualClock()
    http, transport = client(clock, *[DOWN] * FAILURES, GOOD, GOOD)
    while len(transport.sent) < FAILURES:
        tried(http)
    with pytest.raises(Parked, match="busy"):
        asyncio.run(http.send(READ, lane=Lane.URGENT))
    assert len(transport.sent) == FAILURES, "nothing is sent while it is open"
    clock.advance(FIRST_SECONDS)
    assert tried(http) is None
    assert http.budget.account.breaker == "closed"
    assert tried(http) is None


def test_a_failed_probe_opens_it_for_longer() -> None:
    account, now_us = Account(), 0
    spans = []
    for _ in range(12):
        breaker.failed(account, now_us, 1.0, "busy", is_bad=True)
        assert account.held_until_us is not None
        spans.append((account.held_until_us - now_us) / 1e6)
        now_us = account.held_until_us
        breaker.half_open(account, now_us, 1)
    assert spans == [min(LONGEST_SECONDS, FIRST_SECONDS * 2**number) for number in range(12)]


@pytest.mark.parametrize("status", [401, 418, 429])
def test_a_refusal_proves_that_the_system_works(status: int) -> None:
    clock = VirtualClock()
    http, _ = client(clock, *[HttpResponse(status=status)] * 40)
    for _ in range(30):
        assert tried(http, WRITE) is not None
        clock.advance(10)
    assert http.budget.account.breaker == "closed"


def test_one_query_that_always_fails_does_not_stop_the_others() -> None:
    clock = VirtualClock()
    http, _ = client(clock, *[*[DOWN] * 5, *[GOOD] * 6] * 20)
    for _ in range(15):
        tried(http)
        assert [tried(http) for _ in range(6)] == [None] * 6
    assert http.budget.account.breaker == "closed"


def test_it_opens_where_most_calls_fail_although_some_succeed() -> None:
    clock = VirtualClock()
    http, transport = client(clock, *[DOWN, DOWN, DOWN, GOOD] * 100)
    while http.budget.account.breaker == "closed":
        tried(http)
    assert len(transport.sent) <= breaker.LAST_RESULTS + 1


def test_a_service_that_says_it_is_down_counts_as_down() -> None:
    http, transport = client(VirtualClock(), *[HttpResponse(status=299)] * 40)
    while tried(http) is not Parked:
        pass
    assert len(transport.sent) == FAILURES


def test_two_workers_share_one_breaker_and_one_probe() -> None:
    clock = ScheduledClock(1)
    ledger = MemoryLedger(clock)
    first, second = Budget(Limits(), clock), Budget(Limits(), clock)
    sent: list[str] = []

    async def call(budget: Budget, name: str) -> None:
        async with budget.slot(Lane.LIVE):
            sent.append(name)
            await clock.sleep(1)

    async def probing(budget: Budget, name: str) -> str:
        try:
            await call(budget, name)
        except Parked as parked:
            return str(parked.until)
        return "called"

    async def story() -> None:
        first.share(ledger, "w1", alone=False)
        second.share(ledger, "w2", alone=False)
        for _ in range(FAILURES):
            await call(first, "w1")
            first.failed(1.0, "busy")
            await first.publish()
        assert await probing(second, "w2") != "called"
        await clock.sleep(FIRST_SECONDS)
        sent.clear()
        told = await asyncio.gather(*(probing(one, name) for one, name in ((first, "w1"), (second, "w2")) * 5))
        assert told.count("called") == 1
        assert len(sent) == 1
        (prober,) = [one for one, name in ((first, "w1"), (second, "w2")) if name in sent]
        prober.succeeded()
        await prober.publish()
        assert await probing(second, "w2") == "called"

    assert asyncio.run(clock.drive(story())) == []


def test_a_prober_that_dies_does_not_close_the_door_for_ever() -> None:
    clock = VirtualClock()
    budget = Budget(Limits(), clock)
    for _ in range(FAILURES):
        budget.failed(1.0, "busy")
    clock.advance(FIRST_SECONDS)

    async def probes() -> None:
        await budget._enter(Lane.LIVE, 30.0)

    asyncio.run(probes())
    with pytest.raises(Parked):
        asyncio.run(probes())
    clock.advance(30)
    asyncio.run(probes())


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("Sun, 22 Nov 2026 10:02:00 GMT", 120.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(said: str, seconds: float | None) -> None:
    response = HttpResponse(status=503, headers={"retry-after": said})
    assert retry_after_seconds(response, START) == seconds


def test_a_date_is_measured_against_the_server_s_own_clock() -> None:
    headers = {"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}
    assert retry_after_seconds(HttpResponse(status=429, headers=headers), START) == 30.0
    assert retry_after_seconds(HttpResponse(status=500, headers=headers), START) is None


@pytest.mark.parametrize("status", [429, 503])
def test_after_retry_after_nothing_is_sent_before_its_time(status: int) -> None:
    clock = VirtualClock()
    http, transport = client(clock, HttpResponse(status=status, headers={"retry-after": "40"}), GOOD, GOOD)
    assert tried(http) is None
    assert clock.now() >= START + timedelta(seconds=40)
    assert len(transport.sent) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_retry_after_parks_the_connection(status: int) -> None:
    clock = VirtualClock()
    http, transport = client(clock, HttpResponse(status=status, headers={"retry-after": "3600"}), GOOD)
    assert tried(http) is not None
    for _ in range(5):
        assert tried(http) is Parked
    assert len(transport.sent) == 1
    clock.advance(3600)
    assert tried(http) is None
