"""Siblings: links whose records have a shared cell's owner in common, kept in one part of a large plan.

What is shared is decided once per owner, and only links that are planned together can be decided together. Lives here:
cutting a plan. Not here: deciding (`shared`), or the index of owners (`owners`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.owners import owner_fields
from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Table

_OWNER = ["connection", "object_type", "field", "print"]


async def with_siblings(world: World, sync: Sync, link_ids: Sequence[int], most: int) -> list[Sequence[int]]:
    """*link_ids* in parts of at least *most*, the last one excepted; those of one owner in one part."""
    if len(link_ids) <= most:
        return [link_ids] if link_ids else []
    roots = _roots(await _owned(world, sync, link_ids))
    families: dict[int, list[int]] = {}
    for link_id in link_ids:
        families.setdefault(_root(roots, link_id), []).append(link_id)
    parts: list[Sequence[int]] = []
    part: list[int] = []
    for family in families.values():
        part += family
        if len(part) >= most:
            parts.append(part)
            part = []
    return [*parts, part] if part else parts


async def _owned(world: World, sync: Sync, link_ids: Sequence[int]) -> pl.DataFrame:
    """link_id and _OWNER of these links' records whose shared cells this sync uses."""
    out = [pl.DataFrame(schema={"link_id": pl.Int64, **dict.fromkeys(_OWNER[:3], pl.String), "print": pl.Int64})]
    keys = pl.DataFrame({"link_id": list(link_ids)}, schema={"link_id": pl.Int64})
    places = {(s, t): set(owner_fields(world, sync, s, t).values()) for s in SIDES for t in sync.side(s).object_types}
    if not any(places.values()):
        return out[0]
    ends = (await world.store.by_keys(Table.LINK_END, keys)).filter(pl.col("role") == "current")
    for (side, object_type), fields in places.items():
        own = ends.filter((pl.col("side") == side) & (pl.col("object_type") == object_type))
        for name in sorted(fields):
            wanted = own.select("record_id", "object_type", field=pl.lit(name)).with_columns(
                connection=pl.lit(sync.side(side).connection)
            )
            known = await world.store.by_keys(Table.OWNER_KEY, wanted)
            out.append(own.join(known, on=["object_type", "record_id"], how="inner").select("link_id", *_OWNER))
    return pl.concat(out)


def _roots(owned: pl.DataFrame) -> dict[int, int]:
    """Links that share an owner, each with one before it; the first of them has none."""
    roots: dict[int, int] = {}
    for (members,) in owned.group_by(_OWNER, maintain_order=True).agg("link_id").select("link_id").iter_rows():
        first = _root(roots, members[0])
        for member in members[1:]:
            root = _root(roots, member)
            if root != first:
                roots[root] = first
    return roots


def _root(roots: dict[int, int], link_id: int) -> int:
    root = link_id
    while root in roots:
        root = roots[root]
    if root != link_id:
        roots[link_id] = root
    return root
