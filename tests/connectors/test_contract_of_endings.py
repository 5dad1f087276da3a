"""What every connector promises of records that end: the same tests over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from syncline.errors import OurBug
from syncline.records import DELETED, ID, ConvertOption, Operation, Outcome, Page, Status, Write
from tests.support.grounds import GROUNDS, Ground

T = TypeVar("T")
EVERYWHERE = pytest.mark.parametrize("ground", GROUNDS, ids=lambda kind: kind.__name__, indirect=True)
CONVERTING = pytest.mark.parametrize(
    "ground", [kind for kind in GROUNDS if kind.heir_type], ids=lambda kind: kind.__name__, indirect=True
)


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Ground:
    made: Ground = request.param()
    return made


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def read_all(ground: Ground) -> list[Page]:
    async def pages() -> list[Page]:
        return [page async for page in ground.connector.read_all(ground.object_type, [ground.text])]

    return run(pages())


def changes(ground: Ground, cursor: str) -> list[Page]:
    async def pages() -> list[Page]:
        return [page async for page in ground.connector.read_changes(ground.object_type, [ground.text], cursor)]

    return run(pages())


def by_ids(ground: Ground, *ids: str) -> Page:
    return run(ground.connector.read_by_ids(ground.object_type, [ground.text], ids))


def position(ground: Ground) -> str:
    cursor = str(read_all(ground)[-1].next_cursor)
    ground.wait(900)
    return cursor


def fates(pages: list[Page]) -> dict[str, tuple[str, str, str]]:
    """Id -> fate, heir's type and id. Every fate has a row in its page, and at most one fate a row."""
    told: dict[str, tuple[str, str, str]] = {}
    for page in pages:
        if page.fates is None:
            continue
        assert set(page.fates[ID]) <= set(page.rows[ID])
        assert page.fates[ID].is_unique().all()
        told |= {row[0]: row[1:] for row in page.fates.select(ID, "fate", "heir_type", "heir_id").iter_rows()}
    return told


def deleted(pages: list[Page]) -> set[str]:
    return {one for page in pages for one in page.rows.filter(page.rows[DELETED])[ID]}


def write(ground: Ground, operation: Operation, record_id: str, *others: str, **more: Any) -> Outcome:
    wanted = Write(
        operation=operation,
        object_type=ground.object_type,
        record_id=record_id,
        others=others,
        cells=more.get("cells", {}),
        options=more.get("options", {}),
    )
    return run(ground.connector.write([wanted])).outcomes[0]


def text_of(ground: Ground, record_id: str) -> str | None:
    cells: list[str | None] = by_ids(ground, record_id).rows[ground.text].to_list()
    return cells[0]


# -- reading ---------------------------------------------------------------------------------------------------------


@EVERYWHERE
def test_a_merge_and_a_delete_are_told_apart(ground: Ground) -> None:
    winner, loser, gone, kept = ground.seed(4)
    cursor = position(ground)
    ground.merge(winner, loser)
    ground.delete(gone)
    ground.wait(400)
    pages = changes(ground, cursor)
    assert fates(pages) == {loser: ("merged", ground.object_type, winner)}
    assert deleted(pages) == {loser, gone}
    assert not {winner, kept} & deleted(pages)


@EVERYWHERE
def test_by_id_what_ended_is_a_deleted_row_or_missing(ground: Ground) -> None:
    winner, loser, gone, kept = ground.seed(4)
    ground.merge(winner, loser)
    ground.delete(gone)
    ground.wait(400)
    page = by_ids(ground, winner, loser, gone, kept)
    assert deleted([page]) | set(page.missing) == {loser, gone}
    assert not deleted([page]) & set(page.missing)
    assert set(page.rows[ID]) | set(page.missing) == {winner, loser, gone, kept}
    assert fates([page]).keys() == deleted([page]) & {loser}


@EVERYWHERE
def test_a_first_read_leaves_out_who_was_merged_or_deleted(ground: Ground) -> None:
    winner, loser, gone = ground.seed(3)
    ground.merge(winner, loser)
    ground.delete(gone)
    ground.wait(400)
    pages = read_all(ground)
    assert (fates(pages), deleted(pages)) == ({}, set())
    assert {one for page in pages for one in page.rows[ID]} == {winner}


@EVERYWHERE
def test_from_every_cursor_on_the_way_nothing_is_lost(ground: Ground) -> None:
    winner, loser, gone, *others = ground.seed(9)
    cursor = position(ground)
    ground.merge(winner, loser)
    ground.delete(gone)
    ground.wait(400)
    ground.merge(others[0], others[1])
    ground.delete(others[2])
    ground.wait(5)
    ended = {loser, gone, others[1], others[2]}
    pages = changes(ground, cursor)
    for at, page in enumerate(pages):
        if page.next_cursor is None:
            continue
        ground.wait(400)
        resumed = changes(ground, page.next_cursor)  # ends what had been begun; what was too young then comes next
        seen = [*pages[: at + 1], *resumed, *changes(ground, str(resumed[-1].next_cursor))]
        assert deleted(seen) == ended
        assert fates(seen).keys() == {loser, others[1]}


