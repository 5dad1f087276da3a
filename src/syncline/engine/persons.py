"""Who a person is to us: the records of both sides that are one person, their links and e-mail addresses.

Lives here: finding them. Not here: what becomes of them (`erase`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.explain import find_subjects
from syncline.engine.pairs import mirror_of
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.trees import Table

Record = tuple[str, str, str]
"""Connection, object type, record id."""


@dataclass(kw_only=True)
class Person:
    """Everything that is one person to us: records of both sides (former ones too), links, e-mail addresses."""

    records: set[Record] = field(default_factory=set)
    links: set[int] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)


async def find_person(world: World, text: str) -> Person:
    """Whom the e-mail address or record id *text* means, over all syncs: what is linked with each other, and whoever
    has one of their e-mail addresses. Empty if we hold nothing of anybody like that."""
    person = Person()
    for sync in world.syncs.values():
        for subject in await find_subjects(world, sync, text):
            person.records.add((subject.connection, subject.object_type, subject.record_id))
    await _complete(world, person)
    if "@" in text:
        person.emails.add(text)
    return person


async def _complete(world: World, person: Person) -> None:
    """Follow links and e-mail addresses until nobody new turns up."""
    looked_at: set[Record] = set()
    while new := person.records - looked_at:
        looked_at |= new
        fresh: set[str] = set()
        for connection, object_type, ids in by_place(new):
            ends = await world.store.links_of(connection, object_type, ids)
            person.links |= set(ends["link_id"])
            fresh |= await _emails_of(world, connection, object_type, ids)
        await _add_members(world, person)
        for email in sorted(fresh - person.emails):
            for sync in world.syncs.values():
                found = await find_subjects(world, sync, email)
                person.records |= {(s.connection, s.object_type, s.record_id) for s in found}
        person.emails |= fresh


async def _add_members(world: World, person: Person) -> None:
    members = await world.store.by_keys(Table.LINK_END, links_frame(person.links))
    for name, side, object_type, record_id in members.select("sync", "side", "object_type", "record_id").iter_rows():
        if name in world.syncs:
            person.records.add((world.syncs[name].side(side).connection, object_type, record_id))


async def _emails_of(world: World, connection: str, object_type: str, ids: Sequence[str]) -> set[str]:
    out: set[str] = set()
    rows = await mirror_of(world, connection, object_type, pl.Series(ids, dtype=pl.String))
    for sync, side in world.sides_of(connection, object_type):
        end = sync.email_end(side, object_type)
        if end is not None:
            cells = read_cells(rows, [end.inputs[0]])[CELL + end.inputs[0]]
            out |= {cell.lower() for cell in cells if cell}
    return out


async def former_emails(world: World, person: Person) -> set[str]:
    """Addresses that the person had once, as far as we saw them change. They are no keys of his: by now they may be
    somebody else's."""
    out: set[str] = set()
    for connection, object_type, ids in by_place(person.records):
        ends = [sync.email_end(side, object_type) for sync, side in world.sides_of(connection, object_type)]
        names = {end.inputs[0] for end in ends if end is not None}
        keys = pl.DataFrame({"record_id": ids}).with_columns(
            connection=pl.lit(connection), object_type=pl.lit(object_type)
        )
        for text in (await world.store.by_keys(Table.HISTORY, keys))["cells"]:
            out |= {cell for name, pair in json.loads(text).items() if name in names for cell in pair if cell}
    return out


def by_place(records: Iterable[Record]) -> list[tuple[str, str, list[str]]]:
    places: dict[tuple[str, str], list[str]] = {}
    for connection, object_type, record_id in sorted(records):
        places.setdefault((connection, object_type), []).append(record_id)
    return [(connection, object_type, ids) for (connection, object_type), ids in places.items()]


def links_frame(link_ids: Iterable[int], name: str = "link_id") -> pl.DataFrame:
    return pl.DataFrame({name: sorted(link_ids)}, schema={name: pl.Int64})
