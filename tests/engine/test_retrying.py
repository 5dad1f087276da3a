"""A refusal that may pass is tried again after growing delays, ends as a dead letter, and never stops the others."""

from __future__ import annotations

import asyncio

from syncline.connectors.memory import FaultyConnector
from syncline.engine import inbox
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.retrying import FIRST_SECONDS, LONGEST_SECONDS, MOST_ATTEMPTS, delay_us
from syncline.records import Outcome, Status, Write
from syncline.trees import Table
from tests.support.memory_world import TwoSystems, two_systems


class Refusing(FaultyConnector):
    """Refuses every write of the records named in `locked`, for a reason that passes."""

    locked: frozenset[str] = frozenset()
    tried: int = 0
    is_permanent = False

    def write_one(self, write: Write) -> Outcome:
        if write.record_id in self.locked:
            self.tried += 1
            said = {"code": "LOCKED", "message": "row is locked", "is_permanent": self.is_permanent}
            return Outcome(status=Status.REJECTED, record_id=write.record_id, **said)  # type: ignore[arg-type]
        return super().write_one(write)


async def linked(people: int = 2) -> tuple[TwoSystems, Refusing, list[str]]:
    """People on both sides in agreement; those on the right can be locked."""
    two = await two_systems()
    right = Refusing(two.right)
    two.world.connectors = {**two.world.connectors, "right": right}
    for number in range(people):
        two.left.create("person", {"email": f"p{number}@x.test", "first": "Ann", "last": f"Lee{number}"}, "ann")
    await run_cycle(two.world, two.sync)
    two.clock.advance(3600)
    await run_cycle(two.world, two.sync)
    return two, right, sorted(two.right.rows)


async def later(two: TwoSystems, seconds: float) -> RunReport:
    two.clock.advance(seconds)
    return await run_cycle(two.world, two.sync)


def edit_all(two: TwoSystems, title: str) -> None:
    for record_id in list(two.left.rows):
        two.left.update(record_id, {"title": title}, "ann")


def title_of(two: TwoSystems, record_id: str) -> str | None:
    return two.right.rows[record_id].now.cells.get("title")


def test_delays_double_up_to_an_hour() -> None:
    delays = [delay_us(attempts) / 1e6 for attempts in range(1, MOST_ATTEMPTS)]
    assert delays[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert delays[-1] == LONGEST_SECONDS
    assert 8 * 3600 <= sum(delays) <= 24 * 3600


def test_a_locked_record_is_tried_less_and_less_often_and_then_buried() -> None:
    async def story() -> None:
        two, right, ids = await linked()
        right.locked = frozenset(ids[:1])
        edit_all(two, "Head")
        reports = [await later(two, 10)]
        for attempts in range(1, MOST_ATTEMPTS):
            assert right.tried == attempts
            half = delay_us(attempts) / 2e6
            reports.append(await later(two, half - 5))
            assert right.tried == attempts, "a run before its time does not try again"
            reports.append(await later(two, half + 10))
        reports += [await later(two, 7200) for _ in range(3)]
        assert right.tried == MOST_ATTEMPTS
        assert all(report.is_balanced for report in reports)
        letters = await inbox.errors(two.world.store, "people")
        assert letters.select("code", "attempts").rows() == [("LOCKED", MOST_ATTEMPTS)]
        assert await two.world.store.count(Table.DEAD_LETTER, {"state": "retrying"}) == 0
        assert title_of(two, ids[1]) == "Head", "the other one went on at once"

    asyncio.run(story())


def test_what_passes_in_time_leaves_nothing_behind() -> None:
    async def story() -> None:
        two, right, ids = await linked()
        right.locked = frozenset(ids[:1])
        edit_all(two, "Head")
        for _ in range(4):
            await later(two, 70)
        right.locked = frozenset()
        await later(two, 600)
        assert title_of(two, ids[0]) == "Head"
        states = await two.world.store.rows(Table.DEAD_LETTER)
        assert set(states["state"]) == {"resolved"}

    asyncio.run(story())


def test_a_change_wakes_a_postponed_record_at_once() -> None:
    async def story() -> None:
        two, right, ids = await linked()
        right.locked = frozenset(ids[:1])
        edit_all(two, "Head")
        for seconds in (10, 61, 121, 241):
            await later(two, seconds)
        tried = right.tried
        await later(two, 30)
        assert right.tried == tried, "it waits eight minutes now"
        edit_all(two, "Boss")
        await later(two, 10)
        assert right.tried == tried + 1

    asyncio.run(story())


def test_one_refused_record_among_two_hundred_stops_none_of_the_others_and_is_retried_by_cause() -> None:
    async def story() -> None:
        two, right, ids = await linked(200)
        right.locked, right.is_permanent = frozenset(ids[77:78]), True
        edit_all(two, "Head")
        report = await later(two, 10)
        assert report.is_balanced
        assert report.counts("b")["dead"] == 1
        done = [record_id for record_id in ids if title_of(two, record_id) == "Head"]
        assert len(done) == 199
        store = two.world.store
        assert len(await inbox.chosen_letters(store, "people", causes=["locked"])) == 1
        assert len(await inbox.chosen_letters(store, "people", causes=["DUPLICATE_VALUE"])) == 0
        right.locked = frozenset()
        chosen = await inbox.chosen_letters(store, "people", causes=["LOCKED"])
        assert await inbox.retry(two.world, two.sync, chosen["letter_id"].to_list()) == 1
        await later(two, 10)
        assert title_of(two, ids[77]) == "Head"

    asyncio.run(story())
