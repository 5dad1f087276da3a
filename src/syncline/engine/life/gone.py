"""Records that are gone without a proven delete: asked for by id and not found, or purged before anybody saw it.

Lives here: the hold where a policy would act on a delete, and its end when the record is seen again. It is never taken
for a delete by itself. Not here: losing sight (`intake`), which stops what flows whatever the policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from syncline.engine.holds import hold_row
from syncline.engine.life.chains import NAME
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.plan import held_digest
from syncline.records import SIDES, Side
from syncline.spec.model import OnDelete, Sync
from syncline.trees import TABLES, Commit, Table

_ACTS = frozenset({OnDelete.DELETE, OnDelete.RECREATE, OnDelete.HOLD})
"""Policies that do something to the counterpart or the record itself."""


async def note_gone(world: World, sync: Sync, link_ids: Sequence[int], run_id: str) -> None:
    """Open a hold for those of *link_ids* whose record is out of sight where a delete would have consequences; end the
    holds of records that are seen again, or whose delete has been proven."""
    sides = [side for side in SIDES if sync.on_delete.get(side) in _ACTS]
    if not sides or not link_ids:
        return
    keys = pl.DataFrame({"link_id": list(link_ids)}, schema={"link_id": pl.Int64})
    links = await world.store.by_keys(Table.LINK, keys)
    commit = Commit()
    gone = [
        _row(world, sync, side, link_id, name, run_id)
        for side in sides
        for link_id, name in await _out_of_sight(world, links, side)
    ]
    known = await world.store.rows(Table.HOLD, {"sync": sync.name, "kind": "gone"})
    if new := [row for row in gone if row["hold_id"] not in set(known["hold_id"])]:
        add_rows(commit, Table.HOLD, pl.DataFrame(new, schema=dict(TABLES[Table.HOLD][0])))
    mine = [link_of(row) in set(link_ids) for row in known.iter_rows(named=True)]
    still = [str(row["hold_id"]) for row in gone]
    over = known.filter(pl.Series(mine, dtype=pl.Boolean) & ~pl.col("hold_id").is_in(still))
    if len(over):
        commit.drop[Table.HOLD] = over.select("hold_id")
    if not commit.is_empty():
        await world.store.commit(commit)


def link_of(hold: Mapping[str, object]) -> int:
    """The link a hold of this kind is about."""
    return int(json.loads(str(hold["evidence"]))["link_id"])


async def _out_of_sight(world: World, links: pl.DataFrame, side: Side) -> list[tuple[int, tuple[str, str]]]:
    lost = links.filter((pl.col("state") == "live") & ~pl.col(f"visible_{side}").fill_null(True)).select("link_id")
    if lost.is_empty():
        return []
    ends = await world.store.by_keys(Table.LINK_END, lost.with_columns(side=pl.lit(side), role=pl.lit("current")))
    return [(link_id, (kind, record_id)) for link_id, kind, record_id in ends.select("link_id", *NAME).iter_rows()]


def _row(world: World, sync: Sync, side: Side, link_id: int, name: tuple[str, str], run_id: str) -> dict[str, object]:
    hold_id = f"gone:{sync.name}:{link_id}:{side}"
    member = {"side": side, "object_type": name[0], "record_id": name[1]}
    return hold_row(
        world,
        sync.name,
        run_id,
        hold_id=hold_id,
        kind="gone",
        subject=[member],
        evidence={"link_id": link_id, "side": side, "asked": "by id, and not found"},
        digest=held_digest("gone", [hold_id]),
    )
