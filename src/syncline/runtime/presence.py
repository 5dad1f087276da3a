"""Signs of life: who works on this state, and who has gone without a word.

Lives here: the rows of WORKER, keeping every lease of a worker alive, and what is done with what a lost one had in
hand. Times are the store's clock. Not here: what DBOS held for it (`durable`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from syncline.engine.tenure import LEASE_SECONDS
from syncline.trees import TABLES, Commit, Fenced, Lease, Store, Table

BEAT_SECONDS = 2.0
LOST_AFTER_SECONDS = LEASE_SECONDS
ALIVE = ("working", "stopping")
_CUT_OFF = "cut off: its worker was lost; another one goes on from what was stored"


@dataclass(frozen=True, kw_only=True)
class Me:
    """One process as a worker. `worker_id` is new at every start."""

    worker_id: str
    host: str
    pid: int
    version: str


async def show(store: Store, me: Me, state: str, doing: list[str], started_us: int) -> None:
    """Say that we live, in which state, and what we have in hand."""
    row = {
        "worker_id": me.worker_id,
        "host": me.host,
        "pid": me.pid,
        "version": me.version,
        "state": state,
        "started_us": started_us,
        "seen_us": await store.clock_us(),
        "doing": json.dumps(sorted(doing)),
    }
    await store.commit(Commit(put={Table.WORKER: pl.DataFrame([row], schema=dict(TABLES[Table.WORKER][0]))}))


async def keep_leases(store: Store, worker_id: str) -> int:
    """Make all our leases last from now on; how many we still hold. One that passed on is its new holder's: the next
    commit under it is refused."""
    kept = 0
    for row in (await store.rows(Table.LEASE, {"holder": worker_id})).iter_rows(named=True):
        lease = Lease(**row)
        kept += await store.keep_lease(lease, seconds=LEASE_SECONDS) is not None
    return kept


async def is_anybody_there(store: Store) -> bool:
    """Whether some worker works, by its last sign of life."""
    rows = await store.rows(Table.WORKER, {"state": "working"})
    since_us = await store.clock_us() - int(LOST_AFTER_SECONDS * 1e6)
    return not rows.filter(pl.col("seen_us") >= since_us).is_empty()


async def lost_workers(store: Store, me: Me, *, alone: bool = False) -> list[str]:
    """Workers that give no sign of life any more, and are not yet known as lost. *alone*: nobody else can be at this
    state, so every other one is."""
    rows = await store.rows(Table.WORKER, {"state": list(ALIVE)})
    since_us = await store.clock_us() - int(LOST_AFTER_SECONDS * 1e6)
    others = rows.filter(pl.col("worker_id") != me.worker_id)
    return (
        others["worker_id"].to_list() if alone else others.filter(pl.col("seen_us") < since_us)["worker_id"].to_list()
    )


async def write_off(store: Store, me: Me, lost: list[str]) -> list[str]:
    """Mark *lost* workers; close their parts, and queue the runs they conducted under the next number. The ids of those
    runs; None of it happens if another worker is at it."""
    lease = await store.take_lease("sweep", me.worker_id, seconds=LEASE_SECONDS)
    if lease is None:
        return []
    try:
        return await _write_off(store, lease, lost)
    except Fenced:
        return []
    finally:
        await store.give_back(lease)


async def _write_off(store: Store, lease: Lease, lost: list[str]) -> list[str]:
    now_us = await store.clock_us()
    workers = await store.by_keys(Table.WORKER, pl.DataFrame({"worker_id": lost}))
    workers = workers.filter(pl.col("state").is_in(list(ALIVE)))
    runs = await store.rows(Table.RUN, {"state": "running", "worker": lost})
    whole = runs.filter(pl.col("kind") == "run")
    parts = runs.filter(pl.col("kind") != "run")
    commit = Commit(fences={lease.name: lease.fence})
    commit.amend[Table.WORKER] = [workers.select("worker_id", pl.lit("lost").alias("state"))]
    commit.amend[Table.RUN] = [cut_off(parts, now_us), _next_attempt(whole)]
    await store.commit(commit)
    return whole["run_id"].to_list()


def cut_off(parts: pl.DataFrame, now_us: int) -> pl.DataFrame:
    """Rows of RUN, as those of runs that nobody goes on with."""
    said = [json.dumps(json.loads(text or "{}") | {"error": _CUT_OFF}) for text in parts["summary"]]
    return parts.select(
        "run_id",
        pl.lit("failed").alias("state"),
        pl.lit(now_us, dtype=pl.Int64).alias("ended_us"),
        pl.Series("summary", said, dtype=pl.String),
    )


def _next_attempt(runs: pl.DataFrame) -> pl.DataFrame:
    """The runs, queued again: what is asked for under the next number is not what the lost worker may still do."""
    return runs.select(
        "run_id",
        pl.lit("queued").alias("state"),
        pl.lit(None, dtype=pl.String).alias("worker"),
        pl.Series("summary", [raised(text) for text in runs["summary"]], dtype=pl.String),
    )


def raised(summary: str | None) -> str:
    """A run's summary with the next attempt's number."""
    told = json.loads(summary or "{}")
    return json.dumps(told | {"attempt": int(told.get("attempt", 1)) + 1})
