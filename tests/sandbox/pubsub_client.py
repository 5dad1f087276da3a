"""A plain grpcio and fastavro client of the Pub/Sub API, for the sandbox's own tests."""

from __future__ import annotations

import io
import queue
from collections.abc import Iterator
from typing import Any

import fastavro
import grpc
import orjson

from syncline_sandbox.pubsub.proto import pubsub_api_pb2 as pb
from syncline_sandbox.pubsub.proto.pubsub_api_pb2_grpc import PubSubStub
from syncline_sandbox.pubsub.server import PubSubEndpoint
from tests.sandbox.salesforce_client import Client

PREFIX = "sfdc.platform.eventbus.grpc."
WAIT_SECONDS = 20.0


class PubSubClient:
    """One user's channel. Use it in a with statement."""

    def __init__(self, endpoint: PubSubEndpoint, client: Client) -> None:
        self.metadata: tuple[tuple[str, str], ...] = (
            ("accesstoken", client.token),
            ("instanceurl", "https://org.example"),
            ("tenantid", client.org.auth.organization_id),
        )
        if endpoint.trust is None:
            self._channel = grpc.insecure_channel(endpoint.address)
        else:
            self._channel = grpc.secure_channel(endpoint.address, grpc.ssl_channel_credentials(endpoint.trust))
        self.stub: Any = PubSubStub(self._channel)  # type: ignore[no-untyped-call]
        self._schemas: dict[str, Any] = {}

    def __enter__(self) -> PubSubClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(self, name: str, request: Any) -> Any:
        """The answer of a unary RPC."""
        return getattr(self.stub, name)(request, metadata=self.metadata, timeout=WAIT_SECONDS)

    def topic(self, name: str) -> Any:
        return self.call("GetTopic", pb.TopicRequest(topic_name=name))

    def schema(self, schema_id: str) -> Any:
        """The parsed schema of an id."""
        if schema_id not in self._schemas:
            info = self.call("GetSchema", pb.SchemaRequest(schema_id=schema_id))
            self._schemas[schema_id] = fastavro.parse_schema(orjson.loads(info.schema_json), named_schemas={})
        return self._schemas[schema_id]

    def decode(self, event: Any) -> dict[str, Any]:
        """The values of a ConsumerEvent."""
        values = fastavro.schemaless_reader(io.BytesIO(event.event.payload), self.schema(event.event.schema_id), None)
        assert isinstance(values, dict)
        return values

    def encode(self, schema_id: str, values: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema(schema_id), values)
        return out.getvalue()

    def subscribe(self, topic_name: str, count: int = 100, preset: Any = pb.EARLIEST, **more: Any) -> Stream:
        stream = Stream(self)
        stream.ask(topic_name=topic_name, num_requested=count, replay_preset=preset, **more)
        return stream


class Stream:
    """One Subscribe stream."""

    def __init__(self, client: PubSubClient) -> None:
        self._client = client
        self._requests: queue.Queue[Any] = queue.Queue()
        self._call = client.stub.Subscribe(self._asked(), metadata=client.metadata, timeout=WAIT_SECONDS)

    def ask(self, **request: Any) -> None:
        self._requests.put(pb.FetchRequest(**request))

    def response(self) -> Any:
        """The next response. RpcError when the stream ended with one, StopIteration when it just ended."""
        return next(self._call)

    def events(self, count: int) -> list[Any]:
        """So many ConsumerEvents, over as many responses as it takes."""
        found: list[Any] = []
        while len(found) < count:
            found += self.response().events
        return found

    def values(self, count: int) -> list[dict[str, Any]]:
        return [self._client.decode(event) for event in self.events(count)]

    def end(self) -> Any:
        """The error the stream ends with, whatever comes before it."""
        try:
            while True:
                self.response()
        except grpc.RpcError as ended:
            return ended

    def cancel(self) -> None:
        self._call.cancel()
        self._requests.put(None)

    def _asked(self) -> Iterator[Any]:
        while (request := self._requests.get()) is not None:
            yield request


def code_of(error: Any) -> tuple[Any, str]:
    """The status and the vendor's code, without its prefix, of an RpcError."""
    trailers = dict(error.trailing_metadata() or ())
    assert f"rpcId: {trailers['rpc-id']}" in error.details()
    return error.code(), str(trailers.get("error-code", "")).removeprefix(PREFIX)
