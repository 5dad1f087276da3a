"""What two records that agree leave behind: the loser of a conflict, the other side's spelling, a stale plan unsent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncline.engine import contended, write
from syncline.engine.push import push
from syncline.records import Side
from syncline.trees import Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant


async def _pair(variant: Variant) -> tuple[Life, str, str]:
    """A linked pair at rest, and its ids."""
    life = await Life.begin(variant)
    one = life.new_person("a", 1)
    for _ in range(3):
        await life.cycle()
        life.clock.advance(120)
    (twin,) = life.systems["b"].rows
    return life, one, twin


def test_the_losing_value_of_a_conflict_is_kept() -> None:
    async def whole() -> None:
        life, one, twin = await _pair(RICH_SYSTEMS)
        life.edit("a", one, "title", "from a")
        life.clock.advance(30)
        life.edit("b", twin, "title", "from b")
        life.clock.advance(30)
        await life.cycle()
        (row,) = (await life.store.rows(Table.CONFLICT, {"kind": "conflict"})).iter_rows(named=True)
        assert (row["value_a"], row["value_b"], row["winner_side"]) == ("from a", "from b", "b")

    asyncio.run(whole())


def test_another_spelling_of_what_we_wrote_stays_where_it_is() -> None:
    async def whole() -> None:
        life, one, twin = await _pair(RICH_SYSTEMS)
        life.edit("a", one, "phone", "(555) 01-0001")
        for _ in range(3):
            life.clock.advance(120)
            await life.cycle()
        ids: dict[Side, str] = {"a": one, "b": twin}
        phones = [life.systems[side].rows[record_id].now.cells["phone"] for side, record_id in ids.items()]
        assert phones == ["(555) 01-0001", "555010001"]

    asyncio.run(whole())


def test_a_plan_that_another_lane_overtook_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The background run has planned; before it prepares its write, a push brings a newer value there."""

    async def whole() -> None:
        life, one, twin = await _pair(POOR_SYSTEMS)
        life.edit("a", one, "title", "first")
        life.clock.advance(120)
        before = len(life.written)

        async def overtaken(*whole: Any) -> Any:
            monkeypatch.setattr(write, "guard", guard)
            life.edit("a", one, "title", "second")
            await push(life.world(), life.sync, one)
            return await guard(*whole)

        guard = contended.guard
        monkeypatch.setattr(write, "guard", overtaken)
        await life.cycle()
        sent = [one.cells["title"] for _, one, _ in life.written[before:] if "title" in one.cells]
        assert sent == ["second"]
        assert life.systems["b"].rows[twin].now.cells["title"] == "second"

    asyncio.run(whole())
