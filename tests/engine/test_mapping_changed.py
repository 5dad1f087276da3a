"""A field map is changed while pairs agree: `keep` writes nothing, `reapply` plans it; what is new is a first link."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.engine import remapped
from syncline.engine.cycle import run_cycle
from syncline.engine.settlement import add_rows
from syncline.engine.verify import verify
from syncline.records import Side
from syncline.spec.model import Ceiling, Direction, FieldMap, MappingChange, Policy, Sync
from syncline.trees import TABLES, Commit, Table
from tests.support.memory_life import RICH_SYSTEMS, Life, ProcessDied
from tests.support.memory_world import field_map

NEW_FIELD = "status"


def _remapped(sync: Sync, how: MappingChange, **options: Any) -> Sync:
    """The title now goes with another field of side b."""
    mapping = field_map("title", on_mapping_change=how, **options)
    there = replace(mapping.b["human"], inputs=(NEW_FIELD,), field=NEW_FIELD)
    changed = replace(mapping, b={"human": there})
    return replace(sync, fields=tuple(changed if m.key == "title" else m for m in sync.fields))


async def _agreed(count: int = 1, options: Mapping[str, object] | None = None) -> Life:
    """People who agree; on side b the field that is mapped next holds something else."""
    life = await Life.begin(RICH_SYSTEMS)
    for number in range(count):
        life.new_person("a", number)
    for _ in range(3):
        await life.cycle()
        life.clock.advance(600)
    for record_id in life.people_of("b"):
        life.systems["b"].update(record_id, {NEW_FIELD: f"old {record_id}"}, "human")
    life.clock.advance(600)
    await life.cycle()
    assert not await life.store.count(Table.DIRTY)
    life.written.clear()
    return life


def _cell(life: Life, side: Side, name: str) -> str:
    return life.systems[side].rows[life.people_of(side)[0]].now.cells[name]


async def _settle(life: Life, runs: int = 2) -> None:
    for _ in range(runs):
        await life.cycle()
        life.clock.advance(600)


def test_keep_writes_nothing_and_the_next_edit_flows() -> None:
    async def live() -> None:
        life = await _agreed()
        was = {"a": _cell(life, "a", "title"), "b": _cell(life, "b", NEW_FIELD)}
        life.sync = _remapped(life.sync, MappingChange.KEEP)
        await _settle(life)
        assert not life.written
        assert (_cell(life, "a", "title"), _cell(life, "b", NEW_FIELD)) == (was["a"], was["b"])
        assert not await life.store.count(Table.CONFLICT)
        report = await verify(life.world(), life.sync)
        assert report.counts["title"] == {"kept": 1}
        assert report.is_converged

        life.edit("a", life.people_of("a")[0], "title", "Head of all")
        await _settle(life)
        assert _cell(life, "b", NEW_FIELD) == "Head of all"
        report = await verify(life.world(), life.sync)
        assert report.counts["title"] == {"equal": 1}

    asyncio.run(live())


def test_keep_does_not_forget_an_edit_that_was_waiting() -> None:
    """Side a's field stays mapped, so what changed there is still known to have changed."""

    async def live() -> None:
        life = await _agreed()
        life.edit("a", life.people_of("a")[0], "title", "Edited before")
        life.sync = _remapped(life.sync, MappingChange.KEEP)
        await _settle(life)
        assert _cell(life, "b", NEW_FIELD) == "Edited before"

    asyncio.run(live())


def test_keep_holds_for_a_record_that_is_outside_the_filter_meanwhile() -> None:
    async def live() -> None:
        life = await _agreed()
        [person] = life.people_of("a")
        life.systems["a"].update(person, {"status": "out"}, "human")
        await _settle(life)
        life.sync = _remapped(life.sync, MappingChange.KEEP)
        await _settle(life)
        there = life.people_of("b")[0]
        life.systems["b"].update(there, {NEW_FIELD: "edited outside"}, "human")
        await _settle(life)
        life.systems["a"].update(person, {"status": ""}, "human")
        await _settle(life)
        assert _cell(life, "a", "title") == "edited outside", (
            "an edit after the change of the map flows when it is back"
        )

    asyncio.run(live())


