"""A population: many people who live their own random lives over one pair of systems in memory, run after run.

Lives here: what one person does, drawn from (seed, person) alone, so that any life can be lived again without the
others, and what happens to all of them (faults, lag, the death of our process), drawn from the seed. What must hold in
the end is said in `memory_laws`. One cycle costs the same for a hundred lives as for one: so thousands can be lived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from syncline.connectors.memory import Fault
from syncline.engine.push import push
from syncline.errors import SynclineError
from syncline.records import SIDES, Side, other
from syncline.spec.model import Sync
from tests.support.ending_laws import Pushed
from tests.support.memory_life import EDITED, Life, ProcessDied, Variant
from tests.support.population_ends import (
    become_member,
    delete_one,
    merge_two,
    purge_one,
    swap_emails,
    undelete_one,
)

ROUNDS = 6
"""Cycles in which people live; then everything rests."""

ANOTHER_NAME = 10_000
"""Added to a person's number for a record that no rule finds."""


@dataclass
class Person:
    """One person's own records and luck. `ids` are the records entered by hand, dead ones too."""

    number: int
    luck: Random
    ids: dict[Side, list[str]] = field(default_factory=lambda: {"a": [], "b": []})


@dataclass
class Population:
    life: Life
    people: list[Person]
    fate: Random
    told: list[str] = field(default_factory=list)  # what happened, in order, for the failure's message
    pushes: list[Pushed] = field(default_factory=list)
    _made: dict[Side, dict[str, list[str]]] = field(default_factory=lambda: {"a": {}, "b": {}})
    _looked_at: dict[Side, int] = field(default_factory=lambda: {"a": 0, "b": 0})

    def records(self, person: Person, side: Side) -> list[str]:
        """The living records of a person on a side: those entered by hand, and those made for them by the sync."""
        rows = self.life.systems[side].rows
        return [one for one in self.ever(person, side) if not rows[one].has_ended]

    def ever(self, person: Person, side: Side) -> list[str]:
        """Every record a person ever had on a side."""
        self._look(side)
        far = [f"people.{other(side)}.{self._type(other(side), one)}.{one}".lower() for one in person.ids[other(side)]]
        made = [one for key in far for one in self._made[side].get(key, ())]
        return [*person.ids[side], *(one for one in made if one not in person.ids[side])]

    def _look(self, side: Side) -> None:
        """Take note of records that were made since we last looked, by the key that names whom they were made for."""
        rows = self.life.systems[side].rows
        for row in list(rows.values())[self._looked_at[side] :]:
            for_whom = row.versions[0].cells["key"].split("~")[0]
            self._made[side].setdefault(for_whom, []).append(row.record_id)
        self._looked_at[side] = len(rows)

    def neighbour(self, person: Person) -> Person | None:
        """Who lives next door, if he lives in this population."""
        return next((one for one in self.people if one.number == person.number ^ 1), None)

    def _type(self, side: Side, record_id: str) -> str:
        row = self.life.systems[side].rows.get(record_id)
        return row.object_type if row is not None else ""

    def tell(self, person: Person, text: str) -> None:
        self.told.append(f"{self.life.clock.now():%H:%M:%S.%f} person {person.number}: {text}")


Deed = Callable[[Population, Person], None]


def enter(population: Population, person: Person, side: Side | None = None) -> None:
    """A record is entered by hand; sometimes under another name and e-mail, as if it were somebody else."""
    chosen: Side = side or ("a" if person.luck.random() < 0.7 else "b")
    is_alike = side is not None or person.luck.random() < 0.5
    if len(person.ids[chosen]) >= 3:
        return
    record_id = population.life.new_person(chosen, person.number if is_alike else person.number + ANOTHER_NAME)
    person.ids[chosen].append(record_id)
    population.tell(person, f"enters {record_id} on {chosen}")


def edit(population: Population, person: Person) -> None:
    """One field of one record changes; sometimes in a long transaction, sometimes to blank."""
    side: Side = "a" if person.luck.random() < 0.5 else "b"
    records = population.records(person, side)
    name, how = person.luck.choice(EDITED), person.luck.random()
    late = person.luck.choice((5.0, 40.0)) if person.luck.random() < 0.1 else 0.0
    if not records:
        return
    record_id = person.luck.choice(records)
    value = "" if how < 0.2 else population.life.fresh(name)
    if name == "opt_out":
        value = "true" if how < 0.6 else "false"
    population.life.edit(side, record_id, name, value, late_seconds=late)
    population.tell(person, f"{side} {record_id}.{name} := {value!r}" + (f", readable {late} s later" if late else ""))


