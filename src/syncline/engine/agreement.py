"""Rolling verification: a bucket of pairs after the other is read anew on both sides, and what was found is published.

    the bucket looked at longest ago ─▶ read its pairs by id ─▶ take it in ─▶ what would a run write? ─▶ AGREEMENT

What is read goes into the mirror like every reading, and a pair that differs is marked, so that the next plan repairs
it: nothing is written from here. A bucket counts only when it was read to its end; who dies in the middle begins it
anew. Lives here: which buckets, and their counts. Not here: how a pair is judged (`judging`), or the claim in words
(the faces).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from syncline.engine.cycle import RunReport, close_run, open_run, state_of
from syncline.engine.dirty import dirty_links
from syncline.engine.judging import Seen, judge, look
from syncline.engine.laws import balances
from syncline.engine.observe import meet
from syncline.engine.pairs import current_ends
from syncline.engine.terms import spec_print
from syncline.engine.world import Progress, World
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Store, Table

BUCKETS = 256
"""Into how many parts the pairs of a sync fall: a link's number modulo this."""


@dataclass(kw_only=True)
class Looked:
    """What one call of `verify_next` did. `needed`: calls that the next bucket takes, where that was more than was
    given and nothing was done. Of `corrected` pairs a record was other than our mirror said, and no capture had told.
    `judged` pairs were compared field by field; of the others both readings are the same as last time."""

    buckets: int = 0
    pairs: int = 0
    agreeing: int = 0
    explained: int = 0
    differing: int = 0
    corrected: int = 0
    judged: int = 0
    calls: int = 0
    needed: int = 0
    run_id: str | None = None
    links: list[int] = field(default_factory=list)  # the differing ones, marked for the next plan


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The claim: of *pairs* looked at, how many agreed, differ for a known reason, differ. `oldest_us` is the look
    longest ago, None while some of `buckets` have not been looked at; `links` are the pairs there are now."""

    pairs: int
    agreeing: int
    explained: int
    differing: int
    oldest_us: int | None
    buckets_seen: int
    links: int
    buckets: int = BUCKETS

    @property
    def hundredths_of_percent(self) -> int | None:
        """The share that agreed, rounded down, so that all is said only of all; None if nothing was looked at."""
        return self.agreeing * 10_000 // self.pairs if self.pairs else None

    @property
    def is_whole(self) -> bool:
        """Every bucket was looked at."""
        return self.buckets_seen == self.buckets


async def agreement_of(store: Store, sync: str) -> Agreement:
    """The claim as it stands."""
    rows = await store.rows(Table.AGREEMENT, {"sync": sync})
    is_whole = len(rows) == BUCKETS
    return Agreement(
        pairs=int(rows["pairs"].sum()),
        agreeing=int(rows["agreeing"].sum()),
        explained=int(rows["explained"].sum()),
        differing=int(rows["differing"].sum()),
        oldest_us=int(str(rows["checked_us"].min())) if is_whole else None,
        buckets_seen=len(rows),
        links=await store.count(Table.LINK, {"sync": sync, "state": "live"}),
    )


def as_dict(claim: Agreement, now_us: int) -> dict[str, Any]:
    """The claim as it is published: the share in percent, rounded down, and the age of the oldest look in seconds."""
    share = claim.hundredths_of_percent
    return {
        "pairs": claim.pairs,
        "agreeing": claim.agreeing,
        "explained": claim.explained,
        "differing": claim.differing,
        "percent": None if share is None else share / 100,
        "oldest_look_seconds_ago": None if claim.oldest_us is None else (now_us - claim.oldest_us) / 1e6,
        "links": claim.links,
        "buckets_seen": claim.buckets_seen,
        "buckets": claim.buckets,
        "not_covered": "records in no pair",
    }


SECONDS_PER_DAY = 86_400.0


def calls_due(world: World, sync: Sync, seconds: float) -> int:
    """How many calls the sync's share of both days' limits comes to in *seconds*; a system that tells no limit does
    not restrict it."""
    limits = [world.connectors[sync.side(s).connection].usage().day_limit for s in SIDES]
    known = [limit for limit in limits if limit is not None]
    return int(min(known) * sync.audit_share * seconds / SECONDS_PER_DAY) if known else UNLIMITED_CALLS


UNLIMITED_CALLS = 100
"""Calls at once where no system says how many a day has."""


async def verify_next(world: World, sync: Sync, *, calls: int) -> Looked:
    """Look at the buckets whose last look is longest ago, as many as fit into *calls* API calls, each once.

    To be called under the lease `audit:<sync>`. Raises what reading raises: the bucket in hand is then looked at again
    by the next call.
    """
    if any((sync.side(s).connection, o) not in world.schemas for s in SIDES for o in sync.side(s).object_types):
        sync = await meet(world, sync)
    chosen, needed = await _next_buckets(world, sync, calls)
    if not chosen:
        return Looked(needed=needed)
    report = RunReport(run_id=world.random.token(8), sync=sync.name, kind="audit", lane=Lane.AUDIT)
    out = Looked(run_id=report.run_id)
    before = _sent(world)
    await open_run(world, report)
    try:
        for buckets in _together(chosen):
            await _look_at(world, sync, buckets, report, out)
            world.report(Progress("verify", sync.name, out.buckets, len(chosen)))
    except (SynclineError, StopRequested, asyncio.CancelledError) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        raise
    out.calls = _sent(world) - before
    report.balances = await balances(world.store, sync.name, report.run_id)
    await close_run(world, report, state_of(report))
    return out


def _sent(world: World) -> int:
    return sum(connector.usage().calls_sent for connector in world.connectors.values())


AT_ONCE = 5_000
"""So many pairs are read and judged together; a larger bucket alone."""

_Bucket = tuple[int, pl.DataFrame]


async def _next_buckets(world: World, sync: Sync, calls: int) -> tuple[list[_Bucket], int]:
    """The buckets to look at, oldest look first, each with its pairs (`pairs.current_ends`), and the calls they need;
    none if the first alone needs more."""
    known = await world.store.rows(Table.AGREEMENT, {"sync": sync.name})
    looked = dict(known.select("bucket", "checked_us").iter_rows())
    order = sorted(range(BUCKETS), key=lambda bucket: (looked.get(bucket, -1), bucket))
    chosen: list[_Bucket] = []
    counts: dict[tuple[str, str], int] = {}
    needed = 0
    async for bucket, ends in _buckets(world, sync, order):
        more = counts.copy()
        for side in SIDES if len(ends) else ():
            for (object_type,), part in ends.group_by(f"type_{side}", maintain_order=True):
                more[side, str(object_type)] = more.get((side, str(object_type)), 0) + len(part)
        needed = _calls(world, sync, more)
        if needed > calls:
            break
        counts = more
        chosen.append((bucket, ends))
    return chosen, needed


async def _buckets(world: World, sync: Sync, order: Sequence[int]) -> AsyncIterator[_Bucket]:
    """The pairs of one bucket after the other, small ones looked up together."""
    top = await world.store.next_link_ids(0)
    together = max(1, BUCKETS * AT_ONCE // max(top, 1))
    for at in range(0, len(order), together):
        some = order[at : at + together]
        ids = [link_id for bucket in some for link_id in range(bucket, top, BUCKETS)]
        ends = (await current_ends(world.store, ids)).filter(pl.col("sync") == sync.name)
        parts = ends.with_columns((pl.col("link_id") % BUCKETS).alias("_bucket")).partition_by(
            "_bucket", as_dict=True, include_key=False
        )
        for bucket in some:
            yield bucket, parts.get((bucket,), ends.clear())


def _calls(world: World, sync: Sync, counts: dict[tuple[str, str], int]) -> int:
    def each(side: str, object_type: str) -> int:
        return world.capabilities(sync.side("a" if side == "a" else "b").connection, object_type).read_ids_per_call

    return sum(-(-count // each(side, object_type)) for (side, object_type), count in counts.items())


def _together(chosen: Sequence[_Bucket]) -> list[list[_Bucket]]:
    """Consecutive buckets of `AT_ONCE` pairs, so that small ones share their calls."""
    out: list[list[_Bucket]] = []
    size = 0
    for bucket, ends in chosen:
        if not out or size + len(ends) > AT_ONCE:
            out.append([])
            size = 0
        out[-1].append((bucket, ends))
        size += len(ends)
    return out


async def _look_at(world: World, sync: Sync, buckets: Sequence[_Bucket], report: RunReport, out: Looked) -> None:
    """Read the pairs of some buckets, judge them and store what was found. A bucket in which everything is as at its
    last look, when every pair agreed, is not judged again."""
    ends = pl.concat([part for _, part in buckets])
    seen = await look(world, sync, ends, report.run_id)
    where = {"sync": sync.name, "bucket": [bucket for bucket, _ in buckets]}
    known = await world.store.rows(Table.AGREEMENT, where)
    before = {row["bucket"]: row for row in known.iter_rows(named=True)}
    digests = _digests(sync, seen)
    changed = [part for bucket, part in buckets if not _is_as_before(before.get(bucket), digests[bucket])]
    judged = await judge(world, sync, seen, pl.concat([ends.clear(), *changed]), report.run_id)
    rows = []
    for bucket, part in buckets:
        counts = judged.counts(part["link_id"])
        rows.append((sync.name, bucket, len(part), *counts.values(), *digests[bucket], world.now_us(), report.run_id))
        out.agreeing += counts["agreeing"]
        out.explained += counts["explained"]
        out.differing += counts["differing"]
    out.buckets, out.pairs = out.buckets + len(buckets), out.pairs + len(ends)
    out.judged += sum(len(part) for part in changed)
    out.corrected += len(seen.late)
    out.links += sorted(judged.differing)
    found = pl.DataFrame(rows, schema=dict(TABLES[Table.AGREEMENT][0]), orient="row")
    marks = dirty_links(sync.name, sorted(judged.differing | seen.late))
    await world.store.commit(Commit(put={Table.AGREEMENT: found}, touch=[marks]))


_NO_BASE = (b"", b"")


def _digests(sync: Sync, seen: Seen) -> dict[int, tuple[str, str]]:
    """By bucket, a digest for each side of what its records hold and what was agreed, under this configuration."""
    hashes = {(bucket, side): hashlib.blake2b(digest_size=12) for bucket in range(BUCKETS) for side in SIDES}
    spec = spec_print(sync)
    for link_id, side, *told in (
        seen.states.sort("side", "link_id")
        .select("link_id", "side", "object_type", "record_id", "print", "is_there")
        .iter_rows()
    ):
        one = hashes[link_id % BUCKETS, "a" if side == "a" else "b"]
        one.update(json.dumps([link_id, *told, spec]).encode())
        one.update(seen.bases.get(link_id, _NO_BASE)[side == "b"])
    return {bucket: (hashes[bucket, "a"].hexdigest(), hashes[bucket, "b"].hexdigest()) for bucket in range(BUCKETS)}


def _is_as_before(row: Mapping[str, Any] | None, digests: tuple[str, str]) -> bool:
    return row is not None and row["agreeing"] == row["pairs"] and (row["digest_a"], row["digest_b"]) == digests
