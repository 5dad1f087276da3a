"""Records that end while something else about them is still under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory import purge
from syncline.connectors.memory.faults import Fault
from syncline.ports import Lane
from syncline.records import Operation, Side, Write, WriteAnswer, other
from syncline.spec.model import OnDelete
from syncline.trees import Table
from tests.support.life_world import Lives
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_winner_deleted_before_the_merge_on_the_other_side_stays_deleted(side: Side) -> None:
    async def live() -> None:
        lives = await Lives.begin(on_delete={side: OnDelete.UNLINK})
        winner, loser = [(await lives.pair(number))[0 if side == "a" else 1] for number in (1, 2)]
        lives.merge(side, winner, loser)
        lives.delete(side, winner)
        await lives.rest()
        assert (await lives.link(side, winner))["state"] == "tombstone"
        assert lives.alive(side) == []
        (left,) = lives.alive(other(side))
        lives.edit(other(side), left, title="still here")
        await lives.rest()
        assert lives.alive(side) == []

    asyncio.run(live())


@pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
def test_an_update_without_an_answer_to_a_record_that_was_purged_is_given_up(variant: Variant) -> None:
    async def live() -> None:
        life = await Life.begin(variant)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,), (twin,) = (life.systems[side].rows for side in ("a", "b"))
        life.systems["a"].update(person, {"title": "Lost"}, "she")
        life.connectors["b"].next_writes.append(Fault.LOST_REQUEST)
        await life.cycle()
        life.systems["b"].delete(twin, "she")
        purge(life.systems["b"], twin)
        for _ in range(4):
            life.clock.advance(120)
            report = await life.cycle()
        assert report is not None
        assert report.unknown == 0
        assert await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}) == 0
        assert (await life.store.rows(Table.LINK))["visible_b"].to_list() == [False]

    asyncio.run(live())


def test_a_record_that_was_purged_before_we_ever_read_it_is_let_go() -> None:
    async def live() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        person = life.new_person("a", 1)
        await life.cycle()
        (twin,) = life.systems["b"].rows
        life.systems["b"].delete(twin, "she")
        purge(life.systems["b"], twin)
        for number in range(4):
            life.clock.advance(120)
            life.systems["a"].update(person, {"title": f"title {number}"}, "she")
            await life.cycle()
        assert (await life.store.rows(Table.LINK))["visible_b"].to_list() == [False]
        assert await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown", "written"]}) == 0
        writes = len(life.written)
        life.clock.advance(120)
        await life.cycle()
        assert len(life.written) == writes

    asyncio.run(live())


_VAGUE: dict[str, Any] = {
    "is_gone": False,
    "is_permanent": False,
    "code": "REFERENCE",
    "message": "it refers to what is not there",
}


@pytest.mark.parametrize("tells", [True, False], ids=["a word for it", "no word for it"])
def test_what_was_purged_before_its_delete_is_not_deleted_again_and_again(tells: bool) -> None:
    """Some vendors refuse to delete what is gone as if something it refers to might still come."""

    async def live() -> None:
        lives = await Lives.begin(on_delete={"a": OnDelete.DELETE, "b": OnDelete.UNLINK})
        person, twin = await lives.pair()
        lives.delete("b", twin)
        purge(lives.system("b"), twin)
        lives.delete("a", person)
        deletes: list[Write] = []
        connector: Any = lives.two.world.connectors["right"]
        passing = connector.write

        async def write(writes: Sequence[Write], *, lane: Lane) -> WriteAnswer:
            answer: WriteAnswer = await passing(writes, lane=lane)
            deletes.extend(one for one in writes if one.operation is Operation.DELETE)
            if tells:
                return answer
            return replace(answer, outcomes=tuple(replace(one, **_VAGUE) for one in answer.outcomes))

        connector.write = write
        for _ in range(3):
            await lives.rest()
        assert lives.alive("a") == lives.alive("b") == []
        assert len(deletes) <= 1, "what is gone was deleted again"

    asyncio.run(live())


def test_a_purge_after_the_delete_is_no_news() -> None:
    """Whoever we saw deleted stays in sight, so that what follows from it still flows."""

    async def live() -> None:
        lives = await Lives.begin()
        person, twin = await lives.pair()
        lives.delete("a", person)
        await lives.run()
        purge(lives.system("a"), person)
        await lives.rest()
        assert (await lives.link("a", person))["visible_a"] is True
        assert lives.cell("b", twin, "status") == "true"

    asyncio.run(live())
