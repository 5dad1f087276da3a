"""Settling: what an observed field means after writes of ours. Pure.

Lives here: the verdicts on fields with journal entries (docs/reference/rules.md, "After we wrote"), in the order of
that table; the first that fits decides.

    too_early     the read was asked for before the write was answered: says nothing
    echo          the value we sent
    late_own      the value of an entry we had given up: our own late write
    late_spelt    very likely the same, in the vendor's spelling: to the merge a change of that side
    not_visible   the value from before the write, or before an earlier one that nothing has confirmed yet, inside the
                  visibility lag: look again later
    not_taken     the same after the lag: the vendor ignored the field silently
    not_applied   the same for a write whose outcome was unknown, after the late-commit time: it never happened
    normalised    another spelling of what we sent, proven ours
    overridden    another value in the same transaction: a flow replaced ours
    foreign       somebody's change
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import polars as pl

from syncline.reconcile.lazily import collected
from syncline.values import EMPTY, FieldType

# What a batch expects back, one row per record and field. `print_*` are the bases a success sets, `base_*_before`
# those it replaced (0: unknown).
SEGMENT: dict[str, pl.DataType] = {
    "position": pl.Int64(),
    "link_id": pl.Int64(),
    "mapping": pl.String(),
    "field": pl.String(),
    "expected": pl.String(),
    "pre_image": pl.String(),
    "print_a": pl.UInt64(),
    "print_b": pl.UInt64(),
    "base_a_before": pl.UInt64(),
    "base_b_before": pl.UInt64(),
    "made_from": pl.String(),  # the other side's cell the value was made from
    "source_type": pl.String(),  # the record it was made from
    "source_id": pl.String(),
    "edit_us": pl.Int64(),  # when the edit it copies was made, as far as known; null if unknown
}

# SEGMENT plus what the entry and its batch say. `rank` 1 is the newest entry of that record and field.
OUTSTANDING: dict[str, pl.DataType] = SEGMENT | {
    "batch_id": pl.String(),
    "record_id": pl.String(),
    "state": pl.String(),  # of the entry
    "side": pl.String(),
    "sync": pl.String(),
    "sent_us": pl.Int64(),
    "answered_us": pl.Int64(),
    "rank": pl.Int64(),
}

# What was read: one row per record and field with entries.
OBSERVED: dict[str, pl.DataType] = {
    "record_id": pl.String(),
    "field": pl.String(),
    "value": pl.String(),
    "as_of_us": pl.Int64(),
    "actor": pl.String(),  # who changed this field (a moment), else the record, last; null unknown
    "field_actor": pl.String(),  # who certainly changed this very field since the write; null unknown
    "same_call": pl.Boolean(),  # read inside the very call that wrote it
}


_IN_DOUBT = ["prepared", "sent", "unknown"]
"""States of an entry of which nobody knows whether it was made."""


@dataclass(frozen=True, kw_only=True)
class SettleFacts:
    """What the connector declares, and who we are there (None: unknown)."""

    own_actor: str | None
    visibility_lag_us: int
    late_commit_us: int
    types: dict[str, FieldType]
    lengths: dict[str, int | None]
    now_us: int


def settle(observed: pl.DataFrame, outstanding: pl.DataFrame, facts: SettleFacts) -> pl.DataFrame:
    """The verdict on every observed field: OUTSTANDING's newest row with `value`, `verdict` and `matched_batch`.

    For `late_own`, `matched_batch` names the older entry whose value was seen and the print columns are that entry's;
    `may_come`: the newest is in doubt and may still arrive, so neither an older write of ours nor a change of somebody
    else that is there settles it.
    A newest entry that was given up says nothing of a field, unless what it sent is there after all; in another
    spelling of the vendor's that is only likely (`late_spelt`): a change of that side, and what it replaced is logged.
    """
    cells = ["record_id", "field"]
    seen, entries = observed.lazy(), outstanding.lazy()
    joined = collected(
        seen.join(entries.filter(pl.col("rank") == 1), on=cells, how="inner")
        .join(_late_candidates(seen, entries), on=cells, how="left")
        .join(_unseen_candidates(seen, entries), on=cells, how="left")
    )
    judged = joined.lazy().with_columns(_explained(joined, facts).alias("_explained"))
    judged = judged.with_columns(_verdict(facts).alias("verdict")).with_columns(_given_up())
    judged = judged.filter(pl.col("verdict").is_not_null())
    late = pl.col("verdict") == "late_own"
    until_us = pl.coalesce("answered_us", "sent_us") + facts.late_commit_us
    unseen = pl.col("unseen_base_a").is_not_null() & pl.col("value").ne_missing(pl.col("pre_image"))
    settled = judged.with_columns(
        pl.when(unseen).then("unseen_base_a").otherwise("base_a_before").alias("base_a_before"),
        pl.when(unseen).then("unseen_base_b").otherwise("base_b_before").alias("base_b_before"),
        pl.when(late).then("late_batch").otherwise("batch_id").alias("matched_batch"),
        pl.when(late).then("late_print_a").otherwise("print_a").alias("print_a"),
        pl.when(late).then("late_print_b").otherwise("print_b").alias("print_b"),
        may_come=_is_in_the_way() & pl.col("state").is_in(_IN_DOUBT) & (pl.col("as_of_us") < until_us),
    )
    return collected(
        settled.drop("late_batch", "late_print_a", "late_print_b", "unseen_base_a", "unseen_base_b", "_explained")
    )


def _is_in_the_way() -> pl.Expr:
    """Whether something else is there, of which nobody knows whether it came before or after the newest write."""
    return pl.col("verdict").is_in(["late_own", "foreign"])


def _given_up() -> pl.Expr:
    """The verdict, null where the newest entry was given up and what was read has nothing to do with it."""
    is_open = (pl.col("state") != "abandoned") | (pl.col("verdict") == "late_own")
    is_spelt = (pl.col("verdict") != "too_early") & (pl.col("value") != pl.col("expected")) & pl.col("_explained")
    return pl.when(is_open).then("verdict").when(is_spelt).then(pl.lit("late_spelt")).alias("verdict")


def _late_candidates(observed: pl.LazyFrame, outstanding: pl.LazyFrame) -> pl.LazyFrame:
    """Abandoned entries whose expected value is what was read; the newest of them per field. They say nothing else."""
    older = outstanding.filter(pl.col("state") == "abandoned").sort("rank")
    fits = observed.select("record_id", "field", "value").join(older, on=["record_id", "field"], how="inner")
    return (
        fits.filter(pl.col("value") == pl.col("expected"))
        .group_by("record_id", "field", maintain_order=True)
        .first()
        .select(
            "record_id",
            "field",
            pl.col("batch_id").alias("late_batch"),
            pl.col("print_a").alias("late_print_a"),
            pl.col("print_b").alias("late_print_b"),
        )
    )


def _unseen_candidates(observed: pl.LazyFrame, outstanding: pl.LazyFrame) -> pl.LazyFrame:
    """Earlier entries that nothing has confirmed and whose pre-image is what was read: none of our writes shows yet,
    or all of them were ignored. The bases are those before the newest such entry."""
    older = outstanding.filter((pl.col("rank") > 1) & (pl.col("state") != "abandoned")).sort("rank")
    fits = observed.select("record_id", "field", "value").join(older, on=["record_id", "field"], how="inner")
    return (
        fits.filter(pl.col("value") == pl.col("pre_image"))
        .group_by("record_id", "field", maintain_order=True)
        .first()
        .select(
            "record_id",
            "field",
            pl.col("base_a_before").alias("unseen_base_a"),
            pl.col("base_b_before").alias("unseen_base_b"),
        )
    )


def _verdict(facts: SettleFacts) -> pl.Expr:
    known_self = facts.own_actor is not None
    is_own = (pl.col("actor") == facts.own_actor).fill_null(False) if known_self else pl.lit(False)
    is_other = (pl.col("field_actor") != facts.own_actor).fill_null(False) if known_self else pl.lit(False)
    is_unknown = pl.col("state").is_in(_IN_DOUBT)
    answered = pl.coalesce("answered_us", "sent_us")
    unseen = pl.col("unseen_base_a").is_not_null()
    before = (pl.col("value").eq_missing(pl.col("pre_image")) | unseen) & ~is_other
    # Long after several writes, the value from before the first is somebody's if somebody else was there last.
    is_theirs = (pl.col("actor") != facts.own_actor).fill_null(False) if known_self else pl.lit(False)
    revived = unseen & pl.col("value").ne_missing(pl.col("pre_image")) & is_theirs
    # What a write in doubt was to replace is there: nothing says that an older write brought it back.
    still_before = is_unknown & pl.col("value").eq_missing(pl.col("pre_image"))
    wait_us = pl.when(is_unknown).then(facts.late_commit_us).otherwise(facts.visibility_lag_us)
    return (
        pl.when(~pl.col("same_call") & (pl.col("as_of_us") <= answered))
        .then(pl.lit("too_early"))
        .when((pl.col("value") == pl.col("expected")) & (pl.col("state") != "abandoned"))
        .then(pl.lit("echo"))
        .when(pl.col("late_batch").is_not_null() & ~is_other & ~still_before)
        .then(pl.lit("late_own"))
        .when(before & (pl.col("as_of_us") < answered + wait_us))
        .then(pl.lit("not_visible"))
        .when(before & ~revived & pl.col("_explained"))  # sent or not, what is there says the same
        .then(pl.lit("normalised"))
        .when(before & is_unknown & ~revived)
        .then(pl.lit("not_applied"))
        .when(before & ~revived)
        .then(pl.lit("not_taken"))
        .when((pl.col("same_call") | is_own) & pl.col("_explained"))
        .then(pl.lit("normalised"))
        .when(pl.col("same_call") | is_own)
        .then(pl.lit("overridden"))
        .otherwise(pl.lit("foreign"))
    )


def _explained(joined: pl.DataFrame, facts: SettleFacts) -> pl.Series:
    """Whether a normaliser turns what was sent into what was read: same letters and digits, a cut at the length
    limit, a rounded number, an instant cut at seconds. Decided value by value: only fields that differ reach it."""
    rows = joined.select("field", "expected", "value").iter_rows()
    return pl.Series(
        [
            is_normalised(expected, value, facts.types.get(name, FieldType.TEXT), facts.lengths.get(name))
            for name, expected, value in rows
        ],
        dtype=pl.Boolean,
    )


def is_normalised(sent: str | None, read: str | None, field_type: FieldType, length: int | None) -> bool:
    """True if *read* is another spelling of *sent* that a vendor's normaliser for the type may produce."""
    if field_type is FieldType.BOOLEAN:
        return {sent, read} == {EMPTY, "false"}  # a checkbox that cannot be blank
    if not sent or not read or sent == read:
        return False
    if field_type in (FieldType.NUMBER, FieldType.INTEGER):
        return _is_rounded(sent, read)
    if field_type is FieldType.DATETIME:
        return sent[:19] == read[:19]
    if length is not None and len(sent) > length and sent[:length].rstrip() == read:
        return True
    letters = _letters(sent)
    return bool(letters) and letters == _letters(read)


def _is_rounded(sent: str, read: str) -> bool:
    """Whether *read* is *sent* at fewer decimals; a text that is no number never is."""
    try:
        difference = abs(Decimal(sent) - Decimal(read))
    except InvalidOperation:
        return False
    return difference <= Decimal(5).scaleb(-1 - len(read.partition(".")[2]))


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
