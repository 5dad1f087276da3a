"""Records outside the filter stand against second copies of themselves; closed conflicts leave the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from syncline.engine.cycle import run_cycle
from syncline.engine.push import push
from syncline.spec.model import Policy
from syncline.trees import Table
from syncline.values import FieldType
from tests.support.memory_world import field_map, people, two_systems


class TitleFilter:
    """Evaluates the one predicate of these tests: no title "Out"."""

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        return cells["title"] != "Out"

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        raise NotImplementedError(expression)


def test_a_push_makes_no_second_copy_of_a_record_outside_the_filter() -> None:
    async def life() -> None:
        plain = people()
        sync = replace(
            plain,
            a=replace(plain.a, filters={"person": "title <> 'Out'"}),
            filter_fields={"a": {"person": ("title",)}, "b": {}},
        )
        t = await two_systems(sync)
        t.world.evaluate = TitleFilter()
        t.left.create("person", {"email": "p@x.example", "first": "Ann", "last": "Lee", "title": "Out"}, "human")
        t.right.create("human", {"email": "p@x.example", "first": "Ann", "last": "Lee"}, "human")
        await run_cycle(t.world, t.sync)
        t.clock.advance(60)
        report = await push(t.world, t.sync, "p@x.example")
        assert len(t.left.rows) == 1
        assert "held" in report.counts("b")

    asyncio.run(life())


def test_a_held_conflict_that_ends_by_itself_leaves_the_inbox() -> None:
    async def life() -> None:
        plain = people()
        fields = tuple(field_map("title", policies={"*": Policy.HOLD}) if m.key == "title" else m for m in plain.fields)
        t = await two_systems(replace(plain, fields=fields))
        left = t.left.create("person", {"email": "p@x.example", "first": "Ann", "last": "Lee", "title": "x"}, "human")
        await run_cycle(t.world, t.sync)
        t.clock.advance(60)
        await run_cycle(t.world, t.sync)
        right = next(iter(t.right.rows))
        t.clock.advance(60)
        t.left.update(left, {"title": "A"}, "human")
        t.right.update(right, {"title": "B"}, "human")
        t.clock.advance(60)
        await run_cycle(t.world, t.sync)
        assert (await t.world.store.rows(Table.CONFLICT))["state"].to_list() == ["open"]
        t.left.update(left, {"title": "B"}, "human")
        t.clock.advance(60)
        await run_cycle(t.world, t.sync)
        assert (await t.world.store.rows(Table.CONFLICT))["state"].to_list() == ["logged"]

    asyncio.run(life())
