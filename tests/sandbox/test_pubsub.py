"""The Pub/Sub API over gRPC: topics, schemas, flow control, replay, refusals and faults, with a plain client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from syncline_sandbox.pubsub import serve_pubsub
from syncline_sandbox.pubsub.proto import pubsub_api_pb2 as pb
from syncline_sandbox.pubsub.server import PubSubEndpoint
from syncline_sandbox.salesforce.events.event_schema import HEADER
from tests.sandbox.event_reader import capturing_client
from tests.sandbox.pubsub_client import PubSubClient, Stream, code_of
from tests.sandbox.salesforce_client import Client

LEADS = "/data/LeadChangeEvent"
ALL = "/data/ChangeEvents"
ORDERS = "/event/Order__e"
ORDER_FIELDS = [{"name": "Number__c"}, {"name": "Amount__c", "type": "double"}, {"name": "Due__c", "type": "date"}]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Client, PubSubEndpoint]]:
    client = capturing_client()
    with serve_pubsub(client.org, tls=False) as endpoint:
        yield client, endpoint


@pytest.fixture
def client(served: tuple[Client, PubSubEndpoint]) -> Client:
    client = served[0]
    client.control("POST", "reset")
    client.control("POST", "change_data_capture", {"objects": ["Lead", "Contact", "Account"]})
    client.control("POST", "platform_events", {"name": "Order__e"})
    client.control("POST", "sessions", {"idle_seconds": 1e9})
    client.token = client.login("integration@sandbox.example")
    return client


@pytest.fixture
def bus(served: tuple[Client, PubSubEndpoint], client: Client) -> Iterator[PubSubClient]:
    with PubSubClient(served[1], client) as bus:
        yield bus
    until = time.monotonic() + 5
    # The server hears of the end a moment later.
    while client.org.events.open_streams and time.monotonic() < until:
        time.sleep(0.001)
    assert client.org.events.open_streams == 0


def _leads(client: Client, *names: str) -> list[str]:
    return [client.create("Lead", LastName=name, Company="Acme") for name in names]


def _names(values: list[dict[str, Any]]) -> list[str]:
    return [value["Name"]["LastName"] for value in values]


def _ends(stream: Stream) -> tuple[Any, str]:
    return code_of(stream.end())


def test_tls_and_the_vendor_s_own_stub() -> None:
    client = capturing_client("Lead")
    with serve_pubsub(client.org) as endpoint, PubSubClient(endpoint, client) as bus:
        assert endpoint.trust is not None
        assert endpoint.trust.startswith(b"-----BEGIN CERTIFICATE-----")
        assert bus.topic(LEADS).can_subscribe is True


def test_a_topic_and_its_schema(client: Client, bus: PubSubClient) -> None:
    info = bus.topic(LEADS)
    assert (info.topic_name, info.can_subscribe, info.can_publish) == (LEADS, True, False)
    assert info.tenant_guid == client.org.auth.organization_id
    schema = bus.schema(info.schema_id)
    assert (schema["name"], schema["fields"][0]["name"]) == ("com.sforce.eventbus.LeadChangeEvent", HEADER)
    assert bus.topic(ALL).schema_id != info.schema_id
    assert bus.topic(ORDERS).can_publish is True


@pytest.mark.parametrize(
    ("rpc", "request_", "status", "code"),
    [
        ("GetTopic", pb.TopicRequest(), "INVALID_ARGUMENT", "topic.validation.empty"),
        ("GetTopic", pb.TopicRequest(topic_name="/data/TaskChangeEvent"), "NOT_FOUND", "topic.not.found"),
        ("GetTopic", pb.TopicRequest(topic_name="/data/leadchangeevent"), "NOT_FOUND", "topic.not.found"),
        ("GetTopic", pb.TopicRequest(topic_name="/event/Nothing__e"), "NOT_FOUND", "topic.not.found"),
        ("GetSchema", pb.SchemaRequest(), "INVALID_ARGUMENT", "schema.validation.failed"),
        ("GetSchema", pb.SchemaRequest(schema_id="x"), "INVALID_ARGUMENT", "schema.validation.failed"),
        ("Publish", pb.PublishRequest(), "INVALID_ARGUMENT", "publish.topic.validation.empty"),
        ("Publish", pb.PublishRequest(topic_name=ORDERS), "INVALID_ARGUMENT", "publish.event.count.invalid"),
        ("Publish", pb.PublishRequest(topic_name=LEADS), "PERMISSION_DENIED", "topic.meta.permission"),
    ],
)
def test_refused_calls_say_why_in_a_trailer(bus: PubSubClient, rpc: str, request_: Any, status: str, code: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        bus.call(rpc, request_)
    assert code_of(refused.value) == (grpc.StatusCode[status], code)


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("accesstoken", "wrong", "service.auth.error"),
        ("accesstoken", "", "service.auth.headers.invalid"),
        ("tenantid", "00D000000000000AAA", "service.auth.headers.invalid"),
        ("instanceurl", "nowhere", "service.auth.headers.invalid"),
    ],
)
def test_metadata_is_checked(bus: PubSubClient, header: str, value: str, code: str) -> None:
    bus.metadata = tuple((name, value if name == header else given) for name, given in bus.metadata)
    with pytest.raises(grpc.RpcError) as refused:
        bus.topic(LEADS)
    assert code_of(refused.value) == (grpc.StatusCode.UNAUTHENTICATED, code)
    assert _ends(bus.subscribe(LEADS)) == (grpc.StatusCode.UNAUTHENTICATED, code)


def test_demand_adds_up_and_is_told(client: Client, bus: PubSubClient) -> None:
    _leads(client, "a", "b", "c", "d")
    stream = bus.subscribe(LEADS, 3)
    first = stream.response()
    assert (len(first.events), first.pending_num_requested) == (3, 0)
    assert first.latest_replay_id == first.events[-1].replay_id
    stream.ask(topic_name=LEADS, num_requested=5)
    second = stream.response()
    assert (len(second.events), second.pending_num_requested) == (1, 4)
    stream.ask(num_requested=1)
    _leads(client, "e")
    third = stream.response()
    assert _names([bus.decode(event) for event in third.events]) == ["e"]
    assert third.pending_num_requested in (3, 4)  # the last request may still be on its way
    stream.cancel()


def test_no_more_than_a_hundred_are_outstanding(client: Client, bus: PubSubClient) -> None:
    rows = [{"attributes": {"type": "Lead"}, "LastName": str(n), "Company": "c"} for n in range(120)]
    client.call("POST", "composite/sobjects", {"records": rows})
    client.control("POST", "events", {"idle_seconds": 0.05})
    stream = bus.subscribe(LEADS, 5000)
    assert len(stream.events(100)) == 100
    with pytest.raises(StopIteration):  # nobody asks: the server ends the stream
        stream.response()


@pytest.mark.parametrize(
    ("later", "code"),
    [
        ({"num_requested": 0}, "subscription.fetch.requested.events.invalid"),
        ({"num_requested": 1, "topic_name": ALL}, "subscription.fetch.topic.mismatch"),
        ({"num_requested": 1, "auth_refresh": "x"}, "service.auth.refresh.invalid"),
    ],
)
def test_later_requests_that_make_no_sense(bus: PubSubClient, later: dict[str, Any], code: str) -> None:
    stream = bus.subscribe(LEADS)
    stream.ask(**later)
    assert _ends(stream) == (grpc.StatusCode.INVALID_ARGUMENT, code)


def test_replay_fields_count_only_at_first(client: Client, bus: PubSubClient) -> None:
    _leads(client, "a", "b")
    stream = bus.subscribe(LEADS, 1)
    assert _names(stream.values(1)) == ["a"]
    stream.ask(topic_name=LEADS, num_requested=1, replay_preset=pb.CUSTOM, replay_id=b"garbage!")
    assert _names(stream.values(1)) == ["b"]
    stream.cancel()


def test_where_a_subscription_starts(client: Client, bus: PubSubClient) -> None:
    _leads(client, "a", "b", "c")
    everything = bus.subscribe(LEADS)
    events = everything.events(3)
    ids = [event.replay_id for event in events]
    assert all(len(replay_id) == 8 for replay_id in ids)
    assert ids == sorted(set(ids))
    custom = bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=ids[1])
    assert _names(custom.values(1)) == ["c"]
    client.control("POST", "events", {"keep_alive_seconds": 0.05})
    latest = bus.subscribe(LEADS, preset=pb.LATEST)
    assert list(latest.response().events) == []
    _leads(client, "d")
    assert _names(latest.values(1)) == ["d"]
    for stream in (everything, custom, latest):
        stream.cancel()


@pytest.mark.parametrize("bad", [b"\0\0\0\0\0\0\0\1", b"short", b"\xff" * 8, None])
def test_a_replay_id_that_is_none(client: Client, bus: PubSubClient, bad: bytes | None) -> None:
    _leads(client, "a")
    stream = bus.subscribe(ALL)
    other_channel = stream.events(1)[0].replay_id
    stream.cancel()
    refused = bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=other_channel if bad is None else bad)
    assert _ends(refused) == (grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted")
    empty = bus.subscribe(LEADS, preset=pb.CUSTOM)
    assert _ends(empty) == (grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.replayid.validation.failed")


def test_events_are_kept_for_three_days(client: Client, bus: PubSubClient) -> None:
    _leads(client, "a")
    old = bus.subscribe(LEADS)
    replay_id = old.events(1)[0].replay_id
    old.cancel()
    client.advance(71 * 3600)
    _leads(client, "b")
    resumed = bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=replay_id)
    assert _names(resumed.values(1)) == ["b"]
    resumed.cancel()
    client.advance(3600)
    code = "subscription.fetch.replayid.corrupted"
    assert _ends(bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=replay_id))[1] == code
    earliest = bus.subscribe(LEADS, 1)
    assert _names(earliest.values(1)) == ["b"]
    earliest.cancel()
    client.control("POST", "events", {"expired_replay_code": "subscription.fetch.replayid.validation.failed"})
    code = "subscription.fetch.replayid.validation.failed"
    assert _ends(bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=replay_id))[1] == code


def test_a_keep_alive_brings_an_id_to_resume_from_past_a_quiet_time(client: Client, bus: PubSubClient) -> None:
    client.control("POST", "events", {"keep_alive_seconds": 0.02})
    _leads(client, "a")
    stream = bus.subscribe(LEADS)
    sent = stream.events(1)[0].replay_id
    client.advance(71 * 3600)
    quiet = stream.response()
    while quiet.latest_replay_id == sent:
        quiet = stream.response()
    assert (list(quiet.events), quiet.pending_num_requested) == ([], 99)
    stream.cancel()
    client.advance(2 * 3600)
    _leads(client, "b")
    resumed = bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=quiet.latest_replay_id)
    assert _names(resumed.values(1)) == ["b"]
    resumed.cancel()


def test_a_channel_of_many_objects_in_the_order_of_commits(client: Client, bus: PubSubClient) -> None:
    _leads(client, "a")
    client.create("Account", Name="Acme")
    client.create("Contact", LastName="b")
    client.control("POST", "change_data_capture", {"objects": ["Contact"], "channel": "Mine__chn"})
    stream, custom = bus.subscribe(ALL), bus.subscribe("/data/Mine__chn")
    assert [value[HEADER]["entityName"] for value in stream.values(3)] == ["Lead", "Account", "Contact"]
    assert [value[HEADER]["entityName"] for value in custom.values(1)] == ["Contact"]
    stream.cancel()
    custom.cancel()


def test_events_keep_the_schema_they_were_written_with(client: Client, bus: PubSubClient) -> None:
    (lead,) = _leads(client, "a")
    before = bus.topic(LEADS).schema_id
    name = f"Score{len(list(client.org.schema.sobject('Lead').fields()))}__c"  # type: ignore[union-attr]
    client.control("POST", "fields", {"object": "Lead", "name": name, "type": "int"})
    client.call("PATCH", f"sobjects/Lead/{lead}", {name: 7})
    stream = bus.subscribe(LEADS)
    old, new = stream.events(2)
    assert old.event.schema_id == before
    assert new.event.schema_id == bus.topic(LEADS).schema_id != before
    assert name not in bus.decode(old)
    assert bus.decode(new)[name] == 7
    stream.cancel()


def test_hidden_fields_are_left_out_and_sharing_is_not_looked_at(client: Client, bus: PubSubClient) -> None:
    (lead,) = _leads(client, "a")
    client.call("PATCH", f"sobjects/Lead/{lead}", {"Rating": "Hot", "City": "Ulm", "Company": "Bolt"})
    rights = {"hidden_fields": ["Lead.Rating", "Lead.City"], "hidden_rows": {"Lead": "1"}}
    client.control("POST", "rights", rights)
    stream = bus.subscribe(LEADS)
    value = stream.values(2)[1]
    stream.cancel()
    assert (value["Rating"], value["Address"]["City"], value["Company"]) == (None, None, "Bolt")
    schema = bus.schema(bus.topic(LEADS).schema_id)
    places = [field["name"] for field in schema["fields"]]
    expected = 1 << places.index("Company") | 1 << places.index("LastModifiedDate")
    assert [int(entry, 16) for entry in value[HEADER]["changedFields"]] == [expected]


@pytest.mark.parametrize(
    "rights", [{"permissions": []}, {"denied_objects": {"Lead": ["read"]}}], ids=["ViewAllData", "Lead"]
)
def test_who_may_not_subscribe(client: Client, bus: PubSubClient, rights: dict[str, Any]) -> None:
    client.control("POST", "rights", rights)
    assert bus.topic(LEADS).can_subscribe is False
    assert _ends(bus.subscribe(LEADS)) == (grpc.StatusCode.PERMISSION_DENIED, "subscription.topic.cannot.subscribe")


def _define_orders(client: Client, bus: PubSubClient) -> str:
    client.control("POST", "platform_events", {"name": "Order__e", "fields": ORDER_FIELDS})
    return str(bus.topic(ORDERS).schema_id)


def test_platform_events_are_published_over_grpc_and_rest(client: Client, bus: PubSubClient) -> None:
    schema_id = _define_orders(client, bus)
    body = {"CreatedDate": 1_772_000_000, "CreatedById": "005000000000001AAA", "Number__c": "A-1", "Amount__c": 9.5}
    sent = [
        pb.ProducerEvent(id="0e2c1ac8-6c65-4f35-8d3c-2a2c7a0a7a01", schema_id=schema_id, payload=payload)
        for payload in (bus.encode(schema_id, body), b"\xffgarbage")
    ]
    answer = bus.call("Publish", pb.PublishRequest(topic_name=ORDERS, events=sent))
    assert answer.schema_id == schema_id
    assert answer.results[0].correlation_key == sent[0].id
    assert (answer.results[1].error.code, answer.results[1].replay_id) == (pb.PUBLISH, b"")
    status, told = client.call("POST", "sobjects/Order__e", {"Number__c": "A-2", "Due__c": "2026-03-02"})
    assert (status, told["success"], told["errors"][0]["statusCode"]) == (201, True, "OPERATION_ENQUEUED")
    rows = [{"attributes": {"type": "Order__e"}, "Number__c": "A-3"}]
    assert client.call("POST", "composite/sobjects", {"records": rows})[1][0]["errors"] != []
    stream = bus.subscribe(ORDERS)
    events = stream.events(3)
    stream.cancel()
    first, second, _ = (bus.decode(event) for event in events)
    assert events[0].replay_id == answer.results[0].replay_id
    assert (events[0].event.id, events[1].event.id) == (sent[0].id, told["errors"][0]["message"])
    assert (first["CreatedDate"], first["CreatedById"]) == (1_772_000_000_000, "005000000000001AAA")
    assert (second["Number__c"], second["Amount__c"], second["Due__c"]) == ("A-2", None, 1_772_409_600_000)
    assert client.query("SELECT Id FROM Lead") == []
    assert client.call("GET", "query", q="SELECT Number__c FROM Order__e")[0] == 400


def test_a_stream_of_batches_of_one_topic(client: Client, bus: PubSubClient) -> None:
    schema_id = _define_orders(client, bus)
    values = {"CreatedDate": 1, "CreatedById": "x", "Number__c": "n"}
    event = pb.ProducerEvent(id="1", schema_id=schema_id, payload=bus.encode(schema_id, values))
    batches = [
        pb.PublishRequest(topic_name=ORDERS, events=[event] * 3),
        pb.PublishRequest(events=[event]),
        pb.PublishRequest(topic_name="/event/Other__e", events=[event]),
    ]
    answers = bus.stub.PublishStream(iter(batches), metadata=bus.metadata, timeout=20)
    assert [len(next(answers).results), len(next(answers).results)] == [3, 1]
    with pytest.raises(grpc.RpcError) as refused:
        next(answers)
    assert code_of(refused.value) == (grpc.StatusCode.INVALID_ARGUMENT, "publish.topic.mismatch")


def test_allotments_are_counted_and_end(client: Client, bus: PubSubClient) -> None:
    _define_orders(client, bus)
    _leads(client, "a", "b")
    client.control("POST", "events", {"delivered": 49_999, "published": 49_999})
    stream = bus.subscribe(LEADS)
    assert len(stream.events(1)) == 1
    limits = client.call("GET", "limits")[1]
    assert limits["DailyDeliveredPlatformEvents"] == {"Max": 50_000, "Remaining": 0}
    assert limits["HourlyPublishedPlatformEvents"] == {"Max": 50_000, "Remaining": 1}
    assert _ends(stream) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "subscription.limit.exceeded")
    assert client.call("POST", "sobjects/Order__e", {"Number__c": "1"})[0] == 201
    status, told = client.call("POST", "sobjects/Order__e", {"Number__c": "2"})
    assert (status, told[0]["errorCode"]) == (403, "LIMIT_EXCEEDED") or told[0]["errorCode"] == "LIMIT_EXCEEDED"
    client.advance(24 * 3600)
    assert client.call("GET", "limits")[1]["DailyDeliveredPlatformEvents"]["Remaining"] == 50_000


@pytest.mark.parametrize(
    ("fault", "parameters", "names"),
    [
        ("duplicate_events", {}, ["a", "b", "c", "c"]),
        ("reorder_events", {}, ["c", "b", "a"]),
        ("missing_events", {"count": 2}, ["c"]),
    ],
)
def test_faults_of_delivery(
    client: Client, bus: PubSubClient, fault: str, parameters: dict[str, Any], names: list[str]
) -> None:
    _leads(client, "a", "b", "c")
    client.fault(fault, f"^GRPC Subscribe {LEADS}$", parameters=parameters)
    stream = bus.subscribe(LEADS)
    assert _names(stream.values(len(names))) == names
    stream.cancel()
    assert any(entry["faults"] == [fault] for entry in client.control("GET", "requests"))


def test_a_stream_is_reset_in_the_middle(client: Client, bus: PubSubClient) -> None:
    _leads(client, "a", "b", "c")
    client.fault("stream_reset", "^GRPC Subscribe", parameters={"events": 2})
    stream = bus.subscribe(LEADS)
    events = stream.events(2)
    with pytest.raises(grpc.RpcError) as reset:
        stream.response()
    assert code_of(reset.value) == (grpc.StatusCode.UNAVAILABLE, "")
    resumed = bus.subscribe(LEADS, preset=pb.CUSTOM, replay_id=events[-1].replay_id)
    assert _names(resumed.values(1)) == ["c"]
    resumed.cancel()


def test_too_many_clients(client: Client) -> None:
    client.control("POST", "events", {"maximum_streams": 1})
    _leads(client, "a")
    with serve_pubsub(client.org, tls=False) as endpoint, PubSubClient(endpoint, client) as bus:
        stream = bus.subscribe(LEADS)
        stream.events(1)
        code = "concurrent.client.limit.exceeded"
        assert _ends(bus.subscribe(LEADS)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, code)
        stream.cancel()


def test_there_are_no_managed_subscriptions(bus: PubSubClient) -> None:
    request = pb.ManagedFetchRequest(developer_name="Mine", num_requested=1)
    with pytest.raises(grpc.RpcError) as refused:
        next(bus.stub.ManagedSubscribe(iter([request]), metadata=bus.metadata, timeout=20))
    assert code_of(refused.value)[1] == "managed.subscription.developer.name.not.found"
