"""A write that never reached the system, and nobody could tell: looked up until it is certain, then written again."""

from __future__ import annotations

import asyncio

import pytest

from syncline.connectors.memory.faults import Fault
from syncline.trees import Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant


@pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
def test_an_update_that_got_lost_is_written_again_and_never_blocked(variant: Variant) -> None:
    async def live() -> None:
        life = await Life.begin(variant)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,) = life.systems["a"].rows
        life.systems["a"].update(person, {"title": "Lost"}, "she")
        life.connectors["b"].next_writes.append(Fault.LOST_REQUEST)
        await life.cycle()
        assert await life.store.count(Table.ENTRY, {"state": "unknown"}) == 1
        for _ in range(8):
            life.clock.advance(120)
            await life.cycle()
        assert [row.now.cells["title"] for row in life.systems["b"].rows.values()] == ["Lost"]
        assert (await life.store.rows(Table.MARK, {"kind": "not_taken"})).is_empty()

    asyncio.run(live())
