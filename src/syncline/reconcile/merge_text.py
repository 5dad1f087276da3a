"""Why, in words a person understands: the reason of every decision and the evidence it rests on.

Sentences only; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from polars.expr.whenthen import ChainedThen, Then

from syncline.reconcile.merge_evidence import FAR
from syncline.reconcile.merge_verdicts import Verdict
from syncline.reconcile.merge_winner import WINNER, of_target, of_winner
from syncline.records import SIDES, Side
from syncline.spec.model import Policy

KEY = pl.col("mapping")
WINNER_NAME = pl.when(WINNER == -1).then(pl.lit("b")).otherwise(pl.lit("a"))
TARGET_NAME = pl.when(WINNER == -1).then(pl.lit("a")).otherwise(pl.lit("b"))


_LAST_US = 253_402_300_799_000_000  # the end of the year 9999: what a calendar can show


def waiting_reason() -> pl.Expr:
    """Why a cell that cannot be merged yet waits. Needs the cells' kinds."""
    reasons = {
        1: "{} is hidden from the connected user on {}",
        4: "{}: another sync's write on {} has not been read back",
    }
    text: Then | ChainedThen = pl.when(pl.col("usable")).then(pl.format("{} waits for another field of its group", KEY))
    for side in SIDES:
        for kind, words in reasons.items():
            text = text.when(pl.col(f"kind_{side}") == kind).then(pl.format(words, KEY, pl.lit(side)))
    unread_a = pl.col("print_a").is_null() | pl.col("cell_a").is_null() | (pl.col("kind_a") == 2)
    return text.otherwise(
        pl.format("{} has not been read on {} yet", KEY, pl.when(unread_a).then(pl.lit("a")).otherwise(pl.lit("b")))
    )


def _clock(at: pl.Expr) -> pl.Expr:
    instant = at.clip(0, _LAST_US).cast(pl.Datetime("us"))
    with_fraction = instant.dt.strftime("%Y-%m-%d %H:%M:%S%.3f")
    return pl.when(at % 1_000_000 == 0).then(instant.dt.strftime("%Y-%m-%d %H:%M:%S")).otherwise(with_fraction)


def _when_changed(side: Side) -> pl.Expr:
    """ "at …", "between … and …" or "before …": the unit's evidence interval of one side."""
    since, until = pl.col(f"from_{side}"), pl.col(f"to_{side}")
    return (
        pl.when(until == -FAR)
        .then(pl.lit("unchanged"))
        .when(since == until)
        .then(pl.format("at {}", _clock(until)))
        .when(since == -FAR)
        .then(pl.format("before {}", _clock(until)))
        .otherwise(pl.format("between {} and {}", _clock(since), _clock(until)))
    )


def evidence() -> pl.Expr:
    """When each side changed, as far as known; null where no evidence was weighed."""
    weighed = pl.col("contested") | pl.col("judged")
    return pl.when(weighed).then(pl.format("a changed {}; b changed {}", _when_changed("a"), _when_changed("b")))


def _against(moment: str) -> pl.Expr:
    """ "2026-11-22 10:03:10 against 10:01:00": the day of the second is left out where it is the same."""
    won, lost = _clock(of_winner(moment)), _clock(of_target(moment))
    same_day = won.str.slice(0, 10) == lost.str.slice(0, 10)
    return pl.format("{} against {}", won, pl.when(same_day).then(lost.str.slice(11)).otherwise(lost))


def _tied(words: str) -> pl.Expr:
    return pl.format(f"{words}, tie-break {{}}", WINNER_NAME)


def _by_interval() -> pl.Expr:
    exact = (of_winner("from") == of_winner("to")) & (of_target("from") == of_target("to"))
    bounds = (_clock(of_winner("from")), _clock(of_target("to")))
    newer = (
        pl.when(exact)
        .then(pl.format("{} is newer ({})", WINNER_NAME, _against("to")))
        .otherwise(pl.format("{} is newer (after {}, the other not after {})", WINNER_NAME, *bounds))
    )
    return pl.when("tied").then(_tied("which is newer cannot be told")).otherwise(newer)


def _by_stamp() -> pl.Expr:
    later = pl.format("the record on {} was saved later ({})", WINNER_NAME, _against("stamp"))
    return pl.when("tied").then(_tied("the records' stamps do not tell")).otherwise(later)


def _by_value(words: str) -> Callable[[], pl.Expr]:
    said = pl.format(f"{{}} {words}", WINNER_NAME)
    return lambda: pl.when("tied").then(_tied("the values do not tell")).otherwise(said)


