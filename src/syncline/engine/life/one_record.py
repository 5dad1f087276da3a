"""Two mirror rows made one: what the surviving record shall hold, by its own fields, and what is lost.

Lives here: loading both records as mapped values. The rule per field is `reconcile.one_person`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from syncline.engine.bases import base_columns
from syncline.engine.pairs import mirror_of
from syncline.engine.sides import side_values, writable
from syncline.engine.world import World
from syncline.reconcile.one_person import joined
from syncline.reconcile.succession import Name
from syncline.records import Side, other
from syncline.spec.model import Combine, Direction, FieldMap, Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A value that nobody holds any more, the one that stays, and whether it was an edit the other side had not
    seen."""

    mapping: str
    value: str
    kept: str | None
    was_pending: bool


@dataclass(frozen=True, kw_only=True)
class Made:
    """`fields`: cells to write on the survivor, by its own field names."""

    fields: dict[str, str]
    lost: list[Lost]


async def joined_cells(
    world: World, sync: Sync, side: Side, survivor: Name, ended: Name, links: tuple[int, int]
) -> Made:
    """Make *ended* and *survivor* (records of *side*, of two links) one."""
    far_type = await _far_type(world, side, links)
    maps = [m for m in sync.fields if survivor[0] in m.ends(side) and far_type in m.ends(other(side))]
    types = {m.key: m.ends(side)[survivor[0]].type for m in maps}
    kept, _ = await _cells(world, sync, side, survivor, far_type, maps)
    gone, prints = await _cells(world, sync, side, ended, far_type, maps)
    type_a = survivor[0] if side == "a" else far_type
    schema = world.schema(sync.side(side).connection, survivor[0])
    own = {m.key: m.ends(side)[survivor[0]] for m in maps}
    sealed = {m.key for m in maps if not (own[m.key].field and writable(schema, m, own[m.key], creating=False))}
    made = joined(kept, gone, maps, side, type_a, types, sealed)
    fields = {str(own[key].field): value for key, value in made.held.items()}
    bases = await _bases(world, sync, side, ended, links)
    after = {**kept, **made.held}
    lost = [
        Lost(mapping=k, value=v, kept=after.get(k), was_pending=k in bases and bases[k] != prints.get(k))
        for k, v in made.lost.items()
    ]
    return Made(fields=fields, lost=lost)


async def left_out(
    world: World,
    sync: Sync,
    side: Side,
    ended: Name,
    heir: Name,
    links: tuple[int, int],
    carried: Mapping[str, str] | None = None,
) -> list[Lost]:
    """Values of *ended* (a record of *side*) that its *heir* did not take: edits that the other side had not seen, and
    what the merge was to carry over (*carried*, by the heir's field) and did not."""
    far_type = await _far_type(world, side, links)
    maps = [
        m
        for m in sync.fields
        if {ended[0], heir[0]} <= m.ends(side).keys()
        and far_type in m.ends(other(side))
        and (m.direction is Direction.BOTH or m.direction.value.startswith(side))
        and m.on_merge is Combine.WINNER
    ]
    kept, _ = await _cells(world, sync, side, heir, far_type, maps)
    gone, prints = await _cells(world, sync, side, ended, far_type, maps)
    bases = await _bases(world, sync, side, ended, links)
    pending = {m.key for m in maps if m.key in bases and bases[m.key] != prints.get(m.key)}
    sent = {m.key for m in maps if gone.get(m.key) == (carried or {}).get(str(m.ends(side)[heir[0]].field))}
    return [
        Lost(mapping=m.key, value=value, kept=kept.get(m.key), was_pending=m.key in pending)
        for m in maps
        if (value := gone.get(m.key)) and value != kept.get(m.key) and m.key in pending | sent
    ]


async def _far_type(world: World, side: Side, links: tuple[int, int]) -> str:
    where = {"link_id": links[0], "side": other(side), "role": "current"}
    return str((await world.store.rows(Table.LINK_END, where))["object_type"][0])


async def _cells(
    world: World, sync: Sync, side: Side, name: Name, far_type: str, maps: list[FieldMap]
) -> tuple[dict[str, str | None], dict[str, int | None]]:
    """Cells and prints of a record by mapping key, as far as its type has them."""
    rows = await mirror_of(world, sync.side(side).connection, name[0], pl.Series([name[1]]))
    values = await side_values(world, sync, side, name[0], far_type, rows)
    if values.is_empty():
        return {}, {}
    row = values.row(0, named=True)
    own = [m.key for m in maps if name[0] in m.ends(side)]
    return {key: row[f"v.{key}"] for key in own}, {key: row[f"f.{key}"] for key in own}


async def _bases(world: World, sync: Sync, side: Side, name: Name, links: tuple[int, int]) -> dict[str, int]:
    """Known bases of the link to which the record belongs."""
    ends = await world.store.rows(Table.LINK_END, {"link_id": list(links), "side": side, "record_id": name[1]})
    bases = await world.store.by_keys(Table.BASE, ends.select("link_id").unique())
    bases = bases.filter(pl.col("revision") == sync.revision())
    if bases.is_empty():
        return {}
    row = base_columns(bases, [m.key for m in sync.fields]).row(0, named=True)
    return {m.key: row[f"x{side}.{m.key}"] for m in sync.fields if row[f"x{side}.{m.key}"] is not None}
