"""Observing: reads what changed on one connection and lays it into the mirror, page by page.

Lives here: the only reads of connectors. Each page becomes one commit: mirror rows, history, evidence, marks to look
again, settled journal entries, the two sides of the capture law, and the cursor – never the cursor before its rows.
Not here: the order of observations (`reconcile.absorb`) and what they mean (`settlement`).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline import records
from syncline.engine.in_flight import log_overwritten
from syncline.engine.journal import outstanding
from syncline.engine.match_index import keep_keys
from syncline.engine.settlement import add_rows, consequences, settle_page
from syncline.engine.unreadable import bury_unreadable, close_readable
from syncline.engine.world import Progress, World
from syncline.errors import PositionLost
from syncline.ports import Lane, Stamp
from syncline.reconcile.absorb import Absorbed, Clockwork, absorb, is_outdated
from syncline.reconcile.cells import decode_objects
from syncline.records import How, Page, Problem, Side
from syncline.schema import ObjectSchema
from syncline.spec.model import Sync
from syncline.spec.resolve import require_fields, typed
from syncline.trees import TABLES, Commit, Table
from syncline.values import instant


@dataclass(kw_only=True)
class Capture:
    """What one capture did. `is_empty_side`: a complete read found nothing where records had been; nothing was taken
    from it and the object waits for a person."""

    connection: str
    object_type: str
    is_backfill: bool = False
    rows: int = 0
    applied: int = 0
    is_empty_side: bool = False


async def meet(world: World, sync: Sync, *, remember: bool = True, strict: bool = True) -> Sync:
    """Learn, once a run, who we are on both sides and what their objects look like; tell the store who is who.

    The sync comes back with the described types, and is from now on the world's. With *remember* false the store is
    only read. ConfigError SYN-133 if the sync names a field that never existed, unless *strict* is false.
    """
    schemas: dict[Side, dict[str, ObjectSchema]] = {"a": {}, "b": {}}
    captured: set[str] = set()
    for side in records.SIDES:
        spec = sync.side(side)
        connector = world.connectors[spec.connection]
        if remember:
            await world.store.bind(sync.name, side, spec.connection)
        if spec.connection not in world.actors:
            world.actors[spec.connection] = await connector.own_actor()
        for object_type in spec.object_types:
            world.schemas[spec.connection, object_type] = await connector.describe(object_type)
            schemas[side][object_type] = world.schemas[spec.connection, object_type]
            seen = await _ever_seen(world, spec.connection, object_type, remember=remember)
            captured |= {f"{side}.{object_type}.{name}" for name in seen}
    if strict and remember:
        require_fields(sync, schemas, frozenset(captured))
    world.syncs = {**world.syncs, sync.name: typed(sync, schemas, frozenset(captured))}
    return world.syncs[sync.name]


async def _ever_seen(world: World, connection: str, object_type: str, *, remember: bool) -> set[str]:
    """The fields of an object that were visible at any time: one that is no longer is hidden, and its base is kept."""
    where = {"connection": connection, "object_type": object_type}
    known = await world.store.rows(Table.DESCRIBED, where)
    before: set[str] = set(json.loads(known["fields"][0])) if len(known) else set()
    seen = before | set(world.schema(connection, object_type).fields)
    if remember and seen != before:
        row = pl.DataFrame([where | {"fields": json.dumps(sorted(seen)), "at_us": world.now_us()}])
        await world.store.commit(Commit(put={Table.DESCRIBED: row}))
    return seen


async def inspect(world: World, connection: str) -> tuple[str, list[Problem]]:
    """As whom a connection is connected, in one sentence, and what is wrong with its rights and settings."""
    return await world.connectors[connection].check()


async def capture(world: World, connection: str, object_type: str, run_id: str) -> Capture:
    """Bring the mirror of one object up to date: changes after the cursor, or everything if there is none.

    A field that is newly mapped or newly visible is back-filled before it counts: neither stamp nor event moves for it.
    """
    schema = world.schema(connection, object_type)
    fields = tuple(name for name in world.fields_wanted(connection, object_type) if schema.field(name))
    cursor = await world.store.rows(Table.CURSOR, {"connection": connection, "object_type": object_type})
    report = Capture(connection=connection, object_type=object_type)
    if cursor.is_empty() or not set(fields) <= set(json.loads(cursor["fields"][0])):
        await _backfill(world, report, fields, run_id)
        return report
    connector = world.connectors[connection]
    try:
        pages = connector.read_changes(object_type, fields, str(cursor["position"][0]))
        await _take_pages(world, report, pages, fields, run_id, rows_seen=cursor["rows_seen"][0])
    except PositionLost:
        await _backfill(world, report, fields, run_id)
    await close_readable(world, connection, object_type)
    return report


async def _take_pages(
    world: World,
    report: Capture,
    pages: AsyncIterator[Page],
    fields: Sequence[str],
    run_id: str,
    *,
    rows_seen: int | None,
) -> None:
    number = await _next_page_number(world, report, run_id)
    async for page in pages:
        commit = Commit()
        if page.next_cursor is not None:
            commit.put[Table.CURSOR] = cursor_row(world, report, page.next_cursor, fields, rows_seen)
        await take_page(world, report, page, run_id, number=number, commit=commit)
        number += 1
        world.report(Progress("observe", f"{report.connection}.{report.object_type}", report.rows))


async def _next_page_number(world: World, report: Capture, run_id: str) -> int:
    return await world.store.count(
        Table.RECEIPT, {"run_id": run_id, "connection": report.connection, "object_type": report.object_type}
    )


def cursor_row(
    world: World, report: Capture, position: str, fields: Sequence[str], rows_seen: int | None
) -> pl.DataFrame:
    row = {
        "connection": report.connection,
        "object_type": report.object_type,
        "position": position,
        "fields": json.dumps(list(fields)),
        "rows_seen": rows_seen,
        "at_us": world.now_us(),
    }
    return pl.DataFrame([row], schema=dict(TABLES[Table.CURSOR][0]))


async def _backfill(world: World, report: Capture, fields: Sequence[str], run_id: str) -> None:
    """Read everything once. The cursor is stored only after the last page; an empty answer where records had been
    seen is never taken for their absence."""
    report.is_backfill = True
    connector = world.connectors[report.connection]
    known = await world.store.count(
        Table.MIRROR, {"connection": report.connection, "object_type": report.object_type, "is_deleted": False}
    )
    seen: set[str] = set()
    position: str | None = None
    number = await _next_page_number(world, report, run_id)
    async for page in connector.read_all(report.object_type, fields):
        position = page.next_cursor or position
        seen.update(page.rows[records.ID].to_list())
        if known and not seen and not page.has_more:
            report.is_empty_side = True
            return
        await take_page(world, report, page, run_id, number=number, commit=Commit())
        number += 1
        world.report(Progress("observe", f"{report.connection}.{report.object_type}", report.rows))
    if position is None:
        raise PositionLost(
            f"{report.connection}.{report.object_type}: the complete read gave no position to resume from."
        )
    await _look_for_absent(world, report, fields, seen, run_id)
    cursor = cursor_row(world, report, position, fields, len(seen))
    await world.store.commit(Commit(put={Table.CURSOR: cursor}))


async def read_everything(world: World, connection: str, object_type: str, run_id: str) -> Capture:
    """Read an object whole, whatever its cursor says: for `verify` (on a copy of the state) and for sweeps."""
    schema = world.schema(connection, object_type)
    fields = tuple(name for name in world.fields_wanted(connection, object_type) if schema.field(name))
    report = Capture(connection=connection, object_type=object_type)
    await _backfill(world, report, fields, run_id)
    return report


async def _look_for_absent(world: World, report: Capture, fields: Sequence[str], seen: set[str], run_id: str) -> None:
    """Ids we knew that a complete read did not bring: asked for by id; deleted if the vendor says so, else out of
    sight. Never a delete by inference."""
    known = await world.store.rows(
        Table.MIRROR, {"connection": report.connection, "object_type": report.object_type, "is_deleted": False}
    )
    absent = [record_id for record_id in known["record_id"].to_list() if record_id not in seen]
    if absent:
        await read_again(world, report.connection, report.object_type, absent, run_id, fields=fields)


async def read_again(
    world: World,
    connection: str,
    object_type: str,
    ids: Sequence[str],
    run_id: str,
    *,
    fields: Sequence[str] | None = None,
    lane: Lane = Lane.LIVE,
    commit: Commit | None = None,
) -> Page | None:
    """Read these records by id into the mirror; None if *ids* is empty. Those not found lose sight, not life.

    *commit* is stored together with what was read.
    """
    if not ids:
        return None
    if fields is None:
        schema = world.schema(connection, object_type)
        fields = [name for name in world.fields_wanted(connection, object_type) if schema.field(name)]
    report = Capture(connection=connection, object_type=object_type)
    page = await world.connectors[connection].read_by_ids(object_type, fields, ids, lane=lane)
    number = await _next_page_number(world, report, run_id)
    await take_page(world, report, page, run_id, number=number, commit=commit or Commit())
    return page


async def look_up(
    world: World, connection: str, object_type: str, key_field: str, values: Sequence[str], run_id: str
) -> Page:
    """Read the records whose *key_field* holds one of *values* into the mirror."""
    schema = world.schema(connection, object_type)
    fields = [name for name in world.fields_wanted(connection, object_type) if schema.field(name)]
    page = await world.connectors[connection].find(object_type, fields, key_field, values, lane=Lane.URGENT)
    report = Capture(connection=connection, object_type=object_type)
    number = await _next_page_number(world, report, run_id)
    await take_page(world, report, page, run_id, number=number, commit=Commit())
    return page


async def take_page(
    world: World,
    report: Capture,
    page: Page,
    run_id: str,
    *,
    number: int,
    commit: Commit,
    same_call: bool = False,
) -> Absorbed:
    """Store one page with everything that follows from it, in one commit."""
    connection, object_type = report.connection, page.object_type
    ids = page.rows[records.ID].unique(maintain_order=True).to_list()
    keys = pl.DataFrame({"record_id": ids}, schema={"record_id": pl.String}).with_columns(
        connection=pl.lit(connection), object_type=pl.lit(object_type)
    )
    known = await world.store.by_keys(Table.MIRROR, keys)
    clockwork = clockwork_of(world, connection, object_type)
    asked = [*known["record_id"], *page.missing]
    open_entries = await outstanding(world.store, connection, object_type, asked, now_us=world.now_us())
    telling = replace(page, rows=page.rows.filter(~is_outdated(known, page, clockwork)))
    settled = await settle_page(world, connection, telling, known, open_entries, same_call=same_call)
    ends = await world.store.links_of(connection, object_type, [*ids, *page.missing])
    result = absorb(
        known,
        page,
        clockwork,
        connection=connection,
        keep=settled.keep if settled else None,
        unplanned=await _unplanned(world, ends),
    )
    if settled is not None:
        await consequences(world, connection, page, settled, open_entries, commit, run_id)
    await log_overwritten(world, connection, page, commit, run_id)
    _put_rows(world, connection, page, result, run_id, commit)
    changed = result.mirror.join(result.changes.select("record_id").unique(), on="record_id", how="semi")
    await keep_keys(world, connection, object_type, changed, commit)
    _wake(world, connection, object_type, result.woken, ends, commit)
    _wake_others(world, connection, object_type, known, result.confirmed, ends, commit)
    fresh = _fresh_writes(open_entries)
    again = [*result.unordered, *(settled.again if settled else ()), *(i for i in page.missing if i in fresh)]
    if again:
        commit.touch.append(read_marks(connection, object_type, again, due_us=world.now_us() + clockwork.lag_us))
    await _mark_sight(world, connection, page, ends, fresh, commit)
    bury_unreadable(world, connection, page, commit)
    _put_law(connection, page, result, run_id, number, commit)
    await world.store.commit(commit)
    report.rows += len(page.rows)
    report.applied += len(result.woken)
    return result


def clockwork_of(world: World, connection: str, object_type: str) -> Clockwork:
    """How observations of the object are ordered, from what its connector declares."""
    capabilities = world.capabilities(connection, object_type)
    return Clockwork(
        trusts_stamp=capabilities.stamp is not Stamp.NONE,
        stamp_step_us=capabilities.stamp_step_us,
        lag_us=int(capabilities.visibility_lag_seconds * 1e6),
    )


def _fresh_writes(open_entries: pl.DataFrame) -> frozenset[str]:
    """Records with a write of ours that nothing has confirmed yet."""
    return frozenset(open_entries.filter(pl.col("state") != "abandoned")["record_id"])


async def _unplanned(world: World, ends: pl.DataFrame) -> frozenset[str]:
    """Records of *ends* whose link has a dirty mark: an earlier change of theirs was not planned yet."""
    if ends.is_empty():
        return frozenset()
    dirty = await world.store.by_keys(Table.DIRTY, ends.select("sync", "link_id").unique())
    return frozenset(ends.join(dirty, on=["sync", "link_id"], how="semi")["record_id"])


def read_marks(connection: str, object_type: str, ids: Iterable[str], *, due_us: int) -> pl.DataFrame:
    """Dirty marks (without seq) for records that are to be read by id, whichever syncs use them."""
    return dirty_records(f"read:{connection}", "", object_type, ids, due_us=due_us)


def _put_rows(world: World, connection: str, page: Page, result: Absorbed, run_id: str, commit: Commit) -> None:
    if len(result.mirror):
        commit.put[Table.MIRROR] = result.mirror
    if page.moments is not None and len(page.moments):
        moments = page.moments.rename({"_id": "record_id"}).with_columns(
            connection=pl.lit(connection), object_type=pl.lit(page.object_type)
        )
        add_rows(commit, Table.MOMENT, moments)
    if page.how is not How.BACKFILL and len(result.changes):
        commit.add[Table.HISTORY] = history_rows(world, connection, page, result, run_id)


def history_rows(world: World, connection: str, page: Page, result: Absorbed, run_id: str) -> pl.DataFrame:
    """One HISTORY row per record with its changed cells only."""
    now_us = world.now_us()
    cells: dict[str, dict[str, list[str | None]]] = {}
    for record_id, name, before, after in result.changes.iter_rows():
        cells.setdefault(record_id, {})[name] = [before, after]
    actors = dict(page.rows.select(records.ID, records.ACTOR).iter_rows())
    stamps = dict(page.rows.select(records.ID, records.STAMP).iter_rows())
    rows = [
        {
            "day": instant(now_us).date().isoformat(),
            "connection": connection,
            "object_type": page.object_type,
            "record_id": record_id,
            "at_us": stamps.get(record_id) or now_us,
            "cause": "observed",
            "actor": actors.get(record_id),
            "run_id": run_id,
            "cells": json.dumps(changed, ensure_ascii=False),
        }
        for record_id, changed in cells.items()
    ]
    return pl.DataFrame(rows, schema=dict(TABLES[Table.HISTORY][0]))


def _wake_others(
    world: World,
    connection: str,
    object_type: str,
    known: pl.DataFrame,
    confirmed: Sequence[str],
    ends: pl.DataFrame,
    commit: Commit,
) -> None:
    """What one sync wrote is an echo to it alone: the others waited until it was read, and plan it now."""
    if not confirmed or len(world.sides_of(connection, object_type)) < 2:
        return
    rows = known.filter(pl.col("record_id").is_in(list(confirmed)))
    writers = dict(
        zip(rows["record_id"], (set(flags.values()) for flags in decode_objects(rows["flags"])), strict=True)
    )
    for sync, _ in world.sides_of(connection, object_type):
        ids = [record_id for record_id in confirmed if writers[record_id] != {sync.name}]
        _wake(world, connection, object_type, ids, ends, commit, only=sync.name)


def _wake(
    world: World,
    connection: str,
    object_type: str,
    ids: Sequence[str],
    ends: pl.DataFrame,
    commit: Commit,
    *,
    only: str | None = None,
) -> None:
    """Mark the links of changed records dirty in every sync that uses them (or *only* that one); unlinked ones as
    themselves."""
    if not ids:
        return
    ends = ends.filter(pl.col("record_id").is_in(list(ids)))
    for sync, side in world.sides_of(connection, object_type):
        if only not in (None, sync.name):
            continue
        own = ends.filter((pl.col("sync") == sync.name) & (pl.col("side") == side))
        linked = own.select("link_id").unique(maintain_order=True)
        commit.touch.append(dirty_links(sync.name, linked["link_id"].to_list()))
        known = set(own["record_id"].to_list())
        strangers = [record_id for record_id in ids if record_id not in known]
        commit.touch.append(dirty_records(sync.name, side, object_type, strangers))
    commit.touch = [part for part in commit.touch if len(part)]


_TOUCHED = {name: kind for name, kind in TABLES[Table.DIRTY][0].items() if name != "seq"}


def dirty_links(sync: str, link_ids: Iterable[int], *, due_us: int = 0) -> pl.DataFrame:
    """Dirty marks (without seq) for links."""
    rows = [(sync, link_id, "", "", "", due_us) for link_id in link_ids]
    return pl.DataFrame(rows, schema=_TOUCHED, orient="row")


def dirty_records(sync: str, side: str, object_type: str, ids: Iterable[str], *, due_us: int = 0) -> pl.DataFrame:
    """Dirty marks (without seq) for unlinked records."""
    rows = [(sync, 0, side, object_type, record_id, due_us) for record_id in ids]
    return pl.DataFrame(rows, schema=_TOUCHED, orient="row")


LOOK_AGAIN_SECONDS = 21_600.0
"""How often a linked record that is out of sight is asked for: one that comes back (a share, a partition, a read that
was incomplete) moves neither its stamp nor an event."""


async def _mark_sight(
    world: World, connection: str, page: Page, ends: pl.DataFrame, written: frozenset[str], commit: Commit
) -> None:
    """Links whose record was asked for by id and not found are out of sight; any reading that shows it brings it back,
    and it is asked for again from time to time.

    *written* are records with a write of ours outstanding: a replica may not know them yet, so they stay in sight.
    """
    found = set(page.rows[records.ID].to_list())
    lost = [record_id for record_id in page.missing if record_id not in written]
    current = ends.filter((pl.col("role") == "current") & pl.col("record_id").is_in([*found, *lost]))
    if current.is_empty():
        return
    gone = current.filter(pl.col("record_id").is_in(lost))["record_id"].unique(maintain_order=True)
    if len(gone):
        due_us = world.now_us() + int(LOOK_AGAIN_SECONDS * 1e6)
        commit.touch.append(read_marks(connection, page.object_type, gone, due_us=due_us))
    links = await world.store.by_keys(Table.LINK, current.select("link_id").unique())
    sights = current.select("link_id", "side", pl.col("record_id").is_in(list(found)).alias("is_found"))
    for side in records.SIDES:
        seen = links.join(sights.filter(pl.col("side") == side), on="link_id", how="inner")
        moved = seen.filter(pl.col(f"visible_{side}").fill_null(True) != pl.col("is_found"))
        if len(moved):
            commit.amend.setdefault(Table.LINK, []).append(
                moved.select("link_id", pl.col("is_found").alias(f"visible_{side}"))
            )
            for sync, part in moved.group_by("sync"):
                commit.touch.append(dirty_links(str(sync[0]), part["link_id"].to_list()))


def _put_law(connection: str, page: Page, result: Absorbed, run_id: str, number: int, commit: Commit) -> None:
    """Both sides of the capture law, from different sources: the page as received, and the verdicts."""
    received = page.rows[records.ID].to_list() + [row.record_id or "?" for row in page.unreadable]
    place = {"run_id": run_id, "connection": connection, "object_type": page.object_type, "page": number}
    add_rows(commit, Table.RECEIPT, pl.DataFrame([place | {"ids": pack_ids(received)}]))
    by_verdict = {str(key[0]): part["record_id"].to_list() for key, part in result.verdicts.group_by("verdict")}
    if page.unreadable:
        by_verdict["unreadable"] = [row.record_id or "?" for row in page.unreadable]
    rows = [place | {"verdict": verdict, "ids": pack_ids(ids)} for verdict, ids in by_verdict.items()]
    if rows:
        add_rows(commit, Table.CAPTURED, pl.DataFrame(rows))


def pack_ids(ids: Sequence[str]) -> bytes:
    return zlib.compress(json.dumps(list(ids)).encode(), 1)


def unpack_ids(packed: bytes) -> list[str]:
    ids: list[str] = json.loads(zlib.decompress(packed))
    return ids
