"""Deeds: single acts that are more than field values – a merge, a conversion, a delete, a task – one at a time.

Lives here: a deed's way through prepare (journal, in-flight rows of every record it touches), send and settle, and what
becomes of deeds whose answer was lost. Not here: what to do and why (`life`, `actions`), or batches of field writes
(`write`, `outcomes`).

The outcome of a deed is never assumed: what it touched is read again. So an unknown one needs no verdict of its own;
once a reading can show it, the mirror says whether it took place, and who asked for it decides anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from syncline.engine.dirty import dirty_links, read_marks
from syncline.engine.erased import names_erased
from syncline.engine.journal import DEED, IN_FLIGHT, pack
from syncline.engine.observe import read_again
from syncline.engine.tenure import in_other_hands
from syncline.engine.world import World
from syncline.engine.write import send
from syncline.errors import AccessError, Later, NotUnderstood
from syncline.ports import Lane
from syncline.reconcile.settle import SEGMENT
from syncline.records import Operation, Outcome, Side, Status, Write
from syncline.spec.model import Sync
from syncline.trees import TABLES, AlreadyThere, Commit, Table
from syncline.values import instant

IN_FLIGHT_ALREADY = "in_flight"
"""`Outcome.code` of a deed that was not sent because another write to one of its records has no answer yet."""


async def perform(
    world: World,
    sync: Sync,
    run_id: str,
    side: Side,
    write: Write,
    *,
    link_id: int = 0,
    lane: Lane = Lane.URGENT,
    along: Commit | None = None,
) -> Outcome:
    """Do *write* on *side* now and read again what it touched; *link_id* is planned anew afterwards. What *along* puts
    and amends is stored with its journal: if anything may have been sent, and only then.

    A refusal is an outcome. Raises Later, AccessError or NotUnderstood if nothing was sent. An outcome of UNKNOWN is
    settled by `resolve_deeds`.
    """
    connection = sync.side(side).connection
    batch_id = world.random.token(8)
    try:
        await world.store.commit(_prepared(world, sync, run_id, side, write, batch_id, link_id, along or Commit()))
    except AlreadyThere:
        return Outcome(
            status=Status.REJECTED,
            record_id=write.record_id,
            code=IN_FLIGHT_ALREADY,
            message="another write to it has no answer yet; try again after the next run",
            is_permanent=False,
        )
    await world.before_sending()
    try:
        outcome = await send(world, connection, write, lane=lane)
    except (Later, AccessError, NotUnderstood):
        await world.store.commit(_closed(world, batch_id, len(_slots(write, batch_id)), "rejected"))
        raise
    state = {Status.UNKNOWN: "unknown", Status.REJECTED: "rejected"}.get(outcome.status, "settled")
    commit = _closed(world, batch_id, len(_slots(write, batch_id)), state)
    async with world.store.alone():
        is_erased = await names_erased(world, sync, side, [*_known_ids(write, outcome), *write.cells.values()])
        if outcome.status in (Status.WRITTEN, Status.UNCHANGED) and not is_erased:
            commit.add[Table.HISTORY] = _history(world, connection, write, outcome, run_id)
        if link_id and not is_erased:
            commit.touch.append(dirty_links(sync.name, [link_id]))
        await world.store.commit(commit)
    if not is_erased:
        await _read_touched(world, sync, side, write, outcome, run_id)
    return outcome


async def resolve_deeds(world: World, sync: Sync, run_id: str) -> int:
    """Read again what deeds without an answer touched, once a reading can show them. How many stay unknown."""
    entries = await world.store.rows(Table.ENTRY, {"state": list(IN_FLIGHT)})
    if entries.is_empty():
        return 0
    journals = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    own = journals.filter((pl.col("sync") == sync.name) & pl.col("operation").str.starts_with(DEED))
    own = own.join(await in_other_hands(world, own), on="batch_id", how="anti")
    waiting = 0
    for row in entries.join(own.select("batch_id", "side", "sent_us"), on="batch_id").iter_rows(named=True):
        waiting += not await _settle_late(world, sync, row, run_id)
    return waiting


async def _settle_late(world: World, sync: Sync, row: dict[str, object], run_id: str) -> bool:
    """Close one entry of a lost deed after a reading that must show it; false while it may not yet."""
    connection, object_type = str(row["connection"]), str(row["object_type"])
    able = world.capabilities(connection, object_type)
    lag_us = int(max(able.visibility_lag_seconds, able.late_commit_seconds) * 1e6)
    if world.now_us() < int(str(row["sent_us"])) + lag_us:
        return False
    closed = {"batch_id": [row["batch_id"]], "position": [row["position"]], "state": ["settled"]}
    commit = Commit(amend={Table.ENTRY: [pl.DataFrame(closed)]})
    if row["link_id"]:
        commit.touch.append(dirty_links(sync.name, [int(str(row["link_id"]))]))
    if row["record_id"] is not None and object_type in sync.side("a" if row["side"] == "a" else "b").object_types:
        await read_again(world, connection, object_type, [str(row["record_id"])], run_id, commit=commit)
    else:
        await world.store.commit(commit)
    return True


def _slots(write: Write, batch_id: str) -> list[tuple[str | None, str | None]]:
    """Record id and key of each in-flight row, in sorted order: every record the deed touches."""
    ids = sorted({one for one in (write.record_id, *write.others) if one})
    return [(one, None) for one in ids] or [(None, write.key or batch_id)]


def _prepared(
    world: World, sync: Sync, run_id: str, side: Side, write: Write, batch_id: str, link_id: int, along: Commit
) -> Commit:
    now_us, connection = world.now_us(), sync.side(side).connection
    journal = {
        "batch_id": batch_id,
        "sync": sync.name,
        "run_id": run_id,
        "side": side,
        "connection": connection,
        "object_type": write.object_type,
        "operation": DEED + write.operation.value,
        "state": "sent",
        "prepared_us": now_us,
        "sent_us": now_us,
        "answered_us": None,
        "origin": None,
        "fence": world.fence,
        "segment": pack(pl.DataFrame(schema=SEGMENT)),
    }
    entries = [
        (batch_id, at, connection, write.object_type, record_id, key, link_id, "sent", now_us)
        for at, (record_id, key) in enumerate(_slots(write, batch_id))
    ]
    return Commit(
        add={
            Table.JOURNAL: pl.DataFrame([journal], schema=dict(TABLES[Table.JOURNAL][0])),
            Table.ENTRY: pl.DataFrame(entries, schema=dict(TABLES[Table.ENTRY][0]), orient="row"),
        },
        put=along.put,
        amend=along.amend,
    )


def _closed(world: World, batch_id: str, count: int, state: str) -> Commit:
    entries = pl.DataFrame({"batch_id": [batch_id] * count, "position": list(range(count)), "state": [state] * count})
    answered = {"batch_id": [batch_id], "state": ["answered"], "answered_us": [world.now_us()]}
    return Commit(amend={Table.ENTRY: [entries], Table.JOURNAL: [pl.DataFrame(answered)]})


def _history(world: World, connection: str, write: Write, outcome: Outcome, run_id: str) -> pl.DataFrame:
    """One HISTORY row per record the deed touched: what was done, in the words of the write."""
    said = {**write.options, **write.cells, **{f"@{kind}": made for kind, made in outcome.made.items()}}
    ids = [one for one in (write.record_id or outcome.record_id, *write.others) if one]
    rows = [
        {
            "day": instant(world.now_us()).date().isoformat(),
            "connection": connection,
            "object_type": write.object_type,
            "record_id": record_id,
            "at_us": world.now_us(),
            "cause": write.operation.value,
            "actor": world.actors.get(connection),
            "run_id": run_id,
            "cells": json.dumps({name: [None, value] for name, value in said.items()}, ensure_ascii=False),
        }
        for record_id in ids
    ]
    return pl.DataFrame(rows, schema=dict(TABLES[Table.HISTORY][0]))


async def _read_touched(world: World, sync: Sync, side: Side, write: Write, outcome: Outcome, run_id: str) -> None:
    """Read every record of the sync that the deed touched or made, now and once more when the vendor's lag is over.

    What cannot be read now is read by the next run: the deed is done, and its outcome is told.
    """
    touched: dict[str, Sequence[str]] = {write.object_type: _known_ids(write, outcome)}
    touched |= {kind: [made] for kind, made in outcome.made.items() if kind != write.object_type}
    spec = sync.side(side)
    for object_type, ids in touched.items():
        if object_type not in spec.object_types or not ids:
            continue
        lag_us = int(world.capabilities(spec.connection, object_type).visibility_lag_seconds * 1e6)
        again = read_marks(spec.connection, object_type, ids, due_us=world.now_us() + lag_us)
        marks = Commit(touch=[again])
        try:
            await read_again(
                world, spec.connection, object_type, ids, run_id, lane=Lane.URGENT, commit=marks if lag_us else None
            )
        except (Later, AccessError, NotUnderstood):
            await world.store.commit(marks)


def _known_ids(write: Write, outcome: Outcome) -> list[str]:
    created = outcome.record_id if write.operation is Operation.CREATE else None
    return [one for one in (write.record_id, created, *write.others) if one]
