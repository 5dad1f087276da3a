"""Bases: packed prints per link, read into columns and patched field by field.

`prints_a` and `prints_b` are little-endian u64 in the order of the sync's fields; 0 means unknown. Not here: what
becomes of bases that were written under another list of mappings (`remapped`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from syncline import values
from syncline.engine.world import World
from syncline.errors import OurBug
from syncline.records import SIDES, Side
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

KEEP = 2**64 - 1
"""In a base: whatever this side holds at the next look is agreed. No print in practice: one in 2^64 would be."""
REAPPLY = 2**64 - 2
"""In a base: this side counts as changed at the next look."""

# New prints of one mapping of one link; null leaves that side as it is, 0 makes it unknown. Later rows win.
PATCHES: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "sync": pl.String(),
    "mapping": pl.String(),
    "print_a": pl.UInt64(),
    "print_b": pl.UInt64(),
}


def base_columns(bases: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """link_id, "xa.<key>" and "xb.<key>" (UInt64, null unknown) of BASE rows whose prints are ordered by *keys*."""
    parts = [bases.select("link_id")]
    for side in ("a", "b"):
        flat = _unpack(bases[f"prints_{side}"].to_list())
        if len(flat) != len(bases) * len(keys):
            raise OurBug(f"{len(bases)} bases of {len(keys)} mappings hold {len(flat)} prints: the revision is another")
        known = flat.to_frame("print").select(pl.when(pl.col("print") != 0).then("print"))
        each = pl.col("print")
        parts.append(known.select(each.gather_every(len(keys), at).alias(f"x{side}.{k}") for at, k in enumerate(keys)))
    return pl.concat(parts, how="horizontal")


def _unpack(blobs: Sequence[bytes]) -> pl.Series:
    """All prints of all blobs, one after the other. Little-endian, as every machine we run on."""
    flat = b"".join(blobs)
    array = pa.Array.from_buffers(pa.uint64(), len(flat) // 8, [None, pa.py_buffer(flat)])
    return pl.Series(pl.from_arrow(array), dtype=pl.UInt64)


def _pack(prints: pl.DataFrame) -> list[bytes]:
    """One blob per row of UInt64 columns; null becomes 0."""
    flat = prints.select(pl.concat_list(pl.all().fill_null(0).cast(pl.UInt64))).to_series().explode()
    if flat.is_empty():
        return []
    data = flat.rechunk().to_arrow().buffers()[1].to_pybytes()
    width = prints.width * 8
    return [data[at : at + width] for at in range(0, width * len(prints), width)]


def base_rows(sync: Sync, link_ids: pl.Series, prints: Mapping[Side, pl.DataFrame]) -> pl.DataFrame:
    """BASE rows from one frame of UInt64 columns per side, in the order of the sync's fields (null: unknown)."""
    return pl.DataFrame(
        {"link_id": link_ids, "prints_a": _pack(prints["a"]), "prints_b": _pack(prints["b"])},
        schema={"link_id": pl.Int64, "prints_a": pl.Binary, "prints_b": pl.Binary},
    ).select(
        "link_id",
        pl.lit(sync.name).alias("sync"),
        pl.lit(sync.revision(), dtype=pl.Int64).alias("revision"),
        pl.lit(values.CANONICALISER, dtype=pl.Int64).alias("canonicaliser"),
        "prints_a",
        "prints_b",
    )


async def patch_bases(
    world: World, patches: pl.DataFrame, commit: Commit, *, anew: frozenset[int] = frozenset()
) -> None:
    """Lay *patches* (PATCHES) over the stored bases (and over those already in *commit*) and put the result into
    *commit*. Rows without a link are passed over; links in *anew* forget what they had stored."""
    patches = patches if patches.is_empty() else patches.filter(pl.col("link_id") != 0)
    if patches.is_empty():
        return
    touched = patches.select("link_id").unique(maintain_order=True)
    stored = (await world.store.by_keys(Table.BASE, touched)).filter(~pl.col("link_id").is_in(list(anew)))
    pending = commit.put.get(Table.BASE)
    if pending is not None:
        stored = pl.concat(
            [stored.join(pending, on="link_id", how="anti"), pending.join(touched, on="link_id", how="semi")]
        )
    fresh = pl.concat(
        [
            _patched(world.syncs[str(name)], stored, own)
            for (name,), own in patches.partition_by("sync", as_dict=True).items()
        ]
    )
    kept = pending.join(fresh, on="link_id", how="anti") if pending is not None else None
    commit.put[Table.BASE] = fresh if kept is None else pl.concat([kept, fresh])


def _patched(sync: Sync, stored: pl.DataFrame, patches: pl.DataFrame) -> pl.DataFrame:
    """BASE rows of the links in *patches*, all of one sync; a link without a stored base starts unknown."""
    links = patches.select("link_id").unique(maintain_order=True)
    keys = [m.key for m in sync.fields]
    grid = links.join(base_columns(stored, keys), on="link_id", how="left", maintain_order="left")
    newest = patches.group_by("mapping", "link_id", maintain_order=True).agg(
        pl.col(f"print_{side}").drop_nulls().last() for side in SIDES
    )
    for (key,), own in newest.partition_by("mapping", as_dict=True).items():
        prints = own.select("link_id", "print_a", "print_b")
        joined = links.join(prints, on="link_id", how="left", maintain_order="left")
        grid = grid.with_columns(
            pl.coalesce(joined[f"print_{side}"], pl.col(f"x{side}.{key}")).alias(f"x{side}.{key}") for side in SIDES
        )
    return base_rows(sync, links["link_id"], {side: grid.select([f"x{side}.{key}" for key in keys]) for side in SIDES})
