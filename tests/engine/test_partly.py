"""A look at some fields of a record is none at the others."""

from __future__ import annotations

import polars as pl
import pytest

from syncline.engine.intake import take_alone
from syncline.engine.observe import meet
from syncline.records import PAGE_SCHEMA, How, Page
from syncline.trees import Table
from tests.support.life_world import HUMAN, US, Lives, lived

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("actor", "is_whole", "moves"),
    [
        (HUMAN, False, False),  # what else he changed nobody knows
        (US, False, True),
        (HUMAN, True, True),
    ],
)
def test_only_a_look_at_all_of_it_is_one_at_what_somebody_else_changed(actor: str, is_whole: bool, moves: bool) -> None:
    @lived
    async def live() -> None:
        lives = await Lives.begin()
        person, _ = await lives.pair(title="Boss")
        world = lives.two.world
        await meet(world, lives.two.sync)
        before = await known(lives, person)
        fields = tuple(world.fields_read("left", "person")) if is_whole else ("title",)
        cells = {name: lives.cell("a", person, name) for name in fields}
        row = {"_id": person, "_stamp_us": before["stamp_us"] + 5 * SECOND, "_actor": actor, "_deleted": False}
        row |= {"_created_us": before["created_us"], "_as_of_us": world.now_us()}
        schema = {**PAGE_SCHEMA, **dict.fromkeys(fields, pl.String())}
        page = Page(
            object_type="person", rows=pl.DataFrame([row | cells], schema=schema), fields=fields, how=How.READ_BACK
        )
        await take_alone(world, "left", page, "the run")
        after = await known(lives, person)
        assert after["stamp_us"] - before["stamp_us"] == (5 * SECOND if moves else 0)
        marks = await lives.store.count(Table.DIRTY, {"record_id": person})
        assert bool(marks) is not moves, "else it is read again"

    live()


async def known(lives: Lives, record_id: str) -> dict[str, int]:
    rows = await lives.store.rows(Table.MIRROR, {"record_id": record_id, "connection": "left"})
    found: dict[str, int] = rows.row(0, named=True)
    return found
