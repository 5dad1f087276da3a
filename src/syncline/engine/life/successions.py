"""Heirs take the place of records that ended: in links, with the bases that live on, and as aliases.

Lives here: what a succession stores. Who follows whom, and which base is carried over, is decided by
`reconcile.succession`. Not here: two links that turn out to be one person (`mergers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from syncline.engine.bases import PATCHES, patch_bases
from syncline.engine.dirty import dirty_links
from syncline.engine.journal import OPEN_STATES
from syncline.engine.life.chains import NAME, Chains
from syncline.engine.life.endings import life_marks
from syncline.engine.life.marks import ENDED, close_holds
from syncline.engine.pairs import mirror_of
from syncline.engine.settlement import add_rows, drop_rows
from syncline.engine.sides import side_values
from syncline.engine.world import World
from syncline.reconcile.succession import CARRIED, TAKEN_OVER, Name, carried
from syncline.records import Side, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table

END_ROW = dict(TABLES[Table.LINK_END][0])
_STALE = ("dead", "not_taken", "blocked", "frozen", "oscillation")
"""Marks about what a record refused: its heir may take it."""


async def inherit(
    world: World,
    sync: Sync,
    side: Side,
    followed: pl.DataFrame,
    chains: Chains,
    commit: Commit,
    *,
    buried: frozenset[int] = frozenset(),
) -> None:
    """Let heirs take the place of records in their links. *followed*: link_id, object_type, record_id, last_type,
    last_id, of links that get a heir which is in no other link. Links in *buried* stay tombstones: it was their other
    record that ended."""
    if followed.is_empty():
        return
    for link_id, object_type, record_id, last_type, last_id in followed.select(
        "link_id", "object_type", "record_id", "last_type", "last_id"
    ).iter_rows():
        put_ends(sync, side, link_id, [(object_type, record_id)], "alias", commit)
        put_ends(sync, side, link_id, [(last_type, last_id)], "current", commit)
        commit.touch.append(
            life_marks(sync.name, side, last_type, [last_id] * (not chains.is_there((last_type, last_id))))
        )
    ids = followed["link_id"].unique().to_list()
    await revive(world, sync, side, [link_id for link_id in ids if link_id not in buried], commit)
    await carry_bases(world, sync, side, followed, commit)
    heirs = followed.select(pl.col("last_type").alias("object_type"), pl.col("last_id").alias("record_id"))
    _forget_strangers(sync, side, heirs, commit)
    await _look_at_counterparts(world, sync, side, followed, commit)
    await close_entries(world, sync, side, list(followed.select(NAME).iter_rows()), commit)


async def _look_at_counterparts(world: World, sync: Sync, side: Side, followed: pl.DataFrame, commit: Commit) -> None:
    """A link that lives again through an heir may have lost its other record meanwhile."""
    ends = await world.store.by_keys(Table.LINK_END, followed.select("link_id").unique())
    far = ends.filter((pl.col("role") == "current") & (pl.col("side") == other(side)))
    for object_type, record_id in far.select(NAME).iter_rows():
        commit.touch.append(life_marks(sync.name, other(side), object_type, [record_id]))


async def revive(world: World, sync: Sync, side: Side, link_ids: Sequence[int], commit: Commit) -> None:
    """Links whose record on *side* is another one now: live, in sight, planned anew, without what the old refused."""
    ids = pl.DataFrame({"link_id": list(link_ids)}, schema={"link_id": pl.Int64})
    lit = pl.lit(True)
    commit.amend.setdefault(Table.LINK, []).append(
        ids.with_columns(pl.lit("live").alias("state"), lit.alias(f"visible_{side}"), lit.alias(f"member_{side}"))
    )
    marks = await world.store.by_keys(Table.MARK, ids)
    stale = marks.filter(pl.col("kind").is_in([*_STALE, ENDED])).select("link_id", "mapping", "kind")
    drop_rows(commit, Table.MARK, stale)
    commit.touch.append(dirty_links(sync.name, link_ids))
    await close_holds(world.store, sync.name, link_ids, commit)


def put_ends(sync: Sync, side: Side, link_id: int, names: Sequence[Name], role: str, commit: Commit) -> None:
    """Records of a link in their new role."""
    rows = [(sync.name, side, object_type, record_id, link_id, role) for object_type, record_id in names]
    fresh = pl.DataFrame(rows, schema=END_ROW, orient="row")
    before = commit.put.get(Table.LINK_END)
    if before is not None:
        before = before.join(fresh, on=["sync", "side", "object_type", "record_id"], how="anti")
        commit.put[Table.LINK_END] = before
    add_rows(commit, Table.LINK_END, fresh)


def _forget_strangers(sync: Sync, side: Side, names: pl.DataFrame, commit: Commit) -> None:
    """Who is in a link is no stranger: his own marks are over."""
    place = {"sync": pl.lit(sync.name), "link_id": pl.lit(0, dtype=pl.Int64), "side": pl.lit(side)}
    drop_rows(commit, Table.DIRTY, names.unique().select(**place, object_type="object_type", record_id="record_id"))


async def add_aliases(world: World, sync: Sync, side: Side, names: Mapping[Name, int], commit: Commit) -> None:
    """Strangers whose heir is in a link become aliases of it: nobody matches or creates them."""
    for name, link_id in names.items():
        put_ends(sync, side, link_id, [name], "alias", commit)
    rows = pl.DataFrame(list(names), schema=dict.fromkeys(NAME, pl.String), orient="row")
    _forget_strangers(sync, side, rows, commit)
    await close_entries(world, sync, side, list(names), commit)


async def close_entries(world: World, sync: Sync, side: Side, names: Sequence[Name], commit: Commit) -> None:
    """Our writes to a record that ended have nothing left to say: what it held then is not its heir's."""
    keys = pl.DataFrame(list(names), schema=dict.fromkeys(NAME, pl.String), orient="row").with_columns(
        connection=pl.lit(sync.side(side).connection)
    )
    entries = await world.store.by_keys(Table.ENTRY, keys)
    open_now = entries.filter(pl.col("state").is_in(list(OPEN_STATES)))
    if len(open_now):
        closed = open_now.select("batch_id", "position", pl.lit("settled").alias("state"))
        commit.amend.setdefault(Table.ENTRY, []).append(closed)


