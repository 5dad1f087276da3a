"""Undo of all that was written within some time: what stood before it is back, newest run first, nobody's edit lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncline.cli.moments import moment_of
from syncline.engine.undo import Undone, undo
from syncline.engine.undo_plan import plan_undo
from syncline.engine.undo_scope import Window
from syncline.errors import ConfigError
from syncline.trees import Commit, Table
from tests.engine.test_undo import at_rest, cycle, edited, linked, lived, now
from tests.support.memory_world import TwoSystems


def instant(world: TwoSystems) -> int:
    return world.world.now_us()


async def undone(world: TwoSystems, since_us: int, until_us: int | None = None) -> Undone:
    done = await undo(world.world, world.sync, Window(since_us=since_us, until_us=until_us or instant(world)))
    world.clock.advance(120)
    return done


def test_what_stood_before_the_first_write_of_the_window_is_back() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        since_us = instant(world)
        first = await edited(world, person, title="T1", phone="P1")
        second = await edited(world, person, title="T2")
        done = await undone(world, since_us)
        assert done.plan.runs == (second, first)
        assert (done.put_back(), now(world), now(world, "phone")) == (2, ("T2", "T0"), ("P1", "P0"))
        assert done.is_whole
        await at_rest(world)

    lived(history)


def test_only_what_was_written_inside_the_window_is_undone() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        await edited(world, person, title="T1")
        since_us = instant(world)
        inside = await edited(world, person, phone="P1")
        until_us = instant(world)
        await edited(world, person, first="Augusta")
        done = await undone(world, since_us, until_us)
        assert done.plan.runs == (inside,)
        assert (now(world)[1], now(world, "phone")[1], now(world, "first")[1]) == ("T1", "P0", "Augusta")

    lived(history)


def test_what_somebody_changed_since_is_listed_and_left_also_a_later_write_of_ours() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        since_us = instant(world)
        await edited(world, person, title="T1", phone="P1")
        until_us = instant(world)
        world.right.update(twin, {"phone": "hers"}, "human he")
        await edited(world, person, title="T2")
        done = await undone(world, since_us, until_us)
        told = sorted(done.plan.stays.filter(side="b").select("field", "reason").rows())
        assert told == [("phone", "it was changed since"), ("title", "it was changed since")]
        assert (now(world)[1], now(world, "phone")[1]) == ("T2", "hers")

    lived(history)


def test_the_undo_of_a_window_can_be_undone_and_repeating_it_writes_nothing() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        since_us = instant(world)
        for title in ("T1", "T2"):
            await edited(world, person, title=title)
        first = await undone(world, since_us)
        assert now(world) == ("T2", "T0")
        again = await undone(world, since_us)
        assert (again.put_back(), len(again.plan.actions), now(world)) == (0, 0, ("T2", "T0"))
        back = await undo(world.world, world.sync, first.run_id)
        assert (back.put_back(), now(world)) == (1, ("T2", "T2"))
        world.clock.advance(120)
        await at_rest(world)

    lived(history)


def test_a_window_in_which_nothing_was_written_is_empty() -> None:
    async def history(world: TwoSystems) -> None:
        await linked(world)
        world.clock.advance(3600)
        since_us = instant(world)
        await cycle(world)
        plan = await plan_undo(world.world, world.sync, Window(since_us=since_us, until_us=instant(world)))
        assert (plan.runs, plan.does_something, plan.is_forgotten) == ((), False, False)

    lived(history)


def test_a_journal_that_is_no_longer_kept_is_said() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        since_us = instant(world)
        run = await edited(world, person, title="T1")
        batches = await world.world.store.rows(Table.JOURNAL, {"run_id": run})
        await world.world.store.commit(Commit(drop={Table.JOURNAL: batches.select("batch_id")}))
        plan = await plan_undo(world.world, world.sync, Window(since_us=since_us, until_us=instant(world)))
        assert plan.is_forgotten

    lived(history)


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("2026-11-22T10:00Z", NOW - timedelta(hours=2)),
        ("2026-11-22 11:00+01:00", NOW - timedelta(hours=2)),
        ("2026-11-22 11:00 Europe/Berlin", NOW - timedelta(hours=2)),
        ("2026-07-22 11:00 Europe/Berlin", datetime(2026, 7, 22, 9, tzinfo=UTC)),
        ("2026-11-22 10:00 UTC", NOW - timedelta(hours=2)),
        ("2026-11-22 10:00:30 utc", NOW - timedelta(hours=2) + timedelta(seconds=30)),
        ("120m", NOW - timedelta(hours=2)),
    ],
)
def test_moments_as_somebody_types_them(words: str, expected: datetime) -> None:
    assert moment_of(words, NOW) == expected


@pytest.mark.parametrize(
    "words",
    [
        "2026-11-22 10:00",
        "yesterday",
        "",
        "2026-11-22 10:00 Mars/Base",
        "2026-03-29 02:30 Europe/Berlin",  # put forward over it
        "2026-10-25 02:30 Europe/Berlin",  # twice
        "2026-11-22 10:00+01:00 Europe/Berlin",
        "nonsense UTC",
    ],
)
def test_what_is_no_one_moment_is_refused(words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        moment_of(words, NOW)
    assert refused.value.code == "SYN-155"
    assert refused.value.remedy
