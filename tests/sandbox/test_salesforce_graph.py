"""Composite Graph: each graph whole or not at all, its limits, its order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client

V = "/services/data/v59.0"


@pytest.fixture
def client() -> Client:
    return fresh_client()


def node(reference: str, kind: str = "Account", method: str = "POST", **body: Any) -> dict[str, Any]:
    url = f"{V}/sobjects/{kind}"
    return {"method": method, "url": url, "referenceId": reference, "body": body}


def run(client: Client, *graphs: list[Any], status: int = 200) -> Any:
    shaped = [{"graphId": f"g{place}", "compositeRequest": nodes} for place, nodes in enumerate(graphs)]
    got, answer = client.call("POST", "composite/graph", {"graphs": shaped})
    assert got == status, answer
    return answer["graphs"] if status == 200 else answer[0]


def statuses(graph: Any) -> list[int]:
    return [result["httpStatusCode"] for result in graph["graphResponse"]["compositeResponse"]]


def test_graphs_with_references_are_one_call(client):
    used = client.control("GET", "counters")["api_calls"]["used"]
    # A node may stand before what it refers to.
    child = node("c", "Contact", LastName="Lee", AccountId="@{a.id}")
    update = {**node("u", method="PATCH", Site="HQ"), "url": f"{V}/sobjects/Account/@{{a.id}}"}
    first, second = run(client, [child, node("a", Name="Acme"), update], [node("b", Name="Other")])
    assert (first["graphId"], first["isSuccessful"], second["isSuccessful"]) == ("g0", True, True)
    assert statuses(first) == [201, 201, 204]
    assert [result["referenceId"] for result in first["graphResponse"]["compositeResponse"]] == ["c", "a", "u"]
    (row,) = client.query("SELECT Account.Name, Account.Site FROM Contact")
    assert (row["Account"]["Name"], row["Account"]["Site"]) == ("Acme", "HQ")
    assert client.control("GET", "counters")["api_calls"]["used"] == used + 2  # the graph and the query


def test_a_graph_is_undone_alone(client):
    good, bad = run(client, [node("a", Name="kept")], [node("b", Name="gone"), node("c", "Lead", City="x")])
    assert good["isSuccessful"] is True
    assert bad["isSuccessful"] is False
    halted, culprit = bad["graphResponse"]["compositeResponse"]
    assert halted["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert culprit["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert [row["Name"] for row in client.query("SELECT Name FROM Account")] == ["kept"]


def test_after_fourteen_failures_the_rest_is_not_tried(client):
    graphs = run(client, *[[node("a")] for _ in range(14)], [node("a", Name="fine")])
    assert graphs[14]["isSuccessful"] is False
    assert graphs[14]["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def chain(length: int) -> list[Any]:
    first = node("n0", Name="x")
    return [first, *(node(f"n{n}", Name="x", ParentId=f"@{{n{n - 1}.id}}") for n in range(1, length))]


def test_limits(client):
    assert run(client, chain(15))[0]["isSuccessful"] is True
    assert run(client, [node(f"n{n}", Name="x") for n in range(500)])[0]["isSuccessful"] is True
    for graphs in (
        [chain(16)],
        [[node(f"n{n}", Name="x") for n in range(501)]],
        [[node("a", Name="x")] for _ in range(76)],
        [[node(f"k{n}", f"Kind{n}") for n in range(16)]],
        [[node("a", Name="@{b.id}"), node("b", Name="@{a.id}")]],
        [[node("a", Name="x"), node("a", Name="y")]],
    ):
        assert run(client, *graphs, status=400)["errorCode"] == "INVALID_INPUT"


@pytest.mark.parametrize("graph_id", ["", "-a", "a" * 40, 7])
def test_graph_ids(client, graph_id):
    body = {"graphs": [{"graphId": graph_id, "compositeRequest": [node("a", Name="x")]}]}
    assert client.call("POST", "composite/graph", body)[1][0]["errorCode"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("method", "url"), [("GET", "query?q=x"), ("GET", "sobjects/Account"), ("POST", "sobjects/Account/001000000000001")]
)
def test_addresses_a_graph_does_not_take(client, method, url):
    (graph,) = run(client, [{"method": method, "url": f"{V}/{url}", "referenceId": "a"}])
    assert graph["isSuccessful"] is False
    assert statuses(graph)[0] in (400, 405)


def test_what_is_no_graph(client):
    for body in (
        {},
        {"graphs": 1},
        {"graphs": [{"graphId": "a"}]},
        {"graphs": [{"graphId": "a", "compositeRequest": 1}]},
    ):
        assert client.call("POST", "composite/graph", body)[1][0]["errorCode"] == "JSON_PARSER_ERROR"
