"""Conducting runs without processes: memory systems, a clock of its own, and somebody who hands units back at once."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import MemoryConnector
from syncline.engine.inbox import set_enabled
from syncline.engine.tenure import begin
from syncline.errors import StateError, Unavailable
from syncline.ports import Lane
from syncline.runtime import presence, requests, schedules
from syncline.runtime.conduct import AGAIN, BROKEN_OFF, DONE, HANDED_ON, SUPERSEDED, Conductor
from syncline.runtime.presence import Me
from syncline.runtime.retention import Retention, drop_old
from syncline.spec.schedule import Once, Schedule, Takes
from syncline.trees import Commit, Store, Table
from tests.support.memory_world import TwoSystems, two_systems

HaveDone = Callable[[Lane, str, dict[str, Any]], Awaitable[dict[str, Any]]]


class Crew:
    """Workers on one state: each unit goes to the next of them, who does it at once."""

    def __init__(self, w: TwoSystems, count: int) -> None:
        self.w = w
        self.asked: list[str] = []
        self.lost: set[str] = set()
        self.members = [
            Conductor(world=w.world, worker_id=f"w{n}", have_unit_done=self.have_done) for n in range(1, count + 1)
        ]

    async def have_done(self, lane: Lane, name: str, order: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(f"{lane}:{name.partition('/')[2]}")
        member = self.members[len(self.asked) % len(self.members)]
        return {"came": "cancelled"} if member.worker_id in self.lost else await member.do_unit(order)


async def _queued(w: TwoSystems) -> str:
    sync = w.world.syncs["people"]
    w.world.syncs = {"people": replace(sync, schedule=Schedule(rule=Once()))}
    run_id = await schedules.tick(w.world.store, w.world.syncs["people"], "w1")
    assert run_id is not None
    return run_id


async def _row(store: Store, run_id: str) -> dict[str, Any]:
    row = (await store.rows(Table.RUN, {"run_id": run_id})).row(0, named=True)
    return row | {"summary": json.loads(row["summary"])}


def _humans(w: TwoSystems) -> int:
    return len(w.right.rows)


def told(story: Callable[[TwoSystems], Awaitable[None]]) -> None:
    async def whole() -> None:
        w = await two_systems()
        w.left.create("person", {"email": "ann@x.com", "first": "Ann", "last": "Lee"}, "u1")
        await story(w)

    asyncio.run(whole())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_is_done_in_units_by_whoever_is_there(workers: int) -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, workers)
        run_id = await _queued(w)
        assert await crew.members[0].conduct(run_id, 1) == DONE
        row = await _row(w.world.store, run_id)
        assert (row["state"], row["worker"], row["lane"]) == ("succeeded", "w1", "bulk")
        assert row["summary"]["classes"]["a"]["written"] == 1
        assert row["summary"]["balanced"]
        parts = await w.world.store.rows(Table.RUN, {"kind": "part", "cycle": run_id})
        assert set(parts["worker"]) == {f"w{n}" for n in range(1, workers + 1)}
        assert _humans(w) == 1
        assert (await w.world.store.rows(Table.LEASE)).filter(pl.col("holder") != "").is_empty()

    told(story)


def test_a_unit_whose_worker_was_lost_is_asked_for_again() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 2)
        crew.lost = {"w2"}
        run_id = await _queued(w)
        assert await crew.members[0].conduct(run_id, 1) == DONE
        assert (await _row(w.world.store, run_id))["state"] == "succeeded"
        assert any(name.endswith("/2") for name in crew.asked)

    told(story)


def test_an_attempt_that_was_superseded_does_nothing() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 1)
        run_id = await _queued(w)
        await w.world.store.commit(
            Commit(amend={Table.RUN: [pl.DataFrame({"run_id": [run_id], "summary": ['{"attempt": 2}']})]})
        )
        order = {"run_id": run_id, "attempt": 1, "unit": "identity:people", "lane": "live", "sweep": False}
        assert await crew.members[0].conduct(run_id, 1) == SUPERSEDED
        assert await crew.members[0].do_unit(order) == {"came": AGAIN}
        assert _humans(w) == 0

    told(story)


@pytest.mark.scenario("wiz-6.9")
def test_two_runs_of_one_sync_never_run_together() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 1)
        run_id = await _queued(w)
        other = await begin(w.world, "run:people", "somebody", seconds=3600)
        assert other is not None
        assert await crew.members[0].conduct(run_id, 1) == HANDED_ON
        row = await _row(w.world.store, run_id)
        assert (row["state"], row["summary"]["attempt"]) == ("queued", 2)
        assert crew.asked == []

    told(story)


@pytest.mark.scenario("wiz-6.13")
def test_a_stopping_worker_hands_the_run_on() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 1)
        run_id = await _queued(w)

        async def stop_then_do(lane: Lane, name: str, order: dict[str, Any]) -> dict[str, Any]:
            crew.members[0].stopping.set()
            return await crew.members[0].do_unit(order)

        crew.members[0].have_unit_done = stop_then_do
        assert await crew.members[0].conduct(run_id, 1) == HANDED_ON
        row = await _row(w.world.store, run_id)
        assert (row["state"], row["worker"], row["summary"]["attempt"]) == ("queued", None, 2)
        next_one = Crew(w, 1)
        assert await next_one.members[0].conduct(run_id, 2) == DONE

    told(story)


def test_a_disabled_sync_is_skipped() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 1)
        run_id = await _queued(w)
        await set_enabled(w.world.store, "people", False)
        assert await crew.members[0].conduct(run_id, 1) == DONE
        assert (await _row(w.world.store, run_id))["state"] == "skipped"
        assert _humans(w) == 0

    told(story)


def test_a_run_whose_conductor_broke_off_is_queued_again() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 1)
        run_id = await _queued(w)

        async def away(lane: Lane, name: str, order: dict[str, Any]) -> dict[str, Any]:
            raise StateError("the server is away", code="SYN-713")

        member = crew.members[0]
        member.have_unit_done = away
        assert await member.conduct(run_id, 1) == BROKEN_OFF
        assert (await _row(w.world.store, run_id))["state"] == "running"
        await member.requeue_broken_off()
        row = await _row(w.world.store, run_id)
        assert (row["state"], row["summary"]["attempt"]) == ("queued", 2)
        member.have_unit_done = crew.have_done
        assert await member.conduct(run_id, 2) == DONE

    told(story)


def test_what_a_lost_worker_had_in_hand_moves() -> None:
    async def story(w: TwoSystems) -> None:
        store, me, dead = w.world.store, Me(worker_id="w1", host="h", pid=1, version="1"), "w2"
        run_id = await _queued(w)
        for one in (me, replace(me, worker_id=dead)):
            await presence.show(store, one, "working", [], await store.clock_us())
        amended = pl.DataFrame({"run_id": [run_id], "state": ["running"], "worker": [dead]})
        await store.commit(Commit(amend={Table.RUN: [amended]}))
        w.clock.advance(5)
        await presence.show(store, me, "working", [], 0)
        assert await presence.lost_workers(store, me) == []
        w.clock.advance(2)
        await presence.show(store, me, "working", [], 0)
        assert await presence.lost_workers(store, me) == [dead]
        assert await presence.write_off(store, me, [dead]) == [run_id]
        row = await _row(store, run_id)
        assert (row["state"], row["worker"], row["summary"]["attempt"]) == ("queued", None, 2)
        assert await presence.lost_workers(store, me) == []

    told(story)


def test_leases_are_kept_as_long_as_their_worker_lives() -> None:
    async def story(w: TwoSystems) -> None:
        store = w.world.store
        assert await begin(w.world, "fields:people:1", "w1") is not None
        for _ in range(5):
            w.clock.advance(4)
            assert await presence.keep_leases(store, "w1") == 1
            assert await begin(w.world, "fields:people:1", "w2") is None
        w.clock.advance(7)
        assert await begin(w.world, "fields:people:1", "w2") is not None
        assert await presence.keep_leases(store, "w1") == 0

    told(story)


def test_a_push_is_done_once_and_forgets_whom_it_was_about() -> None:
    async def story(w: TwoSystems) -> None:
        store = w.world.store
        for _ in range(2):
            await requests.ask_for_push(store, "people", "ann@x.com", "r1")
        (request,) = await requests.open_requests(store)
        assert await requests.do_request(w.world, "w1", request)
        assert await requests.open_requests(store) == []
        answer = await requests.answer_to(store, "r1")
        assert answer is not None
        assert (await _row(store, answer["run_id"]))["kind"] == "push"
        assert (await store.rows(Table.REQUEST))["subject"].to_list() == [""]
        assert _humans(w) == 1

    told(story)


def test_old_runs_are_dropped_and_what_is_under_way_stays() -> None:
    async def story(w: TwoSystems) -> None:
        crew, store = Crew(w, 1), w.world.store
        done = await _queued(w)
        await crew.members[0].conduct(done, 1)
        sync = replace(w.world.syncs["people"], schedule=Schedule(rule=Once(), zone="Europe/Berlin"))
        waiting = await schedules.tick(store, sync, "w1")
        w.clock.advance(3 * 86_400)
        await drop_old(store, Retention())
        kept = await store.rows(Table.RUN)
        assert set(kept["run_id"]) == {done, waiting}  # the units of the first are gone
        w.clock.advance(90 * 86_400)
        await drop_old(store, Retention())
        assert (await store.rows(Table.RUN))["run_id"].to_list() == [waiting]

    told(story)


@pytest.mark.scenario("wiz-6.14")
@pytest.mark.parametrize(("takes", "read"), [(Takes.CHANGES, 1), (Takes.ALL, 40)])
def test_a_run_takes_what_changed_or_everything(takes: Takes, read: int) -> None:
    """What changed since the last success is told by the system's own clock; the next run begins where that one did."""

    async def story(w: TwoSystems) -> None:
        apart = {"left": MemoryConnector(w.left, overlap=0), "right": MemoryConnector(w.right, overlap=0)}
        w.world.connectors = apart
        ids = [w.left.create("person", {"email": f"p{n}@x.com", "last": f"L{n}"}, "u1") for n in range(39)]
        crew = Crew(w, 1)
        w.world.syncs = {"people": replace(w.world.syncs["people"], schedule=Schedule(takes=takes))}
        for expected in (None, None, read):
            run_id = await schedules.tick(w.world.store, w.world.syncs["people"], "w1")
            assert run_id is not None
            assert await crew.members[0].conduct(run_id, 1) == DONE
            parts = await w.world.store.rows(Table.RUN, {"cycle": run_id})
            if expected is not None:
                receipts = await w.world.store.rows(Table.RECEIPT, {"run_id": parts["run_id"].to_list()})
                pages = receipts.filter(connection="left")["ids"].to_list()
                assert sum(len(json.loads(zlib.decompress(page))) for page in pages) == expected
            await schedules.tick(w.world.store, w.world.syncs["people"], "w1")
            w.clock.advance(400)
            if expected is None:
                w.left.update(ids[0], {"title": f"T{w.clock.now()}"}, "u1")
            w.clock.advance(60)

    told(story)


