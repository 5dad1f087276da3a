"""From wide pairs to the few cells worth looking at: fingerprints first, values only where they differ.

Lives here: which (link, mapping) cells are *busy* (anything but "both sides still hold their base"), and taking them
out of the wide frame into one long frame with a column per fact and side. What to do with them is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import polars as pl

from syncline.reconcile.merge_maps import units
from syncline.records import SIDES, Side, other
from syncline.spec.model import FieldMap

USABLE_KINDS = (0, 3)  # a value or empty, or assumed by this sync
PLAIN, HIDDEN, UNREAD, ASSUMED, ASSUMED_ELSEWHERE = range(5)

_TYPES: dict[str, tuple[str, pl.DataType]] = {
    "cell": ("", pl.String()),
    "out": ("t", pl.String()),
    "print": ("f", pl.UInt64()),
    "base": ("x", pl.UInt64()),
    "kind": ("k", pl.UInt8()),
    "may": ("w", pl.Boolean()),
}
"""Fact of the long frame -> its prefix in the wide frame and its type. `out` is the value as it would stand on the
other side, `may` whether the field may be written on this side now."""


def busy(pairs: pl.DataFrame, maps: Sequence[FieldMap]) -> pl.DataFrame:
    """One Boolean column per mapping (named by its position): true where the cell needs a look.

    A cell of an atomic group is busy as soon as one of its members is.
    """
    masks = pairs.select("link_id", *_masks(tuple(m.key for m in maps), frozenset(pairs.columns))).drop("link_id")
    unit_of = units(maps)
    shared = {unit for unit in unit_of if unit_of.count(unit) > 1}
    members = {unit: [str(i) for i, u in enumerate(unit_of) if u == unit] for unit in shared}
    if not members:
        return masks
    return masks.with_columns(pl.any_horizontal(names).alias(name) for names in members.values() for name in names)


@lru_cache(maxsize=64)
def _masks(keys: tuple[str, ...], have: frozenset[str]) -> tuple[pl.Expr, ...]:
    """The masks' expressions; remembered, because for a few rows building them takes longer than evaluating them."""
    return tuple((~_is_quiet(key, have)).fill_null(True).alias(str(i)) for i, key in enumerate(keys))


def _is_quiet(key: str, have: frozenset[str]) -> pl.Expr:
    if not {f"xa.{key}", f"xb.{key}", f"fa.{key}", f"fb.{key}"} <= have:
        return pl.lit(False)
    quiet = (pl.col(f"fa.{key}") == pl.col(f"xa.{key}")) & (pl.col(f"fb.{key}") == pl.col(f"xb.{key}"))
    for side in SIDES:
        kind = f"k{side}.{key}"
        if kind in have:
            quiet &= (pl.col(kind) == PLAIN) | (pl.col(kind) == ASSUMED)
    return quiet


def take(pairs: pl.DataFrame, maps: Sequence[FieldMap], type_a: str, masks: pl.DataFrame) -> pl.DataFrame:
    """The busy cells in long form, in the order of the mappings.

    Columns: link_id, row (position in *pairs*), m (position in *maps*), and per side those of the long frame's facts.
    Works on single columns, one after the other: for a few rows that is several times faster than forty small frames.
    """
    chosen = [(i, m, mask) for i, m in enumerate(maps) if (mask := masks[str(i)]).any()]
    counts = pl.DataFrame({"m": [i for i, _, _ in chosen], "count": [mask.sum() for _, _, mask in chosen]})
    rows = pl.int_range(len(pairs), dtype=pl.UInt32, eager=True)
    columns = {
        "link_id": pl.concat([pairs["link_id"].filter(mask) for _, _, mask in chosen], rechunk=True),
        "row": pl.concat([rows.filter(mask) for _, _, mask in chosen], rechunk=True),
        "m": counts.select(pl.col("m").cast(pl.UInt16).repeat_by("count").explode()).to_series(),
    }
    wide = {column.name: column for column in pairs}
    for side in SIDES:
        for fact in _TYPES:
            parts = [_fact(wide, fact, side, m, type_a).filter(mask) for _, m, mask in chosen]
            columns[f"{fact}_{side}"] = pl.concat(parts, rechunk=True)
    return pl.DataFrame(columns)


