"""One link of two: all records of the loser's become records of the winner's, which goes on with who is left.

Lives here: what a finished merger stores. Not here: why two links are one person (`mergers`).
"""

from __future__ import annotations

import polars as pl

from syncline.engine.dirty import dirty_links
from syncline.engine.life.marks import ENDED, Ended, Then, ended_of, mark_rows
from syncline.engine.life.successions import carry_bases, close_entries, put_ends, revive
from syncline.engine.settlement import add_rows, drop_rows
from syncline.engine.world import World
from syncline.reconcile.succession import Name
from syncline.records import SIDES, Side, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


async def unite(
    world: World,
    sync: Sync,
    side: Side,
    links: tuple[int, int],
    survivor: Name,
    commit: Commit,
    *,
    is_there: bool = True,
) -> None:
    """Unite *links* (winner, loser), whose records on *side* are *survivor* now; on the other side the winner's record
    stays. Where nobody *is_there* any more on *side*, or the winner's record on the other side was deleted meanwhile,
    the winner's link is as it was. The loser's link is a tombstone without records; its dirty mark, bases and marks go
    with it."""
    winner, loser = links
    ends = await world.store.rows(Table.LINK_END, {"link_id": list(links)})
    current = ends.filter((pl.col("link_id") == winner) & (pl.col("role") == "current"))
    stays: dict[Side, Name] = {s: name for s in SIDES if (name := _name(current, s)) is not None}
    old = stays.get(side)
    stays[side] = survivor
    for s in SIDES:
        own = ends.filter(pl.col("side") == s).select("object_type", "record_id").iter_rows()
        others = [name for name in own if name != stays.get(s)]
        put_ends(sync, s, winner, others, "alias", commit)
        put_ends(sync, s, winner, [stays[s]] if s in stays else [], "current", commit)
        gone = ends.filter((pl.col("side") == s) & (pl.col("link_id") == loser)).select("object_type", "record_id")
        await close_entries(world, sync, s, [n for n in gone.iter_rows() if n != stays.get(s)], commit)
    ended = (await ended_of(world.store, pl.DataFrame({"link_id": [winner]}))).get(winner)
    if is_there and (ended is None or ended.side == side):
        await revive(world, sync, side, [winner], commit)
    else:
        commit.touch.append(dirty_links(sync.name, [winner]))
    if old is not None and old != survivor:
        followed = pl.DataFrame(
            [(winner, *old, *survivor)],
            schema={
                "link_id": pl.Int64,
                "object_type": pl.String,
                "record_id": pl.String,
                "last_type": pl.String,
                "last_id": pl.String,
            },
            orient="row",
        )
        await carry_bases(world, sync, side, followed, commit)
    await _empty(world, sync, other(side), loser, ends, commit)


def _name(ends: pl.DataFrame, side: Side) -> Name | None:
    own = ends.filter(pl.col("side") == side).select("object_type", "record_id")
    return None if own.is_empty() else own.row(0)


async def _empty(world: World, sync: Sync, side: Side, loser: int, ends: pl.DataFrame, commit: Commit) -> None:
    """The loser's link has nobody left."""
    ids = pl.DataFrame({"link_id": [loser]})
    marks = await world.store.by_keys(Table.MARK, ids)
    drop_rows(commit, Table.MARK, marks.filter(pl.col("kind") != ENDED).select("link_id", "mapping", "kind"))
    drop_rows(commit, Table.BASE, ids)
    dirty = await world.store.by_keys(Table.DIRTY, ids.with_columns(sync=pl.lit(sync.name)))
    drop_rows(commit, Table.DIRTY, dirty.select("sync", "link_id", "side", "object_type", "record_id"))
    commit.amend.setdefault(Table.LINK, []).append(ids.with_columns(pl.lit("tombstone").alias("state")))
    name = _name(ends.filter((pl.col("link_id") == loser) & (pl.col("role") == "current")), side) or ("", "")
    ended = Ended(side=side, object_type=name[0], record_id=name[1], why="merged", then=Then.NOTHING)
    add_rows(commit, Table.MARK, mark_rows({loser: ended}, world.now_us()))
