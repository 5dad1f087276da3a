"""The index of owners (OWNER_KEY): which record's shared cells belong to whom.

One narrow row per record and owner field that is not blank, kept with every change of a mirror row, so that the
siblings of a record are found without reading all of them. Not here: what siblings mean for a plan (`shared`).
"""

from __future__ import annotations

import polars as pl

from syncline.engine.settlement import add_rows
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.records import Side
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table
from syncline.values import fingerprints


def owner_fields(world: World, sync: Sync, side: Side, object_type: str) -> dict[str, str]:
    """By mapping key the field that names the owner, for the mappings whose field on that side is shared."""
    shared = world.capabilities(sync.side(side).connection, object_type).shared_fields
    ends = {m.key: m.ends(side).get(object_type) for m in sync.fields}
    fields = {key: end.field for key, end in ends.items() if end is not None and end.field is not None}
    return {key: shared[name] for key, name in fields.items() if name in shared}


def keep_owners(world: World, connection: str, object_type: str, mirror: pl.DataFrame, commit: Commit) -> None:
    """Add to *commit* who owns the shared cells of changed MIRROR rows."""
    if mirror.is_empty():
        return
    fields = sorted(set(world.capabilities(connection, object_type).shared_fields.values()))
    used = set(world.fields_read(connection, object_type))
    for name in (name for name in fields if name in used):
        cells = read_cells(mirror, [name]).select("record_id", pl.col(CELL + name).str.to_lowercase().alias("cell"))
        cells = cells.with_columns(
            connection=pl.lit(connection),
            object_type=pl.lit(object_type),
            field=pl.lit(name),
            print=_prints(world, cells),
        )
        add_rows(commit, Table.OWNER_KEY, cells.filter(pl.col("cell").fill_null("") != ""))
        blank = cells.filter(pl.col("cell") == "").select(TABLES[Table.OWNER_KEY][1])
        if len(blank):
            before = commit.drop.get(Table.OWNER_KEY)
            commit.drop[Table.OWNER_KEY] = blank if before is None else pl.concat([before, blank])


def _prints(world: World, cells: pl.DataFrame) -> pl.Series:
    prints = fingerprints(world.key, cells["cell"].to_list())
    return pl.Series("print", prints, dtype=pl.UInt64).reinterpret(signed=True)
