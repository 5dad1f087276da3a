"""Fields that a system keeps once per owner: merged once per owner, no sibling's echo taken for news, no ping-pong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import MemoryConnector
from syncline.connectors.memory.connector import RICH
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.explain import explain, find_subjects
from syncline.engine.observe import meet
from syncline.engine.push import push
from syncline.engine.units import Turn, run_units, units_of
from syncline.engine.verify import verify
from syncline.spec.model import Direction, Policy
from syncline.trees import Commit, Store, Table
from tests.support.memory_shared import sharing
from tests.support.memory_world import TwoSystems, field_map, people, two_systems

HOUSE = "house@x.test"
NAMES = (("Ada", "Byron"), ("Charles", "Babbage"), ("Mary", "Somerville"), ("Luigi", "Menabrea"))
LATER_SECONDS = 7_200
NO_HISTORY = replace(RICH, has_field_history=False, has_compare_and_set=False)


async def run(both: TwoSystems, *, times: int = 1) -> RunReport:
    for _ in range(times):
        report = await run_cycle(both.world, both.sync)
        assert report.is_balanced
        both.clock.advance(120)
    return report


async def household(*emails: str, opted_out: str = "", **system: Any) -> tuple[TwoSystems, list[str]]:
    """People of these addresses on the left, linked, at rest, and no newcomers any more; on the right consent is kept
    per address."""
    both = await two_systems(people(**system))
    left = MemoryConnector(both.left, capabilities=NO_HISTORY)
    both.world.connectors = {"left": left, "right": sharing(both.right, {"opt_out": "email"})}
    ids = [
        both.left.create(
            "person",
            {
                "email": email,
                "first": NAMES[n][0],
                "last": NAMES[n][1],
                "opt_out": str(email == opted_out).lower(),
            },
            "human",
        )
        for n, email in enumerate(emails)
    ]
    await run(both, times=4)
    assert (await run(both)).actions.is_empty()
    both.clock.advance(LATER_SECONDS)
    return both, ids


def consents(both: TwoSystems) -> tuple[list[str], list[str]]:
    left = [row.now.cells["opt_out"] for row in both.left.rows.values()]
    return left, [row.now.cells["opt_out"] for row in both.right.rows.values()]


async def quiet(both: TwoSystems) -> None:
    """Nothing is written any more, and everything agrees."""
    assert (await run(both)).actions.is_empty(), "it goes on writing"
    report = await verify(both.world, both.sync)
    assert report.is_converged, report.different.to_dicts()


def test_an_opt_out_reaches_everybody_with_the_address_on_both_sides() -> None:
    async def live() -> None:
        both, (ada, *_) = await household(HOUSE, HOUSE, "other@x.test")
        both.left.update(ada, {"opt_out": "true"}, "human")
        await run(both, times=3)
        assert consents(both) == (["true", "true", "false"], ["true", "true", "false"])
        await quiet(both)

    asyncio.run(live())


def test_a_person_s_opt_in_clears_it_for_everybody() -> None:
    async def live() -> None:
        both, (ada, *_) = await household(HOUSE, HOUSE, "other@x.test", opted_out=HOUSE)
        assert consents(both)[1] == ["true", "true", "false"]
        both.left.update(ada, {"opt_out": "false"}, "human")
        await run(both, times=3)
        assert consents(both) == (["false"] * 3, ["false"] * 3)
        await quiet(both)

    asyncio.run(live())


def test_an_opt_in_by_nobody_is_taken_back() -> None:
    async def live() -> None:
        both, (ada, *_) = await household(HOUSE, HOUSE, opted_out=HOUSE)
        both.left.update(ada, {"opt_out": "false"}, "syncline")  # our own hand: a flow of theirs inside our write
        await run(both, times=3)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())


def twin(both: TwoSystems, first: str) -> str:
    """The record on the right of the person with this first name."""
    return next(i for i, row in both.right.rows.items() if row.now.cells["first"] == first)


async def opted_out_household(by: str) -> tuple[TwoSystems, list[str]]:
    """Ada and Charles of one address; Ada opted out on that side, it has reached everybody, and two hours passed."""
    both, ids = await household(HOUSE, HOUSE)
    if by == "left":
        both.left.update(ids[0], {"opt_out": "true"}, "human")
    else:
        both.right.update(twin(both, "Ada"), {"opt_out": "true"}, "human")
    both.clock.advance(60)
    await run(both, times=3)
    assert consents(both) == (["true", "true"], ["true", "true"])
    both.clock.advance(LATER_SECONDS)
    return both, ids


@pytest.mark.parametrize("where", ["left", "right"])
@pytest.mark.parametrize("who", [0, 1], ids=["who opted out", "the other"])
@pytest.mark.parametrize("by", ["left", "right"])
def test_whoever_of_an_address_opts_in_wherever_it_is_for_everybody(by: str, who: int, where: str) -> None:
    async def live() -> None:
        both, ids = await opted_out_household(by)
        system, record = (both.left, ids[who]) if where == "left" else (both.right, twin(both, NAMES[who][0]))
        system.update(record, {"opt_out": "false"}, "human")
        await run(both, times=3)
        assert consents(both) == (["false", "false"], ["false", "false"])
        await quiet(both)

    asyncio.run(live())


def test_without_a_person_s_act_nobody_of_an_address_is_loosened() -> None:
    async def live() -> None:
        both, _ = await opted_out_household("left")
        both.right.update(twin(both, "Charles"), {"opt_out": "false"}, "flow")
        await run(both, times=3)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())


def test_an_opt_out_that_a_program_resets_before_the_others_saw_it_stands() -> None:
    async def live() -> None:
        both, (ada, _) = await household(HOUSE, HOUSE)
        both.left.update(ada, {"opt_out": "true"}, "human")
        await run(both)
        both.right.update(twin(both, "Ada"), {"opt_out": "false"}, "flow")
        await run(both, times=4)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())


@pytest.mark.parametrize("side", ["left", "right"])
def test_who_has_just_come_to_an_address_takes_no_opt_in_from_those_there(side: str) -> None:
    async def live() -> None:
        both, (_, ben) = await household(HOUSE, "old@x.test")
        for one in both.left.rows:
            both.left.update(one, {"opt_out": "true"}, "human")
        await run(both, times=3)
        both.clock.advance(LATER_SECONDS)
        system, record = (both.left, ben) if side == "left" else (both.right, twin(both, "Charles"))
        system.update(record, {"email": HOUSE}, "human")
        await run(both, times=3)
        both.right.update(twin(both, "Ada"), {"opt_out": "false"}, "human")
        await run(both, times=4)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())


@pytest.mark.parametrize("side", ["left", "right"])
def test_who_moves_to_an_open_address_stays_opted_out_and_so_does_the_address(side: str) -> None:
    async def live() -> None:
        both, (ada, *_) = await household("old@x.test", HOUSE, opted_out="old@x.test")
        twin = next(i for i, row in both.right.rows.items() if row.now.cells["email"] == "old@x.test")
        system, record = (both.left, ada) if side == "left" else (both.right, twin)
        system.update(record, {"email": HOUSE}, "human")
        assert side == "left" or both.right.rows[twin].now.cells["opt_out"] == "false", "the address's consent"
        await run(both, times=5)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())


def test_who_said_no_since_the_last_reading_stays_opted_out_at_the_address_we_give_him() -> None:
    """With the old address his no would go where nobody looks for it."""

    async def live() -> None:
        both, (ada, _) = await household("old@x.test", "new@x.test")
        both.world.connectors["right"] = sharing(both.right, {"opt_out": "email"}, NO_HISTORY)  # type: ignore[index]
        (twin,) = [key for key, row in both.right.rows.items() if row.now.cells["email"] == "old@x.test"]
        sync = await meet(both.world, both.sync)
        reading = [unit for unit in units_of(sync, 1) if unit.side == "a"]
        both.left.update(ada, {"email": "new@x.test"}, "human")
        both.clock.advance(60)
        await run_units(both.world, sync, reading, Turn(worker="one", cycle="1"))
        both.right.update(twin, {"opt_out": "true"}, "human")
        both.clock.advance(60)
        await run_units(both.world, sync, units_of(sync, 1)[-2:], Turn(worker="one", cycle="2"))
        await run(both, times=4)
        assert both.right.rows[twin].now.cells["email"] == "new@x.test"
        assert consents(both) == (["true", "true"], ["true", "true"])

    asyncio.run(live())


def test_an_opt_in_together_with_a_new_address_is_no_opt_in() -> None:
    async def live() -> None:
        both, (ada,) = await household("old@x.test", opted_out="old@x.test")
        both.left.update(ada, {"email": "new@x.test", "opt_out": "false"}, "human")
        await run(both, times=4)
        assert consents(both) == (["true"], ["true"])
        await quiet(both)

    asyncio.run(live())


def test_two_of_one_address_that_disagree_are_one_conflict_and_the_protection_wins() -> None:
    async def live() -> None:
        both, (ada, ben) = await household(HOUSE, HOUSE)
        both.left.update(ada, {"opt_out": "true"}, "human")
        await run(both, times=3)
        both.right.shared = {}  # type: ignore[attr-defined]  # two people disagree while nothing spreads
        both.right.update(next(iter(both.right.rows)), {"opt_out": "false"}, "flow")
        both.left.update(ben, {"opt_out": "false"}, "human")
        both.right.shared = {"opt_out": "email"}  # type: ignore[attr-defined]
        await run(both, times=4)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())


def test_explain_says_who_opted_out_where_and_when() -> None:
    async def live() -> None:
        both, (ada, _) = await household(HOUSE, HOUSE)
        both.left.update(ada, {"opt_out": "true"}, "human:jane")
        at_us = both.left.stamp_us()
        await run(both, times=3)
        sync = await meet(both.world, both.sync)
        (subject,) = await find_subjects(both.world, sync, ada)
        told = await explain(both.world, sync, subject)
        (consent,) = [one for one in told.fields if one.mapping == "opt_out"]
        here, there = consent.sources
        assert (here.side, here.value, here.at_us, here.actor) == ("a", "true", at_us, "human:jane")
        assert (there.side, there.value, there.is_ours) == ("b", "true", True)

    asyncio.run(live())


ONE_WAY = field_map("title", direction=Direction.A_TO_B, policies={"*": Policy.A})


async def company(*titles: str) -> tuple[TwoSystems, list[str]]:
    """People of one company (the same last name) whose title is the company's on the right."""
    fields = tuple(ONE_WAY if m.key == "title" else m for m in people().fields)
    both = await two_systems(people(fields=fields))
    both.world.connectors = {**both.world.connectors, "right": sharing(both.right, {"title": "last"})}
    ids = [
        both.left.create(
            "person", {"email": f"p{n}@x.test", "first": f"First{n}", "last": "Acme", "title": title}, "human"
        )
        for n, title in enumerate(titles)
    ]
    await run(both, times=4)
    return both, ids


