"""One side's mirror rows as the columns of a sync's mappings: value, value for the other side, fingerprint, kind.

Lives here: reading mapped values out of the mirror. Not here: comparing sides (`reconcile.merge`).

Per mapping key k: "v.k" the cell (first input), "t.k" the value for the other side, "f.k" the fingerprint of the
inputs (null when it cannot be used), "k.k" the kind: 0 usable, 1 hidden, 2 unread, 3 assumed by this sync, 4 assumed
by another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from syncline import values
from syncline.engine.world import World
from syncline.reconcile.cells import CELL, FLAG, widen, widen_flags
from syncline.records import Side
from syncline.schema import ObjectSchema
from syncline.spec.model import AT_DELETED, AT_ID, AT_TYPE, PSEUDO_FIELDS, End, FieldMap, Sync
from syncline.values import FieldType, canonical, fingerprint, fingerprints

USABLE, HIDDEN, UNREAD, ASSUMED, ASSUMED_ELSEWHERE = range(5)

RECORD = (
    "record_id",
    "object_type",
    "stamp_us",
    "previous_stamp_us",
    "as_of_us",
    "previous_as_of_us",
    "actor",
    "created_us",
    "is_deleted",
    "fate",
)


async def side_values(
    world: World, sync: Sync, side: Side, object_type: str, other_type: str, rows: pl.DataFrame
) -> pl.DataFrame:
    """RECORD columns, "is_member" (the filter; null undecided) and the mapping columns of *rows* (MIRROR)."""
    spec = sync.side(side)
    schema = world.schema(spec.connection, object_type)
    maps = [m for m in sync.fields if object_type in m.ends(side)]
    fields = sync.fields_read(side, object_type)
    wide = _renewed(read_cells(rows, fields), _types(schema, fields))
    kinds = [_kind(sync, mapping.ends(side)[object_type], wide, schema).alias(f"k.{mapping.key}") for mapping in maps]
    wide = wide.with_columns(kinds)
    ends = {m.key: m.ends(side)[object_type] for m in maps}
    prints = _prints(world.key, ends, wide)
    columns = [wide[name] for name in RECORD] + [_member(world, sync, side, object_type, wide, schema)]
    for mapping in maps:
        key, end = mapping.key, ends[mapping.key]
        far = (mapping.b if side == "a" else mapping.a).get(other_type)
        columns += [
            wide[CELL + end.inputs[0]].alias(f"v.{key}"),
            _outgoing(world, mapping, end, far, wide, schema),
            prints[key],
            wide[f"k.{key}"],
        ]
    return pl.DataFrame(columns)


def read_cells(rows: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """MIRROR rows with "c." and "g." columns of the fields and of the pseudo fields."""
    wide = widen_flags(widen(rows, fields), fields)
    return wide.with_columns(
        pl.col("record_id").alias(CELL + AT_ID),
        pl.col("object_type").str.to_lowercase().alias(CELL + AT_TYPE),
        pl.when("is_deleted").then(pl.lit("true")).otherwise(pl.lit("false")).alias(CELL + AT_DELETED),
    )


def _renewed(wide: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.DataFrame:
    """Cells in today's form: a record that was last read under an earlier canonicaliser is still in that one's."""
    if values.CANONICALISER == values.FIRST_CANONICALISER:
        return wide
    return wide.with_columns(
        pl.Series(CELL + name, values.renewed(kind, wide[CELL + name]), dtype=pl.String) for name, kind in types.items()
    )


def _member(
    world: World, sync: Sync, side: Side, object_type: str, wide: pl.DataFrame, schema: ObjectSchema
) -> pl.Series:
    predicate = sync.side(side).filters.get(object_type)
    if predicate is None:
        return pl.Series("is_member", [True] * len(wide), dtype=pl.Boolean)
    names = sync.filter_fields.get(side, {}).get(object_type, ())
    cells = wide.select([pl.col(CELL + name).alias(name) for name in names])
    passes = world.evaluate.predicate(predicate, cells, _types(schema, names)).fill_null(False)
    undecided = [schema.field(name) is None and name not in PSEUDO_FIELDS for name in names]
    if any(undecided):
        return pl.Series("is_member", [None] * len(wide), dtype=pl.Boolean)
    unread = cells.select(pl.any_horizontal(pl.all().is_null())).to_series() if names else None
    decided = passes if unread is None else pl.select(pl.when(~unread).then(passes)).to_series()
    return decided.alias("is_member")


def _types(schema: ObjectSchema, names: Sequence[str]) -> dict[str, FieldType]:
    return {name: f.type if (f := schema.field(name)) else FieldType.TEXT for name in names}


def _kind(sync: Sync, end: End, wide: pl.DataFrame, schema: ObjectSchema) -> pl.Expr:
    is_hidden = any(name not in PSEUDO_FIELDS and schema.field(name) is None for name in end.inputs)
    flags = [FLAG + name for name in end.inputs if FLAG + name in wide.columns]
    cells = [CELL + name for name in end.inputs]
    elsewhere = (
        pl.any_horizontal([(pl.col(c) != sync.name).fill_null(False) for c in flags]) if flags else pl.lit(False)
    )
    ours = pl.any_horizontal([pl.col(c).is_not_null() for c in flags]) if flags else pl.lit(False)
    return (
        pl.when(pl.lit(is_hidden))
        .then(HIDDEN)
        .when(pl.any_horizontal([pl.col(c).is_null() for c in cells]))
        .then(UNREAD)
        .when(elsewhere)
        .then(ASSUMED_ELSEWHERE)
        .when(ours)
        .then(ASSUMED)
        .otherwise(USABLE)
        .cast(pl.UInt8)
    )


def _prints(secret: bytes, ends: Mapping[str, End], wide: pl.DataFrame) -> dict[str, pl.Series]:
    """By mapping key the column "f.<key>" of *ends*."""
    told = wide.select(
        pl.when(pl.col(f"k.{key}").is_in(_KNOWN)).then(pl.col(CELL + name)).alias(f"{key}.{at}")
        for key, end in ends.items()
        for at, name in enumerate(end.inputs)
    )
    out = {}
    for key, end in ends.items():
        cells = [told[f"{key}.{at}"].to_list() for at in range(len(end.inputs))]
        if len(cells) == 1:
            prints = fingerprints(secret, cells[0])
        else:
            prints = [None if None in row else fingerprint(secret, row) for row in zip(*cells, strict=True)]
        out[key] = pl.Series(f"f.{key}", prints, dtype=pl.UInt64)
    return out


_KNOWN = (USABLE, ASSUMED, ASSUMED_ELSEWHERE)
"""Kinds of cells whose value is known."""


def _outgoing(
    world: World,
    mapping: FieldMap,
    end: End,
    far: End | None,
    wide: pl.DataFrame,
    schema: ObjectSchema,
) -> pl.Series:
    """The value as it would stand on the other side, in that side's canonical form; null where it cannot be told."""
    name = f"t.{mapping.key}"
    if far is None:
        return pl.Series(name, [None] * len(wide), dtype=pl.String)
    if end.expression is not None:
        cells = wide.select([pl.col(CELL + field).alias(field) for field in end.inputs])
        return world.evaluate.scalar(end.expression, cells, _types(schema, end.inputs), far.type).alias(name)
    cells_in = wide[CELL + end.inputs[0]]
    return recast(cells_in, end.type, far.type).alias(name)


_SAME_FORM = frozenset(
    {
        FieldType.TEXT,
        FieldType.EMAIL,
        FieldType.PHONE,
        FieldType.URL,
        FieldType.CHOICE,
        FieldType.REFERENCE,
        FieldType.ID,
    }
)


def recast(cells: pl.Series, source: FieldType, target: FieldType) -> pl.Series:
    """Canonical cells of one type in the canonical form of another; a value that does not fit stays as it is and is
    the target's to refuse."""
    if source == target or target in _SAME_FORM or {source, target} <= {FieldType.NUMBER, FieldType.INTEGER}:
        return cells
    return pl.Series([_recast_one(cell, target) for cell in cells.to_list()], dtype=pl.String)


def _recast_one(cell: str | None, target: FieldType) -> str | None:
    if not cell:
        return cell
    try:
        return canonical(target, cell)
    except ValueError:
        return cell


def writable(schema: ObjectSchema, mapping: FieldMap, end: End | None, *, creating: bool) -> bool:
    """May this end's field be written: it exists for the sync user and its rights allow it."""
    field = schema.field(end.field) if end is not None and end.field is not None else None
    if field is None:
        return False
    return field.is_createable if creating else field.is_updateable and not mapping.create_only
