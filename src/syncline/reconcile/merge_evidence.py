"""When did each side change: evidence intervals, joined to the cells that need a decision.

Grade 1 is the moment of this field's change (an event, an activity, a history row); grade 2 the interval between the
vendor's stamp at the look before and its stamp now; grade 3 the interval between our two looks. Where the base is
unknown the interval is open to the past. Intervals here are as observed; who compares them widens each by the measured
clock skew and one step of the stamps' resolution.
"""

from __future__ import annotations

import polars as pl

from syncline.records import SIDES, Side

FAR = 2**62
"""Microseconds no stamp reaches; -FAR is "any time before"."""

_RECORD_FACTS = ("stamp", "prev", "asof", "prevasof")


def with_evidence(
    cells: pl.DataFrame, pairs: pl.DataFrame, moments: pl.DataFrame, table: pl.DataFrame, now_us: int
) -> pl.DataFrame:
    """Adds per side `at` and `is_human` (null without a moment), `stamp`, `asof`, and the interval `since`..`until`."""
    have = set(pairs.columns)
    facts = pairs.select(
        "row",
        *(
            (pl.col(f"{fact}_{s}").cast(pl.Int64) if f"{fact}_{s}" in have else pl.lit(None, pl.Int64)).alias(
                f"{fact}_{s}"
            )
            for s in SIDES
            for fact in _RECORD_FACTS
        ),
    )
    cells = pl.concat([cells, facts.drop("row")[cells["row"]]], how="horizontal")
    for side in SIDES:
        cells = _with_moments(cells, moments, table, side)
    return cells.with_columns(
        *(_since(s).alias(f"since_{s}") for s in SIDES),
        *(
            pl.coalesce(f"at_{s}", f"stamp_{s}", f"asof_{s}", pl.lit(now_us, pl.Int64)).alias(f"until_{s}")
            for s in SIDES
        ),
    )


def _with_moments(cells: pl.DataFrame, moments: pl.DataFrame, table: pl.DataFrame, side: Side) -> pl.DataFrame:
    rows = moments.filter(pl.col("side") == side)
    if rows.is_empty():
        return cells.with_columns(
            pl.lit(None, pl.Int64).alias(f"at_{side}"), pl.lit(None, pl.Boolean).alias(f"is_human_{side}")
        )
    newest = (
        rows.join(table.select("mapping", "m"), on="mapping", how="inner")
        .sort("at_us", maintain_order=True)
        .unique(["link_id", "m"], keep="last")
        .select("link_id", "m", pl.col("at_us").alias(f"at_{side}"), pl.col("is_human").alias(f"is_human_{side}"))
    )
    return cells.join(newest, on=["link_id", "m"], how="left", maintain_order="left")


def _since(side: Side) -> pl.Expr:
    look_before = pl.when(pl.col(f"stamp_{side}").is_not_null()).then(f"prev_{side}").otherwise(f"prevasof_{side}")
    start = pl.when(pl.col(f"known_{side}")).then(look_before)
    return pl.coalesce(pl.col(f"at_{side}"), start, pl.lit(-FAR, pl.Int64))
