"""How long the history of runs is kept: ours, and DBOS's own rows.

Lives here: what is dropped, and when. Runs that are under way are never dropped, nor is anything a run left in other
tables: history, journal and conflict log have rules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from syncline.runtime.presence import ALIVE
from syncline.runtime.schedules import UNDER_WAY
from syncline.trees import Commit, Store, Table

EVERY_SECONDS = 3600.0
_SLICE = 5_000
_DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Days. `runs`: runs as `syncline runs` lists them; `parts`: their units, answered requests, lost and stopped
    workers, and what DBOS keeps of workflows that ended."""

    runs: float = 90.0
    parts: float = 2.0


async def drop_old(store: Store, retention: Retention) -> int:
    """Drop what is older than *retention* allows; how many runs that were."""
    now_us = await store.clock_us()
    runs_us, parts_us = now_us - int(retention.runs * _DAY_US), now_us - int(retention.parts * _DAY_US)
    old: list[pl.DataFrame] = []
    async for rows in store.slices(Table.RUN, size=_SLICE):
        ended = rows.filter(~pl.col("state").is_in(list(UNDER_WAY)))
        limit = pl.when(pl.col("kind") == "part").then(parts_us).otherwise(runs_us)
        old.append(ended.filter(pl.col("started_us") < limit).select("run_id"))
    for part in old:
        if len(part):
            await store.commit(Commit(drop={Table.RUN: part}))
    await _drop_told(store, parts_us)
    return sum(len(part) for part in old)


async def _drop_told(store: Store, before_us: int) -> None:
    """Workers that are no more, and requests that were answered."""
    workers = (await store.rows(Table.WORKER)).filter(
        ~pl.col("state").is_in(list(ALIVE)) & (pl.col("seen_us") < before_us)
    )
    requests = (await store.rows(Table.REQUEST)).filter(pl.col("answered_us") < before_us)
    await store.commit(
        Commit(
            drop={Table.WORKER: workers.select("worker_id"), Table.REQUEST: requests.select("request_id")},
        )
    )