async def noted(both: TwoSystems) -> list[str]:
    marks = await both.world.store.rows(Table.MARK)
    return sorted(marks.filter(pl.col("mapping") == "title")["kind"].to_list())


async def conflicts(both: TwoSystems) -> pl.DataFrame:
    return (await both.world.store.rows(Table.CONFLICT)).filter(pl.col("mapping") == "title")


def test_sources_that_agree_write_once_and_their_siblings_echo_is_no_news() -> None:
    async def live() -> None:
        both, ids = await company("Old", "Old", "Old")
        for one in ids:
            both.left.update(one, {"title": "New"}, "human")
        report = await run(both)
        assert len(report.actions) == 1, "one write for the owner"
        await run(both, times=2)
        assert {row.now.cells["title"] for row in both.right.rows.values()} == {"New"}
        assert await noted(both) == []
        assert (await conflicts(both)).is_empty()
        await quiet(both)

    asyncio.run(live())


def test_sources_that_disagree_are_one_conflict_of_the_owner_and_write_once() -> None:
    async def live() -> None:
        both, (ada, ben, _) = await company("Old", "Old", "Old")
        both.left.update(ada, {"title": "Acme Inc"}, "human")
        both.clock.advance(30)
        both.left.update(ben, {"title": "Acme Ltd"}, "human")
        report = await run(both)
        assert report.actions["after"].to_list() == ["Acme Ltd"], "the newest edit, once"
        await run(both, times=3)
        assert {row.now.cells["title"] for row in both.right.rows.values()} == {"Acme Ltd"}
        (row,) = (await conflicts(both)).iter_rows(named=True)
        said = [row[name] for name in ("kind", "state", "value_a", "value_b")]
        assert said == ["conflict", "logged", "Acme Ltd", "Acme Inc"]
        assert await noted(both) == ["apart", "apart"], "no drift, neither on the loser nor on the third"
        await quiet(both)

    asyncio.run(live())


