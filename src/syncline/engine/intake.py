"""Intake: one page of observations into the trees, with everything that follows from it, in one commit.

Lives here: mirror rows, history, evidence, marks to look again, sight, settled journal entries. Not here: reading
(`observe`), the order of observations (`reconcile.absorb`) or what they mean (`settlement`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline import records
from syncline.engine.died_with import log_died_with
from syncline.engine.dirty import dirty_links, dirty_records, read_marks
from syncline.engine.erased import sift
from syncline.engine.in_flight import log_overwritten
from syncline.engine.journal import IN_FLIGHT, outstanding
from syncline.engine.laws import Told, put_capture_law
from syncline.engine.life.endings import HAS_ENDED, mark_endings
from syncline.engine.lost_creates import link_shown
from syncline.engine.match_index import keep_keys
from syncline.engine.owners import keep_owners
from syncline.engine.partly import partly_seen, with_unordered, without
from syncline.engine.settlement import add_rows, consequences, settle_page
from syncline.engine.unreadable import bury_unreadable
from syncline.engine.world import World
from syncline.ports import Stamp
from syncline.reconcile.absorb import NOTHING, Absorbed, Clockwork, absorb, age_of, shows_the_known
from syncline.reconcile.cells import decode_objects
from syncline.records import How, Page
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


async def take_page(
    world: World,
    report: Capture,
    page: Page,
    run_id: str,
    *,
    number: int,
    commit: Commit,
    same_call: bool = False,
    told: Told | None = None,
) -> Absorbed:
    """Store one page with everything that follows from it, in one commit. *told*: it was made of these events."""
    if _says_nothing(page):
        put_capture_law(report.connection, page, NOTHING, run_id, number, commit, told=told)
        await world.store.commit(commit)
        return NOTHING
    async with world.store.alone():
        return await _take(world, report, page, run_id, number, commit, same_call, told)


def _says_nothing(page: Page) -> bool:
    is_still = page.moments is None or page.moments.is_empty()
    return page.rows.is_empty() and is_still and not page.missing and not page.unreadable


async def _take(
    world: World,
    report: Capture,
    page: Page,
    run_id: str,
    number: int,
    commit: Commit,
    same_call: bool,
    told: Told | None,
) -> Absorbed:
    connection, object_type = report.connection, page.object_type
    sifted = await sift(world, connection, page, commit)
    page = sifted.page
    ids = page.rows[records.ID].unique(maintain_order=True).to_list()
    keys = pl.DataFrame({"record_id": ids}, schema={"record_id": pl.String}).with_columns(
        connection=pl.lit(connection), object_type=pl.lit(object_type)
    )
    known = await world.store.by_keys(Table.MIRROR, keys)
    clockwork = clockwork_of(world, connection, object_type)
    asked = [*known["record_id"], *page.missing]
    open_entries = await outstanding(world.store, connection, object_type, asked, now_us=world.now_us())
    settled, doubted = None, tuple[str, ...]()
    if len(open_entries):
        page_tells, doubted = _telling(known, page, clockwork, open_entries, same_call=same_call)
        telling = replace(page, rows=page.rows.filter(page_tells))
        settled = await settle_page(world, connection, telling, known, open_entries, same_call=same_call)
    ends = await world.store.links_of(connection, object_type, [*ids, *page.missing])
    partly = partly_seen(world, connection, known, page)
    result = absorb(
        known,
        without(page, partly),
        clockwork,
        connection=connection,
        keep=settled.keep if settled else None,
        unplanned=await _unplanned(world, ends),
    )
    result = with_unordered(result, page, partly)
    if settled is not None:
        await consequences(world, connection, page, settled, open_entries, commit, run_id)
    await log_overwritten(world, connection, page, commit, run_id)
    await log_died_with(world, connection, page, commit, run_id)
    await link_shown(world, connection, page, ends["record_id"].to_list(), commit)
    _put_rows(world, connection, page, result, run_id, commit)
    changed = result.mirror.filter(pl.col("record_id").is_in(result.changes["record_id"].implode()))
    await keep_keys(world, connection, object_type, changed, commit)
    keep_owners(world, connection, object_type, changed, commit)
    mark_endings(world, connection, object_type, known, result.mirror, commit)
    _wake(world, connection, object_type, result.woken, ends, commit)
    _wake_others(world, connection, object_type, known, result.confirmed, ends, commit)
    fresh = _fresh_writes(world, connection, object_type, open_entries)
    _give_up(open_entries, frozenset(page.missing) - fresh, commit)
    again = [*result.unordered, *doubted, *(settled.again if settled else ())]
    again += [one for one in page.missing if one in fresh]
    if again:
        commit.touch.append(read_marks(connection, object_type, again, due_us=world.now_us() + clockwork.lag_us))
    await _mark_sight(world, connection, page, ends, fresh, commit)
    bury_unreadable(world, connection, page, commit)
    put_capture_law(connection, page, result, run_id, number, commit, erased=sifted.count, told=told)
    await world.store.commit(commit)
    report.rows += len(page.rows) + sifted.count
    report.applied += len(result.woken)
    return result


def _telling(
    known: pl.DataFrame, page: Page, clockwork: Clockwork, open_entries: pl.DataFrame, *, same_call: bool
) -> tuple[pl.Series, tuple[str, ...]]:
    """Which rows of *page* say something of our writes, and the records that have to be read again for it.

    One that cannot be ordered is not taken into the mirror; were a write in doubt settled by it all the same, its bases
    would run ahead of the mirror, and what that still holds would pass for somebody's change. Where it shows what the
    mirror holds, there is nothing to run ahead of.
    """
    age = age_of(known, page, clockwork)
    in_doubt = open_entries.filter(pl.col("state").is_in(list(IN_FLIGHT)))["record_id"].unique()
    if same_call or in_doubt.is_empty():
        return age != "older", ()
    is_doubted = (age == "unordered") & page.rows[records.ID].is_in(in_doubt.implode())
    if is_doubted.any():
        is_doubted &= ~shows_the_known(known, page)
    return (age != "older") & ~is_doubted, tuple(page.rows.filter(is_doubted)[records.ID].unique(maintain_order=True))


async def next_page_number(world: World, report: Capture, run_id: str) -> int:
    """The number of the object's next page in this run: how many it has received."""
    return await world.store.count(
        Table.RECEIPT, {"run_id": run_id, "connection": report.connection, "object_type": report.object_type}
    )


