"""Consent: what counts as a person's own act, and which of two cells protects more. Pure.

Lives here: the evidence by which a protection may be lifted. Not here: the judgement that asks for it
(`merge_policies.with_judgement`), or that cells may have one owner in common (`shared`).

An act lifts a protection only if a person did it, and for its own sake. What comes with a new e-mail address, or
follows from it, is none: systems that keep consent by address give a person the consent of the new one. Our own writes
are copies of acts and never acts themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from syncline.reconcile.lazily import collected
from syncline.records import SIDES, Side
from syncline.spec.model import FieldMap, Policy

CONSEQUENCE_US = 3_600_000_000
"""A change this soon after a new e-mail address, or before it, may be its consequence: an hour, for systems that settle
such things in batches."""

MOVES: dict[str, pl.DataType] = {"link_id": pl.Int64(), "side": pl.String(), "moved_us": pl.Int64()}
"""When the e-mail address of a link's record last changed, per side; links without such a change have no row."""


def consent_maps(maps: Sequence[FieldMap], type_a: str) -> list[FieldMap]:
    """The mappings that are judged as consent."""
    return [m for m in maps if m.policy(type_a) is Policy.MOST_RESTRICTIVE]


def stricter(one: str | None, two: str | None, restrictive: str) -> str | None:
    """Of two consent cells in the same terms the one that protects more.

    None is unread: nobody knows what it says, so beside it only the protective value is certain, and None comes back
    for anything else. An empty cell protects nothing and gives way to a value.
    """
    if restrictive in (one, two):
        return restrictive
    if one is None or two is None:
        return None
    return one or two


def acts(
    moments: pl.DataFrame, moves: pl.DataFrame, keys: Sequence[str], own: Mapping[Side, str | None]
) -> pl.DataFrame:
    """*moments* (merge.MOMENTS) in which those of consent mappings (*keys*) are people's acts or are not: without what
    we wrote ourselves (*own*: who we are on each side), and nobody's act where an e-mail address moved with it."""
    is_consent = pl.col("mapping").is_in(list(keys))
    if moments.is_empty() or not moments.select(is_consent.any()).item():
        return moments
    ours = pl.any_horizontal(
        pl.lit(False), *((pl.col("side") == s) & (pl.col("actor") == own[s]) for s in SIDES if own[s] is not None)
    ).fill_null(False)
    told = moments.filter(~(is_consent & ours)).join(moves, on=["link_id", "side"], how="left", maintain_order="left")
    follows = (pl.col("moved_us") >= pl.col("at_us") - CONSEQUENCE_US).fill_null(False)
    return told.with_columns((pl.col("is_human") & ~(is_consent & follows)).alias("is_human")).drop("moved_us")


def last_hands(
    pairs: pl.DataFrame, moves: pl.DataFrame, own: Mapping[Side, str | None], sides: Sequence[Side]
) -> pl.DataFrame:
    """Adds `human_<s>` for the *sides* that tell who changed a record last, but not when each field changed: it was
    somebody other than us, and the e-mail address did not move since the look before. False where that is not known."""
    for side in sides:
        here = moves.lazy().filter(pl.col("side") == side).select("link_id", "moved_us")
        known = pairs.lazy().select("link_id", f"actor_{side}", f"prev_{side}")
        known = known.join(here, on="link_id", how="left", maintain_order="left")
        stayed = ~(pl.col("moved_us") >= pl.col(f"prev_{side}") - CONSEQUENCE_US).fill_null(False)
        is_other = (pl.col(f"actor_{side}") != own[side]).fill_null(False) if own[side] is not None else pl.lit(False)
        pairs = pairs.with_columns(collected(known.select((is_other & stayed).alias(f"human_{side}"))))
    return pairs
