"""The calls of the Pub/Sub API over one gRPC channel per connection: Subscribe with its flow control, topics, schemas.

Facts: Salesforce, Pub/Sub API Developer Guide, "Subscribe RPC Method", "Flow Control", "Event Replay", "Authentication"
and the comments of pubsub_api.proto: at most 100 events may be outstanding; only the first request of a stream names
topic and position; a keep-alive comes at least every 270 seconds and its replay id is one to resume from; a stream of
which nothing is asked ends after 70 seconds. Imports gRPC: nothing but `stream.Streams` imports this, and only when a
stream is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from syncline.connectors.salesforce.client import SalesforceClient
from syncline.connectors.salesforce.stream import Endpoint
from syncline.connectors.salesforce.stream.allotment import Allotment
from syncline.connectors.salesforce.stream.decoding import EventSchema, schema_of
from syncline.connectors.salesforce.stream.proto import pubsub_api_pb2 as pb
from syncline.connectors.salesforce.stream.refusals import refusal
from syncline.connectors.salesforce.stream.translation import Translator
from syncline.errors import AccessError, ConfigError, NotUnderstood, SynclineError, Unavailable
from syncline.net.auth import Token, TokenRefused
from syncline.ports import Clock
from syncline.records import Event, EventBatch
from syncline.values import micros

MOST_OUTSTANDING = 100
SILENCE_SECONDS = 330.0
"""The vendor's 270 and a margin: who says nothing for so long is gone."""
_UNARY_SECONDS = 60.0

_METHODS: dict[str, tuple[Any, Any]] = {
    "GetTopic": (pb.TopicRequest, pb.TopicInfo),
    "GetSchema": (pb.SchemaRequest, pb.SchemaInfo),
    "Subscribe": (pb.FetchRequest, pb.FetchResponse),
}
# Pings find a connection that is dead without a word, long before the next keep-alive is due.
_OPTIONS = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
)


