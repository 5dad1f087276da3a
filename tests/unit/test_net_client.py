"""net.client: what is repeated, what never is, one renewal of the token, no secret in any error."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from syncline.errors import AccessError, NotUnderstood, OutcomeUnknown, RateLimited, SynclineError, Unavailable
from syncline.net.auth import Token, TokenRefused
from syncline.net.budget import Budget, Limits
from syncline.net.client import HttpClient
from syncline.ports import HttpRequest, HttpResponse, Lane
from tests.support.virtual import ScriptedTransport, SeededRandom, Step, VirtualClock

GOOD = HttpResponse(status=200, body=b"good")
READ = HttpRequest(method="GET", url="/things")
WRITE = HttpRequest(method="POST", url="/things", body=b"x")


def judge(request: HttpRequest, response: HttpResponse) -> SynclineError | None:
    answers = {
        401: TokenRefused("no such token tok-1"),
        429: RateLimited("slow down", retry_after_seconds=7),
        503: Unavailable("busy"),
        418: NotUnderstood("secret-xyz is a teapot"),
    }
    return answers.get(response.status)


def tokens(*values: str):
    left = list(values)

    def flow() -> Generator[HttpRequest, HttpResponse, Token]:
        response = yield HttpRequest(method="POST", url="https://login.test/token")
        assert response.status == 200
        return Token(value=left.pop(0), base_url="https://instance.test")

    return flow


def world(*steps: Step, flow=None) -> tuple[HttpClient, ScriptedTransport, VirtualClock]:
    clock, transport = VirtualClock(), ScriptedTransport(steps)
    client = HttpClient(
        transport=transport,
        clock=clock,
        random=SeededRandom(),
        budget=Budget(Limits(), clock),
        base_url="https://base.test",
        judge=judge,
        flow=flow,
        secrets=["secret-xyz"],
    )
    return client, transport, clock


def send(client: HttpClient, request: HttpRequest, **how) -> HttpResponse:
    return asyncio.run(client.send(request, lane=Lane.LIVE, **how))


@pytest.mark.parametrize("trouble", [Unavailable("x"), OutcomeUnknown("x"), HttpResponse(status=503)])
def test_a_read_is_repeated_with_growing_waits(trouble: Step) -> None:
    client, transport, clock = world(trouble, trouble, trouble, GOOD)
    assert send(client, READ) is GOOD
    assert len(transport.sent) == 4
    assert [0.25 <= clock.sleeps[0] <= 0.5, 0.5 <= clock.sleeps[1] <= 1, 1 <= clock.sleeps[2] <= 2] == [True] * 3


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Unavailable("never connected"), Unavailable),
        (OutcomeUnknown("lost"), OutcomeUnknown),
        (HttpResponse(status=503), OutcomeUnknown),
        (HttpResponse(status=429), RateLimited),
    ],
)
def test_a_write_is_sent_once(trouble: Step, error: type[SynclineError]) -> None:
    client, transport, clock = world(trouble, GOOD)
    with pytest.raises(error):
        send(client, WRITE)
    assert len(transport.sent) == 1
    assert clock.sleeps == []


def test_a_post_marked_safe_is_repeated() -> None:
    client, transport, _ = world(OutcomeUnknown("lost"), GOOD)
    assert send(client, WRITE, is_safe=True) is GOOD
    assert len(transport.sent) == 2


def test_a_read_that_stays_lost_ends_as_unavailable_not_as_an_unknown_outcome() -> None:
    client, transport, _ = world(*[OutcomeUnknown("lost")] * 5)
    with pytest.raises(Unavailable):
        send(client, READ)
    assert len(transport.sent) == 5


def test_the_vendor_is_given_the_wait_it_asks_for() -> None:
    client, _, clock = world(HttpResponse(status=429), GOOD)
    send(client, READ)
    assert clock.sleeps[0] >= 7


def test_after_a_rate_limit_every_other_call_waits_too() -> None:
    client, _, clock = world(HttpResponse(status=429), GOOD)
    with pytest.raises(RateLimited):
        send(client, WRITE)
    send(client, READ)
    assert clock.sleeps == [7]


def test_a_refused_token_is_renewed_once_and_the_write_sent_again() -> None:
    flow = tokens("tok-1", "tok-2")
    client, transport, _ = world(GOOD, HttpResponse(status=401), GOOD, GOOD, flow=flow)
    assert send(client, WRITE) is GOOD
    assert [request.headers.get("Authorization") for request in transport.sent] == [
        None,
        "Bearer tok-1",
        None,
        "Bearer tok-2",
    ]
    assert transport.sent[1].url == "https://instance.test/things"


def test_a_second_refusal_needs_a_person() -> None:
    client, transport, _ = world(
        GOOD, HttpResponse(status=401), GOOD, HttpResponse(status=401), flow=tokens("tok-1", "tok-2", "tok-3")
    )
    with pytest.raises(AccessError):
        send(client, READ)
    assert len(transport.sent) == 4


def test_many_waiting_for_a_token_fetch_it_once() -> None:
    client, transport, _ = world(*[GOOD] * 6, flow=tokens("tok-1"))

    async def five() -> None:
        await asyncio.gather(*(client.send(READ, lane=Lane.LIVE) for _ in range(5)))

    asyncio.run(five())
    assert sum(request.url == "https://login.test/token" for request in transport.sent) == 1


def test_a_token_request_is_repeated_when_the_endpoint_is_busy() -> None:
    client, transport, _ = world(HttpResponse(status=502), GOOD, GOOD, flow=tokens("tok-1"))
    assert send(client, READ) is GOOD
    assert len(transport.sent) == 3


def test_no_secret_is_kept_in_an_error() -> None:
    client, _, _ = world(GOOD, HttpResponse(status=418, body=b"you sent tok-1 and secret-xyz"), flow=tokens("tok-1"))
    with pytest.raises(NotUnderstood) as caught:
        send(client, HttpRequest(method="GET", url="/things?key=secret-xyz"))
    told = f"{caught.value!s} {caught.value!r} {caught.value.evidence}"
    assert "secret-xyz" not in told
    assert "tok-1" not in told
    assert "HTTP 418" in told
