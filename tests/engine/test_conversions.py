"""A person becomes a member: the same link with the member in its place, field by field with the bases that live on."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import convert
from syncline.connectors.memory import merge as merge_records
from syncline.records import SIDES, Side, other
from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived


def becomes(lives: Lives, person: str, into: str | None = None, **set_on_heir: str) -> str:
    lives.two.clock.advance(5.0)
    member = convert(lives.two.left, person, HUMAN, into_id=into, set_on_heir=set_on_heir)
    lives.two.clock.advance(5.0)
    return member


@lived
async def test_the_link_goes_on_with_the_member_and_nobody_is_doubled() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    link = (await lives.link("a", person))["link_id"]
    member = becomes(lives, person)
    await lives.rest()
    assert (await lives.link("a", member))["link_id"] == link
    assert (await lives.link("a", person))["role"] == "alias"
    assert lives.alive("b") == [human]
    assert lives.cell("b", human, "twin_id") == member
    lives.edit("b", human, title="Chief")
    lives.edit("a", member, last="Marlow")
    await lives.rest()
    assert lives.cell("a", member, "title") == "Chief"
    assert lives.cell("b", human, "last") == "Marlow"


@lived
async def test_what_the_member_lacks_is_filled_and_never_blanked() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    member = becomes(lives, person, title="")
    await lives.rest()
    assert lives.cell("a", member, "title") == lives.cell("b", human, "title") == "Boss"


@lived
async def test_what_the_conversion_changed_flows() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    becomes(lives, person, title="Customer")
    await lives.rest()
    assert lives.cell("b", human, "title") == "Customer"


@lived
async def test_an_edit_that_waited_on_the_other_side_survives_the_conversion() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    lives.edit("b", human, title="Chief")
    member = becomes(lives, person)
    await lives.rest()
    assert lives.cell("a", member, "title") == lives.cell("b", human, "title") == "Chief"


@lived
async def test_an_edit_of_the_lead_just_before_it_was_converted_is_not_lost() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    lives.edit("a", person, title="Chief")
    becomes(lives, person)
    await lives.rest()
    assert lives.cell("b", human, "title") == "Chief"


@lived
async def test_a_fresh_member_loosens_no_consent() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(opt_out="true")
    assert lives.cell("b", human, "opt_out") == "true"
    member = becomes(lives, person, opt_out="false")
    await lives.rest()
    assert lives.cell("a", member, "opt_out") == lives.cell("b", human, "opt_out") == "true"


@lived
async def test_a_conversion_nobody_has_seen_the_person_of_makes_one_pair() -> None:
    lives = await Lives.begin()
    await lives.rest()
    person = lives.two.left.create("person", {"email": "x@x.test", "last": "Ray"}, HUMAN)
    member = becomes(lives, person)
    await lives.rest()
    (human,) = lives.alive("b")
    assert await lives.twin("a", member) == human
    assert (await lives.link("a", person))["role"] == "alias"


@lived
async def test_converted_and_merged_the_chain_is_followed_to_its_end() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair()
    member = becomes(lives, person)
    other = lives.two.left.create("member", {"last": "Other", "email": "o@x.test"}, HUMAN)
    merge_records(lives.two.left, other, [member], HUMAN)
    await lives.rest()
    assert await lives.twin("a", other) == human
    assert (await lives.link("a", member))["role"] == (await lives.link("a", person))["role"] == "alias"
    assert lives.alive("b") == [human]


@lived
async def test_a_write_that_meets_a_converted_person_is_planned_again_towards_the_member() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    lives.edit("b", human, title="Chief")
    made: list[str] = []

    async def just_before(*args: Any, **options: Any) -> Any:
        if not made:
            made.append(becomes(lives, person))
        return await written(*args, **options)

    connector = lives.two.world.connectors["left"]
    written = connector.write
    connector.write = just_before  # type: ignore[method-assign]
    await lives.run()
    connector.write = written  # type: ignore[method-assign]
    await lives.rest()
    assert lives.cell("a", made[0], "title") == "Chief"
    entries = await lives.store.rows(Table.ENTRY)
    assert entries.filter(pl.col("state").is_in(["sent", "unknown", "prepared"])).is_empty()


@pytest.mark.parametrize("side", ["a", "b"])
@lived
async def test_merged_into_somebody_nobody_linked_the_winner_takes_the_place(side: Side) -> None:
    lives = await Lives.begin()
    ids = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    kind = {"a": "person", "b": "human"}[side]
    winner = lives.system(side).create(kind, {"last": "Other", "email": "o@x.test"}, HUMAN)
    lives.merge(side, winner, ids[side])
    await lives.rest()
    far = other(side)
    assert await lives.twin(side, winner) == ids[far]
    assert lives.alive(far) == [ids[far]]
    assert lives.cell(side, winner, "title") == "Boss", "a blank of the winner is filled from the other side"
    assert lives.cell(far, ids[far], "last") == "Other"
