"""Faults that any vendor's connection can suffer, over a real socket, and when they strike."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.control import Control
from syncline_sandbox.core.faults import Fault, FaultPlan
from syncline_sandbox.core.server import serve
from syncline_sandbox.core.wire import Fate, Request, Response
from syncline_sandbox.core.wire_faults import WIRE_FAULT_PARAMETERS, WireFaults
from tests.sandbox.marketo_client import Client as MarketoClient
from tests.sandbox.salesforce_client import fresh_client

START = datetime(2026, 1, 1, tzinfo=UTC)
ASK = Request(method="GET", path="/x")


class CountingCore:
    """Answers a body of 1,000 bytes and counts what took effect."""

    def __init__(self) -> None:
        self.clock = SandboxClock(frozen_at=START)
        self.faults = FaultPlan()
        self.control = Control(
            clock=self.clock, faults=self.faults, reset=lambda: None, known_faults={**WIRE_FAULT_PARAMETERS, "own": {}}
        )
        self.wire = WireFaults(self.faults, self.clock)
        self.effects: list[datetime] = []

    def handle(self, request: Request) -> Response:
        line = f"{request.method} {request.path}"
        return self.control.watch(request, lambda _: self.wire.answer(line, self._answer))

    def unexpected(self, request: Request) -> Response:
        return Response(status=500, body=request.path.encode())

    def close(self) -> None:
        """Keeps nothing."""

    def _answer(self) -> Response:
        self.effects.append(self.clock.now())
        return Response(headers=(("Content-Type", "application/json"),), body=b'"' + b"x" * 998 + b'"')

    def strike(self, name: str, *, times: int = 1, **parameters: Any) -> None:
        self.faults.install(Fault(name=name, times=times, parameters=parameters))


@pytest.fixture
def core() -> CountingCore:
    return CountingCore()


@contextlib.contextmanager
def _asked(core: CountingCore) -> Iterator[http.client.HTTPConnection]:
    with serve(core) as url, contextlib.closing(http.client.HTTPConnection(url[7:], timeout=5)) as connection:
        connection.request("GET", "/x")
        yield connection


@pytest.mark.parametrize("processed", [False, True])
def test_a_reset_before_or_after_the_effect(core: CountingCore, processed: bool) -> None:
    core.strike("connection_reset", processed=processed)
    with _asked(core) as connection, pytest.raises(ConnectionResetError):
        connection.getresponse()
    assert len(core.effects) == processed


def test_half_a_body(core: CountingCore) -> None:
    core.strike("half_body", share=0.25)
    with _asked(core) as connection:
        answer = connection.getresponse()
        assert answer.headers["Content-Length"] == "1000"
        with pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()
    assert len(cut.value.partial) == 250
    assert len(core.effects) == 1


def test_a_slow_body_arrives_whole(core: CountingCore) -> None:
    core.strike("slow_body", seconds=0.3)
    with _asked(core) as connection:
        answer = connection.getresponse()
        started = perf_counter()
        assert len(answer.read()) == 1000
    assert perf_counter() - started > 0.2


@pytest.mark.parametrize(("processed", "effects"), [(False, 0), (True, 1)])
def test_a_page_in_place_of_json(core: CountingCore, processed: bool, effects: int) -> None:
    core.strike("html_page", processed=processed)
    answer = core.handle(ASK)
    assert (answer.status, answer.headers) == (200, (("Content-Type", "text/html"),))
    assert answer.body.startswith(b"<html>")
    assert len(core.effects) == effects


@pytest.mark.parametrize("status", [420, 429, 503])
@pytest.mark.parametrize("retry_after", [None, 17, "Sun, 01 Mar 2026 09:00:00 GMT"])
def test_a_busy_front(core: CountingCore, status: int, retry_after: Any) -> None:
    core.strike("http_status", status=status, retry_after=retry_after)
    answer = core.handle(ASK)
    assert answer.status == status
    assert dict(answer.headers).get("Retry-After") == (None if retry_after is None else str(retry_after))
    assert core.effects == []


def test_a_wrong_content_type_over_a_true_body(core: CountingCore) -> None:
    core.strike("wrong_content_type", content_type="text/csv")
    answer = core.handle(ASK)
    assert answer.headers == (("Content-Type", "text/csv"),)
    assert len(json.loads(answer.body)) == 998


def test_a_skewed_clock_for_one_request(core: CountingCore) -> None:
    core.strike("clock_skew", seconds=-90)
    core.handle(ASK)
    core.handle(ASK)
    assert [(at - START).total_seconds() for at in core.effects] == [-90, 0]


def test_a_skewed_server_stamps_and_dates_by_its_own_clock() -> None:
    client = fresh_client()
    client.fault("clock_skew", "^POST", parameters={"seconds": 120})
    lead = client.create("Lead", LastName="x", Company="c")
    assert client.read("Lead", lead, "CreatedDate") == "2026-03-01T09:02:00.000+0000"
    assert dict(client.send("GET", "sobjects").headers)["Date"] == "Sun, 01 Mar 2026 09:00:00 GMT"
    client.fault("clock_skew", "sobjects$", parameters={"seconds": 120})
    assert dict(client.send("GET", "sobjects").headers)["Date"] == "Sun, 01 Mar 2026 09:02:00 GMT"


def test_at_the_nth_call_and_only_then(core: CountingCore) -> None:
    core.faults.install(Fault(name="html_page", match="^GET", calls=(2, 5)))
    core.handle(Request(method="POST", path="/x"))
    bodies = [core.handle(ASK).body[:1] for _ in range(6)]
    assert bodies == [b'"', b"<", b'"', b'"', b"<", b'"']


def test_by_probability_and_again_the_same_by_its_seed() -> None:
    def struck(seed: int) -> list[bool]:
        core = CountingCore()
        core.faults.install(Fault(name="lost_reply", probability=0.3, seed=seed))
        return [core.handle(ASK).fate is Fate.LOST for _ in range(1000)]

    assert struck(1) == struck(1) != struck(2)
    assert 250 < sum(struck(1)) < 350


def test_the_log_names_what_struck(core: CountingCore) -> None:
    core.strike("clock_skew", seconds=1)
    core.strike("half_body")
    for _ in range(2):
        core.handle(ASK)
    assert [(entry.fate, entry.faults) for entry in core.control.log.entries] == [
        ("cut", ("clock_skew", "half_body")),
        ("answered", ()),
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"probability": 2}, {"calls": [0]}, {"match": "("}, {"name": "half_boddy"}, {"calls": 3}, {"probability": "much"}],
)
def test_a_fault_that_makes_no_sense_is_refused(core: CountingCore, wrong: dict[str, Any]) -> None:
    body = json.dumps([{"name": "half_body"}, {"name": "half_body", **wrong}]).encode()
    answer = core.handle(Request(method="POST", path="/_sandbox/faults", body=body))
    assert answer.status == 400
    assert core.faults.faults == []


def test_the_list_of_faults_tells_hits(core: CountingCore) -> None:
    fault = json.dumps({"name": "html_page", "probability": 0.5, "seed": 3}).encode()
    core.handle(Request(method="POST", path="/_sandbox/faults", body=fault))
    pages = sum(core.handle(ASK).body.startswith(b"<") for _ in range(10))
    told = json.loads(core.handle(Request(method="GET", path="/_sandbox/faults")).body)
    assert [(each["seen"], each["hits"], each["times"]) for each in told] == [(10, pages, None)]


def test_a_session_and_a_locator_that_end_between_pages() -> None:
    client = fresh_client()
    client.org.seed("Lead", [{"LastName": f"n{number}", "Company": "c"} for number in range(500)])
    first = client.call("GET", "query", headers={"sforce-query-options": "batchSize=200"}, q="SELECT Id FROM Lead")[1]
    client.fault("expired_token", "/query/")
    status, refused = client.call("GET", first["nextRecordsUrl"])
    assert (status, refused[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    client.token = client.login("integration@sandbox.example")
    assert len(client.call("GET", first["nextRecordsUrl"])[1]["records"]) == 300
    client.fault("expired_locator", "/query/")
    status, refused = client.call("GET", first["nextRecordsUrl"])
    assert (status, refused[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_repeated_and_reordered_activities() -> None:
    client = MarketoClient()
    client.sync(*({"email": f"p{number}@example.com"} for number in range(8)))
    straight = [row["leadId"] for row in client.activities(12)]
    client.fault("duplicate_rows", "activities.json", share=0.5, seed=1)
    repeated = [row["leadId"] for row in client.activities(12)]
    assert len(repeated) > 8
    assert sorted(set(repeated)) == straight == sorted(straight)
    client.fault("reorder_rows", "activities.json", seed=1)
    reordered = [row["leadId"] for row in client.activities(12)]
    assert reordered != straight
    assert sorted(reordered) == straight


def test_a_page_token_that_is_no_longer_known() -> None:
    client = MarketoClient()
    token = client.paging_token()
    client.fault("expired_page_token", "activities.json")
    answer = client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=token)
    assert (answer["success"], answer["errors"][0]["code"]) == (False, "1003")
    assert client.get("/rest/v1/activities.json", activityTypeIds=12, nextPageToken=token)["success"]


BOTH = [fresh_client, MarketoClient]


def refused(make: Any, fault: dict[str, Any]) -> str:
    """What a sandbox says of a fault it does not install."""
    core = make().org if make is fresh_client else make().instance
    answer = core.handle(Request(method="POST", path="/_sandbox/faults", body=json.dumps(fault).encode()))
    assert answer.status == 400, answer.body
    assert core.faults.faults == []
    return str(json.loads(answer.body)["error"])


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("html_page", {"sttus": 200}, "parameters of html_page: unknown: sttus; known: processed, status, title"),
        ("lost_reply", {"processed": True}, "parameters of lost_reply: unknown: processed; known: nothing"),
        ("slow_body", {"seconds": "x"}, "seconds is a number of 0 … 1e+09, not 'x'"),
        ("timeout", {"processed": "no"}, "processed is true or false, not 'no'"),
        ("http_status", {"status": 42}, "status is a whole number of 100 … 599, not 42"),
        ("bulk_job_failure", {"after_rows": "x"}, "after_rows is a whole number, 0 or more, not 'x'"),
        ("ignore_field", {}, "missing: field"),
    ],
)
def test_parameters_are_checked_when_the_fault_is_installed(
    make: Any, name: str, parameters: dict[str, Any], said: str
) -> None:
    assert said in refused(make, {"name": name, "parameters": parameters})


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tims": 3}, "unknown: tims; known: after, calls, match"),
        ({"times": -1}, "times is a whole number, 0 or more, or null, not -1"),
        ({"match": "("}, "not a regular expression: '('"),
        ({"calls": [0]}, "calls is a list, each a whole number, 1 or more, not [0]"),
    ],
)
def test_settings_of_a_fault_are_checked_and_python_is_not_heard(make: Any, wrong: dict[str, Any], said: str) -> None:
    told = refused(make, {"name": "lost_reply", **wrong})
    assert said in told
    assert "__init__" not in told


def test_a_code_is_of_the_kind_the_vendor_has() -> None:
    wanted = {"name": "error_code", "parameters": {"code": "abc"}}
    assert "code is a whole number of 100 … 9999, not 'abc'" in refused(MarketoClient, wanted)
    fresh_client().control("POST", "faults", wanted)
