"""The whole way of a pushed change: an edit in the org, its event, the mirror, the plan, Marketo – without a poll."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from syncline.connectors.marketo import MarketoConnector
from syncline.connectors.salesforce import SalesforceConnector
from syncline.engine.cycle import run_cycle
from syncline.engine.following import follow, streams_of
from syncline.engine.observe import meet
from syncline.engine.stream import standing
from syncline.engine.units import Turn, run_units, units_of
from syncline.engine.world import World
from syncline.spec.evaluate import DuckEvaluator
from syncline.spec.file import load
from syncline.spec.model import Sync
from syncline.spec.resolve import resolve
from syncline.store import open_store
from syncline.trees import Table
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Core, Request
from syncline_sandbox.marketo.instance import MarketoInstance
from syncline_sandbox.pubsub import serve_pubsub
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.connectors.test_salesforce_stream import PatientClock
from tests.support.inprocess import InProcessTransport
from tests.support.virtual import SeededRandom

SECRETS = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
PERSON_FIELDS = {
    "synclineKey": "string",
    "synclineSfdcId": "string",
    "synclineSfdcType": "string",
    "synclineSfdcIsDeleted": "boolean",
}
CONFIGURATION = """\
connections:
  crm: {type: salesforce, url: "http://org.test"}
  marketing: {type: marketo, url: "http://marketo.test/rest"}
syncs:
  people: {a: crm, b: marketing}
"""


def _ask(core: Core, route: str, body: Any) -> Any:
    answer = core.handle(Request(method="POST", path=f"/_sandbox/{route}", body=json.dumps(body).encode()))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@dataclass(kw_only=True)
class Systems:
    """Both sandboxes on one clock, with one lead; the org pushes its changes."""

    clock: SandboxClock
    org: SalesforceOrg
    instance: MarketoInstance
    endpoint: str
    lead: str

    def edit(self, **columns: Any) -> None:
        record = {"Id": self.lead, **columns}
        wish = {"as": "admin@sandbox.example", "object": "Lead", "operation": "update", "records": [record]}
        _ask(self.org, "write", wish)

    def person(self) -> dict[str, Any]:
        (found,) = _ask(self.instance, "people/read", {"values": [1], "fields": ["title", "lastName", "city"]})
        assert isinstance(found, dict)
        return found


@contextmanager
def systems() -> Iterator[Systems]:
    clock = SandboxClock()
    org, instance = SalesforceOrg(clock=clock), MarketoInstance(clock=clock)
    for name in ("Lead", "Contact"):
        org.add_field(name, {"name": "Syncline_Key__c", "type": "string", "external_id": True, "unique": True})
    for name, kind in PERSON_FIELDS.items():
        _ask(instance, "fields", {"name": name, "type": kind})
    _ask(org, "change_data_capture", {"objects": ["Lead", "Contact"]})
    (lead,) = org.seed("Lead", [{"LastName": "Lee", "FirstName": "Ann", "Email": "ann@x.example", "Company": "Acme"}])
    with serve_pubsub(org, tls=False) as endpoint:
        yield Systems(clock=clock, org=org, instance=instance, endpoint=f"http://{endpoint.address}", lead=lead)


async def _world(on: Systems, folder: Path) -> tuple[World, Sync]:
    path = folder / "syncline.yaml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    syncs = resolve(load(path))
    clock = PatientClock(on.clock)
    crm = {"url": "http://org.test", "stream_endpoint": on.endpoint, **SECRETS}
    marketing = {"url": "http://marketo.test/rest", **SECRETS}
    store = await open_store(":memory:", clock)
    world = World(
        store=store,
        connectors={
            "crm": SalesforceConnector(crm, InProcessTransport(on.org), clock, SeededRandom(1)),
            "marketing": MarketoConnector(marketing, InProcessTransport(on.instance), clock, SeededRandom(2)),
        },
        clock=clock,
        random=SeededRandom(3),
        syncs=syncs,
        evaluate=DuckEvaluator(),
        key=await store.installation_key(),
    )
    return world, syncs["people"]


async def _until_marked(world: World) -> None:
    while not await world.store.count(Table.DIRTY, {"sync": "people"}):
        await asyncio.sleep(0.002)


def test_an_edit_reaches_marketo_without_a_poll(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def whole(on: Systems) -> None:
        world, sync = await _world(on, tmp_path)
        on.clock.advance(900)
        for _ in range(2):
            await run_cycle(world, sync)
            on.clock.advance(900)
        assert on.person()["lastName"] == "Lee"
        sync = await meet(world, sync)
        leads, _contacts = streams_of(world, sync)
        assert leads == ("crm", "/data/LeadChangeEvent")
        turn = Turn(worker="w1", cycle="c1")
        following = asyncio.ensure_future(follow(world, sync, *leads, turn))
        while (now := await standing(world, *leads)) is None or now.owed:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.2)  # the request to subscribe is on its way
        writing = [unit for unit in units_of(sync, 1) if not unit.name.startswith("observe:")]
        await run_units(world, sync, writing, turn)
        lags = []
        for value in ("Dr. A", "Dr. B", "Dr. C"):
            began = perf_counter()
            on.edit(Title=value, City=f"City of {value}")
            async with asyncio.timeout(20):
                await _until_marked(world)
            seen = perf_counter()
            await run_units(world, sync, writing, turn)
            lags.append((seen - began, perf_counter() - began))
            assert (on.person()["title"], on.person()["city"]) == (value, f"City of {value}")
            on.clock.advance(60)
        stood = await standing(world, *leads)
        assert stood is not None
        assert (stood.state, stood.events) == ("live", 3)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        for connector in world.connectors.values():
            await connector.aclose()
        with capsys.disabled():
            mirror, there = (sorted(lag[n] for lag in lags)[1] * 1000 for n in (0, 1))
            print(
                f"\n  edit to mirror {mirror:.0f} ms, edit to Marketo {there:.0f} ms (median of 3, both sandboxes here)"
            )

    with systems() as on:
        asyncio.run(whole(on))