@CONVERTING
def test_a_converted_record_lives_and_names_its_heir(ground: Ground) -> None:
    (lead,) = ground.seed(1)
    cursor = position(ground)
    heir = ground.convert(lead)
    ground.wait(60)
    told = {lead: ("converted", str(ground.heir_type), heir)}
    assert fates(changes(ground, cursor)) == told
    assert fates([by_ids(ground, lead)]) == told
    assert fates(read_all(ground)) == told
    assert deleted(changes(ground, cursor)) == set()
    facts = ground.connector.capabilities(str(ground.heir_type))
    found = ground.connector.find(ground.object_type, [ground.text], facts.born_of[ground.object_type], [heir])
    assert fates([run(found)]) == told
    assert ground.connector.capabilities(ground.object_type).converts_into == ground.heir_type


# -- writing ---------------------------------------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize("wanted", ["New", ""])
def test_a_merge_ends_the_loser_and_the_winner_holds_what_was_asked(ground: Ground, wanted: str) -> None:
    winner, loser, _ = ground.seed(3)
    cursor = position(ground)
    outcome = write(ground, Operation.MERGE, winner, loser, cells={ground.text: wanted})
    assert (outcome.status, outcome.record_id) == (Status.WRITTEN, winner)
    ground.wait(400)
    assert fates(changes(ground, cursor)) == {loser: ("merged", ground.object_type, winner)}
    assert text_of(ground, winner) == wanted


@EVERYWHERE
@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE, Operation.MERGE])
def test_what_has_ended_refuses_every_write_as_gone(ground: Ground, operation: Operation) -> None:
    winner, loser, gone = ground.seed(3)
    ground.merge(winner, loser)
    ground.delete(gone)
    ground.wait(400)
    for ended in (loser, gone):
        others = [winner] if operation is Operation.MERGE else []
        outcome = write(ground, operation, ended, *others, cells={ground.text: "x"} if not others else {})
        assert (outcome.status, outcome.is_gone) == (Status.REJECTED, True)
    assert text_of(ground, winner) == "Old"


@EVERYWHERE
def test_a_merge_with_a_loser_that_is_gone_changes_nothing(ground: Ground) -> None:
    winner, loser, gone = ground.seed(3)
    ground.delete(gone)
    outcome = write(ground, Operation.MERGE, winner, loser, gone, cells={ground.text: "New"})
    assert (outcome.status, outcome.is_gone) == (Status.REJECTED, True)
    assert by_ids(ground, winner, loser).rows[ground.text].to_list() == ["Old", "Old"]


@EVERYWHERE
def test_a_delete_is_told_as_a_delete_without_an_heir(ground: Ground) -> None:
    (gone, _) = ground.seed(2)
    cursor = position(ground)
    assert write(ground, Operation.DELETE, gone).status is Status.WRITTEN
    ground.wait(400)
    pages = changes(ground, cursor)
    assert (deleted(pages), fates(pages)) == ({gone}, {})


@EVERYWHERE
@pytest.mark.parametrize("operation", [Operation.MERGE, Operation.DELETE])
def test_a_lost_answer_is_unknown_and_what_happened_is_read(ground: Ground, operation: Operation) -> None:
    winner, loser, _ = ground.seed(3)
    cursor = position(ground)
    ground.lose_next_reply()
    ids = (winner, loser) if operation is Operation.MERGE else (loser,)
    assert write(ground, operation, *ids).status is Status.UNKNOWN
    ground.wait(400)
    pages = changes(ground, cursor)
    assert deleted(pages) == {loser}
    assert set(fates(pages)) == ({loser} if operation is Operation.MERGE else set())


@CONVERTING
def test_a_conversion_says_what_it_made_and_may_end_in_a_record_that_is_there(ground: Ground) -> None:
    first, second, third = ground.seed(3)
    made = write(ground, Operation.CONVERT, first).made
    heir = made[str(ground.heir_type)]
    into = {ConvertOption.CONTACT: heir} | ({ConvertOption.ACCOUNT: made["Account"]} if "Account" in made else {})
    again = write(ground, Operation.CONVERT, second, options=into)
    assert again.made[str(ground.heir_type)] == heir
    ground.wait(60)
    assert {heir for _, _, heir in fates([by_ids(ground, first, second, third)]).values()} == {heir}
    refused = write(ground, Operation.CONVERT, first)
    assert (refused.status, refused.is_gone) == (Status.REJECTED, True)


@EVERYWHERE
def test_more_losers_than_one_merge_takes_are_our_bug(ground: Ground) -> None:
    most = ground.connector.capabilities(ground.object_type).losers_per_merge
    winner, *losers = ground.seed(most + 2)
    with pytest.raises(OurBug):
        write(ground, Operation.MERGE, winner, *losers)
    assert write(ground, Operation.MERGE, winner, *losers[:most]).status is Status.WRITTEN