@pytest.mark.scenario("wiz-6.14")
def test_what_changed_since_a_run_that_failed_is_not_passed_over() -> None:
    async def story(w: TwoSystems) -> None:
        crew = Crew(w, 1)
        w.world.syncs = {"people": replace(w.world.syncs["people"], schedule=Schedule())}

        async def one_run() -> str:
            run_id = await schedules.tick(w.world.store, w.world.syncs["people"], "w1")
            assert run_id is not None
            await crew.members[0].conduct(run_id, 1)
            await schedules.tick(w.world.store, w.world.syncs["people"], "w1")
            w.clock.advance(400)
            return str((await _row(w.world.store, run_id))["state"])

        assert await one_run() == "succeeded"
        before = (await w.world.store.rows(Table.CURSOR, {"connection": "left"})).select("position")
        (person,) = w.left.rows
        w.left.update(person, {"title": "Dr"}, "u1")
        read = w.world.connectors["left"]
        w.world.connectors = {**w.world.connectors, "left": _Away(w.left)}
        assert await one_run() == "failed"
        assert (await w.world.store.rows(Table.CURSOR, {"connection": "left"})).select("position").equals(before)
        w.world.connectors = {**w.world.connectors, "left": read}
        assert await one_run() == "succeeded"
        (twin,) = w.right.rows.values()
        assert twin.now.cells["title"] == "Dr"

    told(story)


class _Away(MemoryConnector):
    """A system that does not answer when it is asked what changed."""

    def read_changes(self, *_: Any, **__: Any) -> Any:
        raise Unavailable("it is away")