@pytest.mark.parametrize("direction", list(Direction))
def test_reapply_carries_over_anew(direction: Direction) -> None:
    async def live() -> None:
        life = await _agreed()
        was = {"a": _cell(life, "a", "title"), "b": _cell(life, "b", NEW_FIELD)}
        life.sync = _remapped(life.sync, MappingChange.REAPPLY, direction=direction, policies={"*": Policy.A})
        await _settle(life)
        winner = was["b"] if direction is Direction.B_TO_A else was["a"]
        assert (_cell(life, "a", "title"), _cell(life, "b", NEW_FIELD)) == (winner, winner)
        conflicts = await life.store.rows(Table.CONFLICT)
        logged = [(row["value_a"], row["value_b"]) for row in conflicts.iter_rows(named=True)]
        assert logged == ([(was["a"], was["b"])] if direction is Direction.BOTH else [])
        life.written.clear()
        await _settle(life)
        assert not life.written

    asyncio.run(live())


def test_reapply_is_planned_and_gated() -> None:
    async def live() -> None:
        life = await _agreed(3)
        for record_id in life.people_of("a"):
            life.systems["a"].update(record_id, {"title": ""}, "human")
        await _settle(life)
        life.written.clear()
        remapped = _remapped(life.sync, MappingChange.REAPPLY, direction=Direction.A_TO_B)
        life.sync = replace(remapped, ceilings={"blank": Ceiling(share=0, plus=1)})
        world = life.world()
        world.store = await life.store.copy()
        plan = await run_cycle(world, life.sync, writes=False)
        assert [(held.kind, len(held.actions)) for held in plan.held] == [("blank", 3)]
        await _settle(life)
        assert not life.written
        assert _cell(life, "b", NEW_FIELD).startswith("old")

    asyncio.run(live())


def test_a_mapping_that_was_not_there_is_a_first_link() -> None:
    async def live() -> None:
        life = await _agreed()
        new: FieldMap = field_map("status", on_mapping_change=MappingChange.KEEP)
        life.sync = replace(life.sync, fields=(*life.sync.fields, new))
        await _settle(life)
        assert _cell(life, "a", "status") == _cell(life, "b", "status"), "the empty side is filled"

    asyncio.run(live())


def test_what_was_refused_under_the_old_map_is_tried_under_the_new_one() -> None:
    async def live() -> None:
        life = await _agreed()
        links = await life.store.rows(Table.LINK)
        now_us = life.world().now_us()

        commit = Commit()
        mark = [(links["link_id"][0], "title", "dead", '{"side": "b"}', now_us)]
        add_rows(commit, Table.MARK, pl.DataFrame(mark, schema=dict(TABLES[Table.MARK][0]), orient="row"))
        await life.store.commit(commit)
        life.edit("a", life.people_of("a")[0], "title", "Refused there")
        await _settle(life)
        assert _cell(life, "b", "title") != "Refused there"
        life.sync = _remapped(life.sync, MappingChange.KEEP)
        await _settle(life)
        assert _cell(life, "b", NEW_FIELD) == "Refused there"
        assert not len(await life.store.rows(Table.MARK, {"kind": "dead"}))

    asyncio.run(live())


def test_a_process_that_dies_between_two_slices_and_a_map_that_changes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bases of two lists are there then, and both are carried to the third."""

    async def live() -> None:
        life = await _agreed(3)
        monkeypatch.setattr(remapped, "_LINKS_AT_ONCE", 1)
        agreed = life.sync
        life.sync = _remapped(agreed, MappingChange.KEEP)
        commit_to = life.store.commit
        carried: list[int] = []

        async def commit(commit: Commit) -> None:
            await commit_to(commit)
            carried.extend(commit.put[Table.BASE]["link_id"] if Table.BASE in commit.put else [])
            if len(carried) == 2:
                raise ProcessDied

        monkeypatch.setattr(life.store, "commit", commit)
        assert await life.cycle() is None
        monkeypatch.setattr(life.store, "commit", commit_to)
        assert (await life.store.rows(Table.BASE))["revision"].n_unique() == 2

        phone = field_map("phone", on_mapping_change=MappingChange.KEEP)
        there = {"human": replace(phone.b["human"], inputs=("title",), field="title")}
        moved = replace(phone, b=there)
        life.sync = replace(life.sync, fields=tuple(moved if m.key == "phone" else m for m in life.sync.fields))
        await _settle(life)
        assert not life.written
        bases = await life.store.rows(Table.BASE)
        assert bases["revision"].to_list() == [life.sync.revision()] * 3
        life.edit("a", life.people_of("a")[2], "title", "Head of all")
        await _settle(life)
        assert life.systems["b"].rows[life.people_of("b")[2]].now.cells[NEW_FIELD] == "Head of all"

    asyncio.run(live())
