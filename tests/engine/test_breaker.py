"""Two machines fight over a field through us: it is frozen, both writers are named, the rest flows, silence thaws."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from syncline.engine.breaker import frozen_fields
from syncline.engine.inbox import thaw
from syncline.spec.model import Policy
from syncline.trees import Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant


async def _fight(life: Life, rounds: int, who: str = "robot") -> None:
    """After every run each side's machine restores its own title."""
    for _ in range(rounds):
        for side, title in (("a", "A"), ("b", "B")):
            system = life.systems["a" if side == "a" else "b"]
            for record_id, row in system.rows.items():
                if row.now.cells["title"] != title:
                    system.update(record_id, {"title": title}, who)
            life.clock.advance(5)
        for _ in range(2):  # the second run reads back what the first wrote
            await life.cycle()
            life.clock.advance(60)


def _titles_written(life: Life) -> int:
    return sum("title" in write.cells and write.record_id is not None for _, write, _ in life.written)


@pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
def test_a_fight_is_frozen_and_thaws(variant: Variant) -> None:
    async def live() -> None:
        life = await Life.begin(variant)
        life.new_person("a", 1)
        await life.cycle()
        await _fight(life, 9)
        written = _titles_written(life)
        marks = await life.store.rows(Table.MARK, {"kind": "frozen"})
        assert marks["mapping"].to_list() == ["title"]
        other = "robot" if variant is RICH_SYSTEMS else "unknown"
        us = "syncline" if variant is RICH_SYSTEMS else "this sync"
        assert json.loads(marks["detail"][0])["writers"] == [us, other]

        person = next(iter(life.systems["a"].rows))
        life.systems["a"].update(person, {"phone": "12"}, "robot")
        await _fight(life, 2)
        assert _titles_written(life) == written, "nothing is written while it is frozen"
        assert {row.now.cells["phone"] for row in life.systems["b"].rows.values()} == {"12"}

        life.systems["b"].update(next(iter(life.systems["b"].rows)), {"title": "Peace"}, "robot")
        await life.cycle()
        life.clock.advance(90_000)
        await life.cycle()
        titles = {row.now.cells["title"] for system in life.systems.values() for row in system.rows.values()}
        assert len(titles) == 1
        assert not len(await life.store.rows(Table.MARK, {"kind": "frozen"}))

    asyncio.run(live())


def test_a_person_who_insists_is_no_fight() -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        life.new_person("a", 1)
        await life.cycle()
        await _fight(life, 9, who="human")
        assert not len(await life.store.rows(Table.MARK, {"kind": "frozen"}))

    asyncio.run(live())


@pytest.mark.parametrize("how", ["a person", "a new spec"])
def test_a_thaw_begins_the_count_anew(how: str) -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        life.new_person("a", 1)
        await life.cycle()
        await _fight(life, 9)
        assert (await frozen_fields(life.store, life.sync))["mapping"].to_list() == ["title"]
        written = _titles_written(life)

        if how == "a person":
            assert await thaw(life.world(), life.sync, "P1@x.test", "phone") == 0
            assert await thaw(life.world(), life.sync, "P1@x.test", "title") == 1
            assert await thaw(life.world(), life.sync, "P1@x.test") == 0
        else:
            life.sync = replace(life.sync, first_link=Policy.A)
        await _fight(life, 1)
        assert _titles_written(life) > written, "it flows again, although the old set-backs are young"
        assert not len(await frozen_fields(life.store, life.sync))
        await _fight(life, 9)
        assert len(await frozen_fields(life.store, life.sync)) == 1, "a fight that goes on is frozen again"

    asyncio.run(live())
