"""Syncline in a process of its own: real connectors over real sockets, a real store, one virtual clock.

The module of a nursery (`nursery`). `prepare` makes the starting condition, `day` runs what is to be killed, `recover`
runs on until there is rest. What a run said goes back as plain values; judging is `judge`'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import polars as pl

from syncline import wiring
from syncline.connectors import registry
from syncline.connectors.registry import connector_class
from syncline.demo.clock import DemoClock
from syncline.engine import readiness
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.observe import meet
from syncline.engine.units import Turn, run_units, units_of
from syncline.engine.world import World
from syncline.errors import SynclineError
from syncline.net.transport import HttpxTransport
from syncline.ports import Clock, HttpRequest, HttpResponse
from syncline.spec.model import Sync
from syncline.spec.presets.people import recommended
from syncline.store import open_store
from syncline.trees import Fenced, Store, Table
from tests.kills.clocks import StoreInTime, WrongClock
from tests.kills.effects import NEVER, Effects, LeavingTransport, NumberedStore, NumberedTransport
from tests.kills.nursery import Say
from tests.kills.people import People
from tests.kills.places import LEASE_SECONDS, sandboxes_at
from tests.support.virtual import SeededRandom

# Imported and made now, so that no fork need do it: most of what a short life would cost.
for _module in (
    "psycopg",
    "syncline.store.postgres.opening",
    "anyio._backends._asyncio",
    "httpcore2",
    "h11",
    "pyarrow.compute",
    "truststore",
):
    import_module(_module)
for _kind in ("salesforce", "marketo"):
    connector_class(_kind)
registry._load = cache(registry._load)
_SOCKETS = HttpxTransport()
_LOOP = asyncio.Runner()  # one for all worlds of a process: sockets belong to their loop

EVERY = timedelta(minutes=5)
SECRETS = {"SALESFORCE_SECRET": "sandbox-secret", "MARKETO_SECRET": "sandbox-secret"}
BUCKETS = 2
_MOST_RUNS = 20
_IN_FLIGHT = ("prepared", "sent", "unknown", "written")
_SOON_US = 3_600_000_000

CONFIGURATION = """\
state: {state}
connections:
  salesforce: {{type: salesforce, url: "{salesforce}", client_id: sandbox-client, client_secret: env:SALESFORCE_SECRET}}
  marketo: {{type: marketo, url: "{marketo}", client_id: sandbox-client, client_secret: env:MARKETO_SECRET}}
syncs:
  people:
    a: salesforce
    b: {{connection: marketo, creates: matched_first}}
    on_delete: {{a: delete}}
    fields:
{dropped}
"""
FIELDS = frozenset("email first_name last_name title phone company sfdc_id sfdc_type sfdc_deleted".split())
"""What these people have; the preset's other fields would cost time and show nothing more."""


def _dropped() -> str:
    """The preset's fields that take no part, as lines of the configuration."""
    keys = [field.key for field in recommended("", "", "").fields if field.key not in FIELDS]
    return "\n".join(f"      {key}: false" for key in keys)


class Place:
    """One trial: a folder, a state and two systems, from the arguments of its process."""

    def __init__(
        self, folder: str, state: str, urls: list[str], every: timedelta = EVERY, ahead: timedelta = timedelta(0)
    ) -> None:
        self.folder = Path(folder)
        self._every = every
        self.ahead = ahead
        self.jump, self.jump_after = timedelta(0), 0
        self.sandboxes = sandboxes_at(urls)
        self.clock = DemoClock(
            datetime.fromisoformat(self.sandboxes.salesforce.get("clock")["now"]), self.sandboxes.both()
        )
        path = self.folder / "syncline.yaml"
        text = CONFIGURATION.format(state=state, salesforce=urls[0], marketo=urls[1], dropped=_dropped())
        path.write_text(text, encoding="utf-8")
        self.project = wiring.load_project(path)

    @asynccontextmanager
    async def world(self, seed: int) -> AsyncIterator[tuple[World, Sync]]:
        """The world as `wiring` builds it, some minutes after whatever was last."""
        self.clock.move_to(self.clock.now() + self._every)
        clock = WrongClock(self.clock, ahead=self.ahead, jump=self.jump, after=self.jump_after)
        async with wiring.open_world(self.project, clock=clock, chance=SeededRandom(seed), environ=SECRETS) as world:
            yield world, self.project.syncs["people"]


