"""Deletes, undeletes and what follows from them: merge-rules "Identity", the rows on deletes, in both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory import MemoryConnector, convert, undelete
from syncline.connectors.memory.connector import POOR
from syncline.engine.life.resolve import Choice, resolve
from syncline.engine.observe import meet
from syncline.engine.units import Turn, run_units, units_of
from syncline.records import Side, other
from syncline.spec.model import Ceiling, OnDelete
from tests.support.life_world import HUMAN, Lives, lived

SIDES: list[Side] = ["a", "b"]


def on(side: Side, choice: OnDelete) -> dict[Side, OnDelete]:
    return {side: choice, other(side): OnDelete.UNLINK}


async def paired(side: Side, choice: OnDelete, **options: Any) -> tuple[Lives, str, str]:
    """A world, and one pair: the record of *side* and its twin."""
    lives = await Lives.begin(on_delete=on(side, choice), **options)
    ids = dict(zip(SIDES, await lives.pair(title="Boss"), strict=True))
    return lives, ids[side], ids[other(side)]


@lived
async def test_flag_tells_the_other_side_once_and_nothing_else_flows() -> None:
    lives, person, human = await paired("a", OnDelete.FLAG)
    lives.delete("a", person)
    await lives.rest()
    assert lives.cell("b", human, "status") == "true"
    assert (await lives.link("a", person))["state"] == "tombstone"
    lives.edit("b", human, title="Chief")
    await lives.rest()
    assert lives.alive("a") == []
    assert lives.cell("b", human, "title") == "Chief"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_unlink_leaves_the_twin_and_never_makes_the_record_again(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.UNLINK)
    lives.delete(side, gone)
    await lives.rest()
    lives.edit(other(side), twin, title="Chief")
    await lives.rest()
    assert lives.alive(side) == []
    assert lives.alive(other(side)) == [twin]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_delete_deletes_the_twin(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.DELETE)
    lives.delete(side, gone)
    report = await lives.run()
    assert lives.is_gone(other(side), twin)
    assert report.counts(side) == report.counts(other(side)) == {"written": 1}
    await lives.rest()
    assert (await lives.link(side, gone))["state"] == "tombstone"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_what_was_undeleted_since_is_not_deleted_on_the_other_side_before_the_conclusions_are_drawn(
    side: Side,
) -> None:
    lives, gone, twin = await paired(side, OnDelete.DELETE)
    world = lives.two.world
    sync = await meet(world, lives.two.sync)
    looking, deciding, carrying_out = (
        [unit for unit in units_of(sync, 2) if unit.name.startswith(kind)] for kind in ("observe", "identity", "fields")
    )
    turn = Turn(worker="one", cycle="c1")
    lives.delete(side, gone)
    await run_units(world, sync, looking + deciding, turn)
    undelete(lives.system(side), gone, HUMAN)
    await run_units(world, sync, looking + carrying_out, replace(turn, cycle="c2"))
    assert lives.alive(other(side)) == [twin]
    await lives.rest()
    assert (await lives.link(side, gone))["state"] == "live"


@lived
async def test_where_everybody_was_deleted_new_people_are_no_first_copy() -> None:
    ceilings = {"create": Ceiling(share=0.0, plus=1), "delete": Ceiling(share=1.0, plus=9)}
    lives = await Lives.begin(on_delete=on("a", OnDelete.UNLINK), ceilings=ceilings)
    gone, _ = await lives.pair()
    lives.delete("a", gone)
    await lives.rest()
    for number in range(3):
        lives.system("a").create("person", {"email": f"new{number}@x.test", "last": f"New {number}"}, HUMAN)
    report = await lives.run()
    assert [(held.kind, len(held.actions)) for held in report.held] == [("create", 3)]


@lived
async def test_deletes_above_the_ceiling_wait_and_the_rest_goes_on() -> None:
    lives = await Lives.begin(on_delete=on("a", OnDelete.DELETE), ceilings={"delete": Ceiling(share=0.0, plus=1)})
    pairs = [await lives.pair(n) for n in range(3)]
    for person, _ in pairs[:2]:
        lives.delete("a", person)
    lives.edit("a", pairs[2][0], title="Chief")
    report = await lives.run()
    assert [held.kind for held in report.held] == ["delete"]
    assert not any(lives.is_gone("b", human) for _, human in pairs)
    assert lives.cell("b", pairs[2][1], "title") == "Chief"
    again = await lives.run()
    assert [held.kind for held in again.held] == ["delete"], "what is held is planned again"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_hold_asks_a_person(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.HOLD)
    lives.delete(side, gone)
    report = await lives.run()
    assert (await lives.holds("delete")).height == 1
    assert report.counts(side) == {"held": 1}
    lives.edit(other(side), twin, title="Chief")
    await lives.rest()
    assert lives.alive(side) == []


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_recreate_waits_for_the_next_edit(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.RECREATE)
    lives.delete(side, gone)
    await lives.rest()
    assert lives.alive(side) == [], "the delete alone makes nobody anew"
    lives.edit(other(side), twin, title="Chief")
    await lives.rest()
    (fresh,) = lives.alive(side)
    assert fresh != gone
    assert lives.cell(side, fresh, "title") == "Chief"
    assert await lives.twin(side, fresh) == twin
    assert (await lives.link(side, gone)) | {"role": ""} == (await lives.link(side, fresh)) | {"role": ""}
    assert (await lives.link(side, gone))["role"] == "alias"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_made_anew_it_may_be_deleted_and_made_anew_again(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.RECREATE)
    for title in ("Chief", "Head", "Lead"):
        lives.delete(side, gone)
        lives.edit(other(side), twin, title=title)
        await lives.rest()
        (gone,) = lives.alive(side)
        assert lives.cell(side, gone, "title") == title
    assert lives.alive(other(side)) == [twin]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("choice", list(OnDelete))
@lived
async def test_an_edit_before_the_delete_is_a_conflict_whatever_the_policy(side: Side, choice: OnDelete) -> None:
    lives, gone, twin = await paired(side, choice)
    lives.edit(other(side), twin, title="Chief")
    lives.delete(side, gone)
    await lives.rest()
    (hold,) = (await lives.holds()).iter_rows(named=True)
    assert hold["kind"] == "edited_and_deleted"
    assert "Chief" in hold["evidence"]
    assert lives.alive(side) == []
    assert lives.alive(other(side)) == [twin]


@lived
async def test_what_was_never_agreed_on_before_the_delete_is_a_conflict_too() -> None:
    """Both were only just known as one: what the one left holds would die with it."""
    lives = await Lives.begin(on_delete={"b": OnDelete.DELETE})
    cells = {"email": "p1@x.test", "last": "Last1"}
    left = lives.system("a").create("person", {**cells, "title": "Dean"}, HUMAN)
    gone = lives.system("b").create("human", {**cells, "title": "Old"}, HUMAN)
    world = lives.two.world
    for connector in world.connectors.values():
        connector._capabilities = POOR  # type: ignore[attr-defined]  # no history tells how a value came
    sync = await meet(world, lives.two.sync)
    units = units_of(sync, 1)
    observing = [unit for unit in units if unit.side and unit.object_type in ("person", "human")]
    await run_units(world, sync, [*observing, units[-2]], Turn(worker="one", cycle="c1"))
    assert (await lives.link("a", left))["link_id"] == (await lives.link("b", gone))["link_id"]
    lives.delete("b", gone)
    await lives.rest()
    assert lives.alive("a") == [left]
    (hold,) = (await lives.holds("edited_and_deleted")).iter_rows(named=True)
    assert "Dean" in hold["evidence"]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_an_edit_before_the_delete_that_is_read_after_it_is_a_conflict_too(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.DELETE)
    lives.edit(other(side), twin, title="Chief")
    lives.delete(side, gone)
    world, turn = lives.two.world, Turn(worker="one", cycle="c1")
    sync = await meet(world, lives.two.sync)
    observing = {unit.side: unit for unit in units_of(sync, 1) if unit.side and unit.object_type in ("person", "human")}
    identity, fields = units_of(sync, 1)[-2:]
    await run_units(world, sync, [observing[side], identity, observing[other(side)], fields], turn)
    (hold,) = (await lives.holds()).iter_rows(named=True)
    assert hold["kind"] == "edited_and_deleted"
    assert "Chief" in hold["evidence"]
    assert lives.alive(other(side)) == [twin]
    await resolve(world, sync, hold["hold_id"], Choice.DELETE)
    await lives.rest()
    assert lives.alive(other(side)) == [], "asked once: a person has decided"


async def told_nothing(side: Side) -> tuple[Lives, str, str]:
    """A pair as `paired`; a delete on *side* is followed, and no system tells when a field changed."""
    lives, gone, twin = await paired(side, OnDelete.DELETE)
    systems = {"left": lives.two.left, "right": lives.two.right}
    poor = {name: MemoryConnector(one, capabilities=POOR) for name, one in systems.items()}
    lives.two.world = replace(lives.two.world, connectors=poor)
    return lives, gone, twin


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_an_edit_that_may_have_been_made_before_the_delete_is_asked_about(side: Side) -> None:
    lives, gone, twin = await told_nothing(side)
    lives.edit(other(side), twin, title="Chief")
    lives.delete(side, gone)
    lives.edit(other(side), twin, phone="12")
    await lives.rest()
    (hold,) = (await lives.holds()).iter_rows(named=True)
    assert hold["kind"] == "edited_and_deleted"
    assert "Chief" in hold["evidence"]
    assert lives.alive(other(side)) == [twin]


@lived
async def test_an_edit_of_somebody_just_converted_is_asked_about() -> None:
    """No base is left of what the conversion changed."""
    lives, human, person = await told_nothing("b")
    member = convert(lives.two.left, person, HUMAN)
    lives.edit("a", member, title="Chief")
    lives.delete("b", human)
    await lives.rest()
    (hold,) = (await lives.holds()).iter_rows(named=True)
    assert hold["kind"] == "edited_and_deleted"
    assert "Chief" in hold["evidence"]
    assert lives.alive("a") == [member]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_an_undelete_lifts_the_tombstone_with_the_old_bases(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.UNLINK)
    lives.delete(side, gone)
    await lives.rest()
    lives.edit(other(side), twin, title="Chief")
    await lives.rest()
    undelete(lives.system(side), gone, HUMAN)
    await lives.rest()
    link = await lives.link(side, gone)
    assert (link["state"], link["role"]) == ("live", "current")
    assert lives.cell(side, gone, "title") == "Chief", "what was edited meanwhile flows: the base is the old one"
    assert await lives.conflicts("first_link") == []


@lived
async def test_an_undelete_takes_the_flag_back() -> None:
    lives, person, human = await paired("a", OnDelete.FLAG)
    lives.delete("a", person)
    await lives.rest()
    undelete(lives.two.left, person, HUMAN)
    await lives.rest()
    assert lives.cell("b", human, "status") == "false"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_undeleted_after_its_twin_was_deleted_only_a_person_makes_a_new_twin(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.DELETE)
    lives.delete(side, gone)
    await lives.rest()
    assert lives.is_gone(other(side), twin)
    undelete(lives.system(side), gone, HUMAN)
    lives.edit(side, gone, title="Back")
    await lives.rest()
    assert lives.alive(other(side)) == []
    await lives.push(gone)
    await lives.rest()
    (fresh,) = lives.alive(other(side))
    assert lives.cell(other(side), fresh, "title") == "Back"
    assert await lives.twin(side, gone) == fresh


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_push_makes_it_anew_through_the_tombstone(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.UNLINK)
    lives.delete(side, gone)
    await lives.rest()
    report = await lives.push(twin)
    assert report.sheets.outline()["kind"][0] == "create"
    await lives.rest()
    (fresh,) = lives.alive(side)
    assert lives.cell(side, fresh, "title") == "Boss"
    lives.edit(side, fresh, title="Chief")
    await lives.rest()
    assert lives.cell(other(side), twin, "title") == "Chief"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_both_deleted_is_quiet(side: Side) -> None:
    lives, gone, twin = await paired(side, OnDelete.RECREATE)
    lives.delete(side, gone)
    lives.delete(other(side), twin)
    await lives.rest()
    assert lives.alive("a") == lives.alive("b") == []
    assert (await lives.holds()).is_empty()
