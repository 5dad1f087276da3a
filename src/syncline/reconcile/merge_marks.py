"""What earlier runs noted of a field, as far as it bears on the merge: the MARKS frame joined to the busy cells.

    normalised   {"a": print, "b": print}: the two are one value while both sides still have these prints
    frozen       nothing is written until the engine drops the mark
    held         {"a": print, "b": print} or nothing: nothing is written while both prints are these, or at all
    dead         {"side": target, "print": the giving side's print}: that value was refused there; another one may pass
    not_taken    the same shape: that value was ignored there
    pending      {"a": instant, "b": instant or null}: the side has changed since then and nothing was decided yet

A missing "side" means either, a missing "print" any value. Other kinds say nothing to the merge. Prints are decimal,
as JSON numbers or strings.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from syncline.records import SIDES, other


def _print_at(name: str) -> pl.Expr:
    return pl.col("detail").str.json_path_match(f"$.{name}").cast(pl.UInt64)


def _with_marks(
    cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame, kind: str, facts: Mapping[str, pl.Expr]
) -> pl.LazyFrame:
    """Adds `marked` and *facts* of the mark of that kind; nulls where there is none."""
    rows = (
        marks.lazy()
        .filter(pl.col("kind") == kind)
        .join(table.lazy().select("mapping", "m"), on="mapping", how="inner")
        .select("link_id", "m", pl.lit(True).alias("marked"), *(expr.alias(name) for name, expr in facts.items()))
        .unique(["link_id", "m"], keep="last")
    )
    return cells.join(rows, on=["link_id", "m"], how="left", maintain_order="left").with_columns(
        pl.col("marked").fill_null(False)
    )


_PAIR = {f"mark_{s}": _print_at(s) for s in SIDES}
_REFUSAL = {"mark_side": pl.col("detail").str.json_path_match("$.side"), "mark_print": _print_at("print")}


def _both_still() -> pl.Expr:
    return pl.all_horizontal(pl.col(f"print_{s}") == pl.col(f"mark_{s}") for s in SIDES).fill_null(False)


def with_normalised(cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.LazyFrame:
    """Adds `normalised`: this pair of spellings is known to be one value."""
    if "normalised" not in marks["kind"]:
        return cells.with_columns(pl.lit(False).alias("normalised"))
    marked = _with_marks(cells, marks, table, "normalised", _PAIR)
    return marked.with_columns(_both_still().alias("normalised")).drop("marked", *_PAIR)


def with_obstacles(cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.LazyFrame:
    """Adds `frozen`, `stopped` (a held mark) and, per target side, `dead_<s>` and `ignored_<s>`."""
    kinds = set(marks["kind"])
    cells = _with_freeze(cells, marks, table) if "frozen" in kinds else cells.with_columns(_never("frozen"))
    cells = _with_hold(cells, marks, table) if "held" in kinds else cells.with_columns(_never("stopped"))
    for kind, name in (("dead", "dead"), ("not_taken", "ignored")):
        if kind in kinds:
            cells = _with_refusal(cells, marks, table, kind, name)
        else:
            cells = cells.with_columns(_never(f"{name}_{s}") for s in SIDES)
    return cells


def with_pending(cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.LazyFrame:
    """Adds per side `pending_<s>`: when a field that stayed undecided was last known not to have changed; else null."""
    if "pending" not in marks["kind"]:
        return cells.with_columns(pl.lit(None, pl.Int64).alias(f"pending_{s}") for s in SIDES)
    told = {f"pending_{s}": pl.col("detail").str.json_path_match(f"$.{s}").cast(pl.Int64) for s in SIDES}
    return _with_marks(cells, marks, table, "pending", told).drop("marked")


def _never(name: str) -> pl.Expr:
    return pl.lit(False).alias(name)


def _with_freeze(cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.LazyFrame:
    return _with_marks(cells, marks, table, "frozen", {}).rename({"marked": "frozen"})


def _with_hold(cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame) -> pl.LazyFrame:
    without_prints = pl.col("mark_a").is_null() & pl.col("mark_b").is_null()
    stopped = pl.col("marked") & (without_prints | _both_still())
    return _with_marks(cells, marks, table, "held", _PAIR).with_columns(stopped.alias("stopped")).drop("marked", *_PAIR)


def _with_refusal(cells: pl.LazyFrame, marks: pl.DataFrame, table: pl.DataFrame, kind: str, name: str) -> pl.LazyFrame:
    stops = {
        target: pl.col("marked")
        & (pl.col("mark_side") == target).fill_null(True)
        & (pl.col("mark_print") == pl.col(f"print_{other(target)}")).fill_null(True)
        for target in SIDES
    }
    marked = _with_marks(cells, marks, table, kind, _REFUSAL)
    return marked.with_columns(expr.alias(f"{name}_{s}") for s, expr in stops.items()).drop("marked", *_REFUSAL)