class Bus:
    """One org's Pub/Sub API: an open gRPC channel, the schemas seen so far."""

    def __init__(self, endpoint: Endpoint, client: SalesforceClient, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._schemas: dict[str, EventSchema] = {}
        if endpoint.is_secure:
            self._channel = aio.secure_channel(endpoint.address, _credentials(endpoint.ca_file), options=_OPTIONS)
        else:
            self._channel = aio.insecure_channel(endpoint.address, options=_OPTIONS)

    async def topic(self, name: str) -> Any:
        """The vendor's TopicInfo. AccessError if the topic is not there or may not be subscribed to."""
        info = await self._unary("GetTopic", pb.TopicRequest(topic_name=name))
        if not info.can_subscribe:
            raise AccessError(f"The connected user may not subscribe to {name}.", code="SYN-228")
        return info

    async def schema(self, schema_id: str) -> EventSchema:
        """The schema of an id. NotUnderstood if the vendor's is no schema of a change event."""
        if schema_id not in self._schemas:
            info = await self._unary("GetSchema", pb.SchemaRequest(schema_id=schema_id))
            try:
                self._schemas[schema_id] = schema_of(info.schema_json)
            except ValueError as broken:
                raise NotUnderstood(f"The schema {schema_id}: {broken}") from broken
        return self._schemas[schema_id]

    async def open(self) -> Any:
        """A Subscribe stream under the present token."""
        return self._method("Subscribe", self._channel.stream_stream)(metadata=self._metadata(await self.token()))

    async def token(self) -> Token:
        return await self._client.token()

    async def renew(self, refused: Token) -> None:
        await self._client.renew(refused)

    async def aclose(self) -> None:
        await self._channel.close()

    def _method(self, name: str, kind: Callable[..., Any]) -> Any:
        request, response = _METHODS[name]
        return kind(
            f"/eventbus.v1.PubSub/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def _metadata(self, token: Token) -> tuple[tuple[str, str], ...]:
        """ "Authentication": the token, the org's address and its id, which the identity URL names last but one."""
        tenant = (token.identity or "").rstrip("/").split("/")
        if len(tenant) < 2:
            raise NotUnderstood("Salesforce issued a token without the identity it stands for.")
        return (
            ("accesstoken", token.value),
            ("instanceurl", token.base_url or self._url),
            ("tenantid", tenant[-2]),
        )

    async def _unary(self, name: str, request: Any) -> Any:
        token = await self.token()
        try:
            return await self._call(name, request, token)
        except TokenRefused:
            await self.renew(token)
            return await self._call(name, request, await self.token())

    async def _call(self, name: str, request: Any, token: Token) -> Any:
        method = self._method(name, self._channel.unary_unary)
        try:
            return await method(request, metadata=self._metadata(token), timeout=_UNARY_SECONDS)
        except aio.AioRpcError as ended:
            raise error_of(ended) from ended


async def topic_problem(bus: Bus, channel: str) -> str | None:
    """Why a channel cannot be subscribed to; None if it can."""
    try:
        await bus.topic(channel)
    except SynclineError as refused:
        return refused.message
    return None


async def subscription(
    bus: Bus, allotment: Allotment, clock: Clock, channel: str, translator: Translator, position: str | None
) -> AsyncGenerator[EventBatch, None]:
    """As `ports.Streams.subscribe`, for one channel of one object type."""
    await allotment.require()
    await bus.topic(channel)
    replay_id = _replay_id(position)
    call = await _opened(bus, channel, replay_id)
    try:
        yield EventBatch(channel=channel, position=position)
        while True:
            try:
                response = await _next(call, clock)
            except TokenRefused:
                # Resumed by position; the question for the topic, which comes first, has the token renewed.
                raise Unavailable("The session of the stream ended.") from None
            if response is None:
                return
            came_us = micros(clock.now())
            events = tuple([await _event(bus, translator, one, came_us) for one in response.events])
            allotment.take(len(events))
            yield EventBatch(channel=channel, events=events, position=response.latest_replay_id.hex())
            await allotment.require()
            if (room := MOST_OUTSTANDING - response.pending_num_requested) > 0 and events:
                await _ask(call, pb.FetchRequest(topic_name=channel, num_requested=room))
    finally:
        call.cancel()


def _replay_id(position: str | None) -> bytes | None:
    try:
        return None if position is None else bytes.fromhex(position)
    except ValueError:
        return b"?"  # the vendor calls it corrupted, and the position is lost


async def _opened(bus: Bus, channel: str, replay_id: bytes | None) -> Any:
    call = await bus.open()
    start = {"replay_preset": pb.LATEST} if replay_id is None else {"replay_preset": pb.CUSTOM, "replay_id": replay_id}
    await _ask(call, pb.FetchRequest(topic_name=channel, num_requested=MOST_OUTSTANDING, **start))
    return call


async def _ask(call: Any, request: Any) -> None:
    """Ask for more. A stream that has ended says why when it is read."""
    try:
        await call.write(request)
    except (aio.AioRpcError, asyncio.InvalidStateError):
        return


async def _next(call: Any, clock: Clock) -> Any:
    """The next response; None when the vendor ended the stream. Unavailable after too long a silence."""
    reading = asyncio.ensure_future(call.read())
    waiting = asyncio.ensure_future(clock.sleep(SILENCE_SECONDS))
    try:
        await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise Unavailable(f"Salesforce's stream was silent for {SILENCE_SECONDS:g} seconds.")
        response = reading.result()
    except aio.AioRpcError as ended:
        raise error_of(ended) from ended
    finally:
        waiting.cancel()
        reading.cancel()
    return None if response is aio.EOF else response


async def _event(bus: Bus, translator: Translator, consumed: Any, came_us: int) -> Event:
    position = consumed.replay_id.hex()
    try:
        shape = await bus.schema(consumed.event.schema_id)
    except (NotUnderstood, AccessError) as unknown:
        return translator.unknown(f"schema {consumed.event.schema_id}: {unknown.message}", position, came_us)
    return translator.event(shape, consumed.event.payload, position, came_us)


def error_of(ended: aio.AioRpcError) -> SynclineError:
    """What an ended call stands for."""
    trailers = {str(key): str(value) for key, value in ended.trailing_metadata() or ()}
    return refusal(ended.code().name, trailers.get("error-code"), ended.details() or "")


def _credentials(ca_file: str | None) -> grpc.ChannelCredentials:
    """TLS with the authorities gRPC brings along, and with those of *ca_file* as well."""
    if ca_file is None:
        return grpc.ssl_channel_credentials()
    try:
        own = Path(ca_file).read_bytes()
    except OSError as error:
        raise ConfigError(f"The CA file {ca_file} cannot be read: {error.strerror}.", code="SYN-146") from error
    public = resources.files("grpc").joinpath("_cython/_credentials/roots.pem")
    return grpc.ssl_channel_credentials((public.read_bytes() if public.is_file() else b"") + b"\n" + own)
