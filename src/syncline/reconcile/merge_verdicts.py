"""From a winner to a verdict per cell: blanks, rights, refusals and what is logged as lost.

A group is blocked, dead, frozen or held as one. See docs/reference/merge-decisions.md for the order of obstacles.
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from syncline.reconcile.merge_policies import Units
from syncline.reconcile.merge_winner import WINNER, of_target, of_winner
from syncline.spec.model import Drift


class Verdict(StrEnum):
    """What the merge says of one (link, mapping) that needs anything."""

    AGREE = "agree"
    WRITE = "write"
    CONFLICT_WRITE = "conflict_write"
    FILL = "fill"
    HELD = "held"
    WAITING = "waiting"
    BLOCKED = "blocked"
    APART = "apart"
    DRIFT = "drift"
    FROZEN = "frozen"
    DEAD = "dead"
    FILTERED = "filtered"  # given by whoever knows the filter; the merge never says so


CLASS_OF: dict[Verdict, str] = {
    Verdict.AGREE: "agreed",
    Verdict.WRITE: "written",
    Verdict.CONFLICT_WRITE: "written",
    Verdict.FILL: "written",
    Verdict.HELD: "held",
    Verdict.WAITING: "waiting",
    Verdict.BLOCKED: "blocked",
    Verdict.APART: "unchanged",
    Verdict.DRIFT: "unchanged",
    Verdict.FROZEN: "frozen",
    Verdict.DEAD: "dead",
    Verdict.FILTERED: "filtered",
}
"""The class of the conservation law a verdict counts in."""

WRITES = (Verdict.WRITE.value, Verdict.CONFLICT_WRITE.value, Verdict.FILL.value)


def with_verdict(cells: pl.LazyFrame, units: Units) -> pl.LazyFrame:
    """Adds `verdict` (null: nothing to say), `value`, `acts`, `obstacle` and `kind`."""
    cells = cells.with_columns(of_winner("out").alias("value")).with_columns(
        (pl.col("value") == of_target("cell")).fill_null(False).alias("idle"),
        (of_winner("blank") & (pl.col("keep") | of_winner("synthetic"))).alias("unsent"),
        _never_agreed().alias("untouched"),
    )
    wants = (WINNER != 0) & ~pl.col("idle") & ~pl.col("unsent") & ~pl.col("untouched")
    cells = cells.with_columns(wants.alias("acts")).with_columns(_obstacle(units).alias("obstacle"))
    return cells.with_columns(_verdict().alias("verdict")).with_columns(_kind().alias("kind"))


def _never_agreed() -> pl.Expr:
    """One-way, base of the source unknown, source blank and nobody asks on its side: the target keeps what it has."""
    source = pl.col("source")
    a_says_nothing = (source == 1) & ~pl.col("asks_a") & ~pl.col("known_a") & pl.col("votes_b")
    b_says_nothing = (source == -1) & ~pl.col("asks_b") & ~pl.col("known_b") & pl.col("votes_a")
    return a_says_nothing | b_says_nothing


def _obstacle(units: Units) -> pl.Expr:
    """What stops the unit's writes, gravest first; null if nothing does."""
    acts = pl.col("acts")
    impossible = pl.col("value").is_null() | ~of_target("may").fill_null(False) | of_target("ignored")
    return (
        pl.when(units.any(acts & of_target("dead")))
        .then(pl.lit(Verdict.DEAD.value))
        .when(units.any(acts & impossible))
        .then(pl.lit(Verdict.BLOCKED.value))
        .when(units.any(acts & pl.col("frozen")))
        .then(pl.lit(Verdict.FROZEN.value))
        .when(units.any(acts & pl.col("stopped")))
        .then(pl.lit(Verdict.HELD.value))
    )


def _verdict() -> pl.Expr:
    quiet = pl.col("quiet")
    lacks = of_target("synthetic") | ((of_target("cell") == "") & of_target("blank"))
    unknown_target = ~of_target("known")
    return (
        pl.when(pl.col("acts") & pl.col("obstacle").is_not_null())
        .then(pl.col("obstacle"))
        .when(pl.col("acts") & unknown_target & lacks)
        .then(pl.lit(Verdict.FILL.value))
        .when(pl.col("acts") & (of_target("votes") | unknown_target))
        .then(pl.lit(Verdict.CONFLICT_WRITE.value))
        .when(pl.col("acts"))
        .then(pl.lit(Verdict.WRITE.value))
        .when(quiet)
        .then(None)
        .when(pl.col("untouched"))
        .then(pl.lit(Verdict.APART.value))
        .when(pl.col("stands_still") == "hold")
        .then(pl.lit(Verdict.HELD.value))
        .when(
            pl.col("drifts")
            & ((pl.col("stands_still") == "drift").fill_null(False) | (pl.col("restores") & pl.col("unsent")))
        )
        .then(pl.lit(Verdict.DRIFT.value))
        .when((WINNER != 0) & pl.col("idle"))
        .then(pl.lit(Verdict.AGREE.value))
        .when((WINNER != 0) & pl.col("unsent"))
        .then(pl.lit(Verdict.APART.value))
    )


def _kind() -> pl.Expr:
    """What a conflict-log row of this decision is called; null where nothing was lost or is open."""
    contested = pl.col("verdict") == Verdict.CONFLICT_WRITE.value
    opened = (pl.col("verdict") == Verdict.HELD.value) & pl.col("obstacle").is_null()
    drifted = pl.col("drifting") & (pl.col("drift") != Drift.LEAVE.value)
    return pl.when(contested.fill_null(False) | opened.fill_null(False)).then(
        pl.when(drifted)
        .then(pl.lit("drift"))
        .when(~pl.col("known_a") & ~pl.col("known_b"))
        .then(pl.lit("first_link"))
        .otherwise(pl.lit("conflict"))
    )


def bases(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Adds `set_base_a` and `set_base_b`: whether the base of that side advances to what it holds, without a write.

    A blank that is kept back advances the base of its own side; in a contested group also the loser's, else the same
    member would flow the other way at the next look.
    """
    agree = pl.col("verdict") == Verdict.AGREE.value
    kept = (pl.col("verdict") == Verdict.APART.value) & ~pl.col("untouched")
    return cells.with_columns(
        (agree | (kept & ((pl.col("winner") == sign) | pl.col("contested")))).alias(f"set_base_{side}")
        for side, sign in (("a", 1), ("b", -1))
    )
