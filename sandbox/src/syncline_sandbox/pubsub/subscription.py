"""A Subscribe stream: demand that adds up to a ceiling, keep-alives, and its end when nobody asks any more.

"Flow Control", "Pull Subscription" of the Pub/Sub API guide and the comments of pubsub_api.proto. Time here is real:
it keeps connections alive. What is read is `reader.py`'s affair.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from syncline_sandbox.salesforce.events.settings import EventSettings

from .proto import pubsub_api_pb2 as pb
from .reader import Batch, TopicReader
from .refusals import Refused

CEILING = 100
"""More is never outstanding, however much is asked for."""

Send = Callable[[pb.FetchResponse], Awaitable[None]]
RunInOrg = Callable[..., Awaitable[Batch | None]]


class Demand:
    """How many events a client still wants."""

    def __init__(self, first: pb.FetchRequest) -> None:
        self._topic_name = first.topic_name
        self.outstanding = 0
        self.add(first)

    def add(self, request: pb.FetchRequest) -> None:
        """Take a request in. Its replay fields count in the first request alone. Refused for what makes no sense."""
        if request.topic_name not in ("", self._topic_name):
            raise Refused("subscription.fetch.topic.mismatch")
        if request.auth_refresh:
            raise Refused("service.auth.refresh.invalid")
        if request.num_requested <= 0:
            raise Refused("subscription.fetch.requested.events.invalid")
        self.outstanding = min(self.outstanding + request.num_requested, CEILING)


class Inbox:
    """The requests of a stream as they come; `stirred` is set by each, and by the end of them."""

    def __init__(self, requests: AsyncIterator[pb.FetchRequest], stirred: asyncio.Event) -> None:
        self._waiting: deque[pb.FetchRequest] = deque()
        self._stirred = stirred
        self.ended = False
        self._pump = asyncio.ensure_future(self._run(requests))

    def take(self) -> pb.FetchRequest | None:
        return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        self._pump.cancel()

    async def _run(self, requests: AsyncIterator[pb.FetchRequest]) -> None:
        try:
            async for request in requests:
                self._waiting.append(request)
                self._stirred.set()
        finally:
            self.ended = True
            self._stirred.set()


class Subscription:
    """One stream, from its first request to its end."""

    def __init__(
        self,
        inbox: Inbox,
        stirred: asyncio.Event,
        settings: Callable[[], EventSettings],
        in_org: RunInOrg,
        rpc_id: str,
    ) -> None:
        self._inbox = inbox
        self._stirred = stirred
        self._settings = settings
        self._in_org = in_org
        self._rpc_id = rpc_id
        self._clock = asyncio.get_running_loop().time
        self._sent_at = self._idle_since = self._clock()

    async def first(self) -> pb.FetchRequest | None:
        """The request that opens the stream; None when the client left, or kept silent too long."""
        while (request := self._inbox.take()) is None:
            if self._inbox.ended or not await self._stir(self._settings().idle_seconds):
                return None
        return request

    async def run(self, reader: TopicReader, first: pb.FetchRequest, send: Send) -> None:
        """Serve the stream until nobody asks any more. Refused ends it with an error."""
        demand = Demand(first)
        while True:
            self._stirred.clear()
            while (request := self._inbox.take()) is not None:
                demand.add(request)
            batch = await self._in_org(reader.next, demand.outstanding) if demand.outstanding else None
            if batch is not None:
                demand.outstanding = max(0, demand.outstanding - len(batch.events))
                self._idle_since = self._clock()
                if batch.events or batch.then is None:
                    await send(self._response(batch.latest, demand, batch.events))
                if batch.then is not None:
                    raise batch.then
            elif self._inbox.ended and not demand.outstanding:
                return
            elif not await self._stir(self._patience(demand)):
                if not demand.outstanding and self._clock() - self._idle_since >= self._settings().idle_seconds:
                    return
                if self._clock() - self._sent_at >= self._settings().keep_alive_seconds:
                    alive = await self._in_org(_keep_alive, reader)
                    assert alive is not None
                    await send(self._response(alive.latest, demand, []))

    def _patience(self, demand: Demand) -> float:
        """How long nothing need be done."""
        settings, now = self._settings(), self._clock()
        until = self._sent_at + settings.keep_alive_seconds
        if not demand.outstanding:
            until = min(until, self._idle_since + settings.idle_seconds)
        return max(0.0, until - now)

    async def _stir(self, seconds: float) -> bool:
        """Wait until something happens; False when nothing did."""
        try:
            # Not wait_for: it can swallow the cancellation of a stream whose last request ends at the same moment.
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        except TimeoutError:
            return False
        self._stirred.clear()
        return True

    def _response(self, latest: bytes, demand: Demand, events: list[pb.ConsumerEvent]) -> pb.FetchResponse:
        self._sent_at = self._clock()
        return pb.FetchResponse(
            events=events,
            latest_replay_id=latest,
            rpc_id=self._rpc_id,
            pending_num_requested=demand.outstanding,
        )


def _keep_alive(reader: TopicReader) -> Batch:
    return Batch([], reader.tip())
