"""Planned deletes carried out, one by one: each is a deed, and a record that is already gone is no failure.

Lives here: what becomes of each. Not here: which are planned (`afterlife`, `planning`) or held (`ceilings`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from syncline.engine.deeds import perform
from syncline.engine.dirty import dirty_links, read_marks
from syncline.engine.letters import bury_deed
from syncline.engine.life.marks import Ended, Then, ended_of, mark_rows
from syncline.engine.observe import read_again
from syncline.engine.settlement import add_rows
from syncline.engine.sheets import Sheets
from syncline.engine.world import World
from syncline.engine.write import Written
from syncline.errors import AccessError, Later, NotUnderstood
from syncline.ports import Lane
from syncline.records import Operation, Outcome, Side, Status, Write
from syncline.spec.model import LeavesFilter, Sync
from syncline.trees import Commit, Table


async def carry_out_deletes(
    world: World, sync: Sync, run_id: str, sheets: Sheets, report: Written, *, lane: Lane
) -> None:
    """Delete what *sheets* plan to delete; what became of each is added to *report*."""
    for (kind, side, _), parts in sheets.by_kind():
        if kind is not Operation.DELETE:
            continue
        connection = sync.side(side).connection
        for row in (row for part in parts for row in part.iter_rows(named=True)):
            if connection in report.silent:
                report.classes[row["action"]] = await _defer(world, sync, row, "not sent")
                continue
            try:
                report.classes[row["action"]] = await _delete(world, sync, run_id, side, row, lane)
            except (Later, AccessError, NotUnderstood) as error:
                report.stop(connection, error)
                report.classes[row["action"]] = await _defer(world, sync, row, str(error))


async def _defer(world: World, sync: Sync, row: dict[str, Any], reason: str) -> tuple[str, str]:
    await world.store.commit(Commit(touch=[dirty_links(sync.name, [row["link_id"]])]))
    return "deferred", reason


async def _delete(
    world: World, sync: Sync, run_id: str, side: Side, row: dict[str, Any], lane: Lane
) -> tuple[str, str]:
    if not await _is_still_due(world, sync, side, row):
        return await _defer(world, sync, row, "it changed while it was planned; planned again next")
    letters = await world.store.rows(Table.DEAD_LETTER, {"letter_id": _letter_id(sync, side, row), "state": "dead"})
    if len(letters):
        return "dead", f"refused before: {letters['message'][0]}"
    write = Write(operation=Operation.DELETE, object_type=row["object_type"], cells={}, record_id=row["record_id"])
    outcome = await perform(world, sync, run_id, side, write, link_id=row["link_id"], lane=lane)
    if outcome.status is Status.UNKNOWN:
        return "unknown", outcome.message or "the answer was lost; it will be read back"
    is_gone = outcome.is_gone or await _is_out_of_sight(world, sync, side, row, outcome, run_id)
    if outcome.status in (Status.WRITTEN, Status.UNCHANGED) or is_gone:
        await _end_leaver(world, sync, side, row)
        if is_gone:
            await _note_gone(world, row)
        return "written", "it was gone before" if is_gone else "deleted"
    words = f"{outcome.code}: {outcome.message}"
    if not outcome.is_permanent:
        return await _defer(world, sync, row, words)
    commit = Commit()
    bury_deed(world, sync, side, _letter_id(sync, side, row), row["link_id"], write, outcome, commit)
    await world.store.commit(commit)
    return "dead", words


async def _is_out_of_sight(
    world: World, sync: Sync, side: Side, row: dict[str, Any], outcome: Outcome, run_id: str
) -> bool:
    """Whether a record whose delete was refused for something that passes is not to be found by its id: vendors have no
    word of its own for one that was purged, or that the sync user may not see."""
    if outcome.status is not Status.REJECTED or outcome.is_permanent:
        return False
    page = await read_again(world, sync.side(side).connection, row["object_type"], [row["record_id"]], run_id)
    return page is not None and row["record_id"] in page.missing


async def _is_still_due(world: World, sync: Sync, side: Side, row: dict[str, Any]) -> bool:
    """Whether the link still is what the delete was planned from: its record may be there again, or be another; what
    ended may have been read since, alive or merged into another, and nobody has drawn the conclusions yet."""
    keys = pl.DataFrame({"link_id": [row["link_id"]]})
    state = (await world.store.by_keys(Table.LINK, keys))["state"].to_list()
    where = {"link_id": row["link_id"], "side": side, "role": "current", "record_id": row["record_id"]}
    if not await world.store.count(Table.LINK_END, where) or await _is_to_be_read(world, sync, side, row):
        return False
    if state == ["live"]:
        return sync.leaves_filter is LeavesFilter.DELETE
    ended = (await ended_of(world.store, keys)).get(row["link_id"])
    return ended is not None and ended.then is Then.DELETE and await _is_still_ended(world, sync, ended)


async def _is_to_be_read(world: World, sync: Sync, side: Side, row: dict[str, Any]) -> bool:
    """Whether a reading of the record said nothing for sure and is about to be made again: it may show an edit that
    would die with it."""
    connection = sync.side(side).connection
    lag_us = int(world.capabilities(connection, row["object_type"]).visibility_lag_seconds * 1e6)
    mark = read_marks(connection, row["object_type"], [row["record_id"]], due_us=0).drop("due_us")
    waiting = (await world.store.by_keys(Table.DIRTY, mark))["due_us"]
    return any(due_us <= world.now_us() + lag_us for due_us in waiting)


async def _is_still_ended(world: World, sync: Sync, ended: Ended) -> bool:
    key = {"object_type": ended.object_type, "record_id": ended.record_id}
    keys = pl.DataFrame([key | {"connection": sync.side(ended.side).connection}])
    known = await world.store.by_keys(Table.MIRROR, keys)
    return ended.why != "deleted" or known.filter(~pl.col("is_deleted") | pl.col("fate").is_not_null()).is_empty()


async def _note_gone(world: World, row: dict[str, Any]) -> None:
    """What was to be deleted was gone before, perhaps for good, so that no reading will ever show it deleted: nothing
    is to follow any more."""
    keys = pl.DataFrame({"link_id": [row["link_id"]]})
    ended = (await ended_of(world.store, keys)).get(row["link_id"])
    if ended is not None and ended.then is Then.DELETE:
        over = mark_rows({row["link_id"]: replace(ended, then=Then.NOTHING)}, world.now_us())
        await world.store.commit(Commit(put={Table.MARK: over}))


async def _end_leaver(world: World, sync: Sync, side: Side, row: dict[str, Any]) -> None:
    """The counterpart of a record that left its filter is gone: made anew once that passes again."""
    keys = pl.DataFrame({"link_id": [row["link_id"]]})
    if (await world.store.by_keys(Table.LINK, keys))["state"].to_list() != ["live"]:
        return
    ended = Ended(
        side=side,
        object_type=row["object_type"],
        record_id=row["record_id"],
        why="left_filter",
        then=Then.BACK_IN_FILTER,
        at_us=world.now_us(),
    )
    commit = Commit(amend={Table.LINK: [keys.with_columns(pl.lit("tombstone").alias("state"))]})
    add_rows(commit, Table.MARK, mark_rows({row["link_id"]: ended}, world.now_us()))
    await world.store.commit(commit)


def _letter_id(sync: Sync, side: Side, row: dict[str, Any]) -> str:
    return f"delete:{sync.name}:{row['link_id']}:{side}"