async def carry_bases(world: World, sync: Sync, side: Side, followed: pl.DataFrame, commit: Commit) -> None:
    """New bases of links whose record on *side* changed from (object_type, record_id) to (last_type, last_id)."""
    far = await _far_types(world, side, followed)
    followed = followed.join(far, on="link_id", how="inner")
    patches = []
    for (old_type, new_type, far_type), part in followed.group_by(
        "object_type", "last_type", "far_type", maintain_order=True
    ):
        types = (str(old_type), str(new_type), str(far_type))
        patches.append(await _patches(world, sync, side, part, types))
    if patches:
        await patch_bases(world, pl.concat(patches), commit)


async def _far_types(world: World, side: Side, followed: pl.DataFrame) -> pl.DataFrame:
    """link_id, far_type: the object type of the current record on the other side."""
    ends = await world.store.by_keys(Table.LINK_END, followed.select("link_id").unique())
    current = ends.filter((pl.col("role") == "current") & (pl.col("side") == other(side)))
    return current.select("link_id", pl.col("object_type").alias("far_type"))


async def _patches(
    world: World, sync: Sync, side: Side, part: pl.DataFrame, types: tuple[str, str, str]
) -> pl.DataFrame:
    """PATCHES of links of one combination of object types (old, new, of the other side)."""
    old_type, new_type, far_type = types
    connection = sync.side(side).connection
    maps = [m for m in sync.fields if new_type in m.ends(side) and far_type in m.ends(other(side))]
    old = await side_values(
        world, sync, side, old_type, far_type, await mirror_of(world, connection, old_type, part["record_id"])
    )
    new = await side_values(
        world, sync, side, new_type, far_type, await mirror_of(world, connection, new_type, part["last_id"])
    )
    known = part.join(old, on="record_id", how="left").join(
        new, left_on="last_id", right_on="record_id", how="left", suffix="_new"
    )
    rows = [pl.DataFrame(schema=CARRIED)]
    for m in maps:
        has_old = old_type in m.ends(side)
        new_suffix = "_new" if has_old else ""
        cells = known.select(
            "link_id",
            pl.lit(m.key).alias("mapping"),
            (pl.col(f"v.{m.key}") if has_old else pl.lit(None, dtype=pl.String)).alias("old"),
            pl.col(f"v.{m.key}{new_suffix}").alias("new"),
            pl.col(f"f.{m.key}{new_suffix}").alias("print"),
        )
        rows.append(carried(cells.select(list(TAKEN_OVER)), m, side, new_type))
    prints = {side: pl.col("own"), other(side): pl.col("far")}
    return (
        pl.concat(rows)
        .select(
            "link_id",
            pl.lit(sync.name).alias("sync"),
            "mapping",
            prints["a"].alias("print_a"),
            prints["b"].alias("print_b"),
        )
        .select(list(PATCHES))
    )