async def take_alone(
    world: World,
    connection: str,
    page: Page,
    run_id: str,
    *,
    commit: Commit | None = None,
    same_call: bool = False,
) -> None:
    """`take_page` for a page that comes by itself: a read by id or key, or what a write read back. *commit* is stored
    together with it."""
    report = Capture(connection=connection, object_type=page.object_type)
    number = await next_page_number(world, report, run_id)
    await take_page(world, report, page, run_id, number=number, commit=commit or Commit(), same_call=same_call)


def clockwork_of(world: World, connection: str, object_type: str) -> Clockwork:
    """How observations of the object are ordered, from what its connector declares."""
    capabilities = world.capabilities(connection, object_type)
    return Clockwork(
        trusts_stamp=capabilities.stamp is not Stamp.NONE,
        stamp_step_us=capabilities.stamp_step_us,
        lag_us=int(capabilities.visibility_lag_seconds * 1e6),
        now_us=world.now_us(),
    )


def _fresh_writes(world: World, connection: str, object_type: str, open_entries: pl.DataFrame) -> frozenset[str]:
    """Records with a write of ours that nothing has confirmed yet, as long as the vendor may still be about to show
    it."""
    if open_entries.is_empty():
        return frozenset()
    able = world.capabilities(connection, object_type)
    wait_us = int((able.late_commit_seconds + able.visibility_lag_seconds) * 1e6)
    is_young = pl.coalesce("answered_us", "sent_us") >= pl.lit(world.now_us() - wait_us, dtype=pl.Int64)
    return frozenset(open_entries.filter((pl.col("state") != "abandoned") & is_young)["record_id"])


def _give_up(open_entries: pl.DataFrame, gone: frozenset[str], commit: Commit) -> None:
    """Writes that were confirmed and are never shown, because the record is *gone*, wait for nothing any more."""
    if not gone:
        return
    over = open_entries.filter((pl.col("state") == "written") & pl.col("record_id").is_in(list(gone)))
    if len(over):
        rows = over.select("batch_id", "position", pl.lit("abandoned").alias("state")).unique()
        commit.amend.setdefault(Table.ENTRY, []).append(rows)


async def _unplanned(world: World, ends: pl.DataFrame) -> frozenset[str]:
    """Records of *ends* whose link has a dirty mark: an earlier change of theirs was not planned yet."""
    if ends.is_empty():
        return frozenset()
    dirty = await world.store.by_keys(Table.DIRTY, ends.select("sync", "link_id").unique())
    if dirty.is_empty():
        return frozenset()
    return frozenset(ends.join(dirty, on=["sync", "link_id"], how="semi")["record_id"])