def prepare(say: Say, folder: str, state: str, urls: list[str]) -> None:
    """Everybody linked and at rest, two answers lost, and a day of changes waiting."""
    say(_LOOP.run(_prepare(Place(folder, state, urls))))


async def _prepare(place: Place) -> list[Any]:
    people = People.of(place.sandboxes)
    people.arrive()
    async with place.world(1) as (world, sync):
        await readiness.create_fields(world, await readiness.check(world, sync))
    said = await _until_rest(place, seed=100)
    people.learn()
    people.before()
    async with place.world(2) as (world, sync):
        said.append(_told(await run_cycle(world, sync)))
    people.on_the_day()
    place.clock.move_to(place.clock.now() + 3 * EVERY)  # what Marketo's activities tell is believed after some time
    return said


def day(
    say: Say,
    folder: str,
    state: str,
    urls: list[str],
    die_at: int,
    late_seconds: float = 0.0,
    full_from: int = NEVER,
    jump_seconds: float = 0.0,
    jump_after: int = 0,
) -> None:
    """The run whose effects are numbered. It dies at effect *die_at* (0: nowhere); with *late_seconds* that is the one
    before a request, which still leaves, and which the system carries out so much later. From effect *full_from* on
    there is no more room on the disk. The machine's clock jumps when it was read *jump_after* times."""
    place = Place(folder, state, urls)
    place.jump, place.jump_after = timedelta(seconds=jump_seconds), jump_after
    effects = Effects(
        place.folder / "effects.log",
        NEVER if late_seconds else die_at,
        full_from=full_from,
        growing=place.folder / "state.db-wal",
    )

    async def opened(*given: Any, **options: Any) -> Any:
        return NumberedStore(await _opened(*given, **options), effects)

    def sockets(**_: Any) -> Any:
        if not late_seconds:
            return NumberedTransport(_KeptSockets(), effects)
        leaving = LeavingTransport(_KeptSockets(), effects, place.sandboxes, number=die_at, delay_seconds=late_seconds)
        return NumberedTransport(leaving, effects)

    vars(wiring).update(open_store=opened, HttpxTransport=sockets)
    try:
        said = {"run": _LOOP.run(_one_run(place, 1_000))}
    except SynclineError as error:
        said = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    say({"effects": effects.count, **said})


async def _one_run(place: Place, seed: int) -> dict[str, Any]:
    async with place.world(seed) as (world, sync):
        return _told(await run_cycle(world, sync))


