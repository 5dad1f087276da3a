"""salesforce-pubsub-api-client 5.5 from npm, unmodified, over TLS. What it cannot do is a defect of the sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from syncline_sandbox.core.server import serve
from syncline_sandbox.pubsub import serve_pubsub
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET
from tests.clients.node import ClientError, NodeClient
from tests.sandbox.event_reader import capturing_client
from tests.sandbox.salesforce_client import Client

LEADS = "/data/LeadChangeEvent"
ORDERS = "/event/Order__e"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Client, NodeClient]]:
    client = capturing_client("Lead")
    client.control("POST", "platform_events", {"name": "Order__e", "fields": [{"name": "Number__c"}]})
    with (
        serve(client.org) as url,
        serve_pubsub(client.org) as endpoint,
        NodeClient("pubsub", url, str(endpoint), CLIENT_ID, CLIENT_SECRET) as node,
    ):
        yield client, node


@pytest.fixture
def client(served: tuple[Client, NodeClient]) -> Client:
    return served[0]


@pytest.fixture
def node(served: tuple[Client, NodeClient]) -> Iterator[NodeClient]:
    """The client, logged in by OAuth, with nothing subscribed."""
    served[1]("connect")
    yield served[1]
    served[1]("close")


def _events(node: NodeClient, count: int) -> list[Any]:
    said = node("next", count)
    assert [each["kind"] for each in said] == ["event"] * count
    return [each["said"] for each in said]


def test_change_events_from_the_earliest_and_from_an_id(client: Client, node: NodeClient) -> None:
    lead = client.create("Lead", LastName="Lind", Company="Acme", City="Ulm")
    client.call("PATCH", f"sobjects/Lead/{lead}", {"City": "Bern", "FirstName": "Ada", "Rating": "Hot"})
    client.call("PATCH", f"sobjects/Lead/{lead}", {"City": None, "Rating": None})
    node("subscribeFromEarliestEvent", LEADS, 100)
    created, changed, cleared = _events(node, 3)
    header = changed["payload"]["ChangeEventHeader"]
    assert (header["entityName"], header["recordIds"], header["changeType"]) == ("Lead", [lead], "UPDATE")
    assert set(header["changedFields"]) == {"Rating", "LastModifiedDate", "Name.FirstName", "Address.City"}
    assert set(cleared["payload"]["ChangeEventHeader"]["nulledFields"]) == {"Rating", "Address.City"}
    assert created["payload"]["Company"] == "Acme"
    assert (changed["payload"]["Rating"], changed["payload"]["Company"]) == ("Hot", None)
    node("close")
    node("connect")
    node("subscribeFromReplayId", LEADS, 1, created["replayId"])
    (again,) = _events(node, 1)
    assert again["replayId"] == changed["replayId"]
    assert node("next", 1)[0]["kind"] == "lastEvent"
    node("requestAdditionalEvents", LEADS, 5)
    assert _events(node, 1)[0]["replayId"] == cleared["replayId"]


def test_new_events_and_a_field_that_comes_meanwhile(client: Client, node: NodeClient) -> None:
    client.control("DELETE", "requests")
    node("subscribe", LEADS, None)
    until = time.monotonic() + 10
    # The tip of the stream is where the server takes the request, a moment later.
    while time.monotonic() < until and not any("LeadChange" in entry.path for entry in client.org.control.log.entries):
        time.sleep(0.002)
    lead = client.create("Lead", LastName="First", Company="Acme")
    (first,) = _events(node, 1)
    client.control("POST", "fields", {"object": "Lead", "name": "Score__c", "type": "int"})
    client.call("PATCH", f"sobjects/Lead/{lead}", {"Score__c": 7})
    (second,) = _events(node, 1)
    assert second["schemaId"] != first["schemaId"]
    assert second["payload"]["Score__c"] == 7


def test_publishing_alone_and_in_a_batch(client: Client, node: NodeClient) -> None:
    made = {"CreatedDate": 1_772_355_600_000, "CreatedById": "005000000000001AAA"}
    done = node("publish", ORDERS, {**made, "Number__c": {"string": "A-1"}}, "0e2c1ac8-6c65-4f35-8d3c-2a2c7a0a7a01")
    assert done["correlationKey"] == "0e2c1ac8-6c65-4f35-8d3c-2a2c7a0a7a01"
    batch = [{"payload": {**made, "Number__c": {"string": number}}} for number in ("A-2", "A-3")]
    node("publishBatch", ORDERS, batch)
    (answer,) = node("next", 1)
    assert answer["kind"] == "publishResponse"
    assert len(answer["said"]["results"]) == 2
    node("subscribeFromEarliestEvent", ORDERS, 10)
    events = _events(node, 3)
    assert [event["payload"]["Number__c"] for event in events] == ["A-1", "A-2", "A-3"]
    assert events[0]["replayId"] == done["replayId"]


def test_an_error_carries_the_vendor_s_code(node: NodeClient) -> None:
    node("subscribeFromReplayId", LEADS, 1, 12345)
    said = node("next", 1)[0]
    assert said["kind"] == "error"
    assert said["said"]["code"] == 3
    assert said["said"]["trailer"] == ["sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"]
    with pytest.raises(ClientError) as refused:
        node("publish", "/event/Nothing__e", {})
    assert refused.value.said["cause"]["trailer"] == ["sfdc.platform.eventbus.grpc.topic.not.found"]
