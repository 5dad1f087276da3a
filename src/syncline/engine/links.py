"""Links: the rows that say that a record here and a record there are the same thing.

Lives here: storing new ones. Not here: why two records are a pair (`matching`), or what a link's bases are (`bases`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.batches import Row
from syncline.engine.dirty import dirty_links
from syncline.engine.life.endings import HAS_ENDED, life_marks
from syncline.engine.life.marks import Ended, Then, close_holds, mark_rows
from syncline.engine.settlement import add_rows, drop_rows
from syncline.engine.world import World
from syncline.reconcile.succession import Name
from syncline.records import SIDES, Side, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


def put_links(
    world: World,
    sync: Sync,
    side: Side,
    object_type: str,
    made: Sequence[tuple[int, Row, str]],
    commit: Commit,
) -> None:
    """Links between created records on *side* and the records they were made from."""
    ends = [
        end
        for link_id, row, record_id in made
        for end in (
            (sync.name, side, object_type, record_id, link_id, "current"),
            (sync.name, row.source_side, row.source_type, row.source_id, link_id, "current"),
        )
    ]
    rows = [(link_id, f"created on {side}") for link_id, _, _ in made]
    put_link_rows(world, sync, rows, ends, commit)


async def mark_ended(world: World, sync: Sync, side: Side, names: Sequence[Name], commit: Commit) -> None:
    """Have the ends looked at of those of *names* (records on *side*, of new links) that have ended already: when that
    was told they were nobody's."""
    keys = pl.DataFrame(list(names), schema={"object_type": pl.String, "record_id": pl.String}, orient="row")
    rows = await world.store.by_keys(Table.MIRROR, keys.with_columns(connection=pl.lit(sync.side(side).connection)))
    for (object_type,), part in rows.filter(HAS_ENDED).group_by("object_type", maintain_order=True):
        commit.touch.append(life_marks(sync.name, side, str(object_type), part["record_id"]))


async def stand_in(
    world: World, sync: Sync, side: Side, object_type: str, made: Sequence[tuple[int, str]], commit: Commit
) -> None:
    """Records on *side* (link, id) that were made anew stand in the place of those that ended: their tombstones are
    live links again, the records that ended aliases, and what was agreed with those is forgotten. A link whose other
    record has ended too stays a tombstone for that one's sake, and nothing follows from it."""
    if not made:
        return
    ids = pl.DataFrame({"link_id": [link_id for link_id, _ in made]})
    ends = await world.store.by_keys(Table.LINK_END, ids.with_columns(side=pl.lit(side), role=pl.lit("current")))
    rows = [(sync.name, side, object_type, record_id, link_id, "current") for link_id, record_id in made]
    fresh = pl.DataFrame(rows, schema=dict(TABLES[Table.LINK_END][0]), orient="row")
    add_rows(commit, Table.LINK_END, ends.with_columns(pl.lit("alias").alias("role")))
    add_rows(commit, Table.LINK_END, fresh)
    alone = await _without_counterpart(world, sync, other(side), ids)
    state = pl.when(pl.col("link_id").is_in(list(alone))).then(pl.lit("tombstone")).otherwise(pl.lit("live"))
    live = ids.with_columns(state.alias("state"), *(pl.lit(True).alias(f"visible_{s}") for s in SIDES))
    commit.amend.setdefault(Table.LINK, []).append(live)
    add_rows(commit, Table.MARK, mark_rows(alone, world.now_us()))
    marks = await world.store.by_keys(Table.MARK, ids)
    drop_rows(commit, Table.MARK, marks.select("link_id", "mapping", "kind"))
    drop_rows(commit, Table.BASE, ids)
    commit.touch.append(dirty_links(sync.name, ids["link_id"].to_list()))
    await close_holds(world.store, sync.name, ids["link_id"].to_list(), commit)


async def _without_counterpart(world: World, sync: Sync, far: Side, ids: pl.DataFrame) -> dict[int, Ended]:
    """Those of the links *ids* (link_id) whose record on the side *far* has ended, as their mark will say it."""
    ends = await world.store.by_keys(Table.LINK_END, ids.with_columns(side=pl.lit(far), role=pl.lit("current")))
    keys = ends.select("object_type", "record_id").with_columns(connection=pl.lit(sync.side(far).connection))
    rows = (await world.store.by_keys(Table.MIRROR, keys)).filter(HAS_ENDED)
    gone = ends.join(rows, on=["object_type", "record_id"], how="inner")
    return {
        link_id: Ended(
            side=far, object_type=object_type, record_id=record_id, why="deleted", then=Then.NOTHING, at_us=at_us
        )
        for link_id, object_type, record_id, at_us in gone.select(
            "link_id", "object_type", "record_id", "fate_us"
        ).iter_rows()
    }


def put_link_rows(
    world: World,
    sync: Sync,
    rows: Sequence[tuple[int, str]],
    ends: Sequence[tuple[str, str, str, str, int, str]],
    commit: Commit,
    evidence: Sequence[str] | None = None,
) -> None:
    """LINK and LINK_END rows of new links (id, rule), marked dirty so that they are planned."""
    now_us = world.now_us()
    links = {
        "link_id": [link_id for link_id, _ in rows],
        "sync": [sync.name] * len(rows),
        "state": ["live"] * len(rows),
        "rule": [rule for _, rule in rows],
        "decided_us": [now_us] * len(rows),
        "evidence": list(evidence) if evidence is not None else ["{}"] * len(rows),
        "member_a": [True] * len(rows),
        "member_b": [True] * len(rows),
        "visible_a": [True] * len(rows),
        "visible_b": [True] * len(rows),
    }
    add_rows(commit, Table.LINK, pl.DataFrame(links))
    commit.add[Table.LINK_END] = pl.DataFrame(list(ends), schema=dict(TABLES[Table.LINK_END][0]), orient="row")
    commit.touch.append(dirty_links(sync.name, [link_id for link_id, _ in rows]))