def _fact(wide: Mapping[str, pl.Series], fact: str, side: Side, field_map: FieldMap, type_a: str) -> pl.Series:
    prefix, dtype = _TYPES[fact]
    name = f"{prefix}{side}.{field_map.key}"
    if name in wide:
        column = wide[name]
        return column if column.dtype == dtype else column.cast(dtype)
    if fact == "out" and _is_identity(field_map, side, type_a):
        return _fact(wide, "cell", side, field_map, type_a)
    constant = {"may": _is_written(field_map, side, type_a), "kind": PLAIN}.get(fact)
    return pl.repeat(constant, len(wide["link_id"]), dtype=dtype, eager=True)


def _is_identity(field_map: FieldMap, side: Side, type_a: str) -> bool:
    ends = [field_map.a[type_a]] if side == "a" else list(field_map.b.values())
    return all(end.expression is None for end in ends)


def _is_written(field_map: FieldMap, side: Side, type_a: str) -> bool:
    """Whether updates write that end at all, for callers that bring no rights."""
    ends = [field_map.a[type_a]] if side == "a" else list(field_map.b.values())
    return not field_map.create_only and all(end.field is not None for end in ends)


def with_base(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Adds per side `known`, `changed`, `synthetic`, `blank`, and `usable`, `quiet`. Needs the mapping's table.

    `blank`: nothing would travel from this side: its value as it would stand on the other side is empty, or is a
    synthetic value that must not travel. `quiet`: both sides still hold their base.
    """
    cells = cells.with_columns(
        ((pl.col(f"base_{s}") != 0).fill_null(False)).alias(f"known_{s}") for s in SIDES
    ).with_columns(
        *(
            (pl.col(f"known_{s}") & (pl.col(f"print_{s}") != pl.col(f"base_{s}")))
            .fill_null(False)
            .alias(f"changed_{s}")
            for s in SIDES
        ),
        *((pl.col(f"cell_{s}") == pl.col(f"default_{s}")).fill_null(False).alias(f"synthetic_{s}") for s in SIDES),
        pl.all_horizontal(
            pl.col(f"kind_{s}").is_in(USABLE_KINDS)
            & pl.col(f"print_{s}").is_not_null()
            & pl.col(f"cell_{s}").is_not_null()
            for s in SIDES
        )
        .fill_null(False)
        .alias("usable"),
    )
    return cells.with_columns(
        *((pl.col(f"synthetic_{s}") | (_travelling(s) == "")).fill_null(False).alias(f"blank_{s}") for s in SIDES),
        (pl.col("usable") & pl.col("known_a") & pl.col("known_b") & ~pl.col("changed_a") & ~pl.col("changed_b")).alias(
            "quiet"
        ),
    )


def _travelling(side: Side) -> pl.Expr:
    """The value as it would stand on the other side; the cell itself where the mapping does not flow that way."""
    stays = pl.col("source") == (-1 if side == "a" else 1)
    return pl.when(stays).then(pl.col(f"cell_{side}")).otherwise(pl.coalesce(f"out_{side}", f"cell_{side}"))


def is_equivalent() -> pl.Expr:
    """Whether both sides say the same: in every direction in which the mapping flows, or both blank."""
    agrees = {s: pl.col(f"out_{s}") == pl.col(f"cell_{other(s)}") for s in SIDES}
    source = pl.col("source")
    flows = pl.when(source == 1).then(agrees["a"]).when(source == -1).then(agrees["b"])
    return flows.otherwise(agrees["a"] & agrees["b"]).fill_null(False) | (pl.col("blank_a") & pl.col("blank_b"))
