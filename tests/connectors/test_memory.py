"""The reference connector tells what ends a record, and does what ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncline.connectors.memory import Fault, FaultyConnector, MemoryConnector, convert, merge, purge, undelete
from syncline.errors import OurBug
from syncline.records import DELETED, ID, Operation, Outcome, Page, Status, Write
from tests.support.memory_world import left_system
from tests.support.virtual import VirtualClock

FIELDS = ("first", "title", "member_id")


class Left:
    """The left system, an onlooker's cursor and a connector."""

    def __init__(self) -> None:
        self.system = left_system(VirtualClock())
        self.connector = FaultyConnector(self.system)
        self.cursor = "0"

    def person(self, **cells: str) -> str:
        return self.system.create("person", cells, "human")

    def changes(self, object_type: str = "person") -> Page:
        async def last() -> Page:
            return [page async for page in self.connector.read_changes(object_type, ("first", "title"), "0")][-1]

        return asyncio.run(last())

    def read(self, *ids: str) -> Page:
        return asyncio.run(self.connector.read_by_ids("person", FIELDS, ids))

    def write(self, operation: Operation, record_id: str, *others: str, **cells: str) -> Outcome:
        write = Write(operation=operation, object_type="person", cells=cells, record_id=record_id, others=others)
        return asyncio.run(self.connector.write([write])).outcomes[0]


def fates(page: Page) -> list[tuple[str, ...]]:
    assert page.fates is not None
    assert set(page.fates[ID]) <= set(page.rows[ID])  # every fate has a row
    return page.fates.select(ID, "fate", "heir_type", "heir_id").rows()


def deleted(page: Page) -> list[str]:
    return page.rows.filter(page.rows[DELETED])[ID].to_list()


def test_a_merge_deletes_the_loser_in_favour_of_the_winner() -> None:
    left = Left()
    winner, loser = left.person(first="Ann"), left.person(first="Anne", title="Dr")
    outcome = left.write(Operation.MERGE, winner, loser, first="Anna")
    assert (outcome.status, outcome.record_id) == (Status.WRITTEN, winner)
    assert fates(left.changes()) == [(loser, "merged", "person", winner)]
    assert fates(left.read(winner, loser)) == [(loser, "merged", "person", winner)]
    assert deleted(left.changes()) == [loser]
    assert left.system.rows[winner].now.cells["first"] == "Anna"
    assert left.system.rows[winner].now.cells["title"] == ""


def test_a_system_that_fills_blanks_fills_only_blanks() -> None:
    left = Left()
    left.system.merge_fills_blanks = True
    winner, loser = left.person(first="Ann"), left.person(first="Anne", title="Dr")
    merge(left.system, winner, [loser], "human")
    cells = left.system.rows[winner].now.cells
    assert (cells["first"], cells["title"]) == ("Ann", "Dr")


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE, Operation.MERGE, Operation.CONVERT])
def test_what_has_ended_cannot_be_written(operation: Operation) -> None:
    left = Left()
    winner, merged, converted = left.person(), left.person(), left.person()
    merge(left.system, winner, [merged], "human")
    convert(left.system, converted, "human")
    for ended in (merged, converted):
        outcome = left.write(operation, ended, *([winner] if operation is Operation.MERGE else []))
        assert (outcome.status, outcome.is_gone) == (Status.REJECTED, True)


def test_a_converted_record_lives_on_and_names_its_heir() -> None:
    left = Left()
    person = left.person(first="Ann", key="K1")
    outcome = left.write(Operation.CONVERT, person)
    heir = outcome.made["member"]
    page = left.changes()
    assert fates(page) == [(person, "converted", "member", heir)]
    assert deleted(page) == []
    found = asyncio.run(left.connector.find("person", FIELDS, "member_id", [heir]))
    assert fates(found) == [(person, "converted", "member", heir)]
    assert left.connector.capabilities("member").born_of == {"person": "member_id"}
    assert left.connector.capabilities("person").converts_into == "member"
    assert Operation.CONVERT not in left.connector.capabilities("member").operations
    assert left.system.rows[heir].now.cells["first"] == "Ann"
    assert left.system.rows[heir].now.cells["key"] == ""  # our key is not mapped


def test_a_conversion_into_an_existing_record_fills_its_blanks() -> None:
    left = Left()
    person = left.person(first="Ann", title="Dr")
    member = left.system.create("member", {"first": "Anna"}, "human")
    assert convert(left.system, person, "human", into_id=member) == member
    cells = left.system.rows[member].now.cells
    assert (cells["first"], cells["title"]) == ("Anna", "Dr")


def test_undeleted_a_loser_is_itself_again() -> None:
    left = Left()
    winner, loser = left.person(), left.person()
    merge(left.system, winner, [loser], "human")
    undelete(left.system, loser, "human")
    assert fates(left.changes()) == []
    assert deleted(left.changes()) == []


def test_a_purged_id_is_missing_everywhere() -> None:
    left = Left()
    person = left.person()
    left.write(Operation.DELETE, person)
    assert deleted(left.read(person)) == [person]
    purge(left.system, person)
    assert left.read(person).missing == (person,)
    assert left.changes().missing == (person,)
    assert left.changes().rows.is_empty()


def test_without_a_recycle_bin_a_deleted_row_has_no_cells() -> None:
    left = Left()
    left.connector.shows_deleted = False
    winner, loser = left.person(first="Ann"), left.person(first="Anne")
    merge(left.system, winner, [loser], "human")
    page = left.changes()
    assert fates(page) == [(loser, "merged", "person", winner)]
    assert page.rows.filter(page.rows[DELETED])["first"].to_list() == [None]
    assert left.read(winner, loser).missing == (loser,)


def test_a_lost_reply_merged_all_the_same() -> None:
    left = Left()
    winner, loser = left.person(), left.person()
    left.connector.next_writes = [Fault.LOST_REPLY]
    assert left.write(Operation.MERGE, winner, loser).status is Status.UNKNOWN
    assert fates(left.read(loser)) == [(loser, "merged", "person", winner)]


@pytest.mark.parametrize("others", [[], ["self"], ["1", "2", "3"]])
def test_a_merge_that_cannot_be_is_our_bug(others: Sequence[str]) -> None:
    left = Left()
    winner = left.person()
    ids = [winner if one == "self" else left.person() for one in others]
    with pytest.raises(OurBug):
        left.write(Operation.MERGE, winner, *ids)


def test_a_plain_connector_declares_what_it_does() -> None:
    able = MemoryConnector(left_system(VirtualClock())).capabilities("person")
    assert {Operation.MERGE, Operation.DELETE, Operation.CONVERT} <= able.operations
    assert able.losers_per_merge == 2
