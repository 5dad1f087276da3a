"""Merges and deletes in Marketo: as the activities tell them, and as the connector makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncline.errors import AccessError, OurBug, RateLimited
from syncline.records import Operation, Outcome, Page, Status, Write
from tests.support.marketo_world import World, deleted_of, ids_of, missing_of, pages_of, position, run

MERGES = "/merge.json"


def fates(pages: list[Page]) -> list[tuple[str, ...]]:
    told = []
    for page in pages:
        if page.fates is not None:
            assert set(page.fates["_id"]) <= set(page.rows["_id"])  # every fate has a row in its page
            told += page.fates.select("_id", "fate", "heir_type", "heir_id").rows()
    return told


def seeded(count: int = 3, **values: object) -> tuple[World, str]:
    world = World()
    world.seed(count, **values)
    return world, position(world)


def after(pages: list[Page]) -> str:
    return str(pages[-1].next_cursor)


def write(world: World, operation: Operation, record_id: int, *others: int, **cells: str) -> Outcome:
    wanted = Write(
        operation=operation,
        object_type="lead",
        record_id=str(record_id),
        others=tuple(str(one) for one in others),
        cells=cells,
    )
    return run(world.connector.write([wanted])).outcomes[0]


def updates(world: World) -> list[dict[str, Any]]:
    """The rows of every update that was sent."""
    bodies = [json.loads(request.body) for request in world.sent("/leads.json") if request.body[:1] == b"{"]
    return [row for body in bodies for row in body["input"]]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_a_loser_is_a_deleted_row_with_its_heir_and_the_winner_is_read():
    world, cursor = seeded()
    world.merge(1, 2, 3)
    world.clock.advance(30)
    pages = pages_of(world, cursor)
    assert fates(pages) == [("2", "merged", "lead", "1"), ("3", "merged", "lead", "1")]
    assert deleted_of(pages) == ["2", "3"]
    assert "1" in ids_of(pages)
    assert missing_of(pages) == []
    (fate, _) = pages[-1].fates.iter_rows(named=True)  # type: ignore[union-attr]
    assert fate["at_us"] // 1_000_000 == int(world.clock.now().timestamp()) - 30
    again = pages_of(world, after(pages))
    assert (fates(again), deleted_of(again)) == ([], [])


def test_a_merge_so_young_that_it_is_read_twice_is_told_once():
    world, cursor = seeded()
    world.merge(1, 2)
    world.clock.advance(2)
    pages = pages_of(world, cursor)
    assert fates(pages) == [("2", "merged", "lead", "1")]
    world.clock.advance(30)
    assert fates(pages_of(world, after(pages))) == []


def test_a_chain_of_merges_names_an_heir_that_is_there():
    world, cursor = seeded()
    world.merge(2, 3)
    world.merge(1, 2)
    world.clock.advance(30)
    told = {loser: heir for loser, _, _, heir in fates(pages_of(world, cursor))}
    end = told["3"]
    while end in told:
        end = told[end]
    assert (end, told["2"]) == ("1", "1")


def test_a_deletion_told_of_a_loser_is_a_merge():
    world, cursor = seeded()
    world.control("POST", "settings", {"merged_people_in_deleted_leads": True})
    world.merge(1, 2)
    world.clock.advance(400)
    pages = pages_of(world, cursor)
    assert fates(pages) == [("2", "merged", "lead", "1")]
    pages = pages_of(world, after(pages))
    assert (fates(pages), deleted_of(pages), missing_of(pages)) == ([], [], [])


def test_a_merge_told_after_the_deletion_is_still_a_merge():
    world, cursor = seeded()
    world.remove(2)
    world.clock.advance(30)
    early = pages_of(world, cursor)
    assert (fates(early), deleted_of(early), missing_of(early)) == ([], [], ["2"])
    at = int(world.clock.now().timestamp())
    world.clock.advance(290)
    heard = json.loads(after(early)) | {"merged": {"2": [at, "1"]}}  # an activity that became readable only now
    assert fates(pages_of(world, json.dumps(heard))) == [("2", "merged", "lead", "1")]


def test_a_plain_delete_is_not_taken_for_a_merge():
    world, cursor = seeded()
    world.merge(1, 2)
    world.remove(3)
    world.clock.advance(400)
    pages = pages_of(world, cursor)
    assert fates(pages) == [("2", "merged", "lead", "1")]
    assert set(deleted_of(pages)) == {"2", "3"}


def test_what_a_run_that_died_had_not_stored_is_decided_again():
    """The page of the missing comes before the page of the proven: its cursor must not skip them."""
    world, cursor = seeded()
    world.remove(3)
    world.clock.advance(400)
    world.merge(1, 2)
    world.remove(1)
    world.clock.advance(10)
    pages = pages_of(world, cursor)
    stored = next(page.next_cursor for page in pages if page.missing)
    again = pages_of(world, str(stored))
    assert (fates(again), set(deleted_of(again))) == (fates(pages), set(deleted_of(pages)))
    assert fates(again) == [("2", "merged", "lead", "1")]


# -- merging ---------------------------------------------------------------------------------------------------------


def test_a_merge_is_sent_first_and_then_the_winners_values():
    world, _ = seeded(2, title="Dr")
    assert write(world, Operation.MERGE, 1, 2, lastName="Both", title="") == Outcome(
        status=Status.WRITTEN, record_id="1"
    )
    (sent,) = world.sent(MERGES)
    assert (sent.method, sent.url.partition("?")[2]) == ("POST", "leadIds=2")
    assert world.stored(1, 2, fields=["lastName", "title"]) == [{"id": 1, "lastName": "Both", "title": None}]


def test_values_that_the_merge_itself_brings_are_not_written_again():
    """An update that arrives minutes late would go over what somebody entered meanwhile."""
    world, _ = seeded(2)
    world.edit({"id": 2, "title": "Dr"})
    assert write(world, Operation.MERGE, 1, 2, title="Dr").status is Status.WRITTEN
    assert world.stored(1, fields=["title"]) == [{"id": 1, "title": "Dr"}]
    assert updates(world) == []


def test_values_that_it_does_not_bring_are():
    world, _ = seeded(2)
    world.edit({"id": 2, "title": "Dr"})
    assert write(world, Operation.MERGE, 1, 2, title="Dr", lastName="Both").status is Status.WRITTEN
    assert updates(world) == [{"id": 1, "lastName": "Both"}]


def test_all_values_are_written_where_the_winner_cannot_be_read():
    world, _ = seeded(2)
    world.edit({"id": 2, "title": "Dr"})
    world.fault("error_code", "GET /rest/v1/leads.json", code=1003)
    assert write(world, Operation.MERGE, 1, 2, title="Dr").status is Status.WRITTEN
    assert updates(world) == [{"id": 1, "title": "Dr"}]


def test_a_merge_of_ours_is_known_before_any_activity():
    world, cursor = seeded(3)
    write(world, Operation.MERGE, 1, 2)
    page = run(world.connector.read_by_ids("lead", ["lastName"], ["1", "2", "99"]))
    assert fates([page]) == [("2", "merged", "lead", "1")]
    assert (deleted_of([page]), page.missing) == (["2"], ("99",))
    world.clock.advance(30)
    assert fates(pages_of(world, cursor)) == [("2", "merged", "lead", "1")]


LOST: dict[str, dict[str, Any]] = {
    "lost_reply": {},
    "timeout": {"processed": True},
    "server_error": {"processed": True},
    "error_code": {"processed": True, "code": 604},
}


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_a_merge_is_unknown_and_not_repeated(fault: str):
    world, _ = seeded(2)
    world.fault(fault, MERGES, **LOST[fault])
    assert write(world, Operation.MERGE, 1, 2, lastName="Both").status is Status.UNKNOWN
    assert len(world.sent(MERGES)) == 1
    assert [row["id"] for row in world.stored(1, 2)] == [1]  # it had been carried out


def test_a_lost_answer_to_the_values_is_unknown_too():
    world, _ = seeded(2)
    world.fault("lost_reply", "POST /rest/v1/leads.json$")
    assert write(world, Operation.MERGE, 1, 2, lastName="Both").status is Status.UNKNOWN
    assert world.stored(1, 2, fields=["lastName"]) == [{"id": 1, "lastName": "Both"}]


def test_a_merge_whose_values_are_refused_is_made_and_says_what_was_refused():
    world, _ = seeded(2)
    outcome = write(world, Operation.MERGE, 1, 2, numberOfEmployees="many")
    assert (outcome.status, outcome.fields) == (Status.WRITTEN, ("numberOfEmployees",))
    assert outcome.code


def test_a_merge_with_somebody_gone_is_refused_and_changes_nothing():
    world, _ = seeded(2)
    outcome = write(world, Operation.MERGE, 1, 2, 99)
    assert (outcome.status, outcome.code, outcome.is_gone) == (Status.REJECTED, "1004", True)
    assert len(world.stored(1, 2)) == 2


@pytest.mark.parametrize("others", [(), (1,), (2, 2), tuple(range(2, 28))])
def test_a_merge_that_cannot_be_is_our_bug(others: tuple[int, ...]):
    world, _ = seeded(2)
    with pytest.raises(OurBug):
        write(world, Operation.MERGE, 1, *others)
    assert not world.sent(MERGES)


def test_a_merge_refused_for_the_rate_is_raised_and_one_after_another_stays_unsent():
    world, _ = seeded(4)
    world.fault("error_code", MERGES, code=606, message="Max rate limit")
    with pytest.raises(RateLimited):
        write(world, Operation.MERGE, 1, 2)
    world.fault("error_code", MERGES, after=1, code=606, message="Max rate limit")
    merges = [
        Write(operation=Operation.MERGE, object_type="lead", cells={}, record_id=one, others=(other,))
        for one, other in (("1", "2"), ("3", "4"))
    ]
    states = [(out.status, out.is_permanent) for out in run(world.connector.write(merges)).outcomes]
    assert states == [(Status.WRITTEN, True), (Status.REJECTED, False)]


def test_a_merge_without_the_right_is_an_access_error():
    world, _ = seeded(2)
    world.fault("error_code", MERGES, code=603, message="Access denied")
    with pytest.raises(AccessError):
        write(world, Operation.MERGE, 1, 2)


# -- deleting --------------------------------------------------------------------------------------------------------


def test_people_are_deleted_300_a_call_and_who_is_gone_says_so():
    world = World()
    world.seed(301)
    deletes = [
        Write(operation=Operation.DELETE, object_type="lead", cells={}, record_id=str(number))
        for number in [*range(1, 302), 999]
    ]
    outcomes = run(world.connector.write(deletes)).outcomes
    assert [outcome.status for outcome in outcomes] == [Status.WRITTEN] * 301 + [Status.REJECTED]
    assert (outcomes[-1].is_gone, outcomes[0].record_id) == (True, "1")
    sent = world.sent("/leads/delete.json")
    assert [len(json.loads(request.body)["input"]) for request in sent] == [300, 2]
    assert world.stored(1, 301) == []


def test_a_lost_answer_to_a_delete_is_unknown():
    world, _ = seeded(1)
    world.fault("lost_reply", "/leads/delete.json")
    assert write(world, Operation.DELETE, 1).status is Status.UNKNOWN


def test_the_capabilities_say_so():
    able = World().connector.capabilities("lead")
    assert {Operation.MERGE, Operation.DELETE} <= able.operations
    assert Operation.CONVERT not in able.operations
    assert able.losers_per_merge == 25
    assert able.shared_fields["unsubscribed"] == "email"
