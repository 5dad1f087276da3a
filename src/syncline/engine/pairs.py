"""Linked pairs as frames for the merge: both sides' values, bases, marks and evidence, one slice per variant.

Lives here: loading. What a column of theirs means its prefix says (`reconcile.merge_cells`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import polars as pl

from syncline import values
from syncline.engine.bases import base_columns
from syncline.engine.consent import with_acts
from syncline.engine.remapped import taken_as_agreed
from syncline.engine.sides import side_values, writable
from syncline.engine.world import World
from syncline.reconcile.consent import consent_maps
from syncline.records import SIDES, Side, other
from syncline.spec.model import FieldMap, Sync
from syncline.trees import Store, Table


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Pairs of one variant. `ends` has link_id, id_a, id_b, is_deleted_*, member and sight columns; `pairs` is what
    the merge takes; `marks` and `moments` are the sparse frames beside it; `kept` (`remapped.KEPT`)
    names cells whose base became what they hold, because their mapping changed."""

    type_a: str
    type_b: str
    maps: tuple[FieldMap, ...]
    ends: pl.DataFrame
    pairs: pl.DataFrame
    marks: pl.DataFrame
    moments: pl.DataFrame
    kept: pl.DataFrame


async def current_ends(store: Store, link_ids: Sequence[int], *, state: str = "live") -> pl.DataFrame:
    """link_id, type_a, id_a, type_b, id_b of links in this *state* with a current record on both sides, and the LINK
    columns."""
    keys = pl.DataFrame({"link_id": list(link_ids)}, schema={"link_id": pl.Int64})
    links = (await store.by_keys(Table.LINK, keys)).filter(pl.col("state") == state)
    ends = await store.by_keys(Table.LINK_END, keys)
    if links.is_empty():
        return links.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in _ENDS)
    for side in SIDES:
        own = ends.filter((pl.col("role") == "current") & (pl.col("side") == side)).select(
            "link_id", pl.col("object_type").alias(f"type_{side}"), pl.col("record_id").alias(f"id_{side}")
        )
        links = links.join(own, on="link_id", how="inner", maintain_order="left")
    return links


_ENDS = ("type_a", "id_a", "type_b", "id_b")


async def slices(world: World, sync: Sync, link_ids: Sequence[int], *, state: str = "live") -> AsyncIterator[Slice]:
    """The pairs of these links in this *state*, one slice per variant that occurs."""
    if not link_ids:
        return
    ends = await current_ends(world.store, link_ids, state=state)
    for (type_a, type_b), part in ends.partition_by("type_a", "type_b", as_dict=True).items():
        yield await _slice(world, sync, str(type_a), str(type_b), part)


async def mirror_of(world: World, connection: str, object_type: str, ids: pl.Series) -> pl.DataFrame:
    keys = (
        ids.alias("record_id")
        .unique()
        .to_frame()
        .with_columns(connection=pl.lit(connection), object_type=pl.lit(object_type))
    )
    return await world.store.by_keys(Table.MIRROR, keys)


async def _slice(world: World, sync: Sync, type_a: str, type_b: str, ends: pl.DataFrame) -> Slice:
    maps = sync.maps_for(type_a, type_b)
    types: dict[Side, str] = {"a": type_a, "b": type_b}
    pairs = ends.select("link_id", "id_a", "id_b", "member_a", "member_b", "visible_a", "visible_b")
    for side in SIDES:
        rows = await mirror_of(world, sync.side(side).connection, types[side], ends[f"id_{side}"])
        values = await side_values(world, sync, side, types[side], types[other(side)], rows)
        values = _renamed(values, side, maps)
        pairs = pairs.join(values, on=f"id_{side}", how="inner", maintain_order="left")
    pairs, kept = taken_as_agreed(await _with_bases(world, sync, pairs), maps)
    pairs = await _with_rights(world, sync, types, maps, pairs)
    ids = pairs.select("link_id")
    marks = await world.store.by_keys(Table.MARK, ids)
    moments = await _moments(world, sync, types, maps, pairs)
    pairs, moments = await with_acts(world, sync, types, maps, pairs, moments)
    columns = ["link_id", "id_a", "id_b", "member_a", "member_b", "visible_a", "visible_b"]
    now = ["now_member_a", "now_member_b", "is_deleted_a", "is_deleted_b", "fate_a", "fate_b"]
    return Slice(
        type_a=type_a,
        type_b=type_b,
        maps=maps,
        ends=pairs.select(columns + now),
        pairs=pairs,
        marks=marks,
        moments=moments,
        kept=kept,
    )


_RECORD_NAMES = {
    "record_id": "id",
    "stamp_us": "stamp",
    "previous_stamp_us": "prev",
    "as_of_us": "asof",
    "previous_as_of_us": "prevasof",
    "actor": "actor",
    "is_deleted": "is_deleted",
    "fate": "fate",
    "is_member": "now_member",
}
_MAPPING_NAMES = {"v": "{s}.{k}", "t": "t{s}.{k}", "f": "f{s}.{k}", "k": "k{s}.{k}"}


