"""Schedules in the state: rows of SCHEDULE, and the rows of RUN that come of them.

Lives here: reading and storing what `due` decides, once, however many workers ask: under a lease, with ids that two
askers give alike. Not here: carrying a run out (`conduct`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import polars as pl

from syncline.ports import Lane
from syncline.records import SIDES
from syncline.runtime import due
from syncline.runtime.due import Decision, Standing
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Fenced, Lease, Store, Table
from syncline.values import micros

UNDER_WAY = ("queued", "running")
_LEASE_SECONDS = 6.0


async def tick(store: Store, sync: Sync, worker: str) -> str | None:
    """Take up what the schedule asks for now; the id of the run that is queued by it, if one is.

    Two workers that ask at once make one run. Raises ConfigError SYN-118, as `due.begin`.
    """
    now = await _now(store)
    old = await standing_of(store, sync)
    if old is not None and _rests(sync, old, now):
        return None
    async with _alone(store, sync, worker) as lease:
        if lease is None:
            return None  # another worker is at it
        old = await standing_of(store, sync)
        standing = old
        if old is None or old.print != sync.schedule.print():
            standing = due.begin(sync.name, sync.schedule, now, old)
        assert standing is not None
        running, ended_at = await _last_runs(store, sync)
        decision = due.decide(sync.schedule, standing, now, is_running=running, ended_at=ended_at)
        return await _keep(store, sync, lease, old, decision, now)


async def pause(store: Store, sync: Sync, worker: str) -> bool:
    """Let no new occurrence begin; a run under way ends by itself. False if it was paused already."""
    return await _turn(store, sync, worker, pausing=True)


async def resume(store: Store, sync: Sync, worker: str) -> bool:
    """Go on with the schedule at its next occurrence, without a burst. False if it was not paused."""
    return await _turn(store, sync, worker, pausing=False)


async def standing_of(store: Store, sync: Sync) -> Standing | None:
    """Where the sync stands in its schedule; None before a worker took it up for the first time."""
    rows = await store.rows(Table.SCHEDULE, {"sync": sync.name})
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return Standing(
        print=row["print"] or "",
        next_at=_instant(row["next_us"]),
        last_at=_instant(row["last_us"]),
        is_waiting=bool(row["is_waiting"]),
        paused_at=_instant(row["paused_us"]),
        is_completed=row["state"] == "completed",
    )


def _rests(sync: Sync, standing: Standing, now: datetime) -> bool:
    """Whether nothing can be due, told without asking the state for more."""
    if standing.print != sync.schedule.print():
        return False
    if standing.paused_at is not None or standing.is_completed:
        return True
    return standing.next_at is not None and standing.next_at > now and not standing.is_waiting


async def _turn(store: Store, sync: Sync, worker: str, *, pausing: bool) -> bool:
    while True:
        async with _alone(store, sync, worker) as lease:
            if lease is None:
                continue
            now = await _now(store)
            old = await standing_of(store, sync)
            standing = old if old is not None else due.begin(sync.name, sync.schedule, now)
            if (standing.paused_at is not None) == pausing:
                return False
            decision = Decision(standing=due.pause(standing, now))
            if not pausing:
                decision = due.resume(sync.schedule, standing, now)
            await _keep(store, sync, lease, old, decision, now)
            return True


@asynccontextmanager
async def _alone(store: Store, sync: Sync, worker: str) -> AsyncIterator[Lease | None]:
    lease = await store.take_lease(f"schedule:{sync.name}", worker, seconds=_LEASE_SECONDS)
    try:
        yield lease
    finally:
        if lease is not None:
            await store.give_back(lease)


async def _last_runs(store: Store, sync: Sync) -> tuple[bool, datetime | None]:
    """Whether a run of the sync is under way or queued, and when the last one ended."""
    under_way = await store.rows(Table.RUN, {"sync": sync.name, "kind": "run", "state": list(UNDER_WAY)}, limit=1)
    if len(under_way):
        return True, None
    last = await store.rows(Table.RUN, {"sync": sync.name, "kind": "run"}, limit=1, newest_first=True)
    return False, _instant(last["ended_us"][0]) if len(last) else None


async def _keep(
    store: Store, sync: Sync, lease: Lease, old: Standing | None, decision: Decision, now: datetime
) -> str | None:
    """Store the decision, whole or not at all; the id of the run it queues."""
    commit = Commit(fences={lease.name: lease.fence})
    if decision.standing != old:
        commit.put[Table.SCHEDULE] = _schedule_row(sync, decision.standing, now)
    rows = [_passed_row(sync, one, now) for one in decision.passed]
    queued = None
    if decision.start is not None:
        row = await _queued_row(store, sync, decision.start, now)
        queued = str(row["run_id"])
        rows.append(row)
    if rows:
        frame = pl.DataFrame(rows, schema=dict(TABLES[Table.RUN][0]))
        known = await store.by_keys(Table.RUN, frame.select("run_id"))
        commit.add[Table.RUN] = frame.join(known, on="run_id", how="anti")
        queued = None if queued in known["run_id"] else queued
    try:
        await store.commit(commit)
    except Fenced:
        return None  # another worker took the schedule up meanwhile
    return queued


def _schedule_row(sync: Sync, standing: Standing, now: datetime) -> pl.DataFrame:
    row = {
        "sync": sync.name,
        "print": standing.print,
        "next_us": _micros(standing.next_at),
        "last_us": _micros(standing.last_at),
        "is_waiting": standing.is_waiting,
        "paused_us": _micros(standing.paused_at),
        "state": "completed" if standing.is_completed else "active",
        "at_us": micros(now),
    }
    return pl.DataFrame([row], schema=dict(TABLES[Table.SCHEDULE][0]))


async def _queued_row(store: Store, sync: Sync, start: due.Start, now: datetime) -> dict[str, object]:
    lane = Lane.BULK if await is_first_copy(store, sync) else Lane.LIVE
    # `once: now` is one run for each time it is written into the file, whenever it was first asked for.
    of = "now" if start.trigger == "now" else str(micros(start.due_at))
    return _row(sync, of, "queued", start.due_at, micros(now)) | {
        "lane": lane.value,
        "summary": json.dumps({"trigger": start.trigger, "attempt": 1}),
    }


def _passed_row(sync: Sync, passed: due.Passed, now: datetime) -> dict[str, object]:
    summary = {"error": passed.why} | ({"occurrences": passed.count} if passed.count > 1 else {})
    of = f"{passed.state}:{micros(passed.due_at)}"
    return _row(sync, of, passed.state, passed.due_at, micros(now)) | {
        "ended_us": micros(now),
        "summary": json.dumps(summary),
    }


def _row(sync: Sync, of: str, state: str, due_at: datetime, now_us: int) -> dict[str, object]:
    """A row of RUN whose id says what it stands for: asked for twice, it is the same."""
    name = f"{sync.name}|{sync.schedule.print()}|{of}"
    return {
        "run_id": hashlib.blake2b(name.encode(), digest_size=8).hexdigest(),
        "sync": sync.name,
        "kind": "run",
        "state": state,
        "started_us": now_us,
        "due_us": micros(due_at),
    }


async def is_first_copy(store: Store, sync: Sync) -> bool:
    """Whether an object of the sync has never been read whole: what comes then is a load, not a change."""
    for side in SIDES:
        spec = sync.side(side)
        for object_type in spec.object_types:
            if not await store.count(Table.CURSOR, {"connection": spec.connection, "object_type": object_type}):
                return True
    return False


async def _now(store: Store) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=await store.clock_us())


def _instant(us: int | None) -> datetime | None:
    return None if us is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)
