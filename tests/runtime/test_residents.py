"""The resident loops of a worker – stream, quick, audit – on systems in memory and a clock that only they move."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import MemoryConnector
from syncline.connectors.memory.connector import STREAMED
from syncline.engine.cycle import run_cycle
from syncline.engine.inbox import set_enabled
from syncline.engine.observe import meet
from syncline.errors import Unavailable
from syncline.runtime import schedules
from syncline.runtime.residents import AUDIT_SECONDS, Residents
from syncline.spec.schedule import Grid, Schedule, Unit
from syncline.trees import TABLES, Commit, Table
from tests.support.memory_world import TwoSystems, two_systems
from tests.support.scheduler import ScheduledClock

TOMORROW = Schedule(rule=Grid(count=1, unit=Unit.DAY, start=datetime(2026, 11, 23)))  # noqa: DTZ001  (the schedule's zone)
LONG_SECONDS = AUDIT_SECONDS + 120


class Scene:
    """One linked pair at rest, persons on the left, whose changes are pushed; no run is due before tomorrow."""

    def __init__(self, w: TwoSystems, one: str) -> None:
        self.w, self.one = w, one
        self.clock = ScheduledClock(seed=1, start=w.clock.now())
        w.world.clock = w.left._clock = w.right._clock = self.clock
        w.world.store._clock = self.clock  # type: ignore[attr-defined]
        self.told: list[tuple[str, str]] = []

    async def live(self, seconds: float, *others: Callable[[], Awaitable[None]]) -> None:
        """One worker's residents, and *others* beside them, for so long."""
        hands: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        residents = Residents(
            world=self.w.world,
            worker_id="w1",
            stopping=asyncio.Event(),
            tell=lambda kind, words: self.told.append((kind, words)),
            in_hand=hands.__getitem__,
        )

        async def beside(other: Callable[[], Awaitable[None]]) -> None:
            await other()

        await self.clock.drive(residents.run(), *(beside(other) for other in others), until=seconds)

    @property
    def title(self) -> str:
        (row,) = self.w.right.rows.values()
        return str(row.now.cells["title"])

    async def edits(self) -> None:
        await self.clock.sleep(10)
        self.w.left.update(self.one, {"title": "new"}, "human")


async def scene(audit_share: float) -> Scene:
    w = await two_systems()
    w.world.syncs = {"people": replace(w.sync, schedule=TOMORROW, audit_share=audit_share)}
    w.world.connectors = {
        "left": MemoryConnector(w.left, capabilities=STREAMED),
        "right": w.world.connectors["right"],
    }
    sync = await meet(w.world, w.world.syncs["people"])
    one = w.left.create("person", {"email": "a@x.example", "first": "Ann", "last": "Lee", "title": "old"}, "human")
    for _ in range(2):
        await run_cycle(w.world, sync)
        w.clock.advance(120)
    await schedules.tick(w.world.store, sync, "w1")
    return Scene(w, one)


def story(tell: Callable[[Scene], Awaitable[None]], *, audit_share: float = 0.02) -> None:
    async def whole() -> None:
        await tell(await scene(audit_share))

    asyncio.run(whole())


def test_a_pushed_edit_is_on_the_other_side_within_seconds_and_without_a_run() -> None:
    async def tell(s: Scene) -> None:
        await s.live(20, s.edits)
        assert s.title == "new"
        assert await s.w.world.store.count(Table.RUN, {"kind": "run", "lane": "live"}) == 0
        assert s.told == []

    story(tell)


@pytest.mark.parametrize("how", ["paused", "disabled"])
def test_what_is_paused_or_disabled_is_heard_of_and_not_written(how: str) -> None:
    async def tell(s: Scene) -> None:
        store, sync = s.w.world.store, s.w.world.syncs["people"]
        if how == "paused":
            await schedules.pause(store, sync, "w1")
        else:
            await set_enabled(store, sync.name, False)
        await s.live(60, s.edits)
        assert s.title == "old"
        assert await store.count(Table.DIRTY, {"sync": "people"}) == 1
        assert s.told == []

    story(tell)


def test_a_run_under_way_plans_by_itself() -> None:
    async def tell(s: Scene) -> None:
        store = s.w.world.store
        run = {"run_id": "r", "sync": "people", "kind": "run", "state": "running", "started_us": s.w.world.now_us()}
        await store.commit(Commit(add={Table.RUN: pl.DataFrame([run], schema=dict(TABLES[Table.RUN][0]))}))
        await s.live(60, s.edits)
        assert s.title == "old"

    story(tell)


def test_every_quarter_of_an_hour_agreement_is_looked_at() -> None:
    async def tell(s: Scene) -> None:
        await s.live(AUDIT_SECONDS - 60)
        assert await s.w.world.store.count(Table.AGREEMENT) == 0
        await s.live(LONG_SECONDS)
        looks = await s.w.world.store.rows(Table.AGREEMENT, {"sync": "people"})
        assert len(looks) > 0

    story(tell)


def test_a_share_of_nothing_is_no_look() -> None:
    async def tell(s: Scene) -> None:
        await s.live(LONG_SECONDS)
        assert await s.w.world.store.count(Table.AGREEMENT) == 0

    story(tell, audit_share=0.0)


def test_trouble_of_one_loop_is_told_and_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unavailable(*_: Any, **__: Any) -> Any:
        raise Unavailable("left does not answer")

    async def tell(s: Scene) -> None:
        monkeypatch.setattr("syncline.runtime.residents.verify_next", unavailable)
        await s.live(LONG_SECONDS, s.edits)
        assert s.title == "new"
        assert [kind for kind, _ in s.told] == ["trouble"] * len(s.told) != []
        monkeypatch.undo()
        await s.live(LONG_SECONDS)
        assert await s.w.world.store.count(Table.AGREEMENT) > 0

    story(tell)
