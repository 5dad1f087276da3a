"""Which act stands behind a consent that changed because it is shared: a person's, through another record of the owner.

A person opts in by one record, and the system clears all of the address: of the others it says that a program did it.
What proves theirs is the act itself, in one of two shapes:

- *agreed*: a sibling holds the same value, agreed on before, and it was no program that put it there;
- *acted*: a sibling left the same base for the same value by a person's own act, and this record followed at once.

Either is for members only: who came to the address with the change, or is not known to have been there, takes over
nobody's opt-in. Nothing here makes an opt-out give way without a person's act. Pure. Not here: whether an act lifts a
protection (`merge_policies`), what is an echo (`shared`).
"""

from __future__ import annotations

import polars as pl

from syncline.reconcile.consent import CONSEQUENCE_US

_CELL = ["link_id", "mapping", "side"]
_OWNED = ["mapping", "side", "owner"]

SPREAD_US = CONSEQUENCE_US
"""How soon the others of an owner follow an act: systems that settle such things in batches take up to an hour."""


def proofs(facts: pl.DataFrame, moments: pl.DataFrame, moves: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Moments (merge.MOMENTS) that stand in for the act behind a member's changed cell of the consent mappings *keys*.

    *facts* (shared.FACTS) and *moments* of all members of their owners, without what we wrote ourselves; *moves*
    (consent.MOVES): when their e-mail addresses changed last.
    """
    told = _told(facts.filter(pl.col("mapping").is_in(keys)), moments, moves)
    changed = told.filter((pl.col("print") != pl.col("base")).fill_null(False), _is_member())
    beside = told.select(
        *_OWNED,
        "print",
        pl.col("link_id").alias("by"),
        pl.col("base").alias("by_base"),
        pl.col("at_us").alias("by_at_us"),
        pl.col("is_act").alias("by_act"),
        pl.col("actor").alias("by_actor"),
    )
    pairs = changed.join(beside, on=[*_OWNED, "print"], how="inner", maintain_order="left")
    proven = pairs.filter(pl.col("by") != pl.col("link_id"), _agreed() | _acted())
    return proven.unique(_CELL, keep="first", maintain_order=True).select(
        "link_id",
        "side",
        "mapping",
        pl.coalesce("at_us", "seen_us").alias("at_us"),
        pl.lit(None, pl.String).alias("actor"),
        pl.lit(True).alias("is_human"),
    )


def _told(facts: pl.DataFrame, moments: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """*facts* with the newest moment of each cell (`at_us`, `actor`; null: none), `moved_us`, and `is_act`: a person's
    own, without a new address; null without a moment."""
    newest = moments.sort("at_us", maintain_order=True).unique(_CELL, keep="last", maintain_order=True)
    known = newest.select(*_CELL, "at_us", "actor", "is_human")
    told = facts.join(known, on=_CELL, how="left", maintain_order="left")
    told = told.join(moves, on=["link_id", "side"], how="left", maintain_order="left")
    return told.with_columns((pl.col("is_human") & ~_has_just_moved()).alias("is_act"))


def _has_just_moved() -> pl.Expr:
    """The address is new with the change, or changed after it."""
    return (pl.col("moved_us") >= pl.coalesce("at_us", "seen_us") - CONSEQUENCE_US).fill_null(False)


def _is_member() -> pl.Expr:
    """It shared the owner before the change: known from an earlier time, or as its address did not change meanwhile.

    Without a moment nobody knows how long ago the change was; then no change of the address may be known at all.
    """
    is_known = (pl.col("marked") == pl.col("owner")).fill_null(False)
    stayed = (
        pl.when(pl.col("moved_us").is_null()).then(pl.col("marked").is_null()).otherwise(pl.col("at_us").is_not_null())
    )
    return ~_has_just_moved() & (is_known | stayed)


def _agreed() -> pl.Expr:
    """The sibling holds what it agreed on. A program's hand there (one with a name) is the reset of a value that never
    arrived, not an agreed act."""
    by_program = (~pl.col("by_act") & pl.col("by_actor").is_not_null()).fill_null(False)
    return (pl.col("by_base") == pl.col("print")).fill_null(False) & ~by_program


def _acted() -> pl.Expr:
    """A person acted on the sibling, which held the same base, and this one followed."""
    since_us = pl.col("at_us") - pl.col("by_at_us")
    followed = (since_us >= 0) & (since_us <= SPREAD_US)
    return (pl.col("by_act") & (pl.col("by_base") == pl.col("base")) & followed).fill_null(False)
