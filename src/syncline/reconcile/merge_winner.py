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
    cells = _propose(_with_drift(cells, units), units)
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


def _propose(cells: pl.LazyFrame, units: Units) -> pl.LazyFrame:
    both, one_way = pl.col("asks_a") & pl.col("asks_b"), pl.col("source") != 0
    contested = both & ~one_way
    first_told = score_of(pl.col("first_policy"), units)
    undecided = (pl.col("first_policy") == Policy.NON_BLANK.value) & (first_told == 0)
    policy = pl.when(~pl.col("fresh") | undecided).then(pl.col("policy")).otherwise(pl.col("first_policy"))
    cells = cells.with_columns(policy.alias("deciding"), contested.alias("contested"))
    score = score_of(pl.col("deciding"), units)
    by_policy = pl.when(score != 0).then(score).otherwise(pl.col("tie"))
    asks_source = pl.when(pl.col("source") == 1).then(pl.col("asks_a")).otherwise(pl.col("asks_b"))
    alone = (
        pl.when(pl.col("asks_a"))
        .then(pl.lit(1, pl.Int8))
        .when(pl.col("asks_b"))
        .then(pl.lit(-1, pl.Int8))
        .otherwise(pl.lit(0, pl.Int8))
    )
    holds = contested & (pl.col("deciding") == Policy.HOLD.value)
    return cells.with_columns(
        pl.when(holds)
        .then(pl.lit(0, pl.Int8))
        .when(contested)
        .then(by_policy)
        .when(~one_way)
        .then(alone)
        .when(asks_source | pl.col("restores"))
        .then(pl.col("source"))
        .otherwise(pl.lit(0, pl.Int8))
        .alias("winner"),
        (contested & (score == 0)).alias("tied"),
        pl.when(holds | (pl.col("drifting") & (pl.col("drift") == Drift.HOLD.value)))
        .then(pl.lit("hold"))
        .when(pl.col("drifting") & ~pl.col("restores"))
        .then(pl.lit("drift"))
        .alias("stands_still"),
    )


def _judge(cells: pl.LazyFrame) -> pl.LazyFrame:
    """A loosened protection without certain evidence: the protective side wins instead, where it may; else hold."""
    unproven = (
        pl.when(WINNER == 1)
        .then(pl.col("may_not_win_a"))
        .when(WINNER == -1)
        .then(pl.col("may_not_win_b"))
        .otherwise(False)
    )
    opposite_may = ~of_target("may_not_win") & ~of_winner("bare") & (pl.col("source") == 0)
    return cells.with_columns(unproven.alias("judged"), (unproven & ~opposite_may).alias("judged_held")).with_columns(
        pl.when(pl.col("judged_held"))
        .then(pl.lit(0, pl.Int8))
        .when("judged")
        .then(-WINNER)
        .otherwise(WINNER)
        .alias("winner"),
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
        pl.when(held).then(pl.lit(0, pl.Int8)).when(beats).then(-WINNER).otherwise(WINNER).alias("winner"),
        pl.when(held).then(pl.lit("hold")).otherwise(pl.col("stands_still")).alias("stands_still"),
    )
