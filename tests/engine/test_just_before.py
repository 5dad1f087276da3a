"""What was entered on the other side after the last reading is found before a second one is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from syncline.connectors.memory import MemoryConnector
from syncline.records import Page
from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived

CELLS = {"email": "ann@x.test", "first": "Ann", "last": "Ray"}


class EnteredAfterwards(MemoryConnector):
    """Somebody is entered just after each reading of what changed."""

    waiting: bool = False

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, **options: Any
    ) -> AsyncIterator[Page]:
        async for page in super().read_changes(object_type, fields, cursor, **options):
            yield page
        if self.waiting:
            self.waiting = False
            self.system.create(object_type, CELLS, HUMAN)


@lived
async def test_who_was_entered_meanwhile_is_linked_not_doubled() -> None:
    lives = await Lives.begin()
    connector = EnteredAfterwards(lives.two.right)
    lives.two.world.connectors = {**lives.two.world.connectors, "right": connector}
    await lives.rest()
    person = lives.two.left.create("person", CELLS, HUMAN)
    connector.waiting = True
    report = await lives.run()
    assert not connector.waiting, "somebody was entered after the reading"
    assert "create" not in report.sheets.outline()["kind"].to_list()
    (human,) = lives.alive("b")
    assert await lives.twin("a", person) == human


@lived
async def test_a_push_looks_on_the_other_side_first() -> None:
    lives = await Lives.begin()
    await lives.rest()
    human = lives.two.right.create("human", CELLS, HUMAN)
    await lives.rest()
    person = lives.two.left.create("person", CELLS, HUMAN)
    await lives.push(human)
    assert lives.alive("a") == [person]
    assert await lives.twin("a", person) == human


@lived
async def test_of_two_that_fit_each_other_one_is_created_and_one_waits_for_a_person() -> None:
    """Entered in one moment or one after the other: the same end."""
    lives = await Lives.begin()
    await lives.rest()
    first, second = (lives.two.left.create("person", CELLS, HUMAN) for _ in range(2))
    await lives.rest()
    (human,) = lives.alive("b")
    assert await lives.twin("a", first) == human
    (hold,) = (await lives.store.rows(Table.HOLD, {"state": "open"})).iter_rows(named=True)
    assert (hold["kind"], second in hold["subject"]) == ("linked", True)


@lived
async def test_who_fits_somebody_without_a_counterpart_for_good_does_not_wait_for_him() -> None:
    lives = await Lives.begin()
    bereft, human = await lives.pair(1, kind="person", **CELLS)
    lives.delete("b", human)
    await lives.rest()
    fresh = lives.two.left.create("person", CELLS, HUMAN)
    await lives.rest()
    (made,) = lives.alive("b")
    assert await lives.twin("a", fresh) == made
    assert (await lives.link("a", bereft))["state"] == "tombstone"
