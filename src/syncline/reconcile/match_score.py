"""Pairs weighed by probability: what a scorer promises, and what its numbers mean for a pair.

The calculation itself is another room's: it comes in as a function over frames. Which pairs are weighed is decided in
match_pairs.py, what becomes of them in match.py.
"""

from __future__ import annotations

from typing import Protocol

import polars as pl

from syncline.spec.model import Probabilities

PROBABILITY, WEIGHTS, WEIGHED = "probability", "match_weights", "weighed"
_PLACES = 4


class Score(Protocol):
    """Weighs pairs. The same pair has the same outcome whatever stands beside it."""

    def __call__(self, cells: pl.DataFrame, by: Probabilities) -> pl.DataFrame:
        """Row by row of *cells* (columns "a.key" and "b.key" for every key of `by.columns`, null unknown): the column
        PROBABILITY (0 to 1), and per key, under its name, the match weight (log 2; 0 where a cell is unknown)."""
        ...


def weighed(pairs: pl.DataFrame, cells: pl.DataFrame, by: Probabilities, score: Score) -> pl.DataFrame:
    """*pairs* that are probable enough to be held, with WEIGHED (a struct: the evidence); `contradicts` grows by those
    that are not probable enough to be linked or that a veto speaks against. *cells* goes row by row with *pairs*."""
    said = score(cells, by)
    weights = pl.struct(pl.col(key).round(_PLACES) for key in by.columns)
    doubts = pl.any_horizontal(
        pl.col("contradicts"),
        pl.col(PROBABILITY) < by.link_above,
        *(pl.col(key) < 0 for key in by.vetoes),
    )
    rows = pl.concat([pairs, said], how="horizontal").with_columns(contradicts=doubts)
    probable = rows.filter(pl.col(PROBABILITY) >= by.hold_above)
    evidence = pl.struct(pl.col(PROBABILITY).round(_PLACES), weights.alias(WEIGHTS)).alias(WEIGHED)
    return probable.select(*pairs.columns, evidence)
