"""A create whose answer was lost, and whose record a reading shows before anybody looks it up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from syncline.connectors.memory import merge
from syncline.connectors.memory.faults import Fault
from syncline.engine.life.step import settle_endings
from syncline.engine.observe import meet
from syncline.engine.units import Turn, run_units, units_of
from syncline.records import Side
from syncline.spec.model import OnDelete
from syncline.trees import Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant, filtered_people


@pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
def test_it_is_linked_at_once_and_never_made_again_whatever_it_ends_in(variant: Variant) -> None:
    async def live() -> None:
        life = await Life.begin(variant)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (first,) = life.systems["b"].rows
        life.connectors["b"].next_writes.append(Fault.LOST_REPLY)
        life.new_person("a", 2)
        await life.cycle()
        (made,) = life.systems["b"].rows.keys() - {first}
        assert await life.store.count(Table.LINK_END, {"record_id": made}) == 0
        life.clock.advance(5)
        await read(life, "b")
        assert await life.store.count(Table.LINK_END, {"record_id": made, "role": "current"}) == 1
        merge(life.systems["b"], first, [made], "she")
        for _ in range(6):
            life.clock.advance(120)
            await life.cycle()
        assert life.systems["b"].rows.keys() == {first, made}
        assert await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}) == 0

    asyncio.run(live())


@pytest.mark.parametrize("fault", [Fault.LATE_WRITE, Fault.LOST_REPLY], ids=["comes late", "answer lost"])
def test_whom_it_was_made_from_may_have_ended_before_it_is_found(fault: Fault) -> None:
    async def live() -> None:
        sync = replace(filtered_people(), on_delete={"a": OnDelete.DELETE, "b": OnDelete.UNLINK})
        life = await Life.begin(POOR_SYSTEMS, sync)
        person = life.new_person("a", 1)
        life.connectors["b"].next_writes.append(fault)
        await life.cycle()
        life.systems["a"].delete(person, "she")
        life.clock.advance(10)
        await read(life, "a")
        await settle_endings(life.world(), await meet(life.world(), sync), "the run", writes=False)
        for _ in range(5):
            life.clock.advance(60)
            await life.cycle()
        assert [row.now.is_deleted for row in life.systems["b"].rows.values()] == [True]
        assert (await life.store.rows(Table.LINK))["state"].to_list() == ["tombstone"]

    asyncio.run(live())


@pytest.mark.parametrize("fault", [Fault.LATE_WRITE, Fault.LOST_REPLY], ids=["comes late", "answer lost"])
def test_whom_it_was_made_from_may_be_somebody_else_before_it_is_found(fault: Fault) -> None:
    async def live() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        first = life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (twin,) = life.systems["b"].rows
        person = life.new_person("a", 2)
        life.connectors["b"].next_writes.append(fault)
        await life.cycle()
        merge(life.systems["a"], first, [person], "she")
        life.clock.advance(2)
        await read(life, "a")
        await settle_endings(life.world(), await meet(life.world(), life.sync), "the run", writes=False)
        assert await life.store.count(Table.LINK_END, {"record_id": person, "role": "alias"}) == 1
        for _ in range(6):
            life.clock.advance(60)
            await life.cycle()
        ended = {record_id for record_id, row in life.systems["b"].rows.items() if row.now.is_deleted}
        assert ended == life.systems["b"].rows.keys() - {twin} != set()

    asyncio.run(live())


@pytest.mark.parametrize("is_merged", [True, False], ids=["merged", "deleted"])
def test_one_that_was_given_up_and_comes_after_all_shares_the_end_of_whom_it_was_made_from(is_merged: bool) -> None:
    async def live() -> None:
        sync = replace(filtered_people(), on_delete={"a": OnDelete.DELETE, "b": OnDelete.UNLINK})
        hasty = replace(POOR_SYSTEMS.capabilities, late_commit_seconds=1.0)
        life = await Life.begin(replace(POOR_SYSTEMS, capabilities=hasty), sync)
        other = life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (twin,) = life.systems["b"].rows
        person = life.new_person("a", 2)
        life.connectors["b"].next_writes.append(Fault.LATE_WRITE)
        await life.cycle()
        if is_merged:
            merge(life.systems["a"], other, [person], "she")
        else:
            life.systems["a"].delete(person, "she")
        while await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}):
            await life.cycle()
            life.clock.advance(1.5)
        assert life.systems["b"].rows.keys() == {twin}, "it was given up before it came"
        for _ in range(6):
            life.clock.advance(120)
            await life.cycle()
        (late,) = life.systems["b"].rows.keys() - {twin}
        assert life.systems["b"].rows[late].now.is_deleted
        assert await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}) == 0

    asyncio.run(live())


async def read(life: Life, side: Side) -> None:
    """Some worker reads the changes of a side; nobody looks up what is in flight."""
    world = life.world()
    sync = await meet(world, life.sync)
    (unit,) = [one for one in units_of(sync, 1) if one.side == side and one.object_type]
    await run_units(world, sync, [unit], Turn(worker="one", cycle="c1"))
