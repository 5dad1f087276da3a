"""Erasing a person on request: everything we hold of him goes, and a tombstone keeps him from coming back.

Lives here: who the person is (records, links, e-mail addresses, over all syncs) and the one commit that erases him. Not
here: the tombstones (`erased`), or deleting in a connected system: that is another act.

The commit holds tombstones and removals together, so a crash leaves all or nothing. The bytes of deleted rows stay in
the file until it is rewritten (`Store.scrub`); a crash in between is repaired by the same command once more, which then
finds the tombstone and rewrites the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.batches import our_key
from syncline.engine.dirty import dirty_records
from syncline.engine.erased import EMAIL, KEY, email_end, erased_us, id_kind, print_of
from syncline.engine.explain import find_subjects
from syncline.engine.journal import pack, unpack
from syncline.engine.laws import ERASED_ID, pack_ids, unpack_ids
from syncline.engine.match_index import WAS
from syncline.engine.pairs import mirror_of
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.errors import ConfigError
from syncline.reconcile.cells import CELL
from syncline.records import Operation, Side
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table

Record = tuple[str, str, str]
"""Connection, object type, record id."""


@dataclass(kw_only=True)
class Person:
    """Everything that is one person to us: records of both sides (former ones too), links, e-mail addresses."""

    records: set[Record] = field(default_factory=set)
    links: set[int] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What `erase` did. Nothing in it names the person. `is_scrubbed`: no byte is left in the state's files; else a
    reader kept some in place, and the same command, once it is gone, removes them."""

    records: int
    links: int
    was_erased: bool
    is_scrubbed: bool


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


async def erase(world: World, sync: Sync, text: str) -> Erasure:
    """Erase the person whose e-mail address or record id is *text*, in every sync of the state.

    Raises ConfigError SYN-150 if nothing is known of such a person and nobody like that was erased before.
    """
    was_erased = await erased_us(world, sync, text) is not None
    async with world.store.alone():
        person = await find_person(world, text)
        if person.records:
            await world.store.commit(await _removal(world, person))
    if not person.records and not was_erased:
        raise ConfigError(
            f"No record {text!r} has been seen on either side: there is nothing to erase.", code="SYN-150"
        )
    return Erasure(
        records=len(person.records),
        links=len(person.links),
        was_erased=was_erased,
        is_scrubbed=await world.store.scrub(),
    )


# -- who it is ---------------------------------------------------------------------------------------------------------


async def _complete(world: World, person: Person) -> None:
    """Follow links and e-mail addresses until nobody new turns up."""
    looked_at: set[Record] = set()
    while new := person.records - looked_at:
        looked_at |= new
        fresh: set[str] = set()
        for connection, object_type, ids in _by_place(new):
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
    members = await world.store.by_keys(Table.LINK_END, _links(person.links))
    for name, side, object_type, record_id in members.select("sync", "side", "object_type", "record_id").iter_rows():
        if name in world.syncs:
            person.records.add((world.syncs[name].side(side).connection, object_type, record_id))


async def _emails_of(world: World, connection: str, object_type: str, ids: Sequence[str]) -> set[str]:
    out: set[str] = set()
    rows = await mirror_of(world, connection, object_type, pl.Series(ids, dtype=pl.String))
    for sync, side in world.sides_of(connection, object_type):
        end = email_end(sync, side, object_type)
        if end is not None:
            cells = read_cells(rows, [end.inputs[0]])[CELL + end.inputs[0]]
            out |= {cell.lower() for cell in cells if cell}
    return out


async def _former_emails(world: World, person: Person) -> set[str]:
    """Addresses that the person had once, as far as we saw them change. They are no keys of his: by now they may be
    somebody else's."""
    out: set[str] = set()
    for connection, object_type, ids in _by_place(person.records):
        ends = [email_end(sync, side, object_type) for sync, side in world.sides_of(connection, object_type)]
        names = {end.inputs[0] for end in ends if end is not None}
        keys = pl.DataFrame({"record_id": ids}).with_columns(
            connection=pl.lit(connection), object_type=pl.lit(object_type)
        )
        for text in (await world.store.by_keys(Table.HISTORY, keys))["cells"]:
            out |= {cell for name, pair in json.loads(text).items() if name in names for cell in pair if cell}
    return out


def _by_place(records: Iterable[Record]) -> list[tuple[str, str, list[str]]]:
    places: dict[tuple[str, str], list[str]] = {}
    for connection, object_type, record_id in sorted(records):
        places.setdefault((connection, object_type), []).append(record_id)
    return [(connection, object_type, ids) for (connection, object_type), ids in places.items()]


