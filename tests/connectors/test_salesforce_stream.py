"""Change streams of the Salesforce connector, against the sandbox's own gRPC service."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from syncline.connectors.salesforce import SalesforceConnector
from syncline.connectors.salesforce.stream import Endpoint, endpoint_of, subscription
from syncline.connectors.salesforce.stream.bitmaps import named
from syncline.connectors.salesforce.stream.decoding import HEADER, schema_of
from syncline.connectors.salesforce.stream.translation import Translator, field_of
from syncline.errors import AccessError, ConfigError, PositionLost, QuotaExhausted, Unavailable
from syncline.net.auth import TokenRefused
from syncline.records import Event, EventBatch, EventKind, Operation, Write
from syncline_sandbox.pubsub import serve_pubsub
from syncline_sandbox.salesforce.events.event_schema import change_event_schema
from tests.support.inprocess import SharedClock
from tests.support.org_world import World
from tests.support.virtual import SeededRandom

LEADS = "/data/LeadChangeEvent"
FIELDS = ("LastName", "FirstName", "City", "AnnualRevenue", "NumberOfEmployees", "DoNotCall", "Title", "OwnerId")


class PatientClock(SharedClock):
    """The org's time; who sleeps waits in real time: silence on a wire is real."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class PushingOrg(World):
    """An org that pushes leads and contacts, and a connector that hears it."""

    def connect(self) -> SalesforceConnector:
        return SalesforceConnector(self.settings, self.transport, PatientClock(self.clock), SeededRandom())

    def select(self, *objects: str) -> None:
        self.control("POST", "change_data_capture", {"objects": list(objects)})

    def lead(self, **columns: Any) -> str:
        (record_id,) = self.seed(1, **columns)
        return record_id

    def edit(self, record_id: str, **columns: Any) -> None:
        self.by_hand("update", {"Id": record_id, **columns})


@pytest.fixture(scope="module")
def served() -> Iterator[PushingOrg]:
    world = PushingOrg()
    with serve_pubsub(world.org, tls=False) as endpoint:
        world.settings["stream_endpoint"] = f"http://{endpoint.address}"
        yield world


@pytest.fixture
def org(served: PushingOrg) -> PushingOrg:
    served.control("POST", "reset")
    served.control("POST", "events", {"delivered": 0, "keep_alive_seconds": 270})
    served.select("Lead", "Contact")
    served.connector = served.connect()
    return served


Body = Callable[["Listener"], Awaitable[None]]


class Listener:
    """A subscription in the test's hands."""

    def __init__(self, org: PushingOrg, fields: tuple[str, ...] = FIELDS) -> None:
        self.org, self.fields, self.batches = org, fields, list[EventBatch]()

    async def hear(self, position: str | None, events: int = 1, act: Callable[[], None] | None = None) -> list[Event]:
        """Subscribe, *act* once the stream stands, and listen until so many events came. `batches` holds what came."""
        self.batches = []
        stream = self.org.connector.subscribe(LEADS, {"Lead": self.fields}, position)
        async with asyncio.timeout(20), aclosing(stream):
            assert (await anext(stream)) == EventBatch(channel=LEADS, position=position)
            acting = None
            if act is not None:
                acting = asyncio.get_running_loop().call_later(0.15, act)
            while sum(len(batch.events) for batch in self.batches) < events:
                self.batches.append(await anext(stream))
            if acting is not None:
                acting.cancel()
        await self.gone()
        return [event for batch in self.batches for event in batch.events]

    async def gone(self) -> None:
        """Until the org has heard that nobody listens any more: a fault strikes whichever stream comes first."""
        async with asyncio.timeout(20):
            while self.org.org.events.open_streams:
                await asyncio.sleep(0.002)

    @property
    def position(self) -> str:
        position = self.batches[-1].position
        assert position is not None
        return position


def listening(org: PushingOrg, body: Callable[[Listener], Coroutine[Any, Any, None]], **more: Any) -> None:
    async def whole() -> None:
        try:
            await body(Listener(org, **more))
        finally:
            await org.connector.aclose()

    asyncio.run(whole())


