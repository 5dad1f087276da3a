"""Observing: reads what changed on one connection and lays it into the mirror, page by page.

Lives here: the only reads of connectors, and the cursors – never stored before their rows. Not here: what becomes of a
page (`intake`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

import polars as pl

from syncline import records
from syncline.engine.dirty import read_marks
from syncline.engine.intake import Capture, next_page_number, take_alone, take_page
from syncline.engine.joining import joined
from syncline.engine.unreadable import close_readable
from syncline.engine.world import READING, Progress, World
from syncline.errors import ConfigError, PositionLost
from syncline.ports import Lane, Streams
from syncline.records import EventBatch, Page, Problem, Side
from syncline.schema import ObjectSchema
from syncline.spec.model import Sync
from syncline.spec.resolve import require_fields, typed
from syncline.trees import TABLES, Commit, Table

_KNOWN_AT_ONCE = 10_000

LOOK_LATER_SECONDS = 600.0
"""When a field has gone out of sight between our asking for it and the answer: by then another run has noticed."""


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
            world.report(Progress("describe", f"{spec.connection}.{object_type}", 0))
            world.schemas[spec.connection, object_type] = await connector.describe(object_type)
            world.report(Progress("describe", f"{spec.connection}.{object_type}", 1, 1))
            schemas[side][object_type] = world.schemas[spec.connection, object_type]
            seen = await _ever_seen(world, spec.connection, object_type, remember=remember)
            captured |= {f"{side}.{object_type}.{name}" for name in seen}
    if strict and remember:
        require_fields(sync, schemas, frozenset(captured))
    world.syncs = {**world.syncs, sync.name: typed(sync, schemas, frozenset(captured))}
    world.terms.pop(sync.name, None)
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
    fields = world.fields_read(connection, object_type)
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
    number = await next_page_number(world, report, run_id)
    world.report(_read_so_far(report))
    async for page in joined(pages):
        commit = Commit()
        if page.next_cursor is not None:
            commit.put[Table.CURSOR] = cursor_row(world, report, page.next_cursor, fields, rows_seen)
        _look_later(world, report.connection, page, commit)
        await take_page(world, report, page, run_id, number=number, commit=commit)
        number += 1
        world.report(_read_so_far(report))


def _read_so_far(report: Capture) -> Progress:
    return Progress(READING, f"{report.connection}.{report.object_type}", report.rows)


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
    number = await next_page_number(world, report, run_id)
    world.report(_read_so_far(report))
    async for page in joined(connector.read_all(report.object_type, fields)):
        position = page.next_cursor or position
        seen.update(page.rows[records.ID].to_list())
        if known and not seen and not page.has_more:
            report.is_empty_side = True
            return
        commit = Commit()
        _look_later(world, report.connection, page, commit)
        await take_page(world, report, page, run_id, number=number, commit=commit)
        number += 1
        world.report(_read_so_far(report))
    if position is None:
        raise PositionLost(
            f"{report.connection}.{report.object_type}: the complete read gave no position to resume from."
        )
    await _look_for_absent(world, report, fields, seen, run_id)
    cursor = cursor_row(world, report, position, fields, len(seen))
    await world.store.commit(Commit(put={Table.CURSOR: cursor}))


async def read_everything(world: World, connection: str, object_type: str, run_id: str) -> Capture:
    """Read an object whole, whatever its cursor says: for `verify` (on a copy of the state) and for sweeps."""
    fields = world.fields_read(connection, object_type)
    report = Capture(connection=connection, object_type=object_type)
    await _backfill(world, report, fields, run_id)
    return report


async def _look_for_absent(world: World, report: Capture, fields: Sequence[str], seen: set[str], run_id: str) -> None:
    """Ids we knew that a complete read did not bring: asked for by id; deleted if the vendor says so, else out of
    sight. Never a delete by inference."""
    where = {"connection": report.connection, "object_type": report.object_type, "is_deleted": False}
    absent: list[str] = []
    async for known in world.store.slices(Table.MIRROR, where, size=_KNOWN_AT_ONCE):
        absent += [record_id for record_id in known["record_id"].to_list() if record_id not in seen]
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
        fields = world.fields_read(connection, object_type)
    page = await world.connectors[connection].read_by_ids(object_type, fields, ids, lane=lane)
    if commit is None:
        commit = Commit()
        _look_later(world, connection, page, commit)
    await take_alone(world, connection, page, run_id, commit=commit)
    return page


def _look_later(world: World, connection: str, page: Page, commit: Commit) -> None:
    """The records of a page that could not show a field we thought we may read are read once more: the right went away
    since we asked for it, and may be back before we ask again, as if nothing had been."""
    if page.hidden and len(page.rows):
        due_us = world.now_us() + int(LOOK_LATER_SECONDS * 1e6)
        commit.touch.append(
            read_marks(connection, page.object_type, page.rows[records.ID].unique().to_list(), due_us=due_us)
        )


def channels(world: World, connection: str) -> Mapping[str, tuple[str, ...]]:
    """The channels in which a connection's system pushes changes of the objects that any sync reads, each with those
    objects; none where it pushes nothing."""
    connector = world.connectors[connection]
    if not isinstance(connector, Streams):
        return {}
    sides = [(sync, side) for sync in world.syncs.values() for side in records.SIDES]
    used = [
        name
        for sync, side in sides
        if sync.side(side).connection == connection
        for name in sync.side(side).object_types
    ]
    return connector.channels(list(dict.fromkeys(used)))


def listen(world: World, connection: str, channel: str, position: str | None) -> AsyncGenerator[EventBatch, None]:
    """What is pushed in one of `channels` after *position*, with the fields that any sync reads. Close it at the end.

    Raises as `ports.Streams.subscribe`; ConfigError if the connection has no such channel.
    """
    connector = world.connectors[connection]
    object_types = channels(world, connection).get(channel)
    if object_types is None or not isinstance(connector, Streams):
        raise ConfigError(f"Connection {connection!r} pushes no changes in a channel {channel!r}.", code="SYN-149")
    fields = {name: world.fields_read(connection, name) for name in object_types}
    return connector.subscribe(channel, fields, position)


async def consult(
    world: World,
    connection: str,
    object_type: str,
    fields: Sequence[str],
    values: Sequence[str],
    *,
    key_field: str | None = None,
) -> pl.DataFrame:
    """Records of any object as they are now, whose *key_field* (None: whose id) holds one of *values*; deleted ones are
    left out. Columns as in a page; a field that cannot be seen has none. Nothing is stored: for objects that no sync
    mirrors."""
    connector = world.connectors[connection]
    if key_field is None:
        page = await connector.read_by_ids(object_type, fields, values, lane=Lane.URGENT)
    else:
        page = await connector.find(object_type, fields, key_field, values, lane=Lane.URGENT)
    return page.rows.filter(~pl.col(records.DELETED))


async def look_up(
    world: World, connection: str, object_type: str, key_field: str, values: Sequence[str], run_id: str
) -> Page:
    """Read the records whose *key_field* holds one of *values* into the mirror."""
    fields = world.fields_read(connection, object_type)
    page = await world.connectors[connection].find(object_type, fields, key_field, values, lane=Lane.URGENT)
    await take_alone(world, connection, page, run_id)
    return page
