"""A later canonicaliser: what becomes of bases and marks that were made of an earlier one's texts.

Stored cells stay as they are until they are read again. Lives here: turning an earlier print into today's where the
side still holds what was agreed, and having both sides read once, so that mirror, match keys and owners come to hold
today's text. Where a side holds something else, an edit is waiting, and its base becomes one that nothing can equal:
the side counts as changed, as it did before. Never unknown: that would be a first link, with other rules.
Until a record is read again its cells are renewed where a plan looks at them (`sides`).
Not here: other mappings (`remapped`), the forms themselves (`values`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from syncline import values
from syncline.engine.bases import KEEP, REAPPLY
from syncline.engine.settlement import add_rows
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.records import SIDES, Side
from syncline.spec.model import PSEUDO_FIELDS, Sync
from syncline.trees import Commit, Table
from syncline.values import Canonicaliser, FieldType

_Lists = Mapping[str, Mapping[str, list[Any]]]


async def carry_over(
    world: World, sync: Sync, grid: pl.DataFrame, old: _Lists, made_by: Canonicaliser, commit: Commit
) -> pl.DataFrame:
    """*grid* (link_id, type_*, id_*, x columns) with today's prints in its x columns; the marks that hold such prints
    go into *commit*. *old* names the inputs of the mappings the bases are of, *made_by* the canonicaliser."""
    carried = [pl.DataFrame(schema=_CARRIED)]
    for side in SIDES:
        for (object_type,), own in grid.group_by(f"type_{side}", maintain_order=True):
            if object_type is not None:
                carried.append(await _prints(world, sync, side, str(object_type), own, old, made_by))
    both = pl.concat(carried)
    for side in SIDES:
        for key in old:
            grid = _with_todays(grid, both, side, key)
    await _carry_marks(world, sync, both, commit)
    return grid


_CARRIED = {"link_id": pl.Int64(), "side": pl.String(), "mapping": pl.String(), "was": pl.UInt64(), "now": pl.UInt64()}


async def _prints(
    world: World, sync: Sync, side: Side, object_type: str, own: pl.DataFrame, old: _Lists, made_by: Canonicaliser
) -> pl.DataFrame:
    """What the sides of these links hold, as printed then and as printed now (_CARRIED), whatever may be read now."""
    end = f"{side}.{object_type}"
    inputs = {key: ends[end][0] for key, ends in old.items() if end in ends}
    place = {"connection": pl.lit(sync.side(side).connection), "object_type": pl.lit(object_type)}
    keys = own.select(pl.col(f"id_{side}").alias("record_id")).unique().with_columns(**place)
    rows = await world.store.by_keys(Table.MIRROR, keys)
    wide = read_cells(rows, sorted({name for names in inputs.values() for name in names} - PSEUDO_FIELDS))
    types = _types(world, sync, side, object_type)
    parts = []
    for key, names in inputs.items():
        cells = [wide[CELL + name].to_list() for name in names]
        todays = [
            own_cells if name in PSEUDO_FIELDS else values.renewed(types.get(name, FieldType.TEXT), own_cells)
            for name, own_cells in zip(names, cells, strict=True)
        ]
        held = pl.DataFrame(
            {
                f"id_{side}": wide["record_id"],
                "was": _printed(made_by, world.key, cells),
                "now": _printed(values.CANONICALISERS[values.CANONICALISER], world.key, todays),
            },
            schema={f"id_{side}": pl.String(), "was": pl.UInt64(), "now": pl.UInt64()},
        )
        joined = own.select("link_id", f"id_{side}").join(held.drop_nulls(), on=f"id_{side}")
        parts.append(joined.with_columns(side=pl.lit(side), mapping=pl.lit(key)).select(list(_CARRIED)))
    return pl.concat([pl.DataFrame(schema=_CARRIED), *parts])


def _types(world: World, sync: Sync, side: Side, object_type: str) -> dict[str, FieldType]:
    """By field; of one that is hidden now, as the sync last knew it."""
    known = {end.inputs[0]: end.type for m in sync.fields if (end := m.ends(side).get(object_type)) is not None}
    described = world.schema(sync.side(side).connection, object_type).fields
    return {**known, **{name: field.type for name, field in described.items()}}


def _printed(canonicaliser: Canonicaliser, key: bytes, cells: Sequence[list[str | None]]) -> list[int | None]:
    return [None if None in row else canonicaliser.fingerprint(key, row) for row in zip(*cells, strict=True)]


def _with_todays(grid: pl.DataFrame, carried: pl.DataFrame, side: Side, key: str) -> pl.DataFrame:
    own = carried.filter((pl.col("side") == side) & (pl.col("mapping") == key)).select("link_id", "was", "now")
    joined = grid.join(own, on="link_id", how="left", maintain_order="left")
    base = pl.col(f"x{side}.{key}")
    todays = (
        pl.when(base.is_null() | base.is_in([KEEP, REAPPLY]))
        .then(base)
        .when(base == pl.col("was"))
        .then(pl.col("now"))
        .otherwise(pl.lit(REAPPLY, dtype=pl.UInt64))
    )
    return joined.with_columns(todays.alias(base.meta.output_name())).drop("was", "now")


async def _carry_marks(world: World, sync: Sync, carried: pl.DataFrame, commit: Commit) -> None:
    """A mark that was made for what a side still holds goes on to hold for it. Refusals ("dead", "not_taken") name the
    print of the side that gives."""
    marks = await world.store.by_keys(Table.MARK, carried.select("link_id").unique())
    todays = {(link, mapping, was): now for link, _, mapping, was, now in carried.iter_rows()}
    rows = []
    for row in marks.filter(pl.col("kind").is_in(_WITH_PRINTS)).iter_rows(named=True):
        detail = json.loads(row["detail"])
        named = {name: todays.get((row["link_id"], row["mapping"], _number(detail.get(name)))) for name in _PRINTS}
        fresh = {name: now for name, now in named.items() if now is not None}
        if fresh:
            rows.append({**row, "detail": json.dumps(detail | fresh)})
    if rows:
        add_rows(commit, Table.MARK, pl.DataFrame(rows, schema=marks.schema))


_WITH_PRINTS = ("normalised", "held", "dead", "not_taken")
_PRINTS = ("a", "b", "print", "sent_print")


def _number(told: object) -> int | None:
    return int(told) if isinstance(told, (int, str)) and not isinstance(told, bool) else None


async def read_anew(world: World, sync: Sync, commit: Commit) -> None:
    """Have the next run read both sides of the sync once, whole."""
    for side in SIDES:
        spec = sync.side(side)
        where = {"connection": spec.connection, "object_type": list(spec.object_types)}
        cursors = await world.store.rows(Table.CURSOR, where)
        if len(cursors):
            gone = cursors.select("connection", "object_type")
            before = commit.drop.get(Table.CURSOR)
            commit.drop[Table.CURSOR] = gone if before is None else pl.concat([before, gone]).unique()
