"""Two persons are one: merges and conversions carried to the other side, once, with nothing lost silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory import convert, purge, undelete
from syncline.engine.inbox import retry
from syncline.errors import Later
from syncline.ports import Lane
from syncline.records import Operation, Outcome, Side, Status, Write, WriteAnswer, other
from syncline.spec.model import OnDelete, OnMerge
from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived

SIDES: list[Side] = ["a", "b"]


async def pairs(lives: Lives, side: Side, count: int, **cells: str) -> list[tuple[str, str]]:
    """Pairs as (record of *side*, its twin)."""
    made = await lives.pairs(count, **cells)
    return made if side == "a" else [(b, a) for a, b in made]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_merge_is_done_on_the_other_side_as_well(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.alive(side) == [winner]
    assert lives.alive(far) == [its_twin]
    assert await lives.twin(side, winner) == its_twin
    for where, record in ((side, loser), (far, lost_twin)):
        link = await lives.link(where, record)
        assert link["role"] == "alias"
        assert link["link_id"] == (await lives.link(side, winner))["link_id"]
    lives.edit(far, its_twin, title="Chief")
    await lives.rest()
    assert lives.cell(side, winner, "title") == "Chief"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_scores_are_summed_wherever_three_are_merged_and_a_repeat_adds_nothing(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    made = await pairs(lives, side, 3, phone="10")
    lives.merge(side, made[0][0], made[1][0], made[2][0])
    await lives.rest()
    assert lives.cell(far, made[0][1], "phone") == lives.cell(side, made[0][0], "phone") == "30"
    await lives.rest()
    assert lives.cell(far, made[0][1], "phone") == "30"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_blank_of_the_winner_takes_the_losers_value(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, _) = await pairs(lives, side, 2)
    lives.edit(side, loser, title="Boss")
    await lives.rest()
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.cell(far, its_twin, "title") == lives.cell(side, winner, "title") == "Boss"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_blank_that_was_filled_before_the_merge_could_be_sent_is_none(side: Side) -> None:
    """What the merge was to write there was made for another record than it meets."""
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, _) = await pairs(lives, side, 2)
    lives.edit(side, loser, title="Boss")
    await lives.rest()
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    carry_out = connector.write_one

    def is_closed(write: Write) -> Outcome:
        if write.operation is not Operation.MERGE:
            done: Outcome = carry_out(write)
            return done
        connector.write_one = carry_out
        lives.edit(far, its_twin, title="Newer")
        raise Later("closed for now", code="SYN-999")

    connector.write_one = is_closed
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.cell(far, its_twin, "title") == lives.cell(side, winner, "title") == "Newer"
    assert "Boss" in [row[f"value_{far}"] for row in await lives.conflicts("merged_away")]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_an_opt_out_of_the_loser_protects_the_winner(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, _) = await pairs(lives, side, 2, opt_out="false")
    lives.edit(side, loser, opt_out="true")
    await lives.rest()
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.cell(far, its_twin, "opt_out") == lives.cell(side, winner, "opt_out") == "true"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_values_that_nobody_holds_afterwards_are_in_the_conflict_log(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, _), (loser, lost_twin) = await pairs(lives, side, 2, title="Boss")
    lives.edit(far, lost_twin, title="Waiting")
    lives.merge(side, winner, loser)
    await lives.rest()
    rows = {row["mapping"]: row for row in await lives.conflicts("merged_away")}
    assert rows["title"][f"value_{far}"] == "Waiting"
    assert rows["title"][f"value_{side}"] == "Boss"
    assert "though it had changed" in rows["title"]["reason"]
    assert "though" not in rows["last_name"]["reason"]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_what_the_heir_of_a_twin_held_that_ended_meanwhile_is_logged_as_well(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin), (third, heir) = await pairs(lives, side, 3, title="Boss")
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    carry_out = connector.write_one

    def is_late(_: Write) -> Outcome:
        connector.write_one = carry_out
        lives.merge(far, heir, lost_twin)
        raise Later("closed for now", code="SYN-999")

    connector.write_one = is_late
    lives.edit(far, heir, title="Waiting")
    lives.merge(side, third, loser)
    lives.merge(side, winner, third)
    await lives.rest()
    assert lives.alive(far) == [its_twin]
    assert "Waiting" in [row[f"value_{far}"] for row in await lives.conflicts("merged_away")]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_what_is_read_of_a_twin_while_its_merge_is_on_its_way_is_logged(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2, title="Boss")
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    carry_out = connector.write_one

    def is_late(write: Write) -> Outcome:
        connector.write_one = carry_out
        lives.edit(far, lost_twin, title="Waiting")
        return Outcome(status=Status.UNKNOWN, record_id=write.record_id)

    connector.write_one = is_late
    lives.merge(side, winner, loser)
    await lives.run()
    assert len(lives.alive(far)) == 2
    lives.merge(far, its_twin, lost_twin)
    await lives.rest()
    assert lives.alive(far) == [its_twin]
    assert "Waiting" in [row[f"value_{far}"] for row in await lives.conflicts("merged_away")]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_the_losers_twin_is_deleted_already_local_only(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.delete(far, lost_twin)
    lives.merge(side, winner, loser)
    await lives.rest()
    assert await lives.twin(side, winner) == its_twin
    assert lives.alive(far) == [its_twin]
    assert (await lives.store.rows(Table.MERGER))["state"].to_list() == ["local"]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_the_winners_twin_is_deleted_the_losers_stays_the_person(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2, title="Boss")
    lives.delete(far, its_twin)
    await lives.rest()
    lives.merge(side, winner, loser)
    await lives.rest()
    assert await lives.twin(side, winner) == lost_twin
    lives.edit(side, winner, title="Chief")
    await lives.rest()
    assert lives.cell(far, lost_twin, "title") == "Chief"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_merged_on_both_sides_the_other_way_round_is_one_pair(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (one, one_twin), (two, two_twin) = await pairs(lives, side, 2)
    lives.merge(side, one, two)
    lives.merge(far, two_twin, one_twin)
    await lives.rest()
    assert await lives.twin(side, one) == two_twin
    assert (lives.alive(side), lives.alive(far)) == ([one], [two_twin])


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_hold_leaves_both_until_a_person_decides(side: Side) -> None:
    lives, far = await Lives.begin(on_merge=OnMerge.HOLD), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.alive(far) == sorted([its_twin, lost_twin])
    assert (await lives.holds())["kind"].to_list() == ["merge"]


@lived
async def test_a_person_converted_into_a_member_that_is_linked_is_one_person() -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(1, phone="10", title="Boss")
    member, its_human = await lives.pair(2, kind="member", phone="5")
    convert(lives.two.left, person, HUMAN, into_id=member)
    await lives.rest()
    assert lives.alive("b") == [its_human]
    assert await lives.twin("a", member) == its_human
    assert lives.cell("b", its_human, "phone") == lives.cell("a", member, "phone") == "15"
    assert lives.cell("b", its_human, "title") == "Boss"
    assert (await lives.link("a", person))["role"] == (await lives.link("b", human))["role"] == "alias"


@pytest.mark.parametrize("winner_is_member", [True, False])
@lived
async def test_person_and_member_merged_on_b_the_person_is_converted_and_the_member_survives(
    winner_is_member: bool,
) -> None:
    lives = await Lives.begin()
    person, human = await lives.pair(1, phone="10")
    member, its_human = await lives.pair(2, kind="member", phone="5", title="Boss")
    winner, loser = (its_human, human) if winner_is_member else (human, its_human)
    lives.merge("b", winner, loser)
    await lives.rest()
    assert lives.alive("a") == [member]
    assert lives.two.left.rows[person].now.heir is not None
    assert await lives.twin("b", winner) == member
    assert lives.cell("a", member, "phone") == lives.cell("b", winner, "phone") == "15"
    assert lives.cell("a", member, "title") == lives.cell("b", winner, "title") == "Boss"
    assert lives.alive("b") == [winner]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_refused_merge_is_a_dead_letter_and_is_retried(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    carry_out = connector.write_one
    connector.write_one = lambda write: Outcome(
        status=Status.REJECTED, record_id=write.record_id, code="DUPLICATES", message="a rule says no"
    )
    lives.merge(side, winner, loser)
    await lives.rest()
    (letter,) = (await lives.store.rows(Table.DEAD_LETTER)).iter_rows(named=True)
    assert (letter["operation"], letter["message"]) == ("merge", "a rule says no")
    assert (await lives.link(side, loser))["state"] == "live"
    assert lives.alive(far) == sorted([its_twin, lost_twin])
    connector.write_one = carry_out
    await retry(lives.two.world, lives.two.sync, None)
    await lives.rest()
    assert lives.alive(far) == [its_twin]
    assert (await lives.store.rows(Table.DEAD_LETTER))["state"].to_list() == ["resolved"]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_a_merged_record_that_is_undeleted_is_a_stranger_again(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, _) = await pairs(lives, side, 2)
    lives.merge(side, winner, loser)
    await lives.rest()
    undelete(lives.system(side), loser, HUMAN)
    await lives.rest()
    assert await lives.twin(side, winner) == its_twin
    assert len(lives.alive(far)) == (2 if side == "a" else 1), "side a creates on b, as with anybody new"


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_nothing_is_sent_to_a_record_that_is_gone_without_a_word(side: Side) -> None:
    lives, far = await Lives.begin(on_delete={side: OnDelete.UNLINK, other(side): OnDelete.HOLD}), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2)
    purge(lives.system(far), its_twin)
    await lives.rest()
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    carry_out = connector.write_one
    asked: list[Write] = []

    def noted(write: Write) -> Outcome:
        asked.append(write)
        found: Outcome = carry_out(write)
        return found

    connector.write_one = noted
    lives.merge(side, winner, loser)
    await lives.rest()
    await lives.rest()
    assert [one for one in asked if its_twin in (one.record_id, *one.others)] == []
    assert lives.alive(far) == [lost_twin]
    assert (await lives.store.rows(Table.MERGER))["state"].to_list() == ["due"]


@lived
async def test_what_the_loser_held_in_a_field_that_may_not_be_written_is_logged() -> None:
    """The winner's blank cannot take it there, and the winner on the other side holds something else by now."""
    lives = await Lives.begin()
    (winner, its_twin), (loser, _) = await pairs(lives, "a", 2, title="Dean")
    lives.edit("b", its_twin, title="")
    await lives.rest()
    connector = lives.two.right
    granted = connector.schemas["human"]
    locked = replace(granted.fields["title"], is_updateable=False)
    connector.schemas["human"] = replace(granted, fields={**granted.fields, "title": locked})
    lives.edit("a", winner, title="Chief")
    lives.merge("a", winner, loser)
    await lives.rest()
    assert lives.cell("b", its_twin, "title") == ""
    assert "Dean" in [row["value_b"] for row in await lives.conflicts("merged_away")]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_what_a_merge_was_to_carry_over_and_did_not_is_logged(side: Side) -> None:
    """Somebody fills the winner's blank before the merge arrives there: the vendor drops what the loser held."""
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, lost_twin) = await pairs(lives, side, 2, title="Boss")
    lives.edit(side, winner, title="")
    await lives.rest()
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    carry_out = connector.write_one

    def is_late(write: Write) -> Outcome:
        connector.write_one = carry_out
        lives.edit(far, its_twin, title="Chief")
        return Outcome(status=Status.UNKNOWN, record_id=write.record_id)

    connector.write_one = is_late
    lives.edit(side, loser, title="")
    lives.edit(side, loser, title="Boss")
    lives.merge(side, winner, loser)
    await lives.run()
    assert len(lives.alive(far)) == 2
    lives.merge(far, its_twin, lost_twin)
    await lives.rest()
    assert lives.alive(far) == [its_twin]
    assert lives.cell(far, its_twin, "title") == "Chief"
    assert "Boss" in [row[f"value_{far}"] for row in await lives.conflicts("merged_away")]


@pytest.mark.parametrize("side", SIDES)
@lived
async def test_two_processes_that_see_the_same_merge_done_unite_the_links_once(side: Side) -> None:
    lives, far = await Lives.begin(), other(side)
    (winner, its_twin), (loser, _) = await pairs(lives, side, 2)
    connector: Any = lives.two.world.connectors["left" if far == "a" else "right"]
    passing = connector.write

    async def write(writes: Sequence[Write], *, lane: Lane) -> WriteAnswer:
        connector.write = passing
        answer: WriteAnswer = await passing(writes, lane=lane)
        await lives.run()
        return answer

    connector.write = write
    lives.merge(side, winner, loser)
    await lives.rest()
    assert lives.alive(far) == [its_twin]
    assert await lives.twin(side, winner) == its_twin
