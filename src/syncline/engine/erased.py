"""Who must not come back: the tombstones of persons that were erased on request.

Lives here: the keyed hashes of their keys, asking for them, and keeping what is observed of them out of the trees. Not
here: erasing (`erase`).

A tombstone holds nothing that can be read: HMAC-SHA256 under the installation's key over kind and normalised key
(RFC 2104). A record is an erased person's by its id, or by carrying an erased person's e-mail address or our key while
it belongs to no link; who is linked is somebody else, whatever his address says.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline import records
from syncline.engine.batches import Batch, Row
from syncline.engine.world import World
from syncline.records import SIDES, Page, Side
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

EMAIL, KEY = "email", "key"

_ASKED = {"sync": pl.String, "kind": pl.String, "print": pl.String}


def id_kind(side: str, object_type: str) -> str:
    return f"id:{side}:{object_type}"


def print_of(key: bytes, kind: str, value: str) -> str:
    """The tombstone of one key of a person, hex; spelling by case and outer white space does not count."""
    text = value.strip() if kind.startswith("id:") else value.strip().casefold()
    return hmac.new(key, f"erased\x1f{kind}\x1f{text}".encode(), hashlib.sha256).hexdigest()


async def erased_us(world: World, sync: Sync, text: str) -> int | None:
    """When the person whose e-mail address or record id is *text* was erased; None if nobody was."""
    kinds = [EMAIL, *(id_kind(side, name) for side in SIDES for name in sync.side(side).object_types)]
    rows = [(sync.name, kind, print_of(world.key, kind, text)) for kind in kinds]
    found = await world.store.by_keys(Table.ERASED, pl.DataFrame(rows, schema=_ASKED, orient="row"))
    return int(found["at_us"][0]) if len(found) else None


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """A page without the rows of erased persons, and how many those were."""

    page: Page
    count: int = 0


async def sift(world: World, connection: str, page: Page, commit: Commit) -> Sifted:
    """Take what belongs to erased persons out of *page*. What the mirror held of a stranger who turns out to be one
    goes with *commit*."""
    if not await world.store.count(Table.ERASED):
        return Sifted(page=page)
    ids = page.rows[records.ID].unique(maintain_order=True).to_list()
    unreadable = [row.record_id for row in page.unreadable if row.record_id]
    by_id = await _by_id(world, connection, page.object_type, [*ids, *unreadable])
    by_key = await _by_key(world, connection, page)
    linked = set((await world.store.links_of(connection, page.object_type, sorted(by_key)))["record_id"])
    strangers = by_key - linked - by_id
    if strangers:
        _drop(world, connection, page.object_type, sorted(strangers), commit)
    return _without(page, by_id | strangers)


async def _by_id(world: World, connection: str, object_type: str, ids: Sequence[str]) -> set[str]:
    asked = [
        (sync.name, kind, print_of(world.key, kind, record_id), record_id)
        for sync, side in world.sides_of(connection, object_type)
        for kind in [id_kind(side, object_type)]
        for record_id in ids
    ]
    return await _found(world, asked)


async def _by_key(world: World, connection: str, page: Page) -> set[str]:
    asked = []
    for sync, side in world.sides_of(connection, page.object_type):
        end = sync.email_end(side, page.object_type)
        places = ((EMAIL, end.inputs[0] if end else None), (KEY, sync.side(side).key_fields.get(page.object_type)))
        for kind, name in places:
            if name in page.fields:
                cells = page.rows.select(records.ID, name).filter(pl.col(name).fill_null("") != "")
                asked += [(sync.name, kind, print_of(world.key, kind, cell), one) for one, cell in cells.iter_rows()]
    return await _found(world, asked)


async def _found(world: World, asked: Iterable[tuple[str, str, str, str]]) -> set[str]:
    """The record ids (last) of those prints that are tombstones."""
    frame = pl.DataFrame(list(asked), schema={**_ASKED, "record_id": pl.String}, orient="row")
    stones = await world.store.by_keys(Table.ERASED, frame.select(list(_ASKED)).unique())
    return set(frame.join(stones, on=list(_ASKED), how="semi")["record_id"])


def _drop(world: World, connection: str, object_type: str, ids: Sequence[str], commit: Commit) -> None:
    """Forget the mirror rows of strangers, and where they would be looked at."""
    frame = pl.DataFrame({"record_id": ids}, schema={"record_id": pl.String})
    frame = frame.with_columns(object_type=pl.lit(object_type))
    for table in (Table.MIRROR, Table.OWNER_KEY):
        commit.wipe.setdefault(table, []).append(frame.with_columns(connection=pl.lit(connection)))
    for sync, side in world.sides_of(connection, object_type):
        own = frame.with_columns(sync=pl.lit(sync.name), side=pl.lit(side))
        for table in (Table.MATCH_KEY, Table.DIRTY):
            commit.wipe.setdefault(table, []).append(own)


def _without(page: Page, erased: set[str]) -> Sifted:
    if not erased:
        return Sifted(page=page)
    stays = ~pl.col(records.ID).is_in(list(erased))
    kept = page.rows.filter(stays)
    unreadable = tuple(row for row in page.unreadable if row.record_id not in erased)
    rest = replace(
        page,
        rows=kept,
        moments=None if page.moments is None else page.moments.filter(stays),
        fates=None if page.fates is None else page.fates.filter(stays),
        unreadable=unreadable,
    )
    return Sifted(page=rest, count=len(page.rows) - len(kept) + len(page.unreadable) - len(unreadable))


ERASED_MEANWHILE = ("filtered", "the person was erased")


async def erased_rows(world: World, sync: Sync, batch: Batch) -> set[str]:
    """The actions of *batch* that are about a person who was erased since they were planned."""
    if not await world.store.count(Table.ERASED):
        return set()
    asked = [
        (sync.name, kind, print_of(world.key, kind, record_id), row.action)
        for row in batch.rows
        for kind, record_id in _records_of(batch, row)
    ]
    return await _found(world, asked)


async def names_erased(world: World, sync: Sync, side: Side, values: Iterable[str]) -> bool:
    """Whether one of *values* is the id of an erased person's record on *side*."""
    if not await world.store.count(Table.ERASED):
        return False
    kinds = [id_kind(side, object_type) for object_type in sync.side(side).object_types]
    asked = [(sync.name, kind, print_of(world.key, kind, value), value) for kind in kinds for value in values]
    return bool(await _found(world, asked))


def _records_of(batch: Batch, row: Row) -> list[tuple[str, str]]:
    own = [(id_kind(row.source_side, row.source_type), row.source_id)]
    return own + ([(id_kind(batch.side, batch.object_type), row.write.record_id)] if row.write.record_id else [])
