"""What a person decides about holds takes effect with the next run, and stays decided."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.engine.life.resolve import Choice, resolve
from syncline.errors import ConfigError
from syncline.records import Side, other
from syncline.spec.model import OnDelete, OnMerge
from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived

SIDES: list[Side] = ["a", "b"]


async def decide(lives: Lives, choice: Choice, *pair: str) -> None:
    (hold,) = (await lives.holds()).iter_rows(named=True)
    await resolve(lives.two.world, lives.two.sync, hold["digest"], choice, pair)
    await lives.rest()


async def doubtful() -> tuple[Lives, str, list[str]]:
    """A person and two humans who fit: nobody is linked or created."""
    lives = await Lives.begin()
    cells = {"email": "p@x.test", "first": "Ann", "last": "Ray"}
    person = lives.two.left.create("person", cells, HUMAN)
    humans = [lives.two.right.create("human", cells, HUMAN) for _ in range(2)]
    await lives.rest()
    assert (await lives.holds())["kind"].to_list() == ["ambiguous"]
    return lives, person, humans


@lived
async def test_two_of_a_group_are_linked() -> None:
    lives, person, humans = await doubtful()
    await decide(lives, Choice.LINK, person, humans[1])
    assert await lives.twin("a", person) == humans[1]
    assert (await lives.link("a", person))["rule"] == "by a person"
    assert lives.alive("b") == humans
    lives.edit("a", person, title="Chief")
    await lives.rest()
    assert lives.cell("b", humans[1], "title") == "Chief"


@lived
async def test_different_persons_are_created_and_the_group_is_not_asked_for_again() -> None:
    lives, person, humans = await doubtful()
    await decide(lives, Choice.DIFFERENT)
    assert len(lives.alive("b")) == 3
    assert await lives.twin("a", person) not in humans
    lives.edit("b", humans[0], title="Chief")
    await lives.rest()
    kinds = (await lives.holds())["kind"].to_list()
    assert "ambiguous" not in kinds


@pytest.mark.parametrize("pair", [(), ("x", "y"), ("L00000001", "L00000001")])
@lived
async def test_a_link_needs_one_record_of_each_side(pair: tuple[str, ...]) -> None:
    lives, _, _ = await doubtful()
    with pytest.raises(ConfigError, match="one record of each side"):
        await decide(lives, Choice.LINK, *pair)
    assert (await lives.holds()).height == 1


@lived
async def test_what_cannot_be_decided_is_refused() -> None:
    lives, _, _ = await doubtful()
    with pytest.raises(ConfigError, match="not decided by 'merge'") as refusal:
        await decide(lives, Choice.MERGE)
    assert refusal.value.code == "SYN-168"
    with pytest.raises(ConfigError) as unknown:
        await resolve(lives.two.world, lives.two.sync, "nothing", Choice.LINK)
    assert unknown.value.code == "SYN-167"


async def merged(side: Side) -> tuple[Lives, dict[str, tuple[str, str]]]:
    lives = await Lives.begin(on_merge=OnMerge.HOLD)
    made: dict[str, tuple[str, str]] = {}
    for n, who in enumerate(("winner", "loser")):
        a, b = await lives.pair(n)
        made[who] = (a, b) if side == "a" else (b, a)
    lives.merge(side, made["winner"][0], made["loser"][0])
    await lives.rest()
    return lives, made


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_held_merge_is_done(side: Side) -> None:
    lives, made = await merged(side)
    await decide(lives, Choice.MERGE)
    assert lives.alive(other(side)) == [made["winner"][1]]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_held_merge_is_left_and_the_lone_one_is_never_made_again(side: Side) -> None:
    lives, made = await merged(side)
    await decide(lives, Choice.APART)
    both = sorted([made["winner"][1], made["loser"][1]])
    assert lives.alive(other(side)) == both
    lives.edit(other(side), made["loser"][1], title="Chief")
    await lives.rest()
    assert lives.alive(other(side)) == both
    assert lives.alive(side) == [made["winner"][0]]
    assert (await lives.link(side, made["loser"][0]))["state"] == "tombstone"


async def deleted(side: Side, **edits: str) -> tuple[Lives, str, str]:
    lives = await Lives.begin(on_delete={side: OnDelete.HOLD, other(side): OnDelete.UNLINK})
    ids: dict[Side, Any] = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    if edits:
        lives.edit(other(side), ids[other(side)], **edits)
    lives.delete(side, ids[side])
    await lives.rest()
    return lives, ids[side], ids[other(side)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("edits", [{}, {"title": "Chief"}], ids=["delete", "edited and deleted"])
@lived
async def test_a_deleted_record_is_restored_from_its_twin(side: Side, edits: dict[str, str]) -> None:
    lives, gone, twin = await deleted(side, **edits)
    await decide(lives, Choice.RESTORE)
    (fresh,) = lives.alive(side)
    assert fresh != gone
    assert lives.cell(side, fresh, "title") == (edits or {"title": "Boss"})["title"]
    assert await lives.twin(side, fresh) == twin


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_the_twin_is_deleted_or_kept(side: Side) -> None:
    lives, _, twin = await deleted(side, title="Chief")
    await decide(lives, Choice.DELETE)
    assert lives.is_gone(other(side), twin)
    lives, _, twin = await deleted(side, title="Chief")
    await decide(lives, Choice.KEEP)
    lives.edit(other(side), twin, title="Head")
    await lives.rest()
    assert (lives.alive(side), lives.alive(other(side))) == ([], [twin])
    assert (await lives.store.rows(Table.HOLD))["state"].to_list() == ["resolved"]
