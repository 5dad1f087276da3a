"""Who wins where both sides changed, and what `most_restrictive` lets through.

Every score is 1 where side a wins, -1 where b does, 0 where the policy cannot tell (the declared tie-break decides).
Members of an atomic group are scored together, so that a group has one winner.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from syncline.reconcile.merge_evidence import FAR
from syncline.records import SIDES, Side, other
from syncline.spec.model import Policy


@dataclass(frozen=True, slots=True)
class Units:
    """How to look at all members of a unit: a single field, or an atomic group (*grouped*: some unit has several)."""

    grouped: bool

    def any(self, condition: pl.Expr) -> pl.Expr:
        return condition.any().over("unit") if self.grouped else condition

    def max(self, number: pl.Expr) -> pl.Expr:
        return number.max().over("unit") if self.grouped else number

    def first_told(self, score: pl.Expr) -> pl.Expr:
        """The first score of the unit that is not 0, in the order of the mappings; 0 if there is none."""
        if not self.grouped:
            return score
        return score.filter(score != 0).first().over("unit").fill_null(0).cast(pl.Int8)


def _sign(wins_a: pl.Expr, wins_b: pl.Expr) -> pl.Expr:
    return wins_a.fill_null(False).cast(pl.Int8) - wins_b.fill_null(False).cast(pl.Int8)


def with_scores(cells: pl.LazyFrame, units: Units, widening_us: int) -> pl.LazyFrame:
    """Adds the scores by_interval, by_stamp, by_blank, by_size and the unit's evidence `from_<s>`..`to_<s>`.

    The evidence of a group is that of the newest of its changed members: the later start and the later end.
    """
    cells = cells.with_columns(
        units.max(pl.when(pl.col(f"votes_{s}")).then(pl.col(f"{bound}_{s}")).otherwise(-FAR)).alias(f"{name}_{s}")
        for s in SIDES
        for bound, name in (("since", "from"), ("until", "to"))
    )
    after = {s: (pl.col(f"from_{s}") - widening_us > pl.col(f"to_{other(s)}") + widening_us) for s in SIDES}
    fills = {s: units.any(~pl.col(f"blank_{s}") & pl.col(f"blank_{other(s)}")) for s in SIDES}
    return cells.with_columns(
        _sign(after["a"], after["b"]).alias("by_interval"),
        _sign(pl.col("stamp_a") > pl.col("stamp_b"), pl.col("stamp_b") > pl.col("stamp_a")).alias("by_stamp"),
        _sign(fills["a"], fills["b"]).alias("by_blank"),
        units.first_told(_by_size(descending=False)).alias("by_greatness"),
        units.first_told(_by_size(descending=True)).alias("by_smallness"),
    )


def _by_size(*, descending: bool) -> pl.Expr:
    """1 where a's value is greater (*descending*: smaller) than b's as it would stand on a. A blank always loses."""
    blanks = _sign(~pl.col("blank_a") & pl.col("blank_b"), ~pl.col("blank_b") & pl.col("blank_a"))
    mine, theirs = pl.col("cell_a"), pl.col("out_b")
    texts = _sign(mine > theirs, theirs > mine)
    compared = pl.when(pl.col("numeric")).then(_by_number(mine, theirs)).otherwise(texts)
    return pl.when(blanks != 0).then(blanks).otherwise(-compared if descending else compared)


def _by_number(mine: pl.Expr, theirs: pl.Expr) -> pl.Expr:
    """Compares canonical decimals exactly, however long: by sign, then by digits before the point, then as text."""
    negative_mine, negative_theirs = mine.str.starts_with("-"), theirs.str.starts_with("-")
    a, b = mine.str.strip_chars_start("-"), theirs.str.strip_chars_start("-")
    whole_a, whole_b = (text.str.split_exact(".", 1).struct.field("field_0").str.len_bytes() for text in (a, b))
    larger = _sign(
        (whole_a > whole_b) | ((whole_a == whole_b) & (a > b)), (whole_b > whole_a) | ((whole_a == whole_b) & (b > a))
    )
    return (
        pl.when(negative_mine != negative_theirs)
        .then(_sign(negative_theirs, negative_mine))
        .when(negative_mine)
        .then(-larger)
        .otherwise(larger)
        .fill_null(0)
        .cast(pl.Int8)
    )


def score_of(policy: pl.Expr) -> pl.Expr:
    """The score of each row's policy; `most_restrictive` starts as `newest` and is judged afterwards."""
    columns = {
        Policy.NEWEST: "by_interval",
        Policy.MOST_RESTRICTIVE: "by_interval",
        Policy.NEWEST_RECORD: "by_stamp",
        Policy.NON_BLANK: "by_blank",
        Policy.MAX: "by_greatness",
        Policy.MIN: "by_smallness",
    }
    score = (
        pl.when(policy == Policy.A.value)
        .then(pl.lit(1, pl.Int8))
        .when(policy == Policy.B.value)
        .then(pl.lit(-1, pl.Int8))
    )
    for name, column in columns.items():
        score = score.when(policy == name.value).then(pl.col(column))
    return score.otherwise(pl.lit(0, pl.Int8))


def with_judgement(cells: pl.LazyFrame, units: Units, widening_us: int) -> pl.LazyFrame:
    """Adds per side `may_not_win_<s>`: its win would loosen a protection without certain evidence of a person's act;
    and `bare_<s>`: what would protect in its place is a blank, which is never pushed.

    The protective value is stated in side a's terms; for a mapping that flows only from a to b, in side b's.
    """
    forward = pl.col("source") == 1
    protects = {
        "a": (pl.when(forward).then(pl.col("out_a")).otherwise(pl.col("cell_a")) == pl.col("restrictive")).fill_null(
            False
        ),
        "b": (pl.when(forward).then(pl.col("cell_b")).otherwise(pl.col("out_b")) == pl.col("restrictive")).fill_null(
            False
        ),
    }
    judged = pl.col("policy") == Policy.MOST_RESTRICTIVE.value
    loosens = {s: judged & protects[other(s)] & ~protects[s] for s in SIDES}
    return cells.with_columns(
        *(units.any(loosens[s] & ~_is_proven(s, widening_us)).alias(f"may_not_win_{s}") for s in SIDES),
        *(units.any(loosens[s] & pl.col(f"blank_{other(s)}")).alias(f"bare_{s}") for s in SIDES),
    )


def _is_proven(side: Side, widening_us: int) -> pl.Expr:
    """A person changed this side, certainly after the other side's value came to be."""
    theirs = other(side)
    unmoved = pl.col(f"known_{theirs}") & ~pl.col(f"changed_{theirs}")
    latest = (
        pl.when(pl.col(f"at_{theirs}").is_not_null())
        .then(f"at_{theirs}")
        .when(unmoved)
        .then(pl.lit(-FAR, pl.Int64))
        .otherwise(f"until_{theirs}")
    )
    later = pl.col(f"at_{side}") - widening_us > latest + widening_us
    return (pl.col(f"is_human_{side}") & later).fill_null(False)
