"""A write that never reached the system, and nobody could tell: looked up until it is certain, then written again."""

from __future__ import annotations

import asyncio

import pytest

from syncline.connectors.memory.faults import Fault
from syncline.trees import Table
from tests.support.memory_life import GUARDED_SYSTEMS, POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant


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


@pytest.mark.parametrize("comes", [False, True], ids=["never comes", "comes afterwards"])
def test_a_write_in_doubt_outlasts_an_older_one_that_comes_late(comes: bool) -> None:
    """What is there is then the value of the older one, which says nothing of the newer."""

    async def live() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,) = life.systems["a"].rows
        far = life.connectors["b"]
        far.late_update_seconds, far.next_writes = 130.0, [Fault.LATE_WRITE]
        life.systems["a"].update(person, {"title": "first"}, "she")
        await life.cycle()
        life.clock.advance(100)
        far.late_update_seconds, far.next_writes = 50.0, [Fault.LATE_WRITE if comes else Fault.LOST_REQUEST]
        cells = {"title": "second"} if comes else {"title": "second", "phone": "2"}
        life.systems["a"].update(person, cells, "she")
        await life.cycle()  # gives the first one up
        life.clock.advance(35)
        await life.cycle()
        assert the_only(life)["title"] == "first"
        life.systems["a"].update(person, {"title": "third"}, "she")
        for seconds in (5, 30, *[120] * 6):
            await life.cycle()
            life.clock.advance(seconds)
        assert await life.store.count(Table.ENTRY, {"state": "unknown"}) == 0
        assert life.systems["a"].rows[person].now.cells["title"] == "third"
        assert {**the_only(life), **cells, "title": "third"} == the_only(life)

    asyncio.run(live())


def test_a_write_in_doubt_outlasts_somebodys_change_that_it_may_yet_go_over() -> None:
    """It came after that change, and is nobody's: what was entered on the other side meanwhile is newer."""

    async def live() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,), (twin,) = (life.systems[side].rows for side in ("a", "b"))
        far = life.connectors["b"]
        far.late_update_seconds, far.next_writes = 50.0, [Fault.LATE_WRITE]
        life.systems["a"].update(person, {"title": "first"}, "she")
        await life.cycle()
        life.clock.advance(10)
        life.systems["b"].update(twin, {"title": "theirs"}, "he")
        life.clock.advance(10)
        await life.cycle()
        assert await life.store.count(Table.ENTRY, {"state": "unknown"}) == 1
        life.systems["a"].update(person, {"title": "second"}, "she")
        for _ in range(8):
            life.clock.advance(60)
            await life.cycle()
        assert life.systems["a"].rows[person].now.cells["title"] == "second"
        assert the_only(life)["title"] == "second"
        lost = await life.store.rows(Table.CONFLICT, {"kind": "overwritten_in_flight"})
        assert "theirs" in [*lost["value_a"], *lost["value_b"]]
        assert await life.store.count(Table.ENTRY, {"state": "unknown"}) == 0

    asyncio.run(live())


@pytest.mark.parametrize("variant", [RICH_SYSTEMS, GUARDED_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
def test_what_was_entered_beside_a_write_in_doubt_goes_nowhere_before_it_is_settled(variant: Variant) -> None:
    """Copied at once, both sides would have changed places: each would hold what the other one held."""

    async def live() -> None:
        life = await Life.begin(variant)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,), (twin,) = (life.systems[side].rows for side in ("a", "b"))
        far = life.connectors["b"]
        far.late_update_seconds, far.next_writes = 50.0, [Fault.LATE_WRITE]
        life.systems["a"].update(person, {"title": "first"}, "she")
        await life.cycle()
        life.clock.advance(10)
        life.systems["b"].update(twin, {"title": "theirs"}, "he")
        life.clock.advance(10)
        await life.cycle()
        assert life.systems["a"].rows[person].now.cells["title"] == "first"
        for _ in range(8):
            life.clock.advance(60)
            await life.cycle()
        assert the_only(life)["title"] == life.systems["a"].rows[person].now.cells["title"]
        lost = await life.store.rows(Table.CONFLICT, {"kind": "overwritten_in_flight"})
        assert "theirs" in [*lost["value_a"], *lost["value_b"]]

    asyncio.run(live())


@pytest.mark.parametrize("variant", [RICH_SYSTEMS, GUARDED_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
def test_a_write_that_arrives_long_after_somebodys_change_is_nobodys(variant: Variant) -> None:
    """It was given up when his change had stood there for so long."""

    async def live() -> None:
        life = await Life.begin(variant)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,), (twin,) = (life.systems[side].rows for side in ("a", "b"))
        far = life.connectors["b"]
        far.late_update_seconds, far.next_writes = 900.0, [Fault.LATE_WRITE]
        life.systems["a"].update(person, {"title": "first"}, "she")
        await life.cycle()
        life.clock.advance(10)
        life.systems["b"].update(twin, {"title": "theirs"}, "he")
        for _ in range(6):
            life.clock.advance(120)
            await life.cycle()
        life.systems["a"].update(person, {"title": "second"}, "she")
        for _ in range(6):
            life.clock.advance(120)
            await life.cycle()
        assert (life.systems["a"].rows[person].now.cells["title"], the_only(life)["title"]) == ("second", "second")

    asyncio.run(live())


def test_what_goes_back_while_a_write_of_it_is_in_doubt_is_an_edit() -> None:
    """The bases are still those from before the write: to them he changed nothing."""

    async def live() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        (person,), (twin,) = (life.systems[side].rows for side in ("a", "b"))
        before = life.systems["a"].rows[person].now.cells["title"]
        life.systems["a"].update(person, {"title": "first"}, "she")
        life.connectors["b"].next_writes.append(Fault.LOST_REPLY)
        await life.cycle()
        life.clock.advance(100)
        life.systems["b"].update(twin, {"title": "theirs"}, "he")
        life.systems["a"].update(person, {"title": before}, "she")
        for _ in range(8):
            await life.cycle()
            life.clock.advance(60)
        assert the_only(life)["title"] == life.systems["a"].rows[person].now.cells["title"]
        lost = await life.store.rows(Table.CONFLICT)
        assert before in [the_only(life)["title"], *lost["value_a"], *lost["value_b"]]

    asyncio.run(live())


def the_only(life: Life) -> dict[str, str]:
    """The cells of side b's one record."""
    (row,) = life.systems["b"].rows.values()
    return dict(row.now.cells)
