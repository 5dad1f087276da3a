"""A held set on a busy system: it changes while a person looks at it, and what he approves is what he saw."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from syncline.engine import inbox
from syncline.spec.model import Ceiling
from tests.support.memory_life import RICH_SYSTEMS, Life


def test_an_approval_lets_through_what_was_seen_and_holds_what_came_since() -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        life.new_person("a", 0)
        await life.cycle()
        life.sync = replace(life.sync, ceilings={"create": Ceiling(share=0, plus=1)})
        for number in (1, 2, 3):
            life.new_person("a", number)
        life.clock.advance(60)
        report = await life.cycle()
        assert report is not None
        assert not report.is_green
        (seen,) = (await inbox.holds(life.store, life.sync.name))["digest"]

        life.new_person("a", 4)
        life.clock.advance(60)
        await life.cycle()
        assert (await inbox.holds(life.store, life.sync.name))["digest"].to_list() != [seen], "the list has changed"
        assert len(life.people_of("b")) == 1

        assert await inbox.approve(life.store, life.sync.name, seen) == 1
        life.clock.advance(60)
        await life.cycle()
        assert len(life.people_of("b")) == 4, "the three that were seen"
        life.clock.advance(60)
        await life.cycle()
        assert len(life.people_of("b")) == 5, "one alone is below the ceiling"
        assert (await inbox.holds(life.store, life.sync.name)).is_empty()
        assert await inbox.approve(life.store, life.sync.name, seen) == 0, "an approval is used up"

    asyncio.run(live())


def test_nobody_is_asked_about_a_set_whose_records_are_gone() -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        life.new_person("a", 0)
        await life.cycle()
        life.sync = replace(life.sync, ceilings={"create": Ceiling(share=0, plus=1)})
        first = [life.new_person("a", number) for number in (1, 2)]
        life.clock.advance(60)
        await life.cycle()
        (seen,) = (await inbox.holds(life.store, life.sync.name))["digest"]

        for record_id in first:
            life.systems["a"].delete(record_id, "human")
        for number in (3, 4):
            life.new_person("a", number)
        life.clock.advance(60)
        await life.cycle()
        (now,) = (await inbox.holds(life.store, life.sync.name))["digest"]
        assert now != seen
        assert await inbox.approve(life.store, life.sync.name, seen) == 0
        assert await inbox.approve(life.store, life.sync.name, now) == 1

    asyncio.run(live())