_HOW: dict[str, Callable[[], pl.Expr]] = {
    Policy.NEWEST: _by_interval,
    Policy.MOST_RESTRICTIVE: _by_interval,
    Policy.NEWEST_RECORD: _by_stamp,
    Policy.NON_BLANK: _by_value("is the side with a value"),
    Policy.MAX: _by_value("is greater"),
    Policy.MIN: _by_value("is smaller"),
}


def _chosen(policies: frozenset[str]) -> pl.Expr:
    """How a conflict was decided."""
    text: Then | ChainedThen = pl.when(False).then(pl.lit(""))
    for name in sorted(policies & _HOW.keys()):
        text = text.when(pl.col("deciding") == name).then(_HOW[name]())
    return text.otherwise(pl.format("policy: {} wins", WINNER_NAME))


def _choice(policies: frozenset[str]) -> pl.Expr:
    return (
        pl.when((pl.col("stands_still") == "hold") & pl.col("judged"))
        .then(pl.lit("a protection would be loosened without certain evidence of a person's act, held"))
        .when((pl.col("stands_still") == "hold").fill_null(False))
        .then(pl.lit("held for a person"))
        .when(pl.col("flipped"))
        .then(pl.lit("a blank does not beat a value here"))
        .when(pl.col("judged"))
        .then(pl.format("the protective value of {} stands, no certain evidence of a person's later act", WINNER_NAME))
        .when(pl.col("source") != 0)
        .then(pl.format("{} decides, the field flows one way", WINNER_NAME))
        .when(pl.col("contested"))
        .then(_chosen(policies))
        .otherwise(pl.format("{} has the value", WINNER_NAME))
    )


def _opening() -> pl.Expr:
    """What happened to the field."""
    asks_a, asks_b = pl.col("votes_a"), pl.col("votes_b")
    return (
        pl.when(~pl.col("known_a") & ~pl.col("known_b"))
        .then(pl.format("{} differs at the first link", KEY))
        .when(asks_a & asks_b)
        .then(pl.format("{} changed on both sides", KEY))
        .when(asks_a | asks_b)
        .then(pl.format("{} changed on {}", KEY, pl.when(asks_a).then(pl.lit("a")).otherwise(pl.lit("b"))))
        .otherwise(pl.format("{} goes with its group", KEY))
    )


def _hindrance() -> pl.Expr:
    """Why the unit cannot be written. A member that is no culprit itself waits for the one that is."""
    field = of_target("fields")
    return (
        pl.when(of_target("dead"))
        .then(
            pl.format(
                "{} refused this value of {} before; another value, a person or a schema change wakes it",
                TARGET_NAME,
                field,
            )
        )
        .when(pl.col("value").is_null())
        .then(pl.format("the value of {} cannot be expressed on {}", WINNER_NAME, TARGET_NAME))
        .when(~of_target("may").fill_null(False))
        .then(
            pl.format(
                "{} may not be written on {}: no right to edit it, calculated, or set only on create",
                field,
                TARGET_NAME,
            )
        )
        .when(of_target("ignored"))
        .then(pl.format("{} ignored this value of {} before", TARGET_NAME, field))
        .when(pl.col("frozen"))
        .then(pl.lit("the field is frozen: writers keep undoing each other"))
        .when(pl.col("stopped"))
        .then(pl.lit("held for a person"))
        .otherwise(pl.lit("another field of its group stops it"))
    )


def reason(policies: frozenset[str]) -> pl.Expr:
    """One sentence: what happened, then what was decided and why. *policies*: those that may have decided."""
    verdict = pl.col("verdict")
    plain = (verdict == Verdict.WRITE.value) & ~pl.col("contested")
    return (
        pl.when(pl.col("obstacle").is_not_null() & pl.col("acts"))
        .then(pl.format("{}; {}", _opening(), _hindrance()))
        .when(verdict == Verdict.AGREE.value)
        .then(pl.format("{} already says the same", KEY))
        .when(verdict == Verdict.FILL.value)
        .then(pl.format("{} is empty on {}, {} has a value", KEY, TARGET_NAME, WINNER_NAME))
        .when(pl.col("untouched") & (verdict == Verdict.APART.value))
        .then(pl.format("{} was never agreed and the side that decides has no value", KEY))
        .when(verdict == Verdict.APART.value)
        .then(pl.format("{} is blank on {}; a blank does not travel", KEY, WINNER_NAME))
        .when(verdict == Verdict.DRIFT.value)
        .then(pl.format("{} changed only on the side that follows; left as it is", KEY))
        .when(plain)
        .then(_opening())
        .otherwise(pl.format("{}; {}", _opening(), _choice(policies)))
    )
