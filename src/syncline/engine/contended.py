"""Just before the write: records that somebody may be editing are read once more, and those that moved wait.

Lives here: which rows of a batch are contended, and compare-and-set for the few where the connector has it. Not here:
what happens to a row the vendor refuses as moved (`outcomes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline import records
from syncline.engine.batches import Batch, Row
from syncline.engine.dirty import read_marks
from syncline.engine.intake import clockwork_of
from syncline.engine.observe import read_again
from syncline.engine.restated import restating
from syncline.engine.world import World
from syncline.reconcile.absorb import age_of, shows_the_known
from syncline.records import Operation, Page
from syncline.spec.model import Direction, FieldMap, Sync
from syncline.trees import Table

LATELY_SECONDS = 900.0
"""A target record that changed within this long may be under somebody's hands."""

SINGLE_ROWS = 25
"""Up to this many updates carry compare-and-set, which costs vendors a request of its own for every record; above it
the contended ones are read just before."""


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """`batch` may go; `moved` are rows whose record changed, or may have, since they were planned."""

    batch: Batch
    moved: tuple[Row, ...]


async def guard(world: World, sync: Sync, batch: Batch, run_id: str) -> Guarded:
    """Read the contended records of *batch* and take out the rows whose record moved, or may have.

    A reading that cannot be ordered and shows something else is no leave to write, be it this one or one of before that
    waits to be made again. Whoever gives a record another
    owner of what it shares, such as an address of which a consent is, has looked at it just before: what it says
    itself goes with the old one, and would be known by nobody any more.
    """
    if batch.operation is not Operation.UPDATE or not batch.rows:
        return Guarded(batch=batch, moved=())
    capabilities = world.capabilities(batch.connection, batch.object_type)
    compares = capabilities.has_compare_and_set and len(batch.rows) <= SINGLE_ROWS
    known = await _known(world, batch)
    before = _mirror(known)
    step_us = capabilities.stamp_step_us
    owners = set(capabilities.shared_fields.values())
    maps = _maps(sync, batch)
    unsettled = await _to_be_read(world, batch)
    wanted = [
        row
        for position, row in enumerate(batch.rows)
        if _is_contended(world, maps.get(position, []), row, before, compares, step_us)
        or row.write.record_id in unsettled
        or not owners.isdisjoint(row.write.cells)
    ]
    moved: tuple[Row, ...] = ()
    after = before
    if wanted:
        await _let_stamps_pass(world, wanted, before, step_us)
        ids = [str(row.write.record_id) for row in wanted]
        page = await read_again(world, batch.connection, batch.object_type, ids, run_id)
        after = _mirror(await _known(world, batch))
        doubted = _doubted(world, batch.connection, known, page)
        moved = tuple(
            row for row in wanted if row.write.record_id in doubted or _cells(before, row) != _cells(after, row)
        )
    gone = {row.action for row in moved}
    rows = [row for row in batch.rows if row.action not in gone]
    if compares:
        rows = [_comparing(row, after) for row in rows]
    cells = {record_id: str(known["cells"]) for record_id, known in after.items()}
    return Guarded(batch=restating(world, sync, replace(batch, rows=tuple(rows)), cells), moved=moved)


_Mirror = dict[str, dict[str, object]]


async def _known(world: World, batch: Batch) -> pl.DataFrame:
    ids = [str(row.write.record_id) for row in batch.rows]
    keys = pl.DataFrame({"record_id": ids}).with_columns(
        connection=pl.lit(batch.connection), object_type=pl.lit(batch.object_type)
    )
    return await world.store.by_keys(Table.MIRROR, keys)


async def _to_be_read(world: World, batch: Batch) -> set[str]:
    """The records of *batch* that are to be read again because a reading of them said nothing for sure."""
    ids = [str(row.write.record_id) for row in batch.rows]
    due = read_marks(batch.connection, batch.object_type, ids, due_us=0)
    marks = await world.store.by_keys(Table.DIRTY, due.drop("due_us"))
    return set(marks["record_id"])


def _mirror(known: pl.DataFrame) -> _Mirror:
    columns = ("record_id", "cells", "is_deleted", "stamp_us", "previous_stamp_us", "as_of_us")
    return {row["record_id"]: row for row in known.select(columns).iter_rows(named=True)}


def _doubted(world: World, connection: str, known: pl.DataFrame, page: Page | None) -> set[str]:
    """The records that *page* shows otherwise than they were *known*, where nobody can tell which is the newer."""
    if page is None or page.rows.is_empty():
        return set()
    clockwork = clockwork_of(world, connection, page.object_type)
    is_doubted = (age_of(known, page, clockwork) == "unordered") & ~shows_the_known(known, page)
    return set(page.rows.filter(is_doubted)[records.ID])


def _cells(mirror: _Mirror, row: Row) -> tuple[object, object]:
    known = mirror.get(str(row.write.record_id), {})
    return known.get("cells"), known.get("is_deleted")


def _number(mirror: _Mirror, row: Row, name: str) -> int | None:
    value = mirror.get(str(row.write.record_id), {}).get(name)
    return value if isinstance(value, int) else None


def _maps(sync: Sync, batch: Batch) -> dict[int, list[FieldMap]]:
    """By the position of its row, the mappings of every field that is written."""
    out: dict[int, list[FieldMap]] = {}
    for position, mapping in batch.lines().select("position", "mapping").iter_rows():
        out.setdefault(position, []).append(sync.field_map(mapping))
    return out


def _is_contended(
    world: World, maps: Sequence[FieldMap], row: Row, mirror: _Mirror, compares: bool, step_us: int
) -> bool:
    """Whether the record must be read before it is written.

    Where the vendor compares, only if the stamp we hold cannot tell later edits: unknown, or read while its step was
    still running. Else if the group is guarded, or a two-way field goes to a record that changed lately.
    """
    stamp_us, as_of_us = _number(mirror, row, "stamp_us"), _number(mirror, row, "as_of_us")
    if compares:
        return stamp_us is None or as_of_us is None or as_of_us < stamp_us + step_us
    if any(mapping.is_guarded for mapping in maps):
        return True
    was_seen_to_move = _number(mirror, row, "previous_stamp_us") is not None and stamp_us is not None
    lately = was_seen_to_move and int(stamp_us or 0) >= world.now_us() - int(LATELY_SECONDS * 1e6)
    return lately and any(mapping.direction is Direction.BOTH for mapping in maps)


async def _let_stamps_pass(world: World, rows: list[Row], mirror: _Mirror, step_us: int) -> None:
    """Wait, for one step of the stamp at most, until a reading can no longer share its stamp with a later edit."""
    now_us = world.now_us()
    left = [stamp + step_us - now_us for row in rows if (stamp := _number(mirror, row, "stamp_us")) is not None]
    wait_us = max((us for us in left if us <= step_us), default=0)
    if wait_us > 0:
        await world.clock.sleep(wait_us / 1e6)


def _comparing(row: Row, mirror: _Mirror) -> Row:
    return replace(row, write=replace(row.write, unmodified_since_us=_number(mirror, row, "stamp_us")))
