"""The network face and the shared control routes, over a core that does nothing else."""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest

from syncline_sandbox.core.certificates import Certificate, make_certificate
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.control import Control
from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.core.server import serve
from syncline_sandbox.core.wire import Fate, Request, Response

LARGE_BYTES = 16_000_000
"""More than the buffers of a loopback connection take while its client does not read."""


class EchoCore:
    """Answers with what it was asked; /lost and /silent meet their fate."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.clock = SandboxClock(frozen_at=datetime(2026, 1, 1, tzinfo=UTC))
        self.faults = FaultPlan()
        self.control = Control(clock=self.clock, faults=self.faults, reset=lambda: None)

    def handle(self, request: Request) -> Response:
        return self.control.watch(request, self._answer)

    def unexpected(self, request: Request) -> Response:
        return Response(status=500, body=request.path.encode())

    def close(self) -> None:
        """Keeps nothing."""

    def _answer(self, request: Request) -> Response:
        if request.path == "/defect":
            raise ZeroDivisionError
        if request.path == "/large":
            return Response(body=bytes(LARGE_BYTES))
        fate = {"/lost": Fate.LOST, "/silent": Fate.TIMED_OUT}.get(request.path, Fate.ANSWERED)
        seen = {"line": f"{request.method} {request.path}?{request.query_string}", "in_flight": self.in_flight}
        return Response(fate=fate, body=json.dumps({**seen, "body": request.body.decode()}).encode())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(EchoCore()) as base:
        yield base


def _call(url: str, body: object = None, method: str = "GET") -> object:
    raw = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, raw, method=method), timeout=5) as answer:
        return json.load(answer)


def _connection(url: str, timeout: float = 5) -> contextlib.closing[http.client.HTTPConnection]:
    return contextlib.closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout))


def test_request_arrives_as_sent(url: str) -> None:
    answer = _call(f"{url}/a%20b/c?x=1&y=", {"k": 1}, "POST")
    assert answer == {"line": "POST /a%20b/c?x=1&y=", "in_flight": 1, "body": '{"k": 1}'}


def test_a_defect_is_answered_as_the_vendor_would_and_told_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    def ask_for_trouble() -> None:
        with serve(EchoCore()) as url, _connection(url) as connection:
            for path in ("/defect", "/sound"):  # the sandbox lives on
                connection.request("GET", path)
                with connection.getresponse() as answer:
                    told.append((answer.status, answer.read()[:7]))

    told: list[tuple[int, bytes]] = []
    with pytest.raises(ZeroDivisionError):
        ask_for_trouble()
    assert told == [(500, b"/defect"), (200, b'{"line"')]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_lost_reply_closes_without_a_byte(url: str) -> None:
    with _connection(url) as connection:
        connection.request("GET", "/lost")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()


def test_timed_out_stays_silent_and_does_not_block_others(url: str) -> None:
    with _connection(url, timeout=0.2) as connection:
        connection.request("GET", "/silent")
        with pytest.raises(TimeoutError):
            connection.getresponse()
        assert _call(f"{url}/next")


def test_answers_are_not_held_back(url: str) -> None:
    with _connection(url) as connection:
        started = perf_counter()
        for _ in range(20):
            connection.request("GET", "/x")
            connection.getresponse().read()
        assert perf_counter() - started < 0.4  # Nagle's wait would make it 0.8 s


def test_end_does_not_wait_for_silent_clients() -> None:
    with contextlib.ExitStack() as stack:
        with serve(EchoCore()) as base:
            connection = stack.enter_context(_connection(base))
            connection.request("GET", "/silent")
            assert _call(f"{base}/other")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()


@pytest.mark.parametrize("https", [False, True])
def test_the_end_leaves_no_connection_open(https: bool, tmp_path: Path) -> None:
    """Neither of a request that never came whole nor of an answer that nobody reads."""
    certificate = make_certificate(tmp_path) if https else None
    gc.collect()
    with warnings.catch_warnings(record=True) as told, contextlib.ExitStack() as clients:
        warnings.simplefilter("always", ResourceWarning)
        with serve(EchoCore(), https=https, certificate=certificate) as base:
            host = base.partition("//")[2]
            half, unread, idle = (clients.enter_context(_https_or_http(host, certificate)) for _ in range(3))
            half.putrequest("POST", "/half")
            half.putheader("Content-Length", "10")
            half.endheaders(b"abc")
            unread.request("GET", "/large")
            idle.request("GET", "/read")
            assert idle.getresponse().read()
        gc.collect()
    assert [str(warning.message) for warning in told] == []


def _https_or_http(
    host: str, certificate: Certificate | None
) -> contextlib.closing[http.client.HTTPConnection] | contextlib.closing[http.client.HTTPSConnection]:
    if certificate is None:
        return contextlib.closing(http.client.HTTPConnection(host, timeout=5))
    trust = ssl.create_default_context(cafile=str(certificate.authority))
    return contextlib.closing(http.client.HTTPSConnection(host, timeout=5, context=trust))


def test_https_with_a_made_certificate(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate.authority))
    with serve(EchoCore(), https=True, certificate=certificate) as base:
        assert base.startswith("https://")
        with urllib.request.urlopen(f"{base}/x", context=trust, timeout=5) as answer:
            assert json.load(answer)["line"] == "GET /x?"


def test_control_moves_the_clock_and_lists_faults(url: str) -> None:
    control = f"{url}/_sandbox"
    assert _call(f"{control}/clock", {"now": "2026-03-01T00:00:00Z"}, "POST") == {"now": "2026-03-01T00:00:00+00:00"}
    assert _call(f"{control}/clock", {"advance_seconds": 90}, "POST") == {"now": "2026-03-01T00:01:30+00:00"}
    installed = _call(f"{control}/faults", {"name": "lost_reply", "match": "^POST", "times": 2}, "POST")
    assert isinstance(installed, list)
    assert installed[0]["name"] == "lost_reply"
    assert installed[0]["times"] == 2
    assert _call(f"{control}/faults", method="DELETE") == []


def test_control_logs_requests_but_not_itself(url: str) -> None:
    _call(f"{url}/_sandbox/reset", method="POST")
    _call(f"{url}/logged?a=1")
    entries = _call(f"{url}/_sandbox/requests")
    assert isinstance(entries, list)
    assert [entry["path"] for entry in entries] == ["/logged"]
    assert _call(f"{url}/_sandbox/counters") == {"requests": {"GET /logged": 1}}


def test_control_refuses_nonsense(url: str) -> None:
    for body in ({"name": "x", "how": 1}, {"match": "^POST"}, 3):
        with pytest.raises(urllib.error.HTTPError) as refused:
            _call(f"{url}/_sandbox/faults", body, "POST")
        with refused.value as answer:
            assert answer.code == 400


def test_header_names_keep_the_vendors_case(url: str) -> None:
    with _connection(url) as connection:
        connection.request("GET", "/_sandbox/clock")
        answer = connection.getresponse()
        names = [name for name, _ in answer.getheaders()]
        assert sorted(names) == ["Content-Length", "Content-Type"]
        answer.read()
