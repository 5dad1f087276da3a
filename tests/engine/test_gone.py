"""A record that is gone without a proven delete: reported, held where a policy would act, never deleted for it."""

from __future__ import annotations

import pytest

from syncline.connectors.memory import purge
from syncline.engine.life.resolve import Choice, resolve
from syncline.records import Side, other
from syncline.spec.model import OnDelete
from tests.support.life_world import HUMAN, Lives, lived

SIDES: list[Side] = ["a", "b"]


async def vanished(side: Side, choice: OnDelete) -> tuple[Lives, str, str]:
    lives = await Lives.begin(on_delete={side: choice, other(side): OnDelete.UNLINK})
    ids = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    purge(lives.system(side), ids[side])
    await lives.rest()
    return lives, ids[side], ids[other(side)]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_where_a_delete_would_be_passed_on_a_person_is_asked(side: Side) -> None:
    lives, gone, twin = await vanished(side, OnDelete.DELETE)
    assert lives.alive(other(side)) == [twin]
    (hold,) = (await lives.holds()).iter_rows(named=True)
    assert hold["kind"] == "gone"
    assert gone in hold["subject"]
    await resolve(lives.two.world, lives.two.sync, hold["digest"], Choice.DELETE)
    await lives.rest()
    assert lives.is_gone(other(side), twin)
    assert (await lives.holds()).is_empty()


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_where_nothing_would_follow_nobody_is_asked(side: Side) -> None:
    lives, gone, twin = await vanished(side, OnDelete.UNLINK)
    lives.edit(other(side), twin, title="Chief")
    await lives.rest()
    assert (await lives.holds()).is_empty()
    assert lives.alive(side) == []
    assert not (await lives.link(side, gone))[f"visible_{side}"]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_made_anew_when_a_person_says_so(side: Side) -> None:
    lives, _, twin = await vanished(side, OnDelete.RECREATE)
    lives.edit(other(side), twin, title="Chief")
    await lives.rest()
    assert lives.alive(side) == [], "an edit alone is no proof of a delete"
    (hold,) = (await lives.holds()).iter_rows(named=True)
    await resolve(lives.two.world, lives.two.sync, hold["digest"], Choice.RESTORE)
    await lives.rest()
    (fresh,) = lives.alive(side)
    assert lives.cell(side, fresh, "title") == "Chief"
    assert lives.system(side).rows[fresh].now.actor != HUMAN
