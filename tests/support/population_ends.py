"""What ends people's records in a population: merges, conversions, deletes, undeletes, purges; and e-mails swapped.

Lives here: the deeds, done by people in the two systems. Not here: how often they happen and what else people do
(`population`), what must hold afterwards (`ending_laws`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from syncline.connectors.memory import convert, merge, purge, undelete
from syncline.records import Side
from syncline.spec.model import AT_DELETED, Direction, End, FieldMap, OnDelete, Policy, Sync
from syncline.values import FieldType
from tests.support.memory_life import filtered_people_of_two_types

if TYPE_CHECKING:
    from tests.support.population import Person, Population

DELETE_POLICIES: tuple[dict[Side, OnDelete], ...] = (
    {"a": OnDelete.FLAG, "b": OnDelete.UNLINK},  # as recommended
    {"a": OnDelete.FLAG, "b": OnDelete.RECREATE},  # as native
    {"a": OnDelete.DELETE, "b": OnDelete.HOLD},
)


def lively_people(on_delete: dict[Side, OnDelete]) -> Sync:
    """Persons and members against humans, filtered on side a; side b is told who was deleted."""
    sync = filtered_people_of_two_types()
    gone = End(inputs=(AT_DELETED,), field=None, type=FieldType.BOOLEAN)
    fact = FieldMap(
        key="gone",
        a=dict.fromkeys(sync.a.object_types, gone),
        b={"human": End(inputs=("status",), field="status")},
        direction=Direction.A_TO_B,
        policies={"*": Policy.A},
    )
    return replace(sync, fields=(*sync.fields, fact), on_delete=on_delete)


def merge_two(population: Population, person: Person) -> None:
    """Two records of one type become one; the winner keeps its values."""
    side: Side = "a" if person.luck.random() < 0.7 else "b"
    records = population.records(person, side)
    if len(records) < 2:
        return
    winner, loser = person.luck.sample(records, 2)
    system = population.life.systems[side]
    if system.rows[winner].object_type != system.rows[loser].object_type:
        return
    merge(system, winner, [loser], "human")
    population.tell(person, f"{side} {loser} is merged into {winner}")


def become_member(population: Population, person: Person) -> None:
    """A person on side a becomes a member: a new one, or one there is."""
    system = population.life.systems["a"]
    records = population.records(person, "a")
    people = [one for one in records if system.rows[one].object_type in system.conversions]
    members = [one for one in records if one not in people]
    takes_old = person.luck.random() < 0.5
    if not people:
        return
    source = person.luck.choice(people)
    into = person.luck.choice(members) if members and takes_old else None
    made = convert(system, source, "human", into_id=into)
    if made not in person.ids["a"]:
        person.ids["a"].append(made)
    population.tell(person, f"a {source} is converted into {'' if into else 'the new '}{made}")


def delete_one(population: Population, person: Person) -> None:
    side: Side = "a" if person.luck.random() < 0.5 else "b"
    if records := population.records(person, side):
        record_id = person.luck.choice(records)
        population.life.systems[side].delete(record_id, "human")
        population.tell(person, f"{side} {record_id} is deleted")


def _bin(population: Population, person: Person, side: Side) -> list[str]:
    """The person's records that lie in a side's recycle bin."""
    rows = population.life.systems[side].rows
    own = population.ever(person, side)
    return [one for one in own if rows[one].now.is_deleted and not rows[one].now.is_purged]


def undelete_one(population: Population, person: Person) -> None:
    """A deleted or merged record comes back."""
    side: Side = "a" if person.luck.random() < 0.5 else "b"
    if records := _bin(population, person, side):
        record_id = person.luck.choice(records)
        undelete(population.life.systems[side], record_id, "human")
        population.tell(person, f"{side} {record_id} is undeleted")


def purge_one(population: Population, person: Person) -> None:
    """A record in the recycle bin is gone for good."""
    side: Side = "a" if person.luck.random() < 0.5 else "b"
    if records := _bin(population, person, side):
        record_id = person.luck.choice(records)
        purge(population.life.systems[side], record_id)
        population.tell(person, f"{side} {record_id} is purged")


def swap_emails(population: Population, person: Person) -> None:
    """Two people's records exchange their e-mails, one after the other: the person and the neighbour."""
    neighbour = population.neighbour(person)
    side: Side = "a" if person.luck.random() < 0.5 else "b"
    if neighbour is None:
        return
    mine, theirs = population.records(person, side)[:1], population.records(neighbour, side)[:1]
    if not mine or not theirs:
        return
    rows = population.life.systems[side].rows
    emails = [rows[one[0]].now.cells["email"] for one in (theirs, mine)]
    for (record_id,), email, who in zip((mine, theirs), emails, (person, neighbour), strict=True):
        population.life.edit(side, record_id, "email", email)
        population.tell(who, f"{side} {record_id}.email := {email!r} (swapped)")
