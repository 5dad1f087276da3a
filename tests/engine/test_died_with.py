"""Edits that go with a record that we delete: asked about before, or said to be lost where they are told afterwards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from syncline.engine.intake import take_alone
from syncline.engine.life.tombstones import _edits
from syncline.engine.pairs import MOMENTS
from syncline.records import MOMENT_SCHEMA, PAGE_SCHEMA, How, Page
from syncline.spec.model import Direction, OnDelete
from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived

MINUTE_US = 60_000_000


def page_that_tells(twin: str, at_us: int, actor: str, value: str) -> Page:
    """A page that has somebody change a title, and the record itself no more."""
    moment = {"_id": twin, "field": "title", "at_us": at_us, "actor": actor, "old": "Boss", "new": value}
    return Page(
        object_type="human",
        rows=pl.DataFrame(schema={**PAGE_SCHEMA, "title": pl.String()}),
        fields=("title",),
        how=How.POLL,
        moments=pl.DataFrame([moment], schema=MOMENT_SCHEMA),
        missing=(twin,),
    )


@pytest.mark.parametrize(
    ("minutes_before", "actor", "value", "lost"),
    [
        (1, HUMAN, "Chief", ["Chief"]),
        (1, HUMAN, "Boss", []),  # as we knew it
        (1, "syncline", "Chief", []),
        (-30, HUMAN, "Chief", []),  # there was nothing of ours to take along then
    ],
)
def test_what_was_edited_before_our_delete_is_in_the_conflict_log(
    minutes_before: int, actor: str, value: str, lost: list[str]
) -> None:
    @lived
    async def live() -> None:
        lives = await Lives.begin(on_delete={"a": OnDelete.DELETE, "b": OnDelete.UNLINK})
        gone, twin = await lives.pair(title="Boss")
        lives.delete("a", gone)
        await lives.rest()
        assert lives.alive("b") == []
        journal = await lives.store.rows(Table.JOURNAL, {"operation": "deed:delete"})
        at_us = journal["sent_us"][0] - minutes_before * MINUTE_US
        world = lives.two.world
        world.actors["right"] = "syncline"
        await take_alone(world, "right", page_that_tells(twin, at_us, actor, value), "the run")
        logged = await lives.store.rows(Table.CONFLICT, {"kind": "overwritten_in_flight"})
        died = [row["value_a"] for row in logged.iter_rows(named=True) if "before we deleted" in row["reason"]]
        assert died == lost

    live()


@pytest.mark.parametrize(
    ("base", "its_base", "here", "there", "told_us", "edits"),
    [
        (1, 1, 2, 1, None, [(7, "Chief")]),  # that it was edited again after the delete says nothing of this
        (1, 1, 2, 1, 150, []),  # after the delete
        (2, 1, 2, 1, 50, []),  # agreed on
        (None, None, 2, 1, 50, [(7, "Chief")]),  # of a new link: nothing was agreed on yet, and somebody entered it
        (None, None, 2, 1, None, [(7, "Chief")]),  # nobody is known to have, nor anybody not to have
        (None, None, 2, None, None, []),  # nobody knows what is on the other side
        (None, None, 2, 2, 50, []),  # it is on the other side
        (None, None, 2, 1, 150, []),  # after the delete
        (None, 1, 2, 1, None, [(7, "Chief")]),  # of a record that took another one's place
        (None, 1, 2, 2, None, []),
    ],
)
def test_an_edit_that_would_die_with_its_record(
    base: int | None,
    its_base: int | None,
    here: int,
    there: int | None,
    told_us: int | None,
    edits: list[tuple[int, str]],
) -> None:
    assert edits_that_would_die(Direction.BOTH, base, its_base, here, there, told_us) == edits


@pytest.mark.parametrize(("told_us", "edits"), [(None, []), (50, [(7, "Chief")])])
def test_what_never_goes_over_is_an_edit_only_where_somebody_is_told_to_have_entered_it(
    told_us: int | None, edits: list[tuple[int, str]]
) -> None:
    assert edits_that_would_die(Direction.A_TO_B, None, None, 2, 1, told_us) == edits


def edits_that_would_die(
    direction: Direction, base: int | None, its_base: int | None, here: int, there: int | None, told_us: int | None
) -> list[tuple[int, str | None]]:
    prints = {"xb.title": base, "xa.title": its_base, "fb.title": here, "fa.title": there}
    row = {"link_id": 7, "b.title": "Chief", "stamp_b": 150}
    pairs = pl.DataFrame([row], schema_overrides={"stamp_b": pl.Int64})
    pairs = pairs.with_columns(pl.lit(value, dtype=pl.UInt64).alias(name) for name, value in prints.items())
    moments = [] if told_us is None else [(7, "b", "title", told_us, None, False)]
    part: Any = SimpleNamespace(pairs=pairs, moments=pl.DataFrame(moments, schema=MOMENTS, orient="row"))
    mapping: Any = SimpleNamespace(key="title", direction=direction)
    return _edits(part, mapping, "b", {7: 100})
