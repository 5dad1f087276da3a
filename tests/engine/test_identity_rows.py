"""Rows of "Identity" that meet each other: ends on both sides at once, ends undone before they are carried over, doubts
that are over before a person decided them. What one end alone does is in the tests named after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory import convert, purge, undelete
from syncline.engine.life.resolve import Choice, resolve
from syncline.errors import ConfigError, Later
from syncline.records import Side, other
from syncline.spec.model import Ceiling, Drift, OnDelete, OnMerge
from tests.support.life_world import HUMAN, Lives, lived, lively

SIDES: list[Side] = ["a", "b"]
KINDS: dict[Side, str] = {"a": "person", "b": "human"}


async def pairs(lives: Lives, side: Side, count: int, **cells: str) -> list[tuple[str, str]]:
    """Pairs as (record of *side*, its twin)."""
    made = await lives.pairs(count, **cells)
    return made if side == "a" else [(b, a) for a, b in made]


async def paired(side: Side, choice: OnDelete, **options: Any) -> tuple[Lives, str, str]:
    """A world, and one pair: the record of *side* and its twin."""
    lives = await Lives.begin(on_delete={side: choice, other(side): OnDelete.UNLINK}, **options)
    ids: dict[Side, str] = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    return lives, ids[side], ids[other(side)]


def shut(lives: Lives, side: Side) -> Any:
    """Let every write to *side* fail until the answer is called."""
    connector: Any = lives.two.world.connectors["left" if side == "a" else "right"]
    write = connector.write

    async def never(*_: Any, **__: Any) -> Any:
        raise Later("closed for now", code="SYN-999")

    connector.write = never

    def open_again() -> None:
        connector.write = write

    return open_again


# Merges


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_loser_that_is_undeleted_before_the_merge_was_carried_over_stays_a_person(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    open_again = shut(lives, far)
    lives.merge(side, winner, loser)
    await lives.run()
    undelete(lives.system(side), loser, HUMAN)
    open_again()
    await lives.rest()
    assert lives.alive(far) == sorted([its_twin, lost_twin])
    assert (await lives.twin(side, winner), await lives.twin(side, loser)) == (its_twin, lost_twin)
    assert (await lives.link(side, loser))["role"] == "current"
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.alive(far) == [its_twin], "merged once more, it is carried over"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_held_merge_is_moot_once_the_loser_was_undeleted(side: Side) -> None:
    lives, far = await Lives.begin(on_merge=OnMerge.HOLD), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    undelete(lives.system(side), loser, HUMAN)
    await lives.rest()
    assert (await lives.holds()).is_empty()
    lives.edit(far, lost_twin, title="Chief")
    await lives.rest()
    assert lives.cell(side, loser, "title") == "Chief"
    assert lives.alive(far) == sorted([its_twin, lost_twin])


@pytest.mark.parametrize("reverse", [False, True], ids=["same winner", "other winner"])
@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_held_merge_is_settled_when_somebody_merged_the_twins(side: Side, reverse: bool) -> None:
    lives, far = await Lives.begin(on_merge=OnMerge.HOLD), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    stays, ends = (lost_twin, its_twin) if reverse else (its_twin, lost_twin)
    lives.merge(far, stays, ends)
    await lives.rest()
    assert (await lives.holds()).is_empty()
    assert await lives.twin(side, winner) == stays
    assert (await lives.link(side, loser))["role"] == (await lives.link(far, ends))["role"] == "alias"


@pytest.mark.parametrize("reverse", [False, True], ids=["same winner", "other winner"])
@pytest.mark.parametrize("side", SIDES)
@lived
async def test_left_apart_and_merged_later_by_hand_they_are_one_pair(side: Side, reverse: bool) -> None:
    lives, far = await Lives.begin(on_merge=OnMerge.HOLD), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    (hold,) = (await lives.holds("merge"))["hold_id"]
    await resolve(lives.two.world, lives.two.sync, hold, Choice.APART)
    await lives.rest()
    stays, ends = (lost_twin, its_twin) if reverse else (its_twin, lost_twin)
    lives.merge(far, stays, ends)
    await lives.rest()
    assert await lives.twin(side, winner) == stays
    assert (await lives.link(far, ends))["role"] == "alias"
    assert (await lives.link(far, ends))["link_id"] == (await lives.link(side, winner))["link_id"]
    lives.edit(far, stays, title="Chief")
    await lives.rest()
    assert lives.cell(side, winner, "title") == "Chief"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_while_a_merge_is_held_edits_of_the_losers_twin_wait_and_go_on_with_it(side: Side) -> None:
    lives, far = await Lives.begin(on_merge=OnMerge.HOLD), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    lives.edit(far, lost_twin, title="Chief")
    await lives.rest()
    assert lives.cell(side, loser, "title") == ""
    (hold,) = (await lives.holds("merge"))["hold_id"]
    await resolve(lives.two.world, lives.two.sync, hold, Choice.MERGE)
    await lives.rest()
    assert lives.alive(far) == [its_twin]
    assert lives.cell(side, winner, "title") == lives.cell(far, its_twin, "title") == "Chief"
    with pytest.raises(ConfigError) as stale:
        await resolve(lives.two.world, lives.two.sync, hold, Choice.APART)
    assert stale.value.code == "SYN-167"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_three_merged_here_two_of_them_merged_there(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (one, one_twin), (two, two_twin), (three, three_twin) = await pairs(lives, side, 3, phone="10")
    lives.merge(side, one, two, three)
    lives.merge(far, three_twin, two_twin)
    await lives.rest()
    assert lives.alive(side) == [one]
    (stays,) = lives.alive(far)
    assert stays in (one_twin, three_twin)
    assert await lives.twin(side, one) == stays
    link = (await lives.link(side, one))["link_id"]
    named = [(side, two), (side, three), *((far, twin) for twin in (one_twin, two_twin, three_twin))]
    assert [(await lives.link(*name))["link_id"] for name in named] == [link] * 5


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_chains_of_merges_run_towards_each_other(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (one, one_twin), (two, two_twin), (three, three_twin) = await pairs(lives, side, 3)
    lives.merge(side, two, one)
    lives.merge(side, three, two)
    lives.merge(far, one_twin, two_twin)
    await lives.rest()
    assert lives.alive(side) == [three]
    (stays,) = lives.alive(far)
    assert stays in (one_twin, three_twin)
    assert await lives.twin(side, three) == stays
    lives.edit(far, stays, title="Chief")
    await lives.rest()
    assert lives.cell(side, three, "title") == "Chief"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_an_edit_that_waited_on_the_losers_twin_fills_the_winner(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.edit(far, lost_twin, title="Waiting")
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.cell(side, winner, "title") == lives.cell(far, its_twin, "title") == "Waiting"


# Conversions


@pytest.mark.parametrize("choice", [OnDelete.UNLINK, OnDelete.FLAG, OnDelete.DELETE])
@lived
async def test_converted_and_the_member_deleted_before_we_looked(choice: OnDelete) -> None:
    lives, person, human = await paired("a", choice)
    member = convert(lives.two.left, person, HUMAN)
    lives.delete("a", member)
    await lives.rest()
    link = await lives.link("a", member)
    assert (link["state"], link["role"]) == ("tombstone", "current")
    assert (await lives.link("a", person))["role"] == "alias"
    assert lives.is_gone("b", human) is (choice is OnDelete.DELETE)
    assert lives.cell("b", human, "title") == "Boss"
    assert (lives.cell("b", human, "status") == "true") is (choice is OnDelete.FLAG)
    if choice is not OnDelete.DELETE:
        undelete(lives.two.left, member, HUMAN)
        lives.edit("b", human, title="Chief")
        await lives.rest()
        assert lives.cell("a", member, "title") == "Chief"


@lived
async def test_converted_and_the_member_purged_before_we_looked_writes_nothing_to_the_person() -> None:
    lives, person, human = await paired("a", OnDelete.UNLINK)
    member = convert(lives.two.left, person, HUMAN)
    lives.delete("a", member)
    purge(lives.two.left, member)
    await lives.rest()
    lives.edit("b", human, title="Chief")
    await lives.rest()
    assert lives.cell("a", person, "title") == "Boss"
    assert lives.alive("b") == [human]
    assert lives.alive("a") == []


@pytest.mark.parametrize("where", SIDES)
@lived
async def test_an_edit_that_waited_before_a_conversion_into_somebody_linked_is_logged(where: Side) -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(1, title="Boss")
    member, its_human = await lives.pair(2, kind="member", title="Head")
    lives.edit(where, {"a": person, "b": human}[where], title="Chief")
    convert(lives.two.left, person, HUMAN, into_id=member)
    await lives.rest()
    assert lives.cell("a", member, "title") == lives.cell("b", its_human, "title") == "Head"
    rows = [row for row in await lives.conflicts("merged_away") if row["mapping"] == "title"]
    assert "Chief" in [row[f"value_{where}"] for row in rows]
    assert any("though it had changed" in row["reason"] for row in rows)


# Deletes


@pytest.mark.parametrize("choice", [OnDelete.UNLINK, OnDelete.DELETE, OnDelete.HOLD, OnDelete.RECREATE])
@pytest.mark.parametrize("side", SIDES)
@lived
async def test_deleted_and_entered_again_in_one_window_is_the_same_pair(side: Side, choice: OnDelete) -> None:
    lives, gone, twin = await paired(side, choice)
    lives.delete(side, gone)
    cells = {"email": "p1@x.test", "first": "First1", "last": "Last1"}
    fresh = lives.system(side).create(KINDS[side], cells, HUMAN)
    await lives.rest()
    assert lives.alive(other(side)) == [twin]
    assert await lives.twin(side, fresh) == twin
    assert (await lives.link(side, fresh))["state"] == "live"
    assert (await lives.holds()).is_empty()


@pytest.mark.parametrize("choice", [OnDelete.HOLD, OnDelete.UNLINK])
@pytest.mark.parametrize("side", SIDES)
@lived
async def test_what_a_person_was_asked_is_over_when_the_record_was_entered_again(side: Side, choice: OnDelete) -> None:
    lives, gone, twin = await paired(side, choice)
    lives.edit(other(side), twin, title="Chief")
    lives.delete(side, gone)
    await lives.rest()
    (hold,) = (await lives.holds())["hold_id"]
    cells = {"email": "p1@x.test", "first": "First1", "last": "Last1"}
    fresh = lives.system(side).create(KINDS[side], cells, HUMAN)
    await lives.rest()
    assert await lives.twin(side, fresh) == twin
    assert (await lives.holds()).is_empty()
    with pytest.raises(ConfigError) as stale:
        await resolve(lives.two.world, lives.two.sync, hold, Choice.DELETE)
    assert stale.value.code == "SYN-167"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_what_a_person_was_asked_is_over_when_a_push_made_the_record_anew(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.HOLD)
    lives.delete(side, gone)
    await lives.rest()
    assert len(await lives.holds()) == 1
    await lives.push(twin)
    await lives.rest()
    assert await lives.twin(other(side), twin) in lives.alive(side)
    assert (await lives.holds()).is_empty()


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_tombstone_that_is_pushed_twice_is_made_anew_once(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.UNLINK)
    lives.delete(side, gone)
    await lives.rest()
    await lives.push(twin)
    await lives.push(twin)
    await lives.push(gone)
    await lives.rest()
    assert len(lives.alive(side)) == 1
    assert lives.alive(other(side)) == [twin]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_deleted_and_undeleted_before_we_looked_is_nothing(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.DELETE)
    lives.delete(side, gone)
    undelete(lives.system(side), gone, HUMAN)
    await lives.rest()
    assert (lives.alive(side), lives.alive(other(side))) == ([gone], [twin])
    assert (await lives.link(side, gone))["state"] == "live"


@pytest.mark.parametrize("choice", list(OnDelete))
@pytest.mark.parametrize("side", SIDES)
@lived
async def test_deleted_on_both_sides_in_one_window_nothing_follows(side: Side, choice: OnDelete) -> None:
    lives = await Lives.begin(on_delete={"a": choice, "b": choice})
    ids = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    lives.edit(side, ids[side], title="Chief")
    lives.delete("a", ids["a"])
    lives.delete("b", ids["b"])
    await lives.rest()
    assert lives.alive("a") == lives.alive("b") == []
    assert (await lives.holds()).is_empty()


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_ceiling_holds_deletes_of_either_side(side: Side) -> None:
    lives = await Lives.begin(
        on_delete={"a": OnDelete.DELETE, "b": OnDelete.DELETE}, ceilings={"delete": Ceiling(share=0.0, plus=1)}
    )
    made = await pairs(lives, side, 3)
    for gone, _ in made:
        lives.delete(side, gone)
    await lives.run()
    assert lives.alive(other(side)) == sorted(twin for _, twin in made)
    undelete(lives.system(side), made[0][0], HUMAN)
    undelete(lives.system(side), made[1][0], HUMAN)
    await lives.rest()
    assert lives.alive(other(side)) == sorted(twin for _, twin in made[:2]), "those that came back are not deleted"


# Keys


@pytest.mark.parametrize("sides", [["a"], ["b"], ["a", "b"]], ids=["a", "b", "both"])
@lived
async def test_two_swap_their_addresses(sides: list[Side]) -> None:
    lives = await Lives.begin()
    made = [dict(zip(SIDES, ids, strict=True)) for ids in await lives.pairs(2)]
    emails = [lives.cell("a", ids["a"], "email") for ids in made]
    for side in sides:
        lives.edit(side, made[0][side], email=emails[1])
        lives.edit(side, made[1][side], email=emails[0])
    await lives.rest()
    for ids, email in zip(made, reversed(emails), strict=True):
        assert await lives.twin("a", ids["a"]) == ids["b"]
        assert lives.cell("a", ids["a"], "email") == lives.cell("b", ids["b"], "email") == email
    assert (len(lives.alive("a")), len(lives.alive("b"))) == (2, 2)
    assert (await lives.holds()).is_empty()


@lived
async def test_two_exchange_their_ids_and_the_links_stay() -> None:
    base = lively()
    fields = tuple(replace(m, drift=Drift.RESTORE) if m.key == "twin_id" else m for m in base.fields)
    lives = await Lives.begin(fields=fields)
    (one, one_twin), (two, two_twin) = await lives.pairs(2)
    lives.edit("b", one_twin, twin_id=two)
    lives.edit("b", two_twin, twin_id=one)
    await lives.rest()
    assert (await lives.twin("a", one), await lives.twin("a", two)) == (one_twin, two_twin)
    assert lives.cell("b", one_twin, "twin_id") == one
    assert lives.cell("b", two_twin, "twin_id") == two


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_one_merged_here_and_another_there_with_the_same_person_are_all_one(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (one, one_twin), (two, two_twin), (three, three_twin) = await pairs(lives, side, 3)
    lives.merge(side, one, two)
    lives.merge(far, two_twin, three_twin)
    await lives.rest()
    (stays,), (its_twin,) = lives.alive(side), lives.alive(far)
    assert await lives.twin(side, stays) == its_twin
    link = (await lives.link(side, stays))["link_id"]
    assert {(await lives.link(side, each))["link_id"] for each in (one, two, three)} == {link}
    assert {(await lives.link(far, each))["link_id"] for each in (one_twin, two_twin, three_twin)} == {link}


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_merged_into_two_different_people_on_both_sides_they_are_all_one(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (one, one_twin), (two, two_twin), (three, three_twin) = await pairs(lives, side, 3)
    lives.merge(side, one, two)
    lives.merge(far, three_twin, two_twin)
    await lives.rest()
    (stays,), (its_twin,) = lives.alive(side), lives.alive(far)
    assert await lives.twin(side, stays) == its_twin
    link = (await lives.link(side, stays))["link_id"]
    assert {(await lives.link(side, each))["link_id"] for each in (one, two, three)} == {link}
    assert {(await lives.link(far, each))["link_id"] for each in (one_twin, two_twin, three_twin)} == {link}