class Died(BaseException):
    pass


class Dying:
    """Dies before the n-th commit."""

    def __init__(self, store: Store, at: int) -> None:
        self._store, self.left = store, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        self.left -= not commit.is_empty()
        if self.left == 0:
            raise Died
        await self._store.commit(commit)


def test_wherever_it_dies_an_opt_in_still_clears_it_for_everybody() -> None:
    async def survives(at: int) -> bool:
        both, (ada, *_) = await household(HOUSE, HOUSE, opted_out=HOUSE)
        both.left.update(ada, {"opt_out": "false"}, "human")
        whole = both.world.store
        dying = Dying(whole, at)
        both.world.store = dying
        with suppress(Died):
            await run(both, times=3)
        both.world.store = whole
        both.clock.advance(120)
        await run(both, times=4)
        assert consents(both) == (["false"] * 2, ["false"] * 2), at
        return dying.left > 0

    assert next(n for n in count(1, 3) if asyncio.run(survives(n))) > 8


def test_a_push_of_one_sibling_and_the_background_end_in_the_same_place() -> None:
    async def live() -> None:
        both, (ada, ben) = await household(HOUSE, HOUSE)
        both.left.update(ada, {"opt_out": "true"}, "human")
        await asyncio.gather(push(both.world, both.sync, ben), run_cycle(both.world, both.sync))
        both.clock.advance(120)
        await run(both, times=3)
        assert consents(both) == (["true", "true"], ["true", "true"])
        await quiet(both)

    asyncio.run(live())
