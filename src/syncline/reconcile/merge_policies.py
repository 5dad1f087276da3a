"""Who wins where both sides changed, and what `most_restrictive` lets through.

Every score is 1 where side a wins, -1 where b does, 0 where the policy cannot tell (the declared tie-break decides).
Members of an atomic group are scored together, so that a group has one winner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from syncline.reconcile.merge_evidence import FAR
from syncline.records import SIDES, Side, other
from syncline.spec.model import Policy


@dataclass(frozen=True, slots=True)
class Units:
    """How to look at all members of a unit: a single field, or an atomic group (*grouped*: some unit has several).

    *policies* are those that may decide any of them: what no policy asks for is not computed.
    """

    grouped: bool
    policies: frozenset[str]

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
    """Adds the scores the policies ask for (see SCORES) and the unit's evidence `from_<s>`..`to_<s>`.

    The evidence of a group is that of the newest of its changed members: the later start and the later end.
    """
    cells = cells.with_columns(
        units.max(pl.when(pl.col(f"votes_{s}")).then(pl.col(f"{bound}_{s}")).otherwise(-FAR)).alias(f"{name}_{s}")
        for s in SIDES
        for bound, name in (("since", "from"), ("until", "to"))
    )
    wanted = {SCORES[policy] for policy in units.policies if policy in SCORES}
    return cells.with_columns(_SCORE[name](units, widening_us).alias(name) for name in sorted(wanted))


def _by_interval(_: Units, widening_us: int) -> pl.Expr:
    after = {s: (pl.col(f"from_{s}") - widening_us > pl.col(f"to_{other(s)}") + widening_us) for s in SIDES}
    return _sign(after["a"], after["b"])


def _by_stamp(_: Units, __: int) -> pl.Expr:
    return _sign(pl.col("stamp_a") > pl.col("stamp_b"), pl.col("stamp_b") > pl.col("stamp_a"))


def _by_blank(units: Units, _: int) -> pl.Expr:
    fills = {s: units.any(~pl.col(f"blank_{s}") & pl.col(f"blank_{other(s)}")) for s in SIDES}
    return _sign(fills["a"], fills["b"])


def _by_greatness(units: Units, _: int) -> pl.Expr:
    return units.first_told(_by_size(descending=False))


def _by_smallness(units: Units, _: int) -> pl.Expr:
    return units.first_told(_by_size(descending=True))


def _by_size(*, descending: bool) -> pl.Expr:
    """1 where a's value is greater (*descending*: smaller) than b's as it would stand on a. A blank always loses."""
    blanks = _sign(~pl.col("blank_a") & pl.col("blank_b"), ~pl.col("blank_b") & pl.col("blank_a"))
    mine, theirs = pl.col("cell_a"), pl.col("out_b")
    texts = _sign(mine > theirs, theirs > mine)
    compared = pl.when(pl.col("numeric")).then(_by_number(mine, theirs)).otherwise(texts)
    return (
        pl.when(blanks != 0)
        .then(blanks)
        .when((mine == "") | (theirs == ""))  # a blank that stands for a value on the other side: nothing to compare
        .then(pl.lit(0, pl.Int8))
        .otherwise(-compared if descending else compared)
    )


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


_SCORE: dict[str, Callable[[Units, int], pl.Expr]] = {
    "by_interval": _by_interval,
    "by_stamp": _by_stamp,
    "by_blank": _by_blank,
    "by_greatness": _by_greatness,
    "by_smallness": _by_smallness,
}

SCORES: dict[str, str] = {
    Policy.NEWEST.value: "by_interval",
    Policy.MOST_RESTRICTIVE.value: "by_interval",
    Policy.NEWEST_RECORD.value: "by_stamp",
    Policy.NON_BLANK.value: "by_blank",
    Policy.MAX.value: "by_greatness",
    Policy.MIN.value: "by_smallness",
}
"""Policies that compare, and by what; `most_restrictive` starts as `newest` and is judged afterwards."""


def score_of(policy: pl.Expr, units: Units) -> pl.Expr:
    """The score of each row's policy; 0 for those that do not compare, but 1 and -1 for the sides' own."""
    score = (
        pl.when(policy == Policy.A.value)
        .then(pl.lit(1, pl.Int8))
        .when(policy == Policy.B.value)
        .then(pl.lit(-1, pl.Int8))
    )
    for name in sorted(units.policies & SCORES.keys()):
        score = score.when(policy == name).then(pl.col(SCORES[name]))
    return score.otherwise(pl.lit(0, pl.Int8))


def with_judgement(cells: pl.LazyFrame, units: Units, widening_us: int) -> pl.LazyFrame:
    """Adds per side `may_not_win_<s>`: its win would loosen a protection without certain evidence of a person's act;
    and `bare_<s>`: what would protect in its place is a blank, which is never pushed.

    The protective value is stated in side a's terms; for a mapping that flows only from a to b, in side b's.
    """
    if Policy.MOST_RESTRICTIVE.value not in units.policies:
        return cells.with_columns(pl.lit(False).alias(f"{name}_{s}") for name in ("may_not_win", "bare") for s in SIDES)
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
    """A person changed this side, certainly after the other side's value came to be.

    By this field's moment; without one by the record's last hand, if this field moved since the look before: then the
    act is no earlier than that look.
    """
    theirs = other(side)
    unmoved = pl.col(f"known_{theirs}") & ~pl.col(f"changed_{theirs}")
    latest = (
        pl.when(pl.col(f"at_{theirs}").is_not_null())
        .then(f"at_{theirs}")
        .when(unmoved)
        .then(pl.lit(-FAR, pl.Int64))
        .otherwise(f"until_{theirs}")
    )
    has_moment = pl.col(f"at_{side}").is_not_null()
    looked_before = pl.col(f"prev_{side}").is_not_null() & pl.col(f"stamp_{side}").is_not_null()
    by_hand = pl.col(f"human_{side}") & pl.col(f"changed_{side}") & looked_before
    is_person = pl.when(has_moment).then(f"is_human_{side}").otherwise(by_hand)
    later = pl.col(f"since_{side}") - widening_us > latest + widening_us
    return (is_person & later).fill_null(False)
