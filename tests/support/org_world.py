"""A sandbox org in process, the Salesforce connector over it, and other hands that change it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import polars as pl

from syncline.connectors.salesforce import SalesforceConnector
from syncline.records import Page, Write, WriteAnswer
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.support.inprocess import InProcessTransport, SharedClock
from tests.support.virtual import START, SeededRandom

T = TypeVar("T")
SETTINGS = {"url": "http://org.test", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
NAMES = ["LastName", "Email"]


class World:
    """An org, a connector to it, and other hands that change it."""

    def __init__(self, **settings: str) -> None:
        self.clock = SandboxClock(frozen_at=START)
        self.org = SalesforceOrg(clock=self.clock)
        self.transport = InProcessTransport(self.org)
        self.settings = {**SETTINGS, **settings}
        self.connector = self.connect()

    def connect(self) -> SalesforceConnector:
        return SalesforceConnector(self.settings, self.transport, SharedClock(self.clock), SeededRandom())

    def seed(self, count: int, sobject: str = "Lead", **columns: Any) -> list[str]:
        company = {"Company": "Acme"} if sobject == "Lead" else {}
        records: list[Mapping[str, Any]] = [
            {"LastName": f"L{i}", "Email": f"l{i}@x.example", **company, **columns} for i in range(count)
        ]
        return self.org.seed(sobject, records)

    def control(self, method: str, route: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else b""
        response = self.org.handle(Request(method=method, path=f"/_sandbox/{route}", body=content))
        assert response.status == 200, response.body
        return json.loads(response.body)

    def by_hand(self, operation: str, *records: dict[str, Any], sobject: str = "Lead") -> None:
        """What somebody else does in the org."""
        wanted = {"as": "admin@sandbox.example", "object": sobject, "operation": operation, "records": records}
        self.control("POST", "write", wanted)

    def fault(self, name: str, match: str = "", **how: Any) -> None:
        self.org.faults.install(Fault(name=name, match=match, **how))

    def read_all(self, fields: Sequence[str] = NAMES, sobject: str = "Lead") -> list[Page]:
        return run(pages(self.connector.read_all(sobject, fields)))

    def position(self, fields: Sequence[str] = NAMES, sobject: str = "Lead") -> str:
        return last_cursor(self.read_all(fields, sobject))

    def changes(self, cursor: str, fields: Sequence[str] = NAMES, sobject: str = "Lead") -> list[Page]:
        return run(pages(self.connector.read_changes(sobject, fields, cursor)))

    def write(self, *writes: Write) -> WriteAnswer:
        return run(self.connector.write(writes))

    def calls(self, do: Callable[[], object]) -> int:
        """How many requests *do* sends, token and describes apart."""
        before = len(self.transport.sent)
        do()
        sent = self.transport.sent[before:]
        return sum("/describe" not in request.url and "/oauth2/" not in request.url for request in sent)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def pages(stream: AsyncIterator[Page]) -> list[Page]:
    return [page async for page in stream]


def last_cursor(found: list[Page]) -> str:
    assert not found[-1].has_more
    assert found[-1].next_cursor is not None
    return found[-1].next_cursor


def rows(found: list[Page]) -> pl.DataFrame:
    return pl.concat([page.rows for page in found])
