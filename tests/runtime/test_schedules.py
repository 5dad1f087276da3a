"""What becomes of a schedule in the state, with a clock of its own: overlap, misses, pauses, double requests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from syncline.errors import ConfigError
from syncline.runtime import schedules
from syncline.spec.model import Sync
from syncline.spec.schedule import Continuous, Grid, Once, Overlap, Schedule, Unit
from syncline.store import open_store
from syncline.trees import Commit, Store, Table
from syncline.values import instant, micros
from tests.support.memory_world import people
from tests.support.virtual import VirtualClock

wall = datetime.fromisoformat  # a local time, without zone
HOURLY = Grid(count=1, unit=Unit.HOUR, start=wall("2026-11-22 00:30"))
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Scene:
    """A store, a clock, and one sync with a schedule; runs end when a test says so."""

    def __init__(self, store: Store, clock: VirtualClock, sync: Sync) -> None:
        self.store, self.clock, self.sync = store, clock, sync

    async def until(self, text: str, *, step_seconds: float = 60) -> None:
        """Let time pass with a tick now and then, as a worker does, the last one at that very time."""
        target = datetime.fromisoformat(f"{text}+00:00")
        while self.clock.now() < target:
            left = (target - self.clock.now()).total_seconds()
            self.clock.advance(min(step_seconds, left))
            await self.tick()

    async def tick(self, worker: str = "w1") -> str | None:
        return await schedules.tick(self.store, self.sync, worker)

    async def end_runs(self) -> None:
        rows = await self.store.rows(Table.RUN, {"state": list(schedules.UNDER_WAY)})
        ended = rows.select(
            "run_id", pl.lit("succeeded").alias("state"), pl.lit(micros(self.clock.now())).alias("ended_us")
        )
        await self.store.commit(Commit(amend={Table.RUN: [ended]}))

    async def runs(self) -> list[tuple[str, str, str]]:
        """(due, state, why or trigger), oldest first."""
        rows = (await self.store.rows(Table.RUN)).sort("due_us", "state", descending=[False, False])
        return [(f"{instant(r['due_us']):%d %H:%M}", r["state"], _why(r)) for r in rows.iter_rows(named=True)]

    async def state(self) -> str:
        return str((await self.store.rows(Table.SCHEDULE))["state"][0])


def _why(row: dict[str, Any]) -> str:
    summary = json.loads(row["summary"])
    return str(summary.get("error") or summary["trigger"])


async def scene(rule: Once | Grid | Continuous, **options: Any) -> Scene:
    clock = VirtualClock(START)
    sync = replace(people(), schedule=Schedule(rule=rule, **options))
    return Scene(await open_store(":memory:", clock), clock, sync)


@pytest.mark.scenario("wiz-6.1")
def test_a_double_request_makes_one_run() -> None:
    async def story() -> None:
        s = await scene(Once())
        first = await s.tick("w1")
        assert first is not None
        assert await s.tick("w2") is None  # a second worker, or a second click
        await s.end_runs()
        s.clock.advance(3600)
        assert await s.tick("w1") is None
        assert await s.runs() == [("22 10:00", "succeeded", "now")]
        assert await s.state() == "completed"

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.1")
def test_two_that_ask_at_the_same_moment_make_one_run() -> None:
    """The second reads before the first has stored: the lease, and the run's own name, keep it one."""

    async def story() -> None:
        s = await scene(Once())
        asked = await asyncio.gather(*(s.tick(f"w{n}") for n in range(5)))
        assert sum(one is not None for one in asked) == 1
        await s.store.commit(Commit(drop={Table.SCHEDULE: pl.DataFrame({"sync": ["people"]})}))
        s.clock.advance(10)
        assert await s.tick("w9") is None  # the same request again, from the start
        assert len(await s.runs()) == 1

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.2")
def test_once_at_a_time() -> None:
    async def story() -> None:
        s = await scene(Once(at=wall("2026-11-22 12:00")))
        await s.tick()
        assert await s.runs() == []
        await s.until("2026-11-22 12:00")
        assert await s.runs() == [("22 12:00", "queued", "schedule")]
        await s.end_runs()
        await s.tick()
        assert await s.state() == "completed"

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.2")
@pytest.mark.parametrize(("at", "is_refused"), [("2026-11-22 09:59:00", False), ("2026-11-22 09:58:59", True)])
def test_a_moment_more_than_a_minute_ago_is_refused(at: str, is_refused: bool) -> None:
    async def story() -> None:
        s = await scene(Once(at=wall(at)))
        if not is_refused:
            assert await s.tick() is not None
            return
        with pytest.raises(ConfigError, match="has passed") as refused:
            await s.tick()
        assert refused.value.code == "SYN-118"
        assert await s.runs() == []

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.4", "wiz-6.8")
def test_a_start_in_the_past_makes_no_burst_and_the_grid_stays() -> None:
    async def story() -> None:
        s = await scene(HOURLY)
        await s.tick()
        assert await s.runs() == []
        await s.until("2026-11-22 10:30")
        s.clock.advance(47 * 60)  # a long run moves nothing
        await s.end_runs()
        await s.until("2026-11-22 11:30")
        assert [due for due, *_ in await s.runs()] == ["22 10:30", "22 11:30"]

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.9")
def test_what_comes_while_the_one_before_runs_is_skipped() -> None:
    async def story() -> None:
        s = await scene(HOURLY)
        await s.tick()
        await s.until("2026-11-22 12:50")
        await s.end_runs()
        await s.until("2026-11-22 13:30")
        assert await s.runs() == [
            ("22 10:30", "succeeded", "schedule"),
            ("22 11:30", "skipped", "previous still running"),
            ("22 12:30", "skipped", "previous still running"),
            ("22 13:30", "queued", "schedule"),
        ]

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.9")
def test_at_most_one_waits_and_runs_right_after() -> None:
    async def story() -> None:
        s = await scene(HOURLY, overlap=Overlap.WAIT)
        await s.tick()
        await s.until("2026-11-22 13:00")
        assert await s.runs() == [
            ("22 10:30", "queued", "schedule"),
            ("22 12:30", "skipped", "previous still running"),
        ]
        await s.end_runs()
        await s.tick()
        assert (await s.runs())[1] == ("22 11:30", "queued", "waited")

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.10")
def test_missed_occurrences_are_entered_and_one_run_makes_up_for_them() -> None:
    async def story() -> None:
        s = await scene(HOURLY)
        await s.tick()
        s.clock.advance(3 * 3600)  # nobody was there from 10:00 to 13:00
        await s.tick()
        missed = "nobody was there to run it"
        assert sorted(await s.runs()) == [
            ("22 10:30", "missed", missed),
            ("22 11:30", "missed", missed),
            ("22 12:30", "missed", missed),
            ("22 12:30", "queued", "catch-up"),
        ]
        await s.end_runs()
        await s.until("2026-11-22 13:30")
        assert (await s.runs())[-1] == ("22 13:30", "queued", "schedule")

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.10")
@pytest.mark.parametrize(("grace_seconds", "catches_up"), [(1800.0, True), (1799.0, False), (0.0, False)])
def test_the_grace(grace_seconds: float, catches_up: bool) -> None:
    async def story() -> None:
        s = await scene(HOURLY, grace_seconds=grace_seconds)
        await s.tick()
        s.clock.advance(3 * 3600)
        await s.tick()
        assert any(why == "catch-up" for *_, why in await s.runs()) == catches_up

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.10")
def test_a_year_of_minutes_is_entered_in_a_hundred_rows() -> None:
    async def story() -> None:
        s = await scene(Grid(count=1, unit=Unit.MINUTE, start=wall("2026-11-22 10:00")))
        await s.tick()
        await s.end_runs()
        s.clock.advance(365 * 86_400 + 61)
        await s.tick()
        rows = (await s.store.rows(Table.RUN, {"state": "missed"})).sort("due_us")
        told = [json.loads(text).get("occurrences", 1) for text in rows["summary"]]
        assert len(rows) <= 100
        assert sum(told) + len(await s.store.rows(Table.RUN, {"state": "queued"})) == 365 * 1440 + 1

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.7")
def test_after_the_last_occurrence_it_is_completed() -> None:
    async def story() -> None:
        s = await scene(replace(HOURLY, end=wall("2026-11-22 11:30")))
        await s.tick()
        await s.until("2026-11-22 11:00")
        await s.end_runs()
        await s.until("2026-11-22 11:30")
        assert await s.state() == "active"  # a run in progress at the end finishes
        await s.end_runs()
        await s.until("2026-11-22 15:00")
        assert [due for due, *_ in await s.runs()] == ["22 10:30", "22 11:30"]
        assert await s.state() == "completed"

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.13")
def test_a_pause_begins_nothing_and_resuming_makes_no_burst() -> None:
    async def story() -> None:
        s = await scene(HOURLY)
        await s.tick()
        await s.until("2026-11-22 10:40")
        assert await schedules.pause(s.store, s.sync, "cli")
        assert not await schedules.pause(s.store, s.sync, "cli")
        await s.end_runs()  # the run under way ends by itself
        await s.until("2026-11-22 14:00")
        assert await schedules.resume(s.store, s.sync, "cli")
        assert not await schedules.resume(s.store, s.sync, "cli")
        await s.tick()
        assert await s.runs() == [("22 10:30", "succeeded", "schedule")]
        await s.until("2026-11-22 14:30")
        assert (await s.runs())[1:] == [("22 14:30", "queued", "schedule")]

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.13")
def test_a_single_moment_that_passes_in_a_pause_is_missed() -> None:
    async def story() -> None:
        s = await scene(Once(at=wall("2026-11-22 12:00")))
        await schedules.pause(s.store, s.sync, "cli")
        await s.until("2026-11-22 13:00")
        await schedules.resume(s.store, s.sync, "cli")
        await s.tick()
        assert await s.runs() == [("22 12:00", "missed", "the sync was paused")]
        assert await s.state() == "completed"

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.12")
def test_only_a_changed_schedule_is_taken_up_anew() -> None:
    async def story() -> None:
        s = await scene(HOURLY)
        await s.tick()
        before = (await s.store.rows(Table.SCHEDULE))["next_us"][0]
        s.clock.advance(60)
        s.sync = replace(s.sync, breaker_times=7, schedule=replace(s.sync.schedule, overlap=Overlap.WAIT))
        await s.tick()
        assert (await s.store.rows(Table.SCHEDULE))["next_us"][0] == before
        later = replace(HOURLY, start=wall("2026-11-22 00:45"))
        s.sync = replace(s.sync, schedule=Schedule(rule=later))
        await s.tick()
        assert f"{instant((await s.store.rows(Table.SCHEDULE))['next_us'][0]):%H:%M}" == "10:45"

    asyncio.run(story())


@pytest.mark.scenario("wiz-6.4")
def test_continuous_pauses_after_the_end_of_each_run() -> None:
    async def story() -> None:
        s = await scene(Continuous(pause_seconds=300))
        assert await s.tick() is not None
        s.clock.advance(1000)
        assert await s.tick() is None
        await s.end_runs()
        s.clock.advance(299)
        assert await s.tick() is None
        s.clock.advance(1)
        assert await s.tick() is not None

    asyncio.run(story())
