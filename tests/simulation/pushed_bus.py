"""The vendor's change stream without a network: a subscription that reads the org's own log of events.

Lives here: what stands for the gRPC channel under the connector's stream, so that its decoding and translation are
played too. Not here: who follows it (`pushed`). Faults of delivery (missing, reversed, repeated events, a
stream that breaks off) are the sandbox's own.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from grpc import aio

from syncline.connectors.salesforce.stream.decoding import EventSchema, schema_of
from syncline.connectors.salesforce.stream.subscription import error_of
from syncline.net.auth import Token
from syncline_sandbox.pubsub.proto import pubsub_api_pb2 as pb
from syncline_sandbox.pubsub.reader import TopicReader
from syncline_sandbox.pubsub.refusals import Refused
from syncline_sandbox.pubsub.topics import schema_json, see_topic
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import USERNAME
from tests.simulation.ports import Process

KEEP_ALIVE_SECONDS = 200.0
RESPONSE_EVENTS = 20

STRAGGLES = "straggles"
"""The crossing in which an event comes later than the next ones."""

LATE_SECONDS = 30.0


class SimulatedBus:
    """Stands for the connector's `Bus` over an org in process."""

    def __init__(self, org: SalesforceOrg, process: Process, *, straggles: bool = False) -> None:
        self._org, self._process, self._straggles = org, process, straggles

    def rights(self) -> Any:
        return self._org.people.rights(self._org.people.user_id(USERNAME))

    async def topic(self, name: str) -> Any:
        await self._process.step(0.1)
        with self._org.lock:
            return _asked(lambda: see_topic(self._org, self.rights(), name))

    async def schema(self, schema_id: str) -> EventSchema:
        await self._process.step(0.05)
        return schema_of(_asked(lambda: schema_json(self._org, schema_id)))

    async def open(self) -> SimulatedCall:
        await self._process.step(0.1)
        return SimulatedCall(self._org, self._process, self.rights(), straggles=self._straggles)

    async def token(self) -> Token:
        return Token(value="simulated")

    async def renew(self, refused: Token) -> None:
        """Sessions of streams do not end here."""

    async def aclose(self) -> None:
        """Nothing to close."""


def _asked(question: Any) -> Any:
    try:
        return question()
    except Refused as refused:
        raise error_of(_ended(refused)) from refused


def _ended(refused: Refused) -> aio.AioRpcError:
    trailers = aio.Metadata(*([("error-code", refused.code)] if refused.code else []))
    return aio.AioRpcError(refused.status, aio.Metadata(), trailers, str(refused))


class SimulatedCall:
    """One Subscribe stream."""

    def __init__(self, org: SalesforceOrg, process: Process, rights: Any, *, straggles: bool) -> None:
        self._org, self._process, self._rights = org, process, rights
        self._straggles = straggles
        self._late: list[Any] = []  # an event that comes after later ones
        self._due: list[Any] = []
        self._reader: TopicReader | None = None
        self._demand = 0
        self._ends: Refused | None = None
        self._stirred = asyncio.Event()
        org.events.listeners.append(self._stirred.set)

    async def write(self, request: Any) -> None:
        await self._process.step(0.05)
        try:
            if self._reader is None:
                self._reader = TopicReader(
                    self._org, self._rights, pb.FetchRequest.FromString(request.SerializeToString())
                )
        except Refused as refused:
            self._ends = refused
        self._demand += request.num_requested
        self._stirred.set()

    async def read(self) -> Any:
        """The next response, when there is something to tell."""
        while True:
            await self._process.step(0.2)
            if self._ends is not None:
                raise _ended(self._ends)
            self._stirred.clear()
            if (response := self._next()) is not None:
                return response
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._stirred.wait()
            except TimeoutError:
                assert self._reader is not None
                return SimpleNamespace(
                    events=[], latest_replay_id=self._reader.tip(), pending_num_requested=self._demand
                )

    def _next(self) -> Any:
        if self._reader is None or not self._demand:
            return None
        if self._due:
            late, self._due = self._due, []
            return self._response(late, self._reader.tip())
        try:
            batch = self._reader.next(min(self._demand, RESPONSE_EVENTS))
        except Refused as refused:
            raise _ended(refused) from refused
        if batch is None:
            return None
        self._ends = batch.then
        events = list(batch.events)
        if self._straggles and events and not self._late:
            self._late = [events.pop(0)]
            asyncio.get_running_loop().call_later(LATE_SECONDS, self._ripen)
        return self._response(events, batch.latest)

    def _ripen(self) -> None:
        self._due, self._late = [*self._due, *self._late], []
        self._stirred.set()

    def _response(self, events: list[Any], latest: bytes) -> Any:
        self._demand = max(0, self._demand - len(events))
        return SimpleNamespace(events=events, latest_replay_id=latest, pending_num_requested=self._demand)

    def cancel(self) -> None:
        if self._stirred.set in self._org.events.listeners:
            self._org.events.listeners.remove(self._stirred.set)