def test_what_events_say(org: PushingOrg) -> None:
    one = org.lead(FirstName="Ann", City="Ulm", Title="old")

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.edit(one, LastName="Lee", City=None, AnnualRevenue=1234.5, NumberOfEmployees=7, DoNotCall=True)
            org.by_hand("create", {"LastName": "New", "Company": "c"})
            org.by_hand("delete", {"Id": one})
            org.by_hand("undelete", {"Id": one})

        update, create, delete, undelete = await listener.hear(None, 4, act)
        assert (update.kind, update.record_ids) == (EventKind.UPDATE, (one,))
        assert update.cells == {
            "LastName": "Lee",
            "City": "",
            "AnnualRevenue": "1234.5",
            "NumberOfEmployees": "7",
            "DoNotCall": "true",
        }
        assert (update.is_ours, update.is_person, update.needs_reading) == (False, None, False)
        assert update.committed_us // 1_000_000 == update.stamp_us // 1_000_000  # type: ignore[operator]
        assert update.transaction
        assert create.kind is EventKind.CREATE
        assert {name: create.cells[name] for name in ("LastName", "FirstName", "Title", "City")} == {
            "LastName": "New",
            "FirstName": "",
            "Title": "",
            "City": "",
        }
        assert set(create.cells) == set(FIELDS)
        assert (delete.kind, delete.cells, undelete.kind) == (EventKind.DELETE, {}, EventKind.UNDELETE)
        assert org.connector.usage().events_taken == 4

    listening(org, body)