def _put_rows(world: World, connection: str, page: Page, result: Absorbed, run_id: str, commit: Commit) -> None:
    if len(result.mirror):
        commit.put[Table.MIRROR] = result.mirror
    if page.moments is not None and len(page.moments):
        moments = page.moments.rename({"_id": "record_id"}).with_columns(
            connection=pl.lit(connection), object_type=pl.lit(page.object_type)
        )
        add_rows(commit, Table.MOMENT, moments)
    if result.changes.is_empty():
        return
    # Of a complete read only what differs from an earlier look is an event: a change found late is one all the same.
    is_event = pl.lit(page.how is not How.BACKFILL) | pl.col("before").is_not_null()
    changes = result.changes.filter(is_event)
    if len(changes):
        commit.add[Table.HISTORY] = history_rows(world, connection, page, changes, run_id)


def history_rows(world: World, connection: str, page: Page, changes: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """One HISTORY row per record of *changes* (absorb.CHANGES) with its changed cells only."""
    now_us = world.now_us()
    cells: dict[str, dict[str, list[str | None]]] = {}
    for record_id, name, before, after in changes.iter_rows():
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
    changed = set(ids)
    links: dict[tuple[str, str], dict[str, int]] = {}
    for *place, record_id, link_id in ends.select("sync", "side", "record_id", "link_id").iter_rows():
        if record_id in changed:
            links.setdefault((place[0], place[1]), {})[record_id] = link_id
    for sync, side in world.sides_of(connection, object_type):
        if only not in (None, sync.name):
            continue
        linked = links.get((sync.name, side), {})
        if linked:
            commit.touch.append(dirty_links(sync.name, dict.fromkeys(linked.values())))
        if strangers := [record_id for record_id in ids if record_id not in linked]:
            commit.touch.append(dirty_records(sync.name, side, object_type, strangers))


LOOK_AGAIN_SECONDS = 21_600.0
"""How often a linked record that is out of sight is asked for: one that comes back (a share, a partition, a read that
was incomplete) moves neither its stamp nor an event."""


async def _unended(world: World, connection: str, page: Page, ids: Sequence[str]) -> list[str]:
    """Those of *ids* that the mirror does not know to have ended."""
    if not ids:
        return []
    keys = pl.DataFrame({"record_id": ids}, schema={"record_id": pl.String}).with_columns(
        connection=pl.lit(connection), object_type=pl.lit(page.object_type)
    )
    ended = set((await world.store.by_keys(Table.MIRROR, keys)).filter(HAS_ENDED)["record_id"])
    return [record_id for record_id in ids if record_id not in ended]


async def _mark_sight(
    world: World, connection: str, page: Page, ends: pl.DataFrame, written: frozenset[str], commit: Commit
) -> None:
    """Links whose record was asked for by id and not found are out of sight; any reading that shows it brings it back,
    and it is asked for again from time to time.

    *written* are records with a write of ours outstanding: a replica may not know them yet, so they stay in sight. So
    do those that we saw end: that they are purged afterwards is no news, and what follows from their end still flows.
    """
    # An event is no sight: streams tell of records that the connected user may not read.
    found = set[str]() if page.how is How.EVENT else set(page.rows[records.ID].to_list())
    lost = await _unended(world, connection, page, [one for one in page.missing if one not in written])
    current = ends.filter((pl.col("role") == "current") & pl.col("record_id").is_in([*found, *lost]))
    if current.is_empty():
        return
    if lost:
        gone = current.filter(pl.col("record_id").is_in(lost))["record_id"].unique(maintain_order=True)
        due_us = world.now_us() + int(LOOK_AGAIN_SECONDS * 1e6)
        commit.touch.append(read_marks(connection, page.object_type, gone, due_us=due_us))
    links = await world.store.by_keys(Table.LINK, current.select("link_id").unique())
    sights = current.select("link_id", "side", pl.col("record_id").is_in(list(found)).alias("is_found"))
    was_visible = pl.when(pl.col("side") == "a").then("visible_a").otherwise("visible_b").fill_null(True)
    moved = links.join(sights, on="link_id", how="inner", maintain_order="left_right").filter(
        was_visible != pl.col("is_found")
    )
    for (side,), own in moved.sort("side", maintain_order=True).partition_by("side", as_dict=True).items():
        commit.amend.setdefault(Table.LINK, []).append(
            own.select("link_id", pl.col("is_found").alias(f"visible_{side}"))
        )
        for (sync,), part in own.partition_by("sync", as_dict=True).items():
            commit.touch.append(dirty_links(str(sync), part["link_id"].to_list()))
