"""Erasing a person on request: everything we hold of him goes, and a tombstone keeps him from coming back.

Lives here: the one commit that erases him. Not here: who he is (`persons`), the tombstones (`erased`), or deleting in a
connected system: that is another act.

The commit holds tombstones and removals together, so a crash leaves all or nothing. The bytes of deleted rows stay in
the file until it is rewritten (`Store.scrub`); a crash in between is repaired by the same command once more, which then
finds the tombstone and rewrites the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from syncline.engine.batches import our_key
from syncline.engine.dirty import dirty_records
from syncline.engine.erased import EMAIL, KEY, erased_us, id_kind, print_of
from syncline.engine.journal import pack, unpack
from syncline.engine.laws import ERASED_ID, pack_ids, unpack_ids
from syncline.engine.match_index import WAS
from syncline.engine.persons import Person, by_place, find_person, former_emails, links_frame
from syncline.engine.world import World
from syncline.errors import ConfigError
from syncline.records import Operation, Side
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What `erase` did. Nothing in it names the person. `is_scrubbed`: no byte is left in the state's files; else a
    reader kept some in place, and the same command, once it is gone, removes them."""

    records: int
    links: int
    was_erased: bool
    is_scrubbed: bool


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
    _wipe(commit, Table.DIRTY, sides.with_columns(sync=pl.format("life:{}", "sync")))
    to_read = records.select(pl.format("read:{}", "connection").alias("sync"), "object_type", "record_id")
    _wipe(commit, Table.DIRTY, to_read)
    for table in _OF_LINK:
        _wipe(commit, table, links_frame(person.links))
    for name in ("winner_link", "loser_link"):
        _wipe(commit, Table.MERGER, links_frame(person.links, name))
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
    parts = [await world.store.by_keys(Table.ENTRY, wanted) for wanted in (records, keys, links_frame(person.links))]
    entries = pl.concat([*parts, await _nameless(world, person)]).unique(["batch_id", "position"])
    former = set(entries["link_id"]) - {0} - person.links
    shared = (await world.store.by_keys(Table.LINK_END, links_frame(former)))["link_id"]
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
        for connection, object_type, ids in by_place(person.records):
            rows = await world.store.rows(table, {"connection": connection, "object_type": object_type})
            gone = set(ids)
            for at, packed in enumerate(rows["ids"]):
                before = unpack_ids(packed)
                if not gone.isdisjoint(before):
                    after = pack_ids([ERASED_ID if one in gone else one for one in before])
                    amended = rows[at].select(keys).with_columns(pl.Series("ids", [after], dtype=pl.Binary))
                    commit.amend.setdefault(table, []).append(amended)
    naming = _naming(person, person.emails | await former_emails(world, person))
    for run_id, text in (await world.store.rows(Table.RUN)).select("run_id", "summary").iter_rows():
        summary = json.loads(text or "{}")
        if naming.search(summary.get("error") or ""):
            summary["error"] = naming.sub(ERASED_ID, summary["error"])
            amended = pl.DataFrame({"run_id": [run_id], "summary": [json.dumps(summary)]})
            commit.amend.setdefault(Table.RUN, []).append(amended)