def _links(link_ids: Iterable[int], name: str = "link_id") -> pl.DataFrame:
    return pl.DataFrame({name: sorted(link_ids)}, schema={name: pl.Int64})


# -- what goes ---------------------------------------------------------------------------------------------------------

_OF_RECORD = (Table.MIRROR, Table.HISTORY, Table.MOMENT, Table.OWNER_KEY)
_OF_SIDE = (Table.MATCH_KEY, Table.DIRTY, Table.CONSIDERED, Table.VERDICT, Table.LINK_END)
_OF_LINK = (Table.LINK, Table.BASE, Table.MARK, Table.DIRTY, Table.CONFLICT, Table.DEAD_LETTER)


async def _removal(world: World, person: Person) -> Commit:
    """The one commit: tombstones, and everything else gone or rewritten without the person."""
    commit = Commit()
    commit.put[Table.ERASED] = _tombstones(world, person)
    sides = _sides(world, person)
    await _from_journal(world, person, sides, commit)
    records = pl.DataFrame(sorted(person.records), schema=_RECORD, orient="row")
    for table in _OF_RECORD:
        _wipe(commit, table, records)
    for table in _OF_SIDE:
        _wipe(commit, table, sides)
    lost = sides.with_columns(side=pl.lit(WAS), record_id=pl.col("side") + " " + pl.col("record_id"))
    _wipe(commit, Table.MATCH_KEY, lost)
    _wipe(commit, Table.DEAD_LETTER, sides.select("sync", "object_type", "record_id"))
    to_read = records.select(pl.format("read:{}", "connection").alias("sync"), "object_type", "record_id")
    _wipe(commit, Table.DIRTY, to_read)
    for table in _OF_LINK:
        _wipe(commit, table, _links(person.links))
    for name in ("winner_link", "loser_link"):
        _wipe(commit, Table.MERGER, _links(person.links, name))
    await _from_deeds(world, person, commit)
    await _from_holds(world, person, commit)
    await _from_ledgers(world, person, commit)
    return commit


_RECORD = {"connection": pl.String, "object_type": pl.String, "record_id": pl.String}
_SIDE = {"sync": pl.String, "side": pl.String, "object_type": pl.String, "record_id": pl.String}


def _wipe(commit: Commit, table: Table, rows: pl.DataFrame) -> None:
    if len(rows):
        commit.wipe.setdefault(table, []).append(rows.unique(maintain_order=True))


def _sides(world: World, person: Person) -> pl.DataFrame:
    """sync, side, object_type, record_id of the person's records in every sync that uses them."""
    rows = [
        (sync.name, side, object_type, record_id)
        for connection, object_type, record_id in sorted(person.records)
        for sync, side in world.sides_of(connection, object_type)
    ]
    return pl.DataFrame(rows, schema=_SIDE, orient="row")


def _our_keys(world: World, sides: pl.DataFrame) -> dict[str, str]:
    """Our keys that name the person's records, and the sync of each."""
    return {our_key(world.syncs[name], _side(side), kind, one): name for name, side, kind, one in sides.iter_rows()}


def _side(text: str) -> Side:
    return "a" if text == "a" else "b"


def _tombstones(world: World, person: Person) -> pl.DataFrame:
    sides = _sides(world, person)
    keys = [(name, id_kind(side, kind), one) for name, side, kind, one in sides.iter_rows()]
    keys += [(name, EMAIL, email) for name in world.syncs for email in sorted(person.emails)]
    keys += [(name, KEY, key) for key, name in _our_keys(world, sides).items()]
    now_us = world.now_us()
    rows = [(name, kind, print_of(world.key, kind, value), now_us) for name, kind, value in keys]
    frame = pl.DataFrame(rows, schema=dict(TABLES[Table.ERASED][0]), orient="row")
    return frame.unique(["sync", "kind", "print"], maintain_order=True)


async def _from_journal(world: World, person: Person, sides: pl.DataFrame, commit: Commit) -> None:
    """Entries of the person go; the segments of their batches are written anew without them. Links that ended long ago
    and had no other member go with them."""
    records = pl.DataFrame(sorted(person.records), schema=_RECORD, orient="row")
    keys = pl.DataFrame({"match_key": sorted(_our_keys(world, sides))}, schema={"match_key": pl.String})
    parts = [await world.store.by_keys(Table.ENTRY, wanted) for wanted in (records, keys, _links(person.links))]
    entries = pl.concat([*parts, await _nameless(world, person)]).unique(["batch_id", "position"])
    former = set(entries["link_id"]) - {0} - person.links
    shared = (await world.store.by_keys(Table.LINK_END, _links(former)))["link_id"]
    person.links |= former - set(shared)
    for row in (await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())).iter_rows(named=True):
        own = entries.filter(pl.col("batch_id") == row["batch_id"])["position"]
        left = unpack(row["segment"]).filter(~pl.col("position").is_in(own.implode()))
        batch = pl.DataFrame({"batch_id": [row["batch_id"]]})
        others = await world.store.count(Table.ENTRY, {"batch_id": row["batch_id"]}) - len(own)
        if others:
            amended = batch.with_columns(pl.Series("segment", [pack(left)], dtype=pl.Binary))
            commit.amend.setdefault(Table.JOURNAL, []).append(amended)
        else:
            _wipe(commit, Table.JOURNAL, batch)
    _wipe(commit, Table.ENTRY, entries.select("batch_id", "position"))


