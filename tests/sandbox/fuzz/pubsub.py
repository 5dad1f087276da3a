"""Calls of the Pub/Sub API as nobody should make them, asked of the service itself, without a network between.

Lives here: sound calls and how they are broken, and a context that remembers how each ended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from grpc import StatusCode

from syncline_sandbox.pubsub.proto import pubsub_api_pb2 as pb
from syncline_sandbox.pubsub.service import PubSubService
from syncline_sandbox.salesforce.events.event_schema import encode
from tests.sandbox.event_reader import capturing_client

_WORDS = ("", " ", "x", "x" * 5000, "\x00", "ä€😀", "%", "null", "/event/Nope__e", "/data/", "/event/", "//", "0" * 22)
_HEADERS = ("", "x", "Bearer x", "http://[", "https://", "ftp://x", "http://x:notaport", "00D", "z" * 4000, "-1", "%00")
_RPCS = "GetTopic GetSchema Publish Publish PublishStream Subscribe Subscribe ManagedSubscribe".split()
_NUMBERS = (0, -1, 1, 2**31 - 1, -(2**31), 100, 101)


@dataclass
class Context:
    """What the service sees of a call: its metadata, and where answers go. It leaves after a few responses."""

    metadata: list[tuple[str, str]]
    written: list[Any] = field(default_factory=list)
    ended: tuple[StatusCode, str, dict[str, str]] | None = None

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return self.metadata

    async def write(self, message: Any) -> None:
        self.written.append(message)
        if len(self.written) == 4:
            raise Ended

    async def abort(self, code: StatusCode, details: str, trailers: tuple[tuple[str, str], ...]) -> None:
        self.ended = (code, details, dict(trailers))
        raise Ended


class Ended(Exception):
    """The call is over."""


class PubSubCalls:
    """Makes and breaks calls of one org with a change event and a platform event. Needs a running loop."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        client = capturing_client("Lead")
        fields = [{"name": "Number__c"}, {"name": "Amount__c", "type": "double"}, {"name": "Due__c", "type": "date"}]
        client.control("POST", "platform_events", {"name": "Order__e", "fields": fields})
        client.control("POST", "events", {"keep_alive_seconds": 0.002, "idle_seconds": 0.002})
        for number in range(3):
            client.create("Lead", LastName=f"n{number}", Company="c")
        self.service = PubSubService(client.org)
        event = client.org.schema.sobject("Order__e")
        assert event is not None
        self._schema = client.org.events.platform_schema(event)
        self._metadata = {
            "accesstoken": client.token,
            "instanceurl": "https://org.example",
            "tenantid": client.org.auth.organization_id,
        }
        self._sound = {
            "CreatedDate": 1_772_000_000_000, "CreatedById": "005000000000001AAA", "Number__c": "1", "Amount__c": 2.5,
            "Due__c": 1_772_000_000_000,
        }  # fmt: skip

    async def one(self) -> tuple[str, Context, Any]:
        """One call; its RPC, its context, and its answer if it is unary."""
        rpc = self._dice.choice(_RPCS)
        context = Context(self._headers())
        act = getattr(self.service, rpc)
        asked = getattr(self, f"_{rpc}")
        try:
            if rpc in ("GetTopic", "GetSchema", "Publish"):
                return rpc, context, await act(asked(), context)
            await act(_stream([asked() for _ in range(self._dice.randint(0, 3))]), context)
        except Ended:
            pass
        return rpc, context, None

    def _headers(self) -> list[tuple[str, str]]:
        headers = dict(self._metadata)
        if self._dice.random() < 0.25:
            name = self._dice.choice(list(headers))
            headers[name] = self._dice.choice(_HEADERS)
            if self._dice.random() < 0.3:
                del headers[name]
        return list(headers.items())

    def _maybe(self, sound: Any, junk: tuple[Any, ...], share: float = 0.3) -> Any:
        return self._dice.choice(junk) if self._dice.random() < share else sound

    def _topic(self) -> str:
        sound = self._dice.choice(("/event/Order__e", "/data/LeadChangeEvent", "/data/ChangeEvents"))
        return str(self._maybe(sound, _WORDS))

    def _GetTopic(self) -> pb.TopicRequest:
        return pb.TopicRequest(topic_name=self._topic())

    def _GetSchema(self) -> pb.SchemaRequest:
        return pb.SchemaRequest(schema_id=self._maybe(self._schema.id, _WORDS))

    def _Publish(self) -> pb.PublishRequest:
        events = [self._event() for _ in range(self._dice.choice((0, 1, 1, 1, 3)))]
        topic = self._maybe("/event/Order__e", _WORDS, 0.15)
        return pb.PublishRequest(topic_name=topic, events=events, auth_refresh=self._maybe("", ("x",), 0.03))

    _PublishStream = _Publish

    def _event(self) -> pb.ProducerEvent:
        return pb.ProducerEvent(
            id=self._maybe("6f1e4d3c-0b5a-4c2d-9e8f-7a6b5c4d3e2f", _WORDS),
            schema_id=self._maybe(self._schema.id, _WORDS, 0.15),
            payload=self._payload(),
        )

    def _payload(self) -> bytes:
        dice = self._dice
        values = dict(self._sound)
        if dice.random() < 0.5:
            longs = (-(2**63), 2**63 - 1, 0, 10**11, -1, 253_402_300_800_000)
            name = dice.choice(list(values))
            numbers: tuple[Any, ...] = (float("nan"), float("inf"), 1e308)
            kinds: dict[str, tuple[Any, ...]] = {
                "Amount__c": numbers, "Number__c": _WORDS, "CreatedById": _WORDS, "CreatedDate": longs, "Due__c": longs,
            }  # fmt: skip
            values[name] = dice.choice(kinds[name])
        payload = encode(self._schema.json, values)
        place = dice.randrange(len(payload))
        match dice.randrange(8):
            case 0:
                return payload[:place]
            case 1:
                return dice.randbytes(dice.randint(0, 60))
            case 2:
                return payload[:place] + dice.randbytes(4) + payload[place:]
            case 3:
                return payload[:place] + b"\xff" * 9 + payload[place + 1 :]
        return payload

    def _Subscribe(self) -> pb.FetchRequest:
        ids = (b"", b"x", b"\xff" * 8, b"\x00" * 8, b"\x00" * 7 + b"\x02", b"x" * 500)
        return pb.FetchRequest(
            topic_name=self._topic(),
            replay_preset=self._maybe(pb.EARLIEST, (pb.LATEST, pb.CUSTOM, pb.CUSTOM, 7), 0.6),
            replay_id=self._maybe(b"", ids, 0.6),
            num_requested=self._maybe(1, _NUMBERS),
            auth_refresh=self._maybe("", ("x",), 0.03),
        )

    def _ManagedSubscribe(self) -> pb.ManagedFetchRequest:
        return pb.ManagedFetchRequest(
            subscription_id=self._maybe("", _WORDS), developer_name=self._maybe("Mine", _WORDS),
            num_requested=self._maybe(1, _NUMBERS),
        )  # fmt: skip


async def _stream(requests: list[Any]) -> AsyncIterator[Any]:
    for request in requests:
        await asyncio.sleep(0)
        yield request
