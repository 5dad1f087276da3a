"""A create whose answer was lost, and whose record a reading shows before anybody looks it up."""

from __future__ import annotations

import asyncio

import pytest

from syncline.connectors.memory import merge
from syncline.connectors.memory.faults import Fault
from syncline.engine.observe import meet
from syncline.engine.units import Turn, run_units, units_of
from syncline.trees import Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant


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
        await read_b(life)
        assert await life.store.count(Table.LINK_END, {"record_id": made, "role": "current"}) == 1
        merge(life.systems["b"], first, [made], "she")
        for _ in range(6):
            life.clock.advance(120)
            await life.cycle()
        assert life.systems["b"].rows.keys() == {first, made}
        assert await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}) == 0

    asyncio.run(live())


async def read_b(life: Life) -> None:
    """Some worker reads the changes of side b; nobody looks up what is in flight."""
    world = life.world()
    sync = await meet(world, life.sync)
    (unit,) = [one for one in units_of(sync, 1) if one.side == "b" and one.object_type]
    await run_units(world, sync, [unit], Turn(worker="one", cycle="c1"))
