"""`leaves_filter: delete`: the counterpart of who leaves the filter is deleted, and made anew when he passes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from syncline.spec.model import Ceiling, LeavesFilter
from syncline.values import FieldType
from tests.support.life_world import Lives, lived, lively


class StatusIsNotOut:
    """Evaluates status <> 'out'."""

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        return (cells["status"] != "out").rename("")

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        raise NotImplementedError(expression)


async def filtered(**ceilings: Ceiling) -> Lives:
    sync = lively(leaves_filter=LeavesFilter.DELETE, ceilings=ceilings)
    a = replace(sync.a, filters={"person": "status <> 'out'"})
    fields = tuple(m for m in sync.fields if m.key != "gone")
    sync = replace(sync, a=a, fields=fields, filter_fields={"a": {"person": ("status",)}})
    lives = await Lives.begin(sync)
    lives.two.world.evaluate = StatusIsNotOut()
    return lives


@lived
async def test_who_leaves_is_deleted_over_there_and_comes_back_through_the_same_link() -> None:
    lives = await filtered()
    person, human = await lives.pair(title="Boss")
    link = (await lives.link("a", person))["link_id"]
    lives.edit("a", person, status="out")
    await lives.rest()
    assert lives.is_gone("b", human)
    assert lives.alive("a") == [person], "the record that left stays where it is"
    lives.edit("a", person, title="Chief")
    await lives.rest()
    assert lives.alive("b") == []
    lives.edit("a", person, status="")
    await lives.rest()
    (fresh,) = lives.alive("b")
    assert lives.cell("b", fresh, "title") == "Chief"
    assert (await lives.link("b", fresh))["link_id"] == link


@lived
async def test_above_the_ceiling_nobody_is_deleted() -> None:
    lives = await filtered(delete=Ceiling(share=0.0, plus=0))
    person, human = await lives.pair()
    lives.edit("a", person, status="out")
    report = await lives.run()
    assert [held.kind for held in report.held] == ["delete"]
    assert lives.alive("b") == [human]
    lives.edit("a", person, status="")
    await lives.rest()
    lives.edit("a", person, title="Chief")
    await lives.rest()
    assert lives.cell("b", human, "title") == "Chief"
