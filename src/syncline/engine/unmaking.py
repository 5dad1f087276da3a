"""Records that we created, deleted again: only where a person asks for it, and only while they are as we left them.

Lives here: which creates can be taken back, and doing it. The link becomes a tombstone from which nothing follows
before anything is sent: neither is the record it was made from deleted for it, nor made the source of another one. Not
here: bringing back what was deleted (`revival`), or the run of an undo (`undo`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncline import records
from syncline.engine.batches import GENERATION
from syncline.engine.journal import with_segments
from syncline.engine.life.endings import life_marks
from syncline.engine.life.marks import Ended, Then, mark_rows
from syncline.engine.observe import read_again
from syncline.engine.reversal import DONE
from syncline.engine.revival import act_alone
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.engine.write import Written
from syncline.ports import Lane
from syncline.reconcile.plan import deletes
from syncline.records import SIDES, Operation, Page, Side
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One record that we created and that is to go; `reason`: why it stays, None if it goes."""

    side: Side
    object_type: str
    record_id: str
    link_id: int
    reason: str | None = None

    @property
    def action(self) -> str:
        """Its name among the actions of a run."""
        return f"d{self.side}:{self.link_id}"


async def removals_of(world: World, sync: Sync, entries: pl.DataFrame, run_id: str) -> list[Removal]:
    """Every record that the batches of these ENTRY rows created and that is still there, after reading it afresh."""
    batches = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    done = entries.filter(pl.col("state").is_in(list(DONE)) & pl.col("record_id").is_not_null())
    known = done.join(batches.select("batch_id", "side", "operation"), on="batch_id")
    made = known.filter(pl.col("operation") == Operation.CREATE.value)
    made = made.unique(["side", "object_type", "record_id"], keep="last", maintain_order=True)
    plain = known.filter(pl.col("operation").is_in([Operation.CREATE.value, Operation.UPDATE.value]))
    lines = await with_segments(world.store, plain.select(entries.columns))
    wrote = lines.sort("sent_us", "batch_id", maintain_order=True).group_by(
        "side", "record_id", "link_id", "mapping", "field", maintain_order=True
    )
    expected = wrote.agg(pl.col("expected").last())
    out: list[Removal] = []
    for side in SIDES:
        for (object_type,), own in made.filter(pl.col("side") == side).group_by("object_type", maintain_order=True):
            if object_type in sync.side(side).object_types:
                out += await _judged(world, sync, side, str(object_type), own, expected, run_id)
    return out


async def _judged(
    world: World, sync: Sync, side: Side, object_type: str, own: pl.DataFrame, expected: pl.DataFrame, run_id: str
) -> list[Removal]:
    connection = sync.side(side).connection
    page = await read_again(world, connection, object_type, own["record_id"].to_list(), run_id, lane=Lane.URGENT)
    if page is None:
        return []
    there = {row[records.ID]: row for row in page.rows.iter_rows(named=True) if not row[records.DELETED]}
    keys = own.select("record_id").with_columns(
        sync=pl.lit(sync.name), side=pl.lit(side), object_type=pl.lit(object_type)
    )
    ends = await world.store.by_keys(Table.LINK_END, keys)
    current = dict(ends.filter(pl.col("role") == "current").select("record_id", "link_id").iter_rows())
    spelt = await _spelt(world, list(current.values()))
    may = Operation.DELETE in world.capabilities(connection, object_type).operations
    out = []
    for record_id, key in own.select("record_id", "match_key").iter_rows():
        if record_id not in there or _has_ended(page, record_id):
            continue
        cells = expected.filter((pl.col("side") == side) & (pl.col("record_id") == record_id))
        moved = [
            field
            for mapping, field, sent in cells.select("mapping", "field", "expected").iter_rows()
            if (now := there[record_id].get(field)) != sent
            and (current.get(record_id, 0), mapping, sent, now) not in spelt
        ]
        obstacles = [
            (record_id not in current, "it belongs to no pair any more"),
            (GENERATION in (key or ""), "it stands for a record that was deleted before"),
            (bool(moved), f"it was changed since ({', '.join(sorted(moved))})"),
            (not may, "the system has no way to delete it"),
        ]
        reason = next((words for stands, words in obstacles if stands), None)
        out.append(
            Removal(
                side=side,
                object_type=object_type,
                record_id=record_id,
                link_id=current.get(record_id, 0),
                reason=reason,
            )
        )
    return out


def _has_ended(page: Page, record_id: str) -> bool:
    return page.fates is not None and record_id in page.fates[records.ID]


async def _spelt(world: World, links: Sequence[int]) -> set[tuple[int, str, str, str]]:
    """link, mapping, what we sent and how the system keeps it, where that is proven to be its own spelling."""
    marks = await world.store.rows(Table.MARK, {"link_id": list(links), "kind": "normalised"})
    told = [(*row[:2], json.loads(row[2])) for row in marks.select("link_id", "mapping", "detail").iter_rows()]
    return {(link_id, mapping, detail["sent"], detail["read"]) for link_id, mapping, detail in told}


def deletes_of(removals: Sequence[Removal]) -> pl.DataFrame:
    """ACTIONS rows by which the ceiling on deletes counts them; they are sent one by one."""
    rows = [(one.side, one.object_type, one.record_id, one.link_id, "", "", "undo") for one in removals]
    return deletes(rows)


async def remove_all(world: World, sync: Sync, removals: Sequence[Removal], run_id: str, report: Written) -> None:
    """Delete records, one by one; what became of each is added to *report*. What a crash or a refusal leaves there is
    looked at by the next run, which makes its link live again."""
    if not removals:
        return
    now_us = world.now_us()
    ended = {
        one.link_id: Ended(
            side=one.side, object_type=one.object_type, record_id=one.record_id, why="deleted", then=Then.NOTHING
        )
        for one in removals
    }
    ids = pl.DataFrame({"link_id": list(ended)}, schema={"link_id": pl.Int64})
    commit = Commit(amend={Table.LINK: [ids.with_columns(pl.lit("tombstone").alias("state"))]})
    add_rows(commit, Table.MARK, mark_rows(ended, now_us))
    commit.touch += [life_marks(sync.name, one.side, one.object_type, [one.record_id]) for one in removals]
    await world.store.commit(commit)
    for one in removals:
        await act_alone(world, sync, run_id, one, Operation.DELETE, "deleted again", report)
