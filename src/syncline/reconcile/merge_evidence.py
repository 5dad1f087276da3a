"""When did each side change: evidence intervals, joined to the cells that need a decision.

Grade 1 is the moment of this field's change (an event, an activity, a history row); grade 2 the interval between the
vendor's stamp at the look before and its stamp now; grade 3 the interval between our two looks. Where the base is
unknown the interval is open to the past; where the field stayed undecided over several looks, it begins with the first
of them. Intervals here are as observed; who compares them widens each by the measured clock skew and one step of the
stamps' resolution.
"""

from __future__ import annotations

import polars as pl

from syncline.records import SIDES, Side

FAR = 2**62
"""Microseconds no stamp reaches; -FAR is "any time before"."""

_RECORD_FACTS: dict[str, pl.DataType] = {
    "stamp": pl.Int64(),
    "prev": pl.Int64(),
    "asof": pl.Int64(),
    "prevasof": pl.Int64(),
    "human": pl.Boolean(),  # a person changed the record last, as far as can be told without moments
}


def with_records(cells: pl.DataFrame, pairs: pl.DataFrame) -> pl.LazyFrame:
    """Adds the record-level evidence of each cell's pair: per side stamp, prev, asof, prevasof, human; null if
    not given."""
    names = {f"{fact}_{s}": kind for s in SIDES for fact, kind in _RECORD_FACTS.items()}
    given = [pairs[name].cast(kind).gather(cells["row"]) for name, kind in names.items() if name in pairs.columns]
    missing = [pl.lit(None, kind).alias(name) for name, kind in names.items() if name not in pairs.columns]
    return cells.lazy().with_columns(*given, *missing)


def with_evidence(cells: pl.LazyFrame, moments: pl.DataFrame, table: pl.DataFrame, now_us: int) -> pl.LazyFrame:
    """Adds per side `at` and `is_human` (null without a moment) and the interval `since`..`until`."""
    present = set(moments["side"])
    for side in SIDES:
        if side in present:
            cells = _with_moments(cells, moments, table, side)
        else:
            nothing = {f"at_{side}": pl.Int64, f"is_human_{side}": pl.Boolean}
            cells = cells.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in nothing.items())
    return cells.with_columns(
        *(_since(s).alias(f"since_{s}") for s in SIDES),
        *(
            pl.coalesce(f"at_{s}", f"stamp_{s}", f"asof_{s}", pl.lit(now_us, pl.Int64)).alias(f"until_{s}")
            for s in SIDES
        ),
    )


def _with_moments(cells: pl.LazyFrame, moments: pl.DataFrame, table: pl.DataFrame, side: Side) -> pl.LazyFrame:
    newest = (
        moments.lazy()
        .filter(pl.col("side") == side)
        .join(table.lazy().select("mapping", "m"), on="mapping", how="inner")
        .sort("at_us", maintain_order=True)
        .unique(["link_id", "m"], keep="last", maintain_order=True)
        .select("link_id", "m", pl.col("at_us").alias(f"at_{side}"), pl.col("is_human").alias(f"is_human_{side}"))
    )
    return cells.join(newest, on=["link_id", "m"], how="left", maintain_order="left")


def _since(side: Side) -> pl.Expr:
    look_before = pl.when(pl.col(f"stamp_{side}").is_not_null()).then(f"prev_{side}").otherwise(f"prevasof_{side}")
    start = pl.when(pl.col(f"known_{side}")).then(pl.min_horizontal(look_before, f"pending_{side}"))
    return pl.coalesce(pl.col(f"at_{side}"), start, pl.lit(-FAR, pl.Int64))