def edit_both(population: Population, person: Person) -> None:
    """The same field changes on both sides, some time apart."""
    name, gap = person.luck.choice(("title", "phone", "last")), person.luck.choice((0.0, 0.3, 3.0))
    for side in SIDES:
        for record_id in population.records(person, side)[:1]:
            population.life.edit(side, record_id, name, value := population.life.fresh(name))
            population.tell(person, f"{side} {record_id}.{name} := {value!r}")
        population.life.clock.advance(gap)


def leave_filter(population: Population, person: Person) -> None:
    for record_id in population.records(person, "a")[:1]:
        value = "out" if person.luck.random() < 0.5 else ""
        population.life.edit("a", record_id, "status", value)
        population.tell(person, f"a {record_id}.status := {value!r}")


DEEDS: list[tuple[Deed, int]] = [
    (enter, 4),
    (edit, 18),
    (edit_both, 8),
    (leave_filter, 2),
    (swap_emails, 1),
    (merge_two, 4),
    (become_member, 3),
    (delete_one, 2),
    (undelete_one, 2),
    (purge_one, 1),
]
"""What a person does, and how often."""


def live(population: Population, person: Person, most: int = 2) -> None:
    """Up to *most* things happen to a person."""
    deeds, weights = zip(*DEEDS, strict=True)
    for deed in person.luck.choices(deeds, weights, k=person.luck.randint(0, most)):
        population.life.clock.advance(0.01)
        deed(population, person)


async def populate(seed: int, numbers: Sequence[int], variant: Variant, sync: Sync | None = None) -> Population:
    """The people *numbers* of a seed live through all rounds, beside faults, then rest until nothing is left to do."""
    life = await Life.begin(variant, sync)
    people = [Person(number, Random(f"{seed}/{number}")) for number in numbers]
    population = Population(life, people, Random(f"{seed}"))
    for person in people:
        enter(population, person, "a")
        if person.luck.random() < 0.4:
            enter(population, person, "b")
    for _ in range(ROUNDS):
        for person in people:
            live(population, person)
        await one_round(population)
    await rest(population)
    return population


async def one_round(population: Population) -> None:
    """Troubles are set, and one cycle runs; while it runs, people go on living and a few records are pushed."""
    life, fate = population.life, population.fate
    for side in SIDES:
        if fate.random() < 0.3:
            life.connectors[side].next_writes.append(fate.choice(list(Fault)))
        life.connectors[side].lag_seconds = 0.8 if fate.random() < 0.2 else 0.0
        life.flows[side] += fate.random() < 0.2
    plan: dict[int, Callable[[], None]] = {}
    for _ in range(fate.randint(0, 3)):
        plan[fate.randint(1, 60)] = lambda: _meanwhile(population)
    for _ in range(fate.randint(0, 2)):
        plan[fate.randint(1, 60)] = lambda: life.beside.append(asyncio.create_task(_push(population)))
    if fate.random() < 0.15:
        plan[fate.randint(1, 60)] = _die
    population.told.append(f"{life.clock.now():%H:%M:%S.%f} cycle {len(life.reports) + 1}, deaths {life.deaths}")
    await life.cycle(plan)
    life.clock.advance(fate.choice((0.4, 2.0, 70.0, 1000.0)))


def _die() -> None:
    raise ProcessDied


def _meanwhile(population: Population) -> None:
    """One in five people does something while a run is under way."""
    for person in population.people:
        if person.luck.random() < 0.2:
            live(population, person, most=1)


async def _push(population: Population) -> None:
    """Somebody's record is pushed by hand while the background run is under way: the second lane."""
    life = population.life
    person = population.fate.choice(population.people)
    side: Side = population.fate.choice(SIDES)
    for record_id in population.records(person, side)[:1]:
        population.tell(person, f"push {record_id}")
        population.pushes.append(Pushed(side=side, record_id=record_id, at_us=life.systems[side].now_us()))
        try:
            await push(life.world(), life.sync, record_id)
        except SynclineError as error:
            population.told.append(f"  the push ended: {error}")


async def rest(population: Population) -> None:
    """Everything works again and nobody edits; time passes until there is nothing left to do."""
    from tests.property.test_people_histories import rest as rest_of

    await rest_of(population.life)