def _renamed(values: pl.DataFrame, side: Side, maps: Sequence[FieldMap]) -> pl.DataFrame:
    names = {old: f"{new}_{side}" for old, new in _RECORD_NAMES.items()}
    for mapping in maps:
        names |= {f"{p}.{mapping.key}": n.format(s=side, k=mapping.key) for p, n in _MAPPING_NAMES.items()}
    return values.select(list(names)).rename(names)


async def _with_bases(world: World, sync: Sync, pairs: pl.DataFrame) -> pl.DataFrame:
    bases = await world.store.by_keys(Table.BASE, pairs.select("link_id"))
    is_todays = (pl.col("revision") == sync.revision()) & (pl.col("canonicaliser") == values.CANONICALISER)
    bases = bases.filter(is_todays)  # others are carried over by the next run
    columns = base_columns(bases, [m.key for m in sync.fields])
    return pairs.join(columns, on="link_id", how="left", maintain_order="left")


async def _with_rights(
    world: World, sync: Sync, types: dict[Side, str], maps: Sequence[FieldMap], pairs: pl.DataFrame
) -> pl.DataFrame:
    columns = []
    for side in SIDES:
        schema = world.schema(sync.side(side).connection, types[side])
        for mapping in maps:
            allowed = writable(schema, mapping, mapping.ends(side)[types[side]], creating=False)
            columns.append((pl.lit(allowed) & ~pl.col(f"is_deleted_{side}")).alias(f"w{side}.{mapping.key}"))
    return pairs.with_columns(columns)


async def _moments(
    world: World, sync: Sync, types: dict[Side, str], maps: Sequence[FieldMap], pairs: pl.DataFrame
) -> pl.DataFrame:
    """link_id, side, mapping, at_us, actor, is_human: the newest recorded change per mapping and side, where it led to
    the value the cell holds now; an older one says nothing of this value."""
    parts = []
    for side in SIDES:
        connection = sync.side(side).connection
        able = world.capabilities(connection, types[side])
        if not (able.has_field_history or able.is_streamed):
            continue
        keys = pairs.select(pl.col(f"id_{side}").alias("record_id")).with_columns(
            connection=pl.lit(connection), object_type=pl.lit(types[side])
        )
        found = await world.store.by_keys(Table.MOMENT, keys)
        if found.is_empty():
            continue
        fields = pl.DataFrame(
            [(name, m.key) for m in maps for name in m.ends(side)[types[side]].inputs],
            schema={"field": pl.String, "mapping": pl.String},
            orient="row",
        )
        told = found.join(fields, on="field").join(_cells_now(pairs, side, maps), on=["record_id", "mapping"])
        is_now = pl.col("new").fill_null("") == pl.col("now")
        # Within one second the change that led to the present value is taken for the last.
        ordered = told.with_columns(is_now.alias("is_now")).sort("at_us", "is_now", maintain_order=True)
        newest = ordered.group_by("record_id", "mapping", maintain_order=True).last().filter("is_now")
        if not able.has_field_history:
            newest = _certain(newest, pairs, side, consent_maps(maps, types["a"]))
        parts.append(
            newest.select(
                "link_id",
                pl.lit(side).alias("side"),
                "mapping",
                "at_us",
                "actor",
                pl.col("is_person").fill_null(False).alias("is_human"),
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame(schema=MOMENTS)


def _certain(newest: pl.DataFrame, pairs: pl.DataFrame, side: Side, consent: Sequence[FieldMap]) -> pl.DataFrame:
    """What a stream told that may be taken for the newest change: events may be missing, so it counts only where it is
    not older than the look before. Who did a change it tells, but not that a person did: consent goes by the record."""
    looks = pairs.select("link_id", pl.col(f"prev_{side}").alias("look_us"))
    dated = newest.join(looks, on="link_id", how="left", maintain_order="left")
    is_fresh = (pl.col("at_us") >= pl.col("look_us")).fill_null(True)
    return dated.filter(is_fresh & ~pl.col("mapping").is_in([m.key for m in consent])).drop("look_us")


def _cells_now(pairs: pl.DataFrame, side: Side, maps: Sequence[FieldMap]) -> pl.DataFrame:
    """record_id, link_id, mapping, now: the cells of one side in long form."""
    cells = {f"{side}.{m.key}": m.key for m in maps}
    rows = pairs.select("link_id", pl.col(f"id_{side}").alias("record_id"), *cells).rename(cells)
    return rows.unpivot(
        on=list(cells.values()), index=["record_id", "link_id"], variable_name="mapping", value_name="now"
    )


MOMENTS = {
    "link_id": pl.Int64,
    "side": pl.String,
    "mapping": pl.String,
    "at_us": pl.Int64,
    "actor": pl.String,
    "is_human": pl.Boolean,
}
