"""Which side's value is to stand on both: the table of merge-rules for one field or atomic group.

Lives here: votes (a side that changed asks for its value to travel), the direction's say, conflicts and first links,
drift, and the judgement of loosened protections. Whether the winner's value can be written is decided afterwards.
"""

from __future__ import annotations

import polars as pl

from syncline.reconcile.merge_policies import Units, score_of, with_judgement, with_scores
from syncline.records import SIDES, Side, other
from syncline.spec.model import Drift, Policy

WINNER = pl.col("winner")
NOBODY = pl.lit(0, pl.Int8)


def of_winner(name: str) -> pl.Expr:
    """Column `<name>_a` or `<name>_b`, whichever side wins; a's where nobody does."""
    return pl.when(WINNER == -1).then(pl.col(f"{name}_b")).otherwise(pl.col(f"{name}_a"))


def of_target(name: str) -> pl.Expr:
    """The same of the side that is to be written."""
    return pl.when(WINNER == -1).then(pl.col(f"{name}_a")).otherwise(pl.col(f"{name}_b"))


def with_votes(cells: pl.LazyFrame, units: Units) -> pl.LazyFrame:
    """Adds per side `votes_<s>`, for the unit `asks_<s>`, and `fresh`: no member has a base on any side.

    An unknown base counts as changed unless that side is blank, which is filled; a known side opposite such a blank
    gives its value.
    """
    cells = cells.with_columns(_vote(s).alias(f"votes_{s}") for s in SIDES)
    return cells.with_columns(
        *(units.any(pl.col(f"votes_{s}")).alias(f"asks_{s}") for s in SIDES),
        (~units.any(pl.col("known_a") | pl.col("known_b"))).alias("fresh"),
    )


def _vote(side: Side) -> pl.Expr:
    theirs = other(side)
    fills = ~pl.col(f"known_{theirs}") & pl.col(f"blank_{theirs}")
    known = pl.col(f"changed_{side}") | fills
    return pl.when(pl.col(f"known_{side}")).then(known).otherwise(~pl.col(f"blank_{side}"))


def with_winner(cells: pl.LazyFrame, units: Units, widening_us: int) -> pl.LazyFrame:
    """Adds `winner` (1 a, -1 b, 0 nobody), `stands_still` (why nobody: hold | drift | null), `decider`, `flipped`
    and `restores`. Needs votes and evidence.

    `decider` is the policy, direction or drift rule that chose between two values; null where there was no choice.
    """
    cells = with_judgement(with_scores(cells, units, widening_us), units, widening_us)
    cells = _propose(_with_policy(_with_drift(cells, units), units), units)
    return _spare_values(_judge(cells))


def _with_drift(cells: pl.LazyFrame, units: Units) -> pl.LazyFrame:
    """Adds `drifts` (one-way, this member changed on the target alone), `drifting` for its unit, `restores`.

    A target that was never agreed upon, opposite a blank source, is not drift: nothing is known to have been lost.
    """
    source = pl.col("source")
    silent = pl.when(source == 1).then(~pl.col("asks_a")).when(source == -1).then(~pl.col("asks_b")).otherwise(False)
    voted = (
        pl.when(source == 1)
        .then(pl.col("votes_b") & pl.col("known_a"))
        .otherwise(pl.col("votes_a") & pl.col("known_b"))
    )
    cells = cells.with_columns((silent & voted).alias("drifts"))
    return cells.with_columns(units.any(pl.col("drifts")).alias("drifting")).with_columns(
        (pl.col("drifting") & (pl.col("drift") == Drift.RESTORE.value)).alias("restores")
    )


def _with_policy(cells: pl.LazyFrame, units: Units) -> pl.LazyFrame:
    """Adds `contested` (two-way, both sides ask) and `deciding`, the policy that chooses if it is."""
    first = pl.col("first_policy")
    undecided = (first == Policy.NON_BLANK.value) & (score_of(first, units) == 0)
    return cells.with_columns(
        (pl.col("asks_a") & pl.col("asks_b") & (pl.col("source") == 0)).alias("contested"),
        pl.when(~pl.col("fresh") | undecided).then(pl.col("policy")).otherwise(first).alias("deciding"),
    )


def _propose(cells: pl.LazyFrame, units: Units) -> pl.LazyFrame:
    """Adds `winner`, `tied` (the policy could not tell) and `stands_still`."""
    contested, score = pl.col("contested"), score_of(pl.col("deciding"), units)
    holds = contested & (pl.col("deciding") == Policy.HOLD.value)
    drift_holds = pl.col("drifting") & (pl.col("drift") == Drift.HOLD.value)
    winner = (
        pl.when(holds)
        .then(NOBODY)
        .when(contested)
        .then(pl.when(score != 0).then(score).otherwise(pl.col("tie")))
        .when(pl.col("source") == 0)
        .then(_who_asks())
        .when((_who_asks() == pl.col("source")) | pl.col("restores"))
        .then(pl.col("source"))
        .otherwise(NOBODY)
    )
    still = pl.when(holds | drift_holds).then(pl.lit("hold")).when(pl.col("drifting") & ~pl.col("restores"))
    return cells.with_columns(
        winner.alias("winner"),
        (contested & (score == 0)).alias("tied"),
        still.then(pl.lit("drift")).alias("stands_still"),
    )


def _who_asks() -> pl.Expr:
    """The side that asks; the source of a one-way field where both do."""
    both = pl.col("asks_a") & pl.col("asks_b")
    asks = pl.col("asks_a").cast(pl.Int8) - pl.col("asks_b").cast(pl.Int8)
    return pl.when(both).then(pl.col("source")).otherwise(asks)


def _judge(cells: pl.LazyFrame) -> pl.LazyFrame:
    """A loosened protection without certain evidence: the protective side wins instead, where it may; else hold."""
    unproven = (WINNER != 0) & of_winner("may_not_win")
    opposite_may = ~of_target("may_not_win") & ~of_winner("bare") & (pl.col("source") == 0)
    return cells.with_columns(unproven.alias("judged"), (unproven & ~opposite_may).alias("judged_held")).with_columns(
        pl.when(pl.col("judged_held")).then(NOBODY).when("judged").then(-WINNER).otherwise(WINNER).alias("winner"),
        pl.when(pl.col("judged_held")).then(pl.lit("hold")).otherwise(pl.col("stands_still")).alias("stands_still"),
    )


def _spare_values(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Under `keep` a blank carries nothing, so it cannot beat a value: the other side's change flows instead.

    Only for a field decided alone; in a group the winner's other members still count.
    """
    beats = pl.col("contested") & pl.col("alone") & (WINNER != 0) & of_winner("blank")
    beats &= pl.col("keep") | of_winner("synthetic")
    held = beats & (pl.col("policy") == Policy.MOST_RESTRICTIVE.value)
    return cells.with_columns(
        beats.alias("flipped"),
        pl.when(held).then(NOBODY).when(beats).then(-WINNER).otherwise(WINNER).alias("winner"),
        pl.when(held).then(pl.lit("hold")).otherwise(pl.col("stands_still")).alias("stands_still"),
    )
