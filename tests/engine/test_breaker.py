"""Two machines fight over a field through us: it is frozen, both writers are named, the rest flows, silence thaws."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from syncline.cli.screens.inbox import frozen_screen
from syncline.engine.breaker import frozen_fields
from syncline.engine.inbox import ends_of_links, thaw
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


def test_only_that_field_of_that_record_is_frozen_and_both_writers_are_named() -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        fought, other = life.new_person("a", 1), life.new_person("a", 2)
        await life.cycle()
        for _ in range(9):  # the machines fight over the first person's title alone
            for side, title in (("a", "A"), ("b", "B")):
                system = life.systems["a" if side == "a" else "b"]
                for record_id, row in system.rows.items():
                    if row.now.cells["email"] == "p1@x.test" and row.now.cells["title"] != title:
                        system.update(record_id, {"title": title}, "robot")
                life.clock.advance(5)
            for _ in range(2):
                await life.cycle()
                life.clock.advance(60)
        frozen = await frozen_fields(life.store, life.sync)
        assert frozen["mapping"].to_list() == ["title"]
        people = await ends_of_links(life.store, frozen["link_id"].to_list())
        assert people["id_a"].to_list() == [fought]

        life.edit("a", fought, "phone", "77")
        life.edit("a", other, "title", "Flows")
        for _ in range(2):
            life.clock.advance(60)
            await life.cycle()
        there = {row.now.cells["email"]: row.now.cells for row in life.systems["b"].rows.values()}
        assert there["p1@x.test"]["phone"] == "77"
        assert there["p2@x.test"]["title"] == "Flows"

        out = Console(width=200, record=True, file=io.StringIO())
        rows = frozen.join(people, on="link_id", how="left")
        frozen_screen(out, rows, {"a": "crm", "b": "marketing"})
        told = " ".join(out.export_text().split())
        assert f"title crm {fought}, marketing" in told
        assert "syncline wrote" in told
        assert "robot set it back to" in told

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