def test_fields_that_no_event_carries_are_read_for(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.edit(one, Title="t")
            org.edit(one, LastName="Lee")
            org.by_hand("create", {"LastName": "New", "Company": "c"})

        title, name, create = await listener.hear(None, 3, act)
        assert (title.needs_reading, title.cells) == (False, {"Title": "t"})
        assert (name.needs_reading, create.needs_reading) == (True, True)

    listening(org, body, fields=("Title", "Name", "Owner.Email"))


def test_a_formula_is_in_no_event(org: PushingOrg) -> None:
    one = org.lead()
    name = f"Twice{len(org.transport.sent)}__c"
    org.control("POST", "fields", {"object": "Lead", "name": name, "formula": "Title & Title"})

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.edit(one, Title="t")
            org.by_hand("create", {"LastName": "New", "Company": "c"})

        update, create = await listener.hear(None, 2, act)
        assert (update.needs_reading, create.needs_reading) == (False, True)
        assert name not in {*update.cells, *create.cells}

    fields = ("Title", name)
    listening(org, body, fields=fields)


def test_our_own_writes_are_known(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        async def ours() -> None:
            write = Write(operation=Operation.UPDATE, object_type="Lead", cells={"Title": "x"}, record_id=one)
            await org.connector.write([write])

        tasks: list[asyncio.Task[None]] = []
        (event,) = await listener.hear(None, 1, lambda: tasks.append(asyncio.ensure_future(ours())))
        assert (event.is_ours, event.is_person, event.actor) == (True, False, await org.connector.own_actor())

    listening(org, body)


def test_more_than_may_be_outstanding_comes_all_the_same(org: PushingOrg) -> None:
    ids = org.seed(260)

    async def body(listener: Listener) -> None:
        changes = [{"Id": one, "Title": f"t{n}"} for n, one in enumerate(ids)]
        events = await listener.hear(None, 260, lambda: org.by_hand("update", *changes))
        assert {one for event in events for one in event.record_ids} == set(ids)
        assert max(len(batch.events) for batch in listener.batches) <= 100

    listening(org, body)


def test_a_sign_of_life_is_a_position(org: PushingOrg) -> None:
    one = org.lead()
    org.control("POST", "events", {"keep_alive_seconds": 0.05})

    async def body(listener: Listener) -> None:
        stream = org.connector.subscribe(LEADS, {"Lead": FIELDS}, None)
        async with asyncio.timeout(20), aclosing(stream):
            await anext(stream)
            quiet = await anext(stream)
        await listener.gone()
        assert quiet.events == ()
        org.edit(one, Title="later")
        (event,) = await listener.hear(quiet.position)
        assert event.cells == {"Title": "later"}

    listening(org, body)


def test_a_broken_stream_is_resumed_by_position(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        await listener.hear(None, 1, lambda: org.edit(one, Title="1"))
        position = listener.position
        for value in "234":
            org.edit(one, Title=value)
        org.fault("stream_reset", parameters={"events": 1})
        with pytest.raises(Unavailable):
            await listener.hear(position, 3)
        await listener.gone()
        events = await listener.hear(position, 3)
        assert [event.cells["Title"] for event in events] == ["2", "3", "4"]

    listening(org, body)


@pytest.mark.parametrize("position", ["0000000000000001", "not hex", "ffffffffffffffff"])
def test_a_position_that_is_none_is_lost(org: PushingOrg, position: str) -> None:
    async def body(listener: Listener) -> None:
        with pytest.raises(PositionLost):
            await listener.hear(position)

    listening(org, body)


def test_a_position_beyond_retention_is_lost(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        await listener.hear(None, 1, lambda: org.edit(one, Title="1"))
        org.clock.advance(80 * 3600)
        org.edit(one, Title="2")
        with pytest.raises(PositionLost):
            await listener.hear(listener.position)

    listening(org, body)


def test_an_expired_session_is_renewed(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        await listener.hear(None, 1, lambda: org.edit(one, Title="1"))
        org.control("POST", "sessions", {"expire": True})
        org.edit(one, Title="2")
        (event,) = await listener.hear(listener.position)
        assert event.cells == {"Title": "2"}

    listening(org, body)


def test_a_session_that_ends_under_way_is_renewed_when_the_stream_breaks(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.control("POST", "sessions", {"expire": True})
            org.fault("stream_reset")
            org.edit(one, Title="1")

        await listener.hear(None, 1, lambda: org.edit(one, Title="0"))
        position = listener.position
        with pytest.raises(Unavailable):
            await listener.hear(position, 1, act)
        await listener.gone()
        (event,) = await listener.hear(position)
        assert event.cells == {"Title": "1"}

    listening(org, body)


def test_a_session_that_is_refused_under_way_ends_the_stream_alone(
    org: PushingOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection stays what it is: the stream is resumed, under another token."""

    async def body(listener: Listener) -> None:
        async def refused(*_: Any) -> Any:
            raise TokenRefused("service.auth.error")

        monkeypatch.setattr(subscription, "_next", refused)
        with pytest.raises(Unavailable):
            await listener.hear(None)

    listening(org, body)


def test_a_schema_that_changes_under_way(org: PushingOrg) -> None:
    one = org.lead()
    org.control("POST", "fields", {"object": "Lead", "name": f"Extra{len(org.transport.sent)}__c", "type": "string"})

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.edit(one, Title="1")
            name = f"Later{len(org.transport.sent)}__c"
            org.control("POST", "fields", {"object": "Lead", "name": name, "type": "string"})
            org.edit(one, Title="2", **{name: "x"})

        events = await listener.hear(None, 2, act)
        assert [event.cells for event in events] == [{"Title": "1"}, {"Title": "2"}]

    listening(org, body)


def test_gaps_and_overflows(org: PushingOrg) -> None:
    one, two = org.seed(2)

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.control("POST", "gap_events", {"object": "Lead", "change": "UPDATE", "ids": [one]})
            org.control("POST", "events", {"overflow_changes": 1})
            org.by_hand("update", {"Id": one, "Title": "a"}, {"Id": two, "Title": "b", "City": "c"})

        events = await listener.hear(None, 2, act)
        assert (events[0].kind, events[0].record_ids) == (EventKind.GAP, (one,))
        assert (events[-1].kind, events[-1].record_ids) == (EventKind.OVERFLOW, ())

    listening(org, body)
    org.control("POST", "events", {"overflow_changes": 100_000})


def test_an_object_that_is_not_selected_is_refused_and_told_by_check(org: PushingOrg) -> None:
    org.select("Contact")

    async def body(listener: Listener) -> None:
        with pytest.raises(AccessError) as refused:
            await listener.hear(None)
        assert refused.value.code == "SYN-228"
        _, found = await org.connector.check()
        told = [problem for problem in found if problem.code == "SYN-228"]
        assert [(problem.subject, problem.blocks) for problem in told] == [("Lead", False)]

    listening(org, body)


def test_our_share_of_the_allotment_ends_it(org: PushingOrg) -> None:
    one = org.lead()
    org.control("POST", "events", {"delivered": 39_999})

    async def body(listener: Listener) -> None:
        await listener.hear(None, 1, lambda: org.edit(one, Title="1"))
        assert (org.connector.usage().events_used, org.connector.usage().events_limit) == (40_000, 50_000)
        with pytest.raises(QuotaExhausted) as spent:
            await listener.hear(listener.position)
        assert "40000 of the 50000" in spent.value.message

    listening(org, body)


def test_the_vendor_s_own_stop_is_told(org: PushingOrg) -> None:
    one = org.lead()

    async def body(listener: Listener) -> None:
        def act() -> None:
            org.control("POST", "events", {"delivered": 50_000})
            org.edit(one, Title="1")

        with pytest.raises(QuotaExhausted):
            await listener.hear(None, 1, act)

    listening(org, body)


def test_tls_is_verified(tmp_path: Path) -> None:
    world = PushingOrg()
    world.select("Lead")
    with serve_pubsub(world.org) as endpoint:
        trust = tmp_path / "ca.pem"
        trust.write_bytes(endpoint.trust or b"")
        for ca_file, is_trusted in ((str(trust), True), ("", False)):
            world.settings |= {"stream_endpoint": endpoint.address, "ca_file": ca_file}
            world.connector = world.connect()

            async def opens() -> bool:
                stream = world.connector.subscribe(LEADS, {"Lead": FIELDS}, None)
                async with asyncio.timeout(20), aclosing(stream):
                    try:
                        await anext(stream)
                    except Unavailable:
                        return False
                    finally:
                        await world.connector.aclose()
                return True

            assert asyncio.run(opens()) is is_trusted


def test_nothing_of_grpc_is_imported_before_a_stream_is_opened() -> None:
    code = "import sys, syncline.engine.following, syncline.connectors.salesforce; print(*sorted(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = ("grpc", "fastavro", "google.protobuf")
    assert [name for name in heavy if name in said.stdout.split()] == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"url": "https://x.my.salesforce.com"}, Endpoint(address="api.pubsub.salesforce.com:7443")),
        ({"url": "https://x.my.salesforce.com", "stream": "False"}, None),
        ({"url": "http://127.0.0.1:8080"}, None),
        ({"url": "https://salesforce.com.evil.example"}, None),
        (
            {"url": "http://127.0.0.1:1", "stream_endpoint": "http://localhost:7"},
            Endpoint(address="localhost:7", is_secure=False),
        ),
        (
            {"url": "http://127.0.0.1:1", "stream_endpoint": "proxy.example:7443", "ca_file": "ca.pem"},
            Endpoint(address="proxy.example:7443", ca_file="ca.pem"),
        ),
    ],
)
def test_where_to_subscribe(settings: dict[str, str], expected: Endpoint | None) -> None:
    assert endpoint_of(settings) == expected


@pytest.mark.parametrize("settings", [{"stream": "perhaps"}, {"stream_endpoint": "http://elsewhere.example:7443"}])
def test_where_not_to_subscribe(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        endpoint_of({"url": "https://x.my.salesforce.com", **settings})


def test_bitmaps() -> None:
    fields = [("Header",), ("Name", "Name.First", "Name.Last"), ("City",), ("Title",)]
    assert named(["0x0C"], fields) == {"City", "Title"}
    assert named(["0x04", "1-0x2"], fields) == {"City", "Name", "Name.Last"}
    assert named(["0x02"], fields) == {"Name", "Name.First", "Name.Last"}
    for wrong in ("0x10", "1-0x4", "zz"):
        with pytest.raises(ValueError):
            named([wrong], fields)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("Name.LastName", "LastName"),
        ("MailingAddress.City", "MailingCity"),
        ("Address.PostalCode", "PostalCode"),
        ("Place__c.Latitude", "Place__Latitude__s"),
        ("Title", "Title"),
    ],
)
def test_the_field_of_a_part(part: str, field: str) -> None:
    assert field_of(part) == field


def test_a_payload_that_cannot_be_read_is_kept_by_its_position(org: PushingOrg) -> None:
    sobject = org.org.schema.sobject("Lead")
    assert sobject is not None
    made = change_event_schema(sobject)
    header = {
        "entityName": "Lead",
        "recordIds": ["00Q9D0000000001AAA"],
        "changeType": "UPDATE",
        "changeOrigin": "",
        "transactionKey": "t",
        "sequenceNumber": 1,
        "commitTimestamp": 1_785_000_000_000,
        "commitNumber": 1,
        "commitUser": "0059D0000000001AAA",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": ["0xFF"],
    }
    whole = made.encode({HEADER: header, "Title": "x"})
    schema = asyncio.run(org.connector.describe("Lead"))
    translator = Translator(schema, FIELDS, None)
    shape = schema_of(made.json)
    cut = translator.event(shape, whole[:-20], "0a", 5)
    assert (cut.kind, cut.record_ids, cut.position) == (EventKind.UNREADABLE, ("00Q9D0000000001AAA",), "0a")
    lost = translator.event(shape, b"\x01", "0b", 5)
    assert (lost.kind, lost.record_ids, lost.position) == (EventKind.UNREADABLE, (), "0b")
    odd = translator.event(shape, made.encode({HEADER: {**header, "recordIds": ["00Q*"]}}), "0c", 5)
    assert (odd.kind, odd.record_ids) == (EventKind.OVERFLOW, ())
