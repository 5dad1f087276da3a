"""Batch and Composite as clients send them: discovery in batches of 25, addresses, references, costs."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

V = "/services/data/v59.0"


@pytest.fixture
def client() -> Client:
    return fresh_client()


def used(client: Client) -> int:
    return int(client.control("GET", "counters")["api_calls"]["used"])


def composite(client: Client, *parts: dict[str, Any], **options: Any) -> list[Any]:
    status, answer = client.call("POST", "composite", {"compositeRequest": list(parts), **options})
    assert status == 200, answer
    return list(answer["compositeResponse"])


def part(reference: str, method: str, url: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"method": method, "url": url, "referenceId": reference, **({"body": body} if body else {}), **more}


def test_every_object_describes_in_batches_of_25_as_a_tap_discovers(client):
    _, answer = client.call("GET", "sobjects")
    names = [sobject["name"] for sobject in answer["sobjects"]]
    before = used(client)
    for start in range(0, len(names), 25):
        some = names[start : start + 25]
        requests = [{"method": "GET", "url": f"{V}/sobjects/{name}/describe"} for name in some]
        status, found = client.call("POST", "composite/batch", {"batchRequests": requests, "haltOnError": True})
        assert (status, found["hasErrors"]) == (200, False)
        assert [result["result"]["name"] for result in found["results"]] == some
    assert used(client) == before + len(names)  # every part counts


def test_halting_a_batch(client):
    requests = [{"method": "GET", "url": f"v59.0/{path}"} for path in ("limits", "nothing", "limits")]
    _, answer = client.call("POST", "composite/batch", {"batchRequests": requests})
    assert [result["statusCode"] for result in answer["results"]] == [200, 404, 200]
    _, answer = client.call("POST", "composite/batch", {"batchRequests": requests, "haltOnError": True})
    assert answer["hasErrors"] is True
    assert [result["statusCode"] for result in answer["results"]] == [200, 404, 412]
    assert answer["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def test_a_batch_writes_and_takes_no_more_than_25(client):
    lead = {"method": "POST", "url": "v59.0/sobjects/Lead", "richInput": {"LastName": "x", "Company": "c"}}
    _, answer = client.call("POST", "composite/batch", {"batchRequests": [lead] * 25})
    assert [result["statusCode"] for result in answer["results"]] == [201] * 25
    status, refused = client.call("POST", "composite/batch", {"batchRequests": [lead] * 26})
    assert (status, refused[0]["errorCode"]) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("prefix", ["/services/data/v59.0", "services/data/v59.0", "/v59.0", "v59.0"])
def test_addresses_with_and_without_prefix(client, prefix):
    (answer,) = composite(client, part("a", "GET", f"{prefix}/limits/recordCount"))
    assert answer["httpStatusCode"] == 200


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/services/data/v20.0/limits", 410, "UNSUPPORTED_API_VERSION"),
        ("/services/data/v99.0/limits", 404, "NOT_FOUND"),
        ("limits", 404, "NOT_FOUND"),
        (f"{V}/composite", 400, "INVALID_INPUT"),
        (f"{V}/composite/batch", 400, "INVALID_INPUT"),
    ],
)
def test_addresses_of_nothing(client, url, status, code):
    (answer,) = composite(client, part("a", "POST" if "composite" in url else "GET", url))
    assert (answer["httpStatusCode"], answer["body"][0]["errorCode"]) == (status, code)


def test_references_in_address_body_and_header(client):
    query = "SELECT+Id,LastModifiedDate+FROM+Account+WHERE+Name='A'"
    answers = composite(
        client,
        part("made", "POST", f"{V}/sobjects/Account", {"Name": "A"}),
        part("found", "GET", f"{V}/query?q={query}"),
        part(
            "child", "POST", f"{V}/sobjects/Contact", {"LastName": "@{found.records[0].Id}", "AccountId": "@{made.id}"}
        ),
        part("read", "GET", f"{V}/sobjects/Account/@{{made.id}}?fields=Name"),
        part("many", "POST", f"{V}/composite/sobjects/Account", {"ids": ["@{made.id}"], "fields": ["Name"]}),
        collateSubrequests=True,
    )
    assert [answer["httpStatusCode"] for answer in answers] == [201, 200, 201, 200, 200]
    assert answers[0]["httpHeaders"]["Location"].startswith(f"{V}/sobjects/Account/001")
    assert answers[3]["body"]["Name"] == answers[4]["body"][0]["Name"] == "A"
    unchanged = {"If-Modified-Since": "Sun, 01 Mar 2026 09:00:00 GMT"}
    (same,) = composite(client, part("a", "GET", f"{V}/sobjects/Account/describe", httpHeaders=unchanged))
    assert same["httpStatusCode"] == 304


def test_a_reference_to_nothing_and_to_what_failed(client):
    lost, failed, after = composite(
        client,
        part("lost", "GET", f"{V}/sobjects/Lead/@{{nobody.id}}"),
        part("failed", "POST", f"{V}/sobjects/Lead", {"City": "x"}),
        part("after", "GET", f"{V}/sobjects/Lead/@{{failed.id}}"),
    )
    for answer in (lost, after):
        assert (answer["httpStatusCode"], answer["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert failed["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"


@pytest.mark.parametrize(
    "parts",
    [
        [part(f"r{n}", "GET", f"{V}/limits") for n in range(26)],
        [part(f"r{n}", "GET", f"{V}/query?q=x") for n in range(6)],
        [part("same", "GET", f"{V}/limits")] * 2,
        [part("with space", "GET", f"{V}/limits")],
        [part("", "GET", f"{V}/limits")],
    ],
)
def test_composites_that_are_refused_whole(client, parts):
    status, answer = client.call("POST", "composite", {"compositeRequest": parts})
    assert (status, answer[0]["errorCode"]) == (400, "INVALID_INPUT")


def test_what_is_no_composite(client):
    bodies: list[Any] = [{}, {"compositeRequest": {}}, {"compositeRequest": [{"method": "GET"}]}, []]
    for body in bodies:
        assert client.call("POST", "composite", body)[1][0]["errorCode"] == "JSON_PARSER_ERROR"
    headers = [part("a", "GET", f"{V}/limits", httpHeaders=[1])]
    assert client.call("POST", "composite", {"compositeRequest": headers})[1][0]["errorCode"] == "JSON_PARSER_ERROR"


@pytest.mark.parametrize("nest", [b"[" * 900 + b"1" + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900], ids=["[", "{"])
def test_what_is_nested_too_deep(client, nest):
    for path, wanted in (
        ("composite", {"compositeRequest": [part("a", "POST", f"{V}/sobjects/Lead", "DEEP")]}),
        ("composite/graph", {"graphs": [{"graphId": "g", "compositeRequest": [part("a", "POST", f"{V}/x", "DEEP")]}]}),
        ("composite/tree/Account", {"records": ["DEEP"]}),
    ):
        status, answer = client.call("POST", path, orjson.dumps(wanted).replace(b'"DEEP"', nest))
        assert (status, answer[0]["errorCode"] in ("JSON_PARSER_ERROR", "INVALID_INPUT")) == (400, True)


def test_the_composite_resources(client):
    assert client.call("GET", "composite")[1]["graph"] == f"{V}/composite/graph"
