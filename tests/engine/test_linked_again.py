"""A stranger that fits a record whose counterpart was deleted is linked to it again; nobody is created."""

from __future__ import annotations

import pytest

from syncline.records import Side, other
from syncline.spec.model import OnDelete
from tests.support.life_world import HUMAN, Lives, lived

SIDES: list[Side] = ["a", "b"]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_who_is_entered_again_after_a_delete_takes_the_old_place(side: Side) -> None:
    lives = await Lives.begin(on_delete={side: OnDelete.UNLINK, other(side): OnDelete.UNLINK})
    ids = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    link = (await lives.link(side, ids[side]))["link_id"]
    lives.delete(side, ids[side])
    await lives.rest()
    kind = {"a": "person", "b": "human"}[side]
    fresh = lives.system(side).create(
        kind, {"email": "p1@x.test", "first": "First1", "last": "Last1", "phone": "7"}, HUMAN
    )
    await lives.rest()
    assert await lives.twin(side, fresh) == ids[other(side)]
    found = await lives.link(side, fresh)
    assert (found["link_id"], found["state"]) == (link, "live")
    assert found["rule"].startswith("linked again")
    assert lives.alive(other(side)) == [ids[other(side)]]
    assert lives.cell(side, fresh, "title") == "Boss", "unknown bases: blanks are filled"
    assert lives.cell(other(side), ids[other(side)], "phone") == "7"


@lived
async def test_two_who_fit_are_held_and_nobody_is_created_for_the_bereft() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair()
    lives.delete("a", person)
    await lives.rest()
    for _ in range(2):
        lives.two.left.create("person", {"email": "p1@x.test", "first": "First1", "last": "Last1"}, HUMAN)
    await lives.rest()
    assert (await lives.holds()).height == 1
    assert lives.alive("b") == [human]
    assert len(lives.alive("a")) == 2


@lived
async def test_when_the_doubt_ends_the_bereft_is_not_created_anew() -> None:
    lives = await Lives.begin()
    person, _human = await lives.pair()
    lives.delete("a", person)
    await lives.rest()
    both = [
        lives.two.left.create("person", {"email": "p1@x.test", "first": "First1", "last": "Last1"}, HUMAN)
        for _ in range(2)
    ]
    await lives.rest()
    for one in both:
        lives.edit("a", one, email=f"{one}@x.test")
    await lives.rest()
    assert len(lives.alive("b")) == 3, "the two are new people on b, the bereft one stays as it was"
    assert len(lives.alive("a")) == 2
