"""Envelope, routing, method override, sizes and limits."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from syncline_sandbox.marketo.limits import central_day
from tests.sandbox.marketo_client import START, Client

LEADS = "/rest/v1/leads.json"
QUERY = {"filterType": "email", "filterValues": "a@example.com", "fields": "id"}


@pytest.fixture
def client() -> Client:
    return Client()


def _code(answer: dict) -> str:
    assert answer["success"] is False
    return str(answer["errors"][0]["code"])


def test_envelope_and_request_id(client: Client) -> None:
    answer = client.send("GET", LEADS, QUERY)
    body = json.loads(answer.body)
    assert list(body) == ["requestId", "success", "result"]
    assert int(body["requestId"].partition("#")[2], 16) == START.timestamp() * 1000
    assert answer.headers[0] == ("Content-Type", "application/json;charset=UTF-8")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/rest/v1/nothing.json", "610"), ("DELETE", "/rest/v1/leads/describe.json", "605")],
)
def test_unknown_path_and_verb(client: Client, method: str, path: str, code: str) -> None:
    answer = client.send(method, path)
    assert answer.status == 200
    assert _code(json.loads(answer.body)) == code


def test_bad_json_and_content_type(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.token}"}
    bad = client.raw("POST", LEADS, body=b"{", headers={**headers, "content-type": "application/json"})
    assert _code(json.loads(bad.body)) == "609"
    untyped = client.raw("POST", LEADS, body=b"{}", headers=headers)
    assert _code(json.loads(untyped.body)) == "612"


def test_sizes(client: Client) -> None:
    assert client.send("GET", LEADS, {"filterValues": "x" * 8200}).status == 414
    assert client.send("POST", LEADS, document={"input": ["x" * 1_000_001]}).status == 413
    too_many = [{"email": f"p{n}@example.com"} for n in range(301)]
    assert _code(client.post(LEADS, {"input": too_many})) == "1003"


@pytest.mark.parametrize("where", ["query", "form"])
def test_method_override(client: Client, where: str) -> None:
    client.sync({"email": "a@example.com"})
    form = {**QUERY, **({"_method": "GET"} if where == "form" else {})}
    answer = client.raw(
        "POST",
        LEADS,
        {"_method": "get"} if where == "query" else {},
        urlencode(form).encode(),
        {"authorization": f"Bearer {client.token}", "content-type": "application/x-www-form-urlencoded"},
    )
    assert json.loads(answer.body)["result"] == [{"id": 1}]


def test_delete_by_override(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    answer = client.post(LEADS, {"input": [{"id": 1}]}, _method="DELETE")
    assert answer["result"] == [{"id": 1, "status": "deleted"}]


def test_paths_are_tidied(client: Client) -> None:
    assert client.get("/rest/../rest//v1/leads/describe.json")["success"]


def test_gzip_only_when_asked_and_large(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.token}", "accept-encoding": "gzip, deflate"}
    large = client.raw("GET", "/rest/v1/leads/describe.json", headers=headers)
    assert ("Content-Encoding", "gzip") in large.headers
    assert json.loads(gzip.decompress(large.body))["success"]
    assert not dict(client.raw("GET", LEADS, QUERY, headers=headers).headers).get("Content-Encoding")


def test_rate_window_slides(client: Client) -> None:
    client.instance.settings.enforce_limits = True
    for _ in range(100):
        client.leads("id", 1)
    refused = client.get(LEADS, **QUERY)
    assert refused["errors"] == [{"code": "606", "message": "Max rate limit '100' exceeded with in '20' secs"}]
    client.wait(20)
    assert client.leads("id", 1) == []


def test_daily_quota_until_midnight_central(client: Client) -> None:
    client.instance.settings.enforce_limits = True
    client.instance.settings.calls_per_day = 2
    client.leads("id", 1)
    client.leads("id", 1)
    assert _code(client.get(LEADS, **QUERY)) == "607"
    client.instance.clock.set(datetime(2026, 3, 3, 6, 0, tzinfo=UTC))
    client.token = client.new_token()
    assert client.leads("id", 1) == []


def test_concurrency(client: Client) -> None:
    client.instance.settings.enforce_limits = True
    client.instance.in_flight = 11
    answer = client.get(LEADS, **QUERY)
    assert answer["errors"] == [{"code": "615", "message": "Concurrent access limit '10' reached"}]


@pytest.mark.parametrize(
    ("moment", "day"),
    [("2026-03-08T07:59:59", 8), ("2026-03-08T05:59:59", 7), ("2026-07-01T04:59:59", 30), ("2026-07-01T05:00:00", 1)],
)
def test_central_day(moment: str, day: int) -> None:
    assert central_day(datetime.fromisoformat(moment).replace(tzinfo=UTC)).day == day


def test_usage_counts_calls_and_errors_but_not_starred_ones(client: Client) -> None:
    client.leads("id", 1)
    client.get("/rest/v1/nothing.json")
    token, client.token = client.token, "bad"
    assert _code(client.get(LEADS, **QUERY)) == "601"
    client.token = token
    (usage,) = client.get("/rest/v1/stats/usage.json")["result"]
    assert usage == {"date": "2026-03-02", "total": 2, "users": [{"userId": "sandbox-api@example.com", "count": 2}]}
    (errors,) = client.get("/rest/v1/stats/errors.json")["result"]
    assert {item["errorCode"]: item["count"] for item in errors["errors"]} == {"610": 1, "601": 1}
    assert len(client.get("/rest/v1/stats/usage/last7days.json")["result"]) == 7


def test_answers_tell_the_sandboxes_time(client: Client) -> None:
    assert dict(client.send("GET", LEADS, QUERY).headers)["Date"] == "Mon, 02 Mar 2026 09:00:00 GMT"
