"""Conducting one run: its units in three waves, each unit done by whichever worker has a place for it.

Lives here: what the two workflows do – a run (ask for its units, wait, add up) and a unit (do it under its lease). A
run that dies anywhere is conducted anew under the next attempt, and goes on from what the store says. Not here: when a
run begins (`schedules`), the units themselves (`engine.units`), or the machinery that hands them out (`durable`).
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from syncline.engine.background import note_sweep, sweep_is_due
from syncline.engine.inbox import is_enabled
from syncline.engine.observe import meet
from syncline.engine.tenure import LEASE_SECONDS, begin
from syncline.engine.units import Turn, Unit, run_unit, units_of
from syncline.engine.world import World
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.runtime.presence import raised
from syncline.runtime.summing import added_up
from syncline.spec.model import Sync
from syncline.spec.schedule import Takes
from syncline.trees import TABLES, AlreadyThere, Commit, Fenced, Table

DONE, AGAIN, FAILED, SUPERSEDED = "done", "again", "failed", "superseded"
HANDED_ON, BROKEN_OFF = "handed on", "broken off"
RETRY_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long a unit that somebody else has in hand is asked for again before the run ends without it."""

Told = Callable[[str, str], None]
"""Gets (kind, words) of what a person should see."""

HaveDone = Callable[[Lane, str, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(kw_only=True)
class Conductor:
    """What one worker does of runs and units. `have_unit_done` hands a unit to whoever is free; `stopping` is set once
    nothing new is to be begun; `doing` names the units in hand."""

    world: World
    worker_id: str
    have_unit_done: HaveDone
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    tell: Told = lambda kind, words: None
    doing: set[str] = field(default_factory=set)
    conducting: set[str] = field(default_factory=set)
    _hands: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _met: dict[str, asyncio.Task[tuple[World, Sync]]] = field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """Whether a run or a unit is in hand."""
        return bool(self.doing or self.conducting)

    async def conduct(self, run_id: str, attempt: int) -> str:
        """Carry the run through; a word for what came of it."""
        self.conducting.add(run_id)
        try:
            return await self._take(run_id, attempt)
        except SynclineError as error:
            self.tell("trouble", str(error))
            return BROKEN_OFF  # `requeue_broken_off` finds it once the state answers again
        finally:
            self.conducting.discard(run_id)

    async def requeue_broken_off(self) -> None:
        """Queue again what counts as conducted by us and is not: the state did not answer when it mattered."""
        before = set(self.conducting)  # one that ends while we look is not broken off
        ours = await self.world.store.rows(Table.RUN, {"kind": "run", "state": "running", "worker": self.worker_id})
        for row in ours.to_dicts():
            if row["run_id"] not in before | self.conducting:
                await self._hand_on(self.world, row)

    async def _take(self, run_id: str, attempt: int) -> str:
        row = await self._row(run_id, attempt)
        if row is None or row["sync"] not in self.world.syncs:
            return SUPERSEDED
        sync = self.world.syncs[row["sync"]]
        async with self.in_hand(f"run:{sync.name}"):
            return await self._take_alone(sync, row)

    async def _take_alone(self, sync: Sync, row: dict[str, Any]) -> str:
        own = await self._alone(sync)
        if own is None:
            await self._hand_on(self.world, row)
            return HANDED_ON
        try:
            return await self._conduct(own, sync, row)
        except Fenced:
            return SUPERSEDED  # the run passed to another worker, who conducts it
        finally:
            if own.tenure is not None:
                await own.tenure.end()
            self._met.pop(row["run_id"], None)

    async def _conduct(self, own: World, sync: Sync, row: dict[str, Any]) -> str:
        if not await is_enabled(own.store, sync.name):
            await self._close(own, row, "skipped", {"error": "the sync is disabled"})
            return DONE
        await own.store.commit(_amend(row["run_id"], state="running", worker=self.worker_id))
        sweep = await sweep_is_due(own, sync)
        faults: list[str] = []
        for wave in waves_of(sync):
            came = await asyncio.gather(*(self._have_done(row, unit, sweep=sweep) for unit in wave))
            faults += [str(one.get("error", "")) for one in came if one["came"] == FAILED]
            if self.stopping.is_set() or faults:
                break  # what was not read is not planned
        if self.stopping.is_set():
            await self._hand_on(own, row)
            return HANDED_ON
        state, summary = await added_up(own.store, row["run_id"], sync.name, faults)
        if sweep and state != "failed":
            await note_sweep(own, sync)
        await self._close(own, row, state, summary)
        return DONE

    async def _have_done(self, row: dict[str, Any], unit: Unit, *, sweep: bool) -> dict[str, Any]:
        """Ask for the unit until somebody has done it, or for as long as is worth waiting."""
        attempt = attempt_of(row)
        order = {"run_id": row["run_id"], "attempt": attempt, "unit": unit.name, "lane": row["lane"], "sweep": sweep}
        waited_since_us, tries = await self.world.store.clock_us(), 0
        while not self.stopping.is_set():
            tries += 1
            name = f"{row['run_id']}.{attempt}/{unit.name}/{tries}"
            came = await self.have_unit_done(Lane(row["lane"]), name, order)
            if came["came"] in (DONE, FAILED):
                return came
            if await self.world.store.clock_us() - waited_since_us > PATIENCE_SECONDS * 1e6:
                return {"came": FAILED, "error": f"{unit.name} was in other hands all the time"}
            await self.world.clock.sleep(RETRY_SECONDS)
        return {"came": AGAIN}

    async def do_unit(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do one unit of a run, if the run is still conducted under that attempt; what came of it."""
        row = await self._row(order["run_id"], order["attempt"])
        if row is None or self.stopping.is_set():
            return {"came": AGAIN}
        try:
            world, sync = await self._met_in(row)
            unit = next(one for one in units_of(sync) if one.name == order["unit"])
            async with self.in_hand(unit.name):
                return await self._do(world, sync, unit, row, sweep=order["sweep"])
        except (AlreadyThere, Fenced, StopRequested):
            return {"came": AGAIN}
        except SynclineError as error:
            return {"came": FAILED, "error": str(error)}
        except Exception as error:  # noqa: BLE001  (the run says so; its own text may quote a value)
            return {"came": FAILED, "error": f"[SYN-900] A bug of ours: {type(error).__name__}."}

    async def _do(self, world: World, sync: Sync, unit: Unit, row: dict[str, Any], *, sweep: bool) -> dict[str, Any]:
        turn = Turn(
            worker=self.worker_id,
            cycle=row["run_id"],
            lane=Lane(row["lane"]),
            due_us=row["due_us"],
            sweep=sweep,
            whole=sync.schedule.takes is Takes.ALL,
        )
        report = await run_unit(world, sync, unit, turn)
        if report is None:
            return {"came": AGAIN if await self._is_elsewhere(unit.name) else DONE}
        return {"came": FAILED, "error": str(report.stopped)} if report.stopped is not None else {"came": DONE}

    async def _is_elsewhere(self, name: str) -> bool:
        rows = await self.world.store.rows(Table.LEASE, {"name": name})
        now_us = await self.world.store.clock_us()
        return rows.filter(~pl.col("holder").is_in(["", self.worker_id]) & (pl.col("expires_us") > now_us)).height > 0

    @asynccontextmanager
    async def in_hand(self, name: str) -> AsyncIterator[None]:
        """One of us at a time: a lease tells workers apart, not the tasks of one."""
        async with self._hands[name]:
            self.doing.add(name)
            try:
                yield
            finally:
                self.doing.discard(name)

    async def _met_in(self, row: dict[str, Any]) -> tuple[World, Sync]:
        """The world as this run has met it: described once a run and worker, not once a unit."""
        run_id = row["run_id"]
        if run_id not in self._met:
            own = replace(self.world, schemas={}, actors={})
            self._met[run_id] = asyncio.ensure_future(_introduced(own, self.world.syncs[row["sync"]]))
        while len(self._met) > 64:
            self._met.pop(next(iter(self._met)))
        try:
            return await asyncio.shield(self._met[run_id])
        except SynclineError:
            self._met.pop(run_id, None)
            raise

    async def _alone(self, sync: Sync) -> World | None:
        """The world under the lease of the sync's runs; None if another run of it goes on for long."""
        for _ in range(int(2 * LEASE_SECONDS / RETRY_SECONDS)):
            own = await begin(self.world, f"run:{sync.name}", self.worker_id)
            if own is not None or self.stopping.is_set():
                return own
            await self.world.clock.sleep(RETRY_SECONDS)
        return None

    async def _row(self, run_id: str, attempt: int) -> dict[str, Any] | None:
        """The run's row; None unless it is under way under that attempt."""
        rows = await self.world.store.rows(Table.RUN, {"run_id": run_id, "state": ["queued", "running"]})
        row = rows.row(0, named=True) if len(rows) else None
        return row if row is not None and attempt_of(row) == attempt else None

    async def _hand_on(self, world: World, row: dict[str, Any]) -> None:
        """Queue the run again under the next attempt, for whoever is there."""
        amended = _amend(row["run_id"], state="queued", worker=None, summary=raised(row["summary"]))
        await world.store.commit(amended)

    async def _close(self, world: World, row: dict[str, Any], state: str, summary: dict[str, Any]) -> None:
        text = json.dumps(json.loads(row["summary"]) | summary)
        now_us = await world.store.clock_us()
        await world.store.commit(_amend(row["run_id"], state=state, summary=text, ended_us=now_us))
        seconds = (now_us - row["started_us"]) / 1e6
        why = f": {summary['error']}" if summary.get("error") else ""
        self.tell("run", f"{row['sync']} run {row['run_id']} {state} after {seconds:.1f} s ({row['lane']}){why}")


async def _introduced(world: World, sync: Sync) -> tuple[World, Sync]:
    met = await meet(world, sync)
    return world, met


def waves_of(sync: Sync) -> list[list[Unit]]:
    """The units in the order in which one finds what the other left: reading, identity, fields."""
    units = units_of(sync)
    reading = [unit for unit in units if unit.part is None]
    identity = [unit for unit in units if unit.part is not None and unit.part.identity]
    return [reading, identity, [unit for unit in units if unit.part is not None and not unit.part.identity]]


def attempt_of(row: dict[str, Any]) -> int:
    return int(json.loads(row["summary"] or "{}").get("attempt", 1))


def _amend(run_id: str, **values: object) -> Commit:
    changed = {"run_id": run_id, **values}
    columns = TABLES[Table.RUN][0]
    row = pl.DataFrame([changed], schema={name: columns[name] for name in changed})
    return Commit(amend={Table.RUN: [row]})
