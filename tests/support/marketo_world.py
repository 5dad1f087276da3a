"""A sandbox instance in process, the Marketo connector over it, and other hands that change it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from syncline.connectors.marketo import MarketoConnector
from syncline.ports import HttpRequest
from syncline.records import NewField, Page
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo.instance import MarketoInstance
from tests.support.inprocess import InProcessTransport, SharedClock
from tests.support.virtual import START, SeededRandom

T = TypeVar("T")
SETTINGS = {"url": "http://marketo.test/rest", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
NAMES = ["email", "lastName"]
OURS = "sandbox-api@example.com"
LEADS = "leads.json$"


class World:
    """An instance, a connector to it, and other hands that change it."""

    def __init__(self, **settings: str) -> None:
        self.clock = SandboxClock(frozen_at=START)
        self.instance = MarketoInstance(clock=self.clock)
        self.transport = InProcessTransport(self.instance)
        self.settings = {**SETTINGS, **settings}
        self.connector = self.connect()

    def connect(self) -> MarketoConnector:
        return MarketoConnector(self.settings, self.transport, SharedClock(self.clock), SeededRandom())

    def seed(self, count: int, **values: Any) -> None:
        people = [{"email": f"p{i}@x.example", "lastName": f"L{i}", **values} for i in range(1, count + 1)]
        self.instance.seed(people, activities=False)

    def control(self, method: str, route: str, body: Any = None) -> Any:
        answer = self.instance.handle(
            Request(method=method, path=f"/_sandbox/{route}", body=json.dumps(body).encode() if body else b"")
        )
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def edit(self, *records: Mapping[str, Any], user: str = "ann@x.example", source: str = "Marketo User") -> None:
        body = {"input": records, "lookupField": "id", "action": "updateOnly", "user": user, "source": source}
        results = self.control("POST", "people", body)
        assert [result["status"] for result in results] == ["updated"] * len(records)

    def remove(self, *ids: int) -> None:
        self.control("DELETE", "people", {"input": [{"id": number} for number in ids]})

    def merge(self, winner: int, *losers: int) -> None:
        self.control("POST", "people/merge", {"id": winner, "leadIds": losers})

    def fault(self, name: str, match: str = "", *, after: int = 0, times: int | None = 1, **parameters: Any) -> None:
        self.instance.faults.install(Fault(name=name, match=match, after=after, times=times, parameters=parameters))

    def stored(self, *ids: int, fields: list[str] = NAMES) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("POST", "people/read", {"values": ids, "fields": fields})
        return found

    def sent(self, part: str) -> list[HttpRequest]:
        return [request for request in self.transport.sent if part in request.url]

    def key_field(self) -> None:
        assert run(self.connector.create_fields([new_field()])) == []


def run(steps: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(steps)


def new_field(name: str = "synclineKey", type_: str = "text") -> NewField:
    return NewField(object_type="lead", name=name, label=f"Label of {name}", type=type_)


def pages_of(world: World, cursor: str, fields: list[str] = NAMES) -> list[Page]:
    async def collect() -> list[Page]:
        return [page async for page in world.connector.read_changes("lead", fields, cursor)]

    return run(collect())


def all_of(world: World, fields: list[str] = NAMES) -> list[Page]:
    async def collect() -> list[Page]:
        return [page async for page in world.connector.read_all("lead", fields)]

    return run(collect())


def position(world: World) -> str:
    """The cursor of a first copy, well past everything seeded."""
    cursor = all_of(world)[-1].next_cursor
    assert cursor is not None
    world.clock.advance(600)
    cursor = pages_of(world, cursor)[-1].next_cursor
    assert cursor is not None
    world.clock.advance(600)
    return cursor


def ids_of(pages: list[Page]) -> list[str]:
    return [record_id for page in pages for record_id in page.rows["_id"].to_list()]


def deleted_of(pages: list[Page]) -> list[str]:
    return [record_id for page in pages for record_id in page.rows.filter("_deleted")["_id"].to_list()]


def missing_of(pages: list[Page]) -> list[str]:
    return [record_id for page in pages for record_id in page.missing]
