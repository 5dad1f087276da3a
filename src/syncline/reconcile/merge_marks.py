"""What earlier runs noted of a field, as far as it bears on the merge: the MARKS frame joined to the busy cells.

    normalised   {"a": print, "b": print}: the two are one value while both sides still have these prints
    frozen       nothing is written until the engine drops the mark
    held         {"a": print, "b": print} or nothing: nothing is written while both prints are these, or at all
    dead         {"side": target, "print": the giving side's print}: that value was refused there; another one may pass
    not_taken    the same shape: that value was ignored there

A missing "side" means either, a missing "print" any value. Other kinds say nothing to the merge. Prints are decimal,
as JSON numbers or strings.
"""

from __future__ import annotations

import polars as pl

from syncline.records import SIDES, other

_PRINTED = ("a", "b")


def _print_at(name: str) -> pl.Expr:
    return pl.col("detail").str.json_path_match(f"$.{name}").cast(pl.UInt64)


def _of_kind(marks: pl.DataFrame, table: pl.DataFrame, kind: str, *facts: pl.Expr) -> pl.DataFrame:
    """The marks of one kind with the columns link_id, m, `marked` and *facts*."""
    positions = table.select("mapping", "m")
    rows = marks.filter(pl.col("kind") == kind).join(positions, on="mapping", how="inner")
    return rows.select("link_id", "m", pl.lit(True).alias("marked"), *facts).unique(["link_id", "m"], keep="last")


def _joined(cells: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    return cells.join(marks, on=["link_id", "m"], how="left", maintain_order="left")


def _both_still() -> pl.Expr:
    return pl.all_horizontal(pl.col(f"print_{s}") == pl.col(f"mark_{s}") for s in SIDES).fill_null(False)


def with_normalised(cells: pl.DataFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Adds `normalised`: this pair of spellings is known to be one value."""
    rows = _of_kind(marks, table, "normalised", *(_print_at(s).alias(f"mark_{s}") for s in _PRINTED))
    if rows.is_empty():
        return cells.with_columns(pl.lit(False).alias("normalised"))
    return _joined(cells, rows).with_columns(_both_still().alias("normalised")).drop("marked", "mark_a", "mark_b")


def with_obstacles(cells: pl.DataFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Adds `frozen`, `stopped` (a held mark) and, per target side, `dead_<s>` and `ignored_<s>`."""
    return _with_refusals(
        _with_refusals(_with_holds(cells, marks, table), marks, table, "dead"), marks, table, "ignored"
    )


def _with_holds(cells: pl.DataFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    frozen = _of_kind(marks, table, "frozen")
    held = _of_kind(marks, table, "held", *(_print_at(s).alias(f"mark_{s}") for s in _PRINTED))
    if frozen.is_empty() and held.is_empty():
        return cells.with_columns(pl.lit(False).alias("frozen"), pl.lit(False).alias("stopped"))
    cells = _joined(cells, frozen.rename({"marked": "frozen"}))
    without_prints = pl.col("mark_a").is_null() & pl.col("mark_b").is_null()
    return (
        _joined(cells, held)
        .with_columns(
            pl.col("frozen").fill_null(False),
            (pl.col("marked").fill_null(False) & (without_prints | _both_still())).alias("stopped"),
        )
        .drop("marked", "mark_a", "mark_b")
    )


def _with_refusals(cells: pl.DataFrame, marks: pl.DataFrame, table: pl.DataFrame, name: str) -> pl.DataFrame:
    kind = {"dead": "dead", "ignored": "not_taken"}[name]
    where = pl.col("detail").str.json_path_match("$.side").alias("mark_side")
    rows = _of_kind(marks, table, kind, where, _print_at("print").alias("mark_print"))
    if rows.is_empty():
        return cells.with_columns(pl.lit(False).alias(f"{name}_{s}") for s in SIDES)
    return (
        _joined(cells, rows)
        .with_columns(
            (
                pl.col("marked").fill_null(False)
                & (pl.col("mark_side") == target).fill_null(True)
                & (pl.col("mark_print") == pl.col(f"print_{other(target)}")).fill_null(True)
            ).alias(f"{name}_{target}")
            for target in SIDES
        )
        .drop("marked", "mark_side", "mark_print")
    )
