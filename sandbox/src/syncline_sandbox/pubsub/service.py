"""The service `eventbus.v1.PubSub`: every RPC of pubsub_api.proto over one org.

Lives here: the way of a call: metadata, the org's lock, answer or refusal, request log. What calls do is in
`topics.py`, `subscription.py`, `reader.py` and `publishing.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, NoReturn, TypeVar

from grpc import StatusCode, aio

from syncline_sandbox.core.control import LogEntry
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.rights import UserRights

from .proto import pubsub_api_pb2 as pb
from .proto import pubsub_api_pb2_grpc as rpc
from .publishing import publish
from .reader import TopicReader
from .refusals import Refused
from .session import rights_of
from .subscription import Inbox, Subscription
from .topics import current_schema, schema_json, see_topic

Answer = TypeVar("Answer")
Context = aio.ServicerContext[Any, Any]


class PubSubService(rpc.PubSubServicer):
    """The RPCs. They run on one event loop; what touches the org runs on one thread, under the org's lock."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-pubsub")
        self._streams: set[asyncio.Event] = set()
        org.events.listeners.append(self._wake)

    def close(self) -> None:
        """Hear no more of the org."""
        self._org.events.listeners.remove(self._wake)
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def GetTopic(self, request: pb.TopicRequest, context: Context) -> pb.TopicInfo:
        def answer(rights: UserRights, rpc_id: str) -> pb.TopicInfo:
            seen = see_topic(self._org, rights, request.topic_name)
            return pb.TopicInfo(
                topic_name=request.topic_name,
                tenant_guid=self._org.auth.organization_id,
                can_publish=seen.can_publish,
                can_subscribe=seen.can_subscribe,
                schema_id=current_schema(self._org, seen.topic).id,
                rpc_id=rpc_id,
            )

        return await self._unary(context, f"GetTopic {request.topic_name}", answer)

    async def GetSchema(self, request: pb.SchemaRequest, context: Context) -> pb.SchemaInfo:
        def answer(_rights: UserRights, rpc_id: str) -> pb.SchemaInfo:
            found = schema_json(self._org, request.schema_id)
            return pb.SchemaInfo(schema_json=found, schema_id=request.schema_id, rpc_id=rpc_id)

        return await self._unary(context, f"GetSchema {request.schema_id}", answer)

    async def Publish(self, request: pb.PublishRequest, context: Context) -> pb.PublishResponse:
        def answer(rights: UserRights, rpc_id: str) -> pb.PublishResponse:
            return publish(self._org, rights, request, rpc_id)

        return await self._unary(context, f"Publish {request.topic_name}", answer)

    async def PublishStream(self, request_iterator: AsyncIterator[pb.PublishRequest], context: Context) -> None:
        rpc_id = str(uuid.uuid4())
        topic_name = ""
        with self._stream():
            try:
                rights = await self._in_org("PublishStream", self._admitted, context)
                while (request := await self._next_publish(request_iterator)) is not None:
                    if topic_name and request.topic_name not in ("", topic_name):
                        raise Refused("publish.topic.mismatch")
                    topic_name = topic_name or request.topic_name
                    request.topic_name = topic_name
                    line = f"PublishStream {topic_name}"
                    await context.write(await self._in_org(line, publish, self._org, rights, request, rpc_id))
            except Refused as refused:
                await _refuse(context, refused, rpc_id)

    async def Subscribe(self, request_iterator: AsyncIterator[pb.FetchRequest], context: Context) -> None:
        rpc_id = str(uuid.uuid4())
        with self._stream() as stirred:
            inbox = Inbox(request_iterator, stirred)
            try:
                rights = await self._in_org("Subscribe", self._admitted, context)
                line = "Subscribe"

                def in_org(act: Callable[..., Answer], *arguments: Any) -> Awaitable[Answer]:
                    return self._in_org(line, act, *arguments)

                stream = Subscription(inbox, stirred, lambda: self._org.events.settings, in_org, rpc_id)
                first = await stream.first()
                if first is None:
                    return
                line = f"Subscribe {first.topic_name}"
                reader = await in_org(TopicReader, self._org, rights, first)
                await stream.run(reader, first, context.write)
            except Refused as refused:
                await _refuse(context, refused, rpc_id)
            finally:
                inbox.close()

    async def ManagedSubscribe(self, request_iterator: AsyncIterator[pb.ManagedFetchRequest], context: Context) -> None:
        """No managed subscription can be configured in this org, so none is found."""
        rpc_id = str(uuid.uuid4())
        try:
            await self._in_org("ManagedSubscribe", self._rights, context)
            async for request in request_iterator:
                if bool(request.subscription_id) == bool(request.developer_name):
                    raise Refused("managed.subscription.id.or.developer.name.empty")
                kind = "developer.name" if request.developer_name else "subscription.id"
                raise Refused(f"managed.subscription.{kind}.not.found")
        except Refused as refused:
            await _refuse(context, refused, rpc_id)

    async def _next_publish(self, requests: AsyncIterator[pb.PublishRequest]) -> pb.PublishRequest | None:
        seconds = self._org.events.settings.idle_seconds
        try:
            async with asyncio.timeout(seconds):
                return await anext(requests)
        except StopAsyncIteration:
            return None
        except TimeoutError as silent:
            raise Refused("publish.stream.sweeper.timeout") from silent

    async def _unary(self, context: Context, line: str, answer: Callable[[UserRights, str], Answer]) -> Answer:
        rpc_id = str(uuid.uuid4())
        try:
            return await self._in_org(line, lambda: answer(self._rights(context), rpc_id))
        except Refused as refused:
            await _refuse(context, refused, rpc_id)

    def _rights(self, context: Context) -> UserRights:
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        return rights_of(self._org, metadata)

    def _admitted(self, context: Context) -> UserRights:
        """The rights of who opens a stream, if there is room for one more."""
        if self._org.events.open_streams > self._org.events.settings.maximum_streams:
            raise Refused("concurrent.client.limit.exceeded")
        return self._rights(context)

    @contextlib.contextmanager
    def _stream(self) -> Iterator[asyncio.Event]:
        stirred = asyncio.Event()
        self._streams.add(stirred)
        self._org.events.open_streams += 1
        try:
            yield stirred
        finally:
            self._streams.discard(stirred)
            self._org.events.open_streams -= 1

    def _wake(self) -> None:
        """Called by the org, on whatever thread it runs, after a commit that brought events."""
        self._loop.call_soon_threadsafe(self._stir_all)

    def _stir_all(self) -> None:
        for stirred in self._streams:
            stirred.set()

    async def _in_org(self, line: str, act: Callable[..., Answer], *arguments: Any) -> Answer:
        return await self._loop.run_in_executor(self._thread, self._locked, line, act, arguments)

    def _locked(self, line: str, act: Callable[..., Answer], arguments: tuple[Any, ...]) -> Answer:
        org = self._org
        started, status, answered = perf_counter(), StatusCode.OK, None
        with org.lock:
            try:
                answered = act(*arguments)
                return answered
            except Refused as refused:
                status = refused.status
                raise
            finally:
                self._log(line, status, answered, started)

    def _log(self, line: str, status: StatusCode, answered: Any, started: float) -> None:
        struck = self._org.faults.take_struck()
        # Looking in vain for events is no call.
        if answered is None and status is StatusCode.OK and not struck:
            return
        log = self._org.control.log
        entry = LogEntry(
            at=self._org.clock.now().isoformat(),
            method="GRPC",
            path=line,
            query="",
            status=status.value[0],
            fate="answered",
            faults=struck,
            request_bytes=0,
            response_bytes=answered.ByteSize() if hasattr(answered, "ByteSize") else 0,
            service_seconds=perf_counter() - started,
        )
        log.entries.append(entry)
        log.counts[f"GRPC {line}"] += 1


async def _refuse(context: Context, refused: Refused, rpc_id: str) -> NoReturn:
    await context.abort(refused.status, f"{refused.text} rpcId: {rpc_id}", refused.trailers(rpc_id))
