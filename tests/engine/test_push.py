"""A push of somebody whom nobody has read yet: who else could be meant is looked up first."""

from __future__ import annotations

from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived

THEIR_ADDRESS = "both@x.test"


@lived
async def test_a_rival_with_the_same_address_that_was_not_read_yet_is_a_rival() -> None:
    lives = await Lives.begin()
    late = lives.two.right.create("human", {"email": THEIR_ADDRESS}, HUMAN)
    await lives.run()
    people = [
        lives.two.left.create("person", {"email": THEIR_ADDRESS, "first": first, "last": f"{first}son"}, HUMAN)
        for first in ("Early", "Late")
    ]
    await lives.push(people[0])
    assert await lives.store.count(Table.LINK_END, {"record_id": late}) == 0
    assert lives.cell("b", late, "first") == ""
