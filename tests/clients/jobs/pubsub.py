"""salesforce-pubsub-api-client: change events by replay id and as they come, schema changes, publishing, errors."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from syncline_sandbox.pubsub import serve_pubsub
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET
from tests.clients.capability import Job
from tests.clients.node import ClientError, NodeClient
from tests.clients.places import INSTANCE, PUBSUB_HOST
from tests.clients.truth import control, stored
from tests.clients.worlds import KEY, change_leads, lead

if TYPE_CHECKING:
    from tests.clients.room import Room

JOB = Job()
_LEADS = "/data/LeadChangeEvent"
_ORDERS = "/event/Order__e"
_PORT = 7443
_WRITES = 250  # more than the hundred that may be under way at a time
_FIRST_SECONDS = 10


@contextlib.contextmanager
def _connected(room: Room) -> Iterator[NodeClient]:
    """The client logged in, Lead captured and a platform event defined."""
    control(room.org, "POST change_data_capture", {"objects": ["Lead"]})
    control(room.org, "POST platform_events", {"name": "Order__e", "fields": [{"name": "Number__c"}]})
    endpoint = f"{PUBSUB_HOST}:{_PORT}"
    with (
        serve_pubsub(room.org, _PORT),
        NodeClient("pubsub", INSTANCE, endpoint, CLIENT_ID, CLIENT_SECRET, errors=room.log) as client,
    ):
        client("connect")
        yield client
        client("close")


@JOB.can("change events from the earliest and from a replay id", within_seconds=120)
def replay(room: Room) -> None:
    with _connected(room) as client:
        records = [lead(91_000 + n) for n in range(_WRITES)]
        for record in records:
            control(room.org, "POST write", {"object": "Lead", "operation": "create", "records": [record]})
        changed, gone = change_leads(room.org)
        client("subscribeFromEarliestEvent", _LEADS, None)
        seen = _changes(client, _WRITES + len(changed) + len(gone))
        kinds = [change["kind"] for change in seen]
        assert kinds == ["CREATE"] * _WRITES + ["UPDATE"] * 30 + ["CREATE"] * 3 + ["DELETE"] * 5
        assert [change["fields"].get(KEY) for change in seen[:_WRITES]] == [record[KEY] for record in records]
        assert {change["fields"]["Name"]["LastName"] for change in seen if change["kind"] == "UPDATE"} == {"Changed"}
        deleted = {row["Id"] for row in stored(room.org, "Lead", ["Id"], "IsDeleted = 1")}
        assert {change["id"] for change in seen[-5:]} == deleted
        client("close")
        client("connect")
        client("subscribeFromReplayId", _LEADS, 10, seen[_WRITES - 1]["replay_id"])
        again = _changes(client, 10)
        after = seen[_WRITES : _WRITES + len(again)]
        assert [(one["replay_id"], one["id"]) for one in again] == [(one["replay_id"], one["id"]) for one in after]


@JOB.can("change events as they come, with a field added meanwhile", within_seconds=120)
def live(room: Room) -> None:
    with _connected(room) as client:
        control(room.org, "DELETE requests")
        client("subscribe", _LEADS, None)
        until = time.monotonic() + _FIRST_SECONDS
        while not any("LeadChange" in entry.path for entry in room.org.control.log.entries):
            assert time.monotonic() < until, "it has not subscribed"
            time.sleep(0.05)
        (row,) = stored(room.org, "Lead", ["Id"], f"\"{KEY}\" = 'L00001'")
        _write(room, {"Id": row["Id"], "City": "Ulm"})
        (first,) = _changes(client, 1)
        control(room.org, "POST fields", {"object": "Lead", "name": "Points__c", "type": "int"})
        _write(room, {"Id": row["Id"], "Points__c": 7})
        (second,) = _changes(client, 1)
        assert (first["fields"]["Address"]["City"], second["fields"]["Points__c"]) == ("Ulm", 7)
        assert first["schema_id"] != second["schema_id"]


@JOB.can("platform events: publish alone and in a batch, receive", within_seconds=120)
def publish(room: Room) -> None:
    made = {"CreatedDate": 1_772_355_600_000, "CreatedById": room.org.people.user_id("integration@sandbox.example")}
    with _connected(room) as client:
        done = client("publish", _ORDERS, {**made, "Number__c": {"string": "A-0"}})
        batch = [{"payload": {**made, "Number__c": {"string": f"A-{n}"}}} for n in range(1, 21)]
        client("publishBatch", _ORDERS, batch)
        (answer,) = client("next", 1)
        assert len(answer["said"]["results"]) == 20
        client("subscribeFromEarliestEvent", _ORDERS, 21)
        events = _events(client, 21)
        assert [event["payload"]["Number__c"] for event in events] == [f"A-{n}" for n in range(21)]
        assert events[0]["replayId"] == done["replayId"]


@JOB.can("refusals with the vendor's codes", within_seconds=120)
def refusals(room: Room) -> None:
    with _connected(room) as client:
        client("subscribeFromReplayId", _LEADS, 1, 12345)
        (said,) = client("next", 1)
        assert said["said"]["trailer"] == ["sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"]
        with pytest.raises(ClientError) as refused:
            client("publish", "/event/Nothing__e", {})
        assert refused.value.said["cause"]["trailer"] == ["sfdc.platform.eventbus.grpc.topic.not.found"]


def _write(room: Room, record: dict[str, Any]) -> None:
    control(room.org, "POST write", {"object": "Lead", "operation": "update", "records": [record]})


def _events(client: NodeClient, count: int) -> list[Any]:
    """So many events; the client says between them when it has had what it asked for."""
    events: list[Any] = []
    while len(events) < count:
        (said,) = client("next", 1)
        assert said["kind"] in ("event", "lastEvent"), said
        if said["kind"] == "event":
            events.append(said["said"])
    return events


def _changes(client: NodeClient, count: int) -> list[dict[str, Any]]:
    """So many changes of single records, in order; the vendor may tell several alike in one event."""
    changes: list[dict[str, Any]] = []
    while len(changes) < count:
        (event,) = _events(client, 1)
        header = event["payload"]["ChangeEventHeader"]
        shared = {"kind": header["changeType"], "fields": event["payload"]}
        at = {"replay_id": event["replayId"], "schema_id": event["schemaId"]}
        changes += [{**shared, **at, "id": record_id} for record_id in header["recordIds"]]
    return changes