class _KeptSockets:
    """The transport of every world of this process: to make one costs more than a run at rest."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        return await _SOCKETS.send(request)

    async def aclose(self) -> None:
        """Kept for the next world."""


async def _opened(url: str, clock: Clock, **options: Any) -> Store:
    store = await open_store(url, clock, **options)
    return store if url.startswith("sqlite") else cast(Store, StoreInTime(store, clock))


vars(wiring).update(HttpxTransport=lambda **_: _KeptSockets(), open_store=_opened)


def recover(
    say: Say,
    folder: str,
    state: str,
    urls: list[str],
    seed: int,
    every_seconds: float = EVERY.total_seconds(),
    ahead_seconds: float = 0.0,
) -> None:
    """Ordinary runs until nothing is in flight, nothing is due and nothing moves; then one more. The machine's clock is
    *ahead_seconds* ahead (behind, if negative) of what it was until now."""
    every, ahead = timedelta(seconds=every_seconds), timedelta(seconds=ahead_seconds)
    place = Place(folder, state, urls, every, ahead)
    say(_LOOP.run(_recover(place, seed)))


def worker(
    say: Say, folder: str, state: str, urls: list[str], seed: int, name: str, die_at: int, freeze_at: int
) -> None:
    """One worker that does all units once, each under its lease: tells that it began, and at the end how it went."""
    place = Place(folder, state, urls)
    effects = Effects(place.folder / f"{name}.log", die_at, freeze_at=freeze_at)

    async def opened(*given: Any, **options: Any) -> Any:
        return NumberedStore(await _opened(*given, **options), effects)

    vars(wiring).update(open_store=opened, HttpxTransport=lambda **_: NumberedTransport(_KeptSockets(), effects))
    say("begun")
    try:
        _LOOP.run(_units_once(place, seed, name))
        say("done")
    except Fenced as fenced:
        say(str(fenced))


async def _units_once(place: Place, seed: int, name: str) -> list[RunReport]:
    async with place.world(seed) as (world, sync):
        met = await meet(world, sync)
        turn = Turn(worker=name, cycle=world.random.token(8), lease_seconds=LEASE_SECONDS)
        return await run_units(world, met, units_of(met, BUCKETS), turn)


def runs(say: Say, folder: str, state: str, urls: list[str], seed: int, times: int, ahead_seconds: float) -> None:
    """So many runs, whatever is left afterwards, with a clock as in `recover`."""
    place = Place(folder, state, urls, ahead=timedelta(seconds=ahead_seconds))
    say([_LOOP.run(_one_run(place, seed + number)) for number in range(times)])


async def _recover(place: Place, seed: int) -> dict[str, Any]:
    runs = await _until_rest(place, seed)
    for control in place.sandboxes.both():
        control.delete("requests", None)
    async with place.world(seed + 99) as (world, sync):
        last = await run_cycle(world, sync)
        return {"runs": [*runs, _told(last)], **await _left(place, world)}


async def _left(place: Place, world: World) -> dict[str, Any]:
    """What the state says of things done and undone. Of a run in a shared state nobody can tell whether it still
    goes on elsewhere."""
    store = world.store
    holds = await store.rows(Table.HOLD, {"state": "open"})
    letters = await store.rows(Table.DEAD_LETTER)
    conflicts = await store.rows(Table.CONFLICT)
    flying = await store.rows(Table.ENTRY, {"state": list(_IN_FLIGHT)})
    return {
        "holds": [str(row) for row in holds.iter_rows(named=True)],
        "letters": letters.to_dicts(),
        "conflicts": conflicts.to_dicts(),
        "in_flight": [str(row) for row in flying.iter_rows(named=True)],
        "due": await _due(world),
        "running": 0 if place.project.is_shared else await store.count(Table.RUN, {"state": "running"}),
    }


async def _until_rest(place: Place, seed: int) -> list[Any]:
    said = []
    for number in range(_MOST_RUNS):
        async with place.world(seed + number) as (world, sync):
            report = await run_cycle(world, sync)
            said.append(_told(report))
            due_us = await _next_due_us(world)
        if due_us is not None:
            place.clock.move_to(datetime.fromtimestamp(due_us / 1e6, UTC) - place.ahead)
        elif not _moved(report):
            return said
    raise AssertionError(f"no rest after {_MOST_RUNS} runs: {said[-1]}")


async def _due(world: World) -> list[str]:
    """The marks that come due soon, in words."""
    now_us = world.now_us()
    dirty = (await world.store.rows(Table.DIRTY)).filter(pl.col("due_us") <= now_us + _SOON_US)
    return [f"in {(row['due_us'] - now_us) / 1e6:g} s: {row}" for row in dirty.iter_rows(named=True)]


async def _next_due_us(world: World) -> int | None:
    """When something wants to be looked at again soon; None at rest. What is gone is asked for from time to time, for
    ever: that is rest too."""
    soon_us = world.now_us() + _SOON_US
    dirty = await world.store.rows(Table.DIRTY)
    dues = dirty.filter(pl.col("due_us") <= soon_us)["due_us"].to_list()
    if await world.store.count(Table.ENTRY, {"state": list(_IN_FLIGHT)}):
        dues.append(world.now_us())
    return min(dues) if dues else None


def _moved(report: RunReport) -> bool:
    return bool(len(report.actions) or report.unknown or report.stopped or report.links_made)


def _told(report: RunReport) -> dict[str, Any]:
    return {
        "balanced": report.is_balanced,
        "unknown": report.unknown,
        "stopped": None if report.stopped is None else str(report.stopped),
        "held": [held.kind for held in report.held],
        "actions": report.actions["action"].n_unique(),
        "links": report.links_made,
        "classes": {side: report.counts(side) for side in ("a", "b")},
    }