async def _nameless(world: World, person: Person) -> pl.DataFrame:
    """Entries of refused creates without a key of ours, made from the person: only their segments say so."""
    entries = await world.store.rows(Table.ENTRY, {"record_id": None, "match_key": None})
    ids = {record_id for _, _, record_id in person.records}
    parts = [entries.clear()]
    for row in (await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())).iter_rows(named=True):
        made = unpack(row["segment"]).filter(pl.col("source_id").is_in(list(ids)))["position"]
        own = pl.col("batch_id") == row["batch_id"]
        parts.append(entries.filter(own & pl.col("position").is_in(made.implode())))
    return pl.concat(parts)


async def _from_deeds(world: World, person: Person, commit: Commit) -> None:
    """What was made for the person, such as a task: a record of its own, which names him in a cell."""
    ids = {record_id for _, _, record_id in person.records}
    made = await world.store.rows(Table.HISTORY, {"cause": Operation.CREATE.value})
    named = [not ids.isdisjoint(after for _, after in json.loads(cells).values()) for cells in made["cells"]]
    _wipe(commit, Table.HISTORY, made.filter(pl.Series(named, dtype=pl.Boolean)).select(list(_RECORD)))


async def _from_holds(world: World, person: Person, commit: Commit) -> None:
    """Holds that name the person end; the others in them are looked at again."""
    naming = _naming(person, person.emails)
    for row in (await world.store.rows(Table.HOLD)).iter_rows(named=True):
        said = [*_texts(json.loads(row["subject"])), *_texts(json.loads(row["evidence"]))]
        if not any(naming.search(text) for text in said):
            continue
        _wipe(commit, Table.HOLD, pl.DataFrame({"hold_id": [row["hold_id"]]}))
        subject = json.loads(row["subject"])
        for member in subject if isinstance(subject, list) else ():
            if not naming.search(member["record_id"]):
                mark = dirty_records(row["sync"], member["side"], member["object_type"], [member["record_id"]])
                commit.touch.append(mark)


def _texts(said: object) -> Iterator[str]:
    """The texts of a JSON value, without its keys. A number is never an id: those are text in every frame of ours."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list | dict):
        for part in said.values() if isinstance(said, dict) else said:
            yield from _texts(part)


def _naming(person: Person, emails: Iterable[str]) -> re.Pattern[str]:
    names = [re.escape(record_id) for _, _, record_id in sorted(person.records)]
    names += [re.escape(email) for email in sorted(emails)]
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(names)})(?![A-Za-z0-9])", re.IGNORECASE)


async def _from_ledgers(world: World, person: Person, commit: Commit) -> None:
    """The person's ids in what past runs received, and his addresses in what they said at their end."""
    for table in (Table.RECEIPT, Table.CAPTURED):
        keys = list(TABLES[table][1])
        for connection, object_type, ids in _by_place(person.records):
            rows = await world.store.rows(table, {"connection": connection, "object_type": object_type})
            gone = set(ids)
            for at, packed in enumerate(rows["ids"]):
                before = unpack_ids(packed)
                if not gone.isdisjoint(before):
                    after = pack_ids([ERASED_ID if one in gone else one for one in before])
                    amended = rows[at].select(keys).with_columns(pl.Series("ids", [after], dtype=pl.Binary))
                    commit.amend.setdefault(table, []).append(amended)
    naming = _naming(person, person.emails | await _former_emails(world, person))
    for run_id, text in (await world.store.rows(Table.RUN)).select("run_id", "summary").iter_rows():
        summary = json.loads(text or "{}")
        if naming.search(summary.get("error") or ""):
            summary["error"] = naming.sub(ERASED_ID, summary["error"])
            amended = pl.DataFrame({"run_id": [run_id], "summary": [json.dumps(summary)]})
            commit.amend.setdefault(Table.RUN, []).append(amended)
