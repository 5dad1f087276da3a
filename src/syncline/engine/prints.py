"""One print per record: tells whether anything of it moved that the sync reads, between two looks or for an old plan.

A print covers every cell of the record that the sync reads, and whether it is deleted or lives on elsewhere. It is
keyed by the installation, so it says nothing to anybody else. Not here: what was agreed before (`bases`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from syncline.engine.pairs import mirror_of
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.records import Side
from syncline.spec.model import AT_DELETED, Sync
from syncline.values import fingerprint

Name = tuple[str, str, str]
"""A record: side, object type, record id."""

_UNREAD = "\0"
"""Stands for a cell that was never read: no canonical text is this."""

UNKNOWN = "-"
"""The print of a record that nobody has seen."""


async def prints_of(world: World, sync: Sync, names: Collection[Name]) -> dict[Name, str]:
    """The print of each of these records as the mirror has it now; UNKNOWN for one that is not there."""
    out: dict[Name, str] = dict.fromkeys(names, UNKNOWN)
    for side, object_type in sorted({(side, object_type) for side, object_type, _ in names}):
        ids = [record_id for s, o, record_id in names if (s, o) == (side, object_type)]
        own: Side = "a" if side == "a" else "b"
        rows = await mirror_of(world, sync.side(own).connection, object_type, pl.Series(ids, dtype=pl.String))
        out |= {(side, object_type, record_id): text for record_id, text in _prints(world, sync, own, rows)}
    return out


def _prints(world: World, sync: Sync, side: Side, rows: pl.DataFrame) -> Iterable[tuple[str, str]]:
    if rows.is_empty():
        return
    fields = sync.fields_read(side, rows["object_type"][0])
    wide = read_cells(rows, fields).with_columns(pl.col("fate").fill_null(""))
    cells = wide.select("record_id", "fate", CELL + AT_DELETED, *(CELL + name for name in fields))
    for record_id, *held in cells.iter_rows():
        yield record_id, f"{fingerprint(world.key, [_UNREAD if one is None else one for one in held]):016x}"
