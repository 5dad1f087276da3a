"""Whether two texts are similar, and whether two persons' names are compatible; over candidate pairs only.

Compatible: given and family name, in either order, are each equal, blank, an initial of the other or within the
declared similarity. Similarity is Jaro and Winkler's, 0 to 1. The names come folded (match_forms.py); which pairs are
candidates is match_pairs.py's business.
"""

from __future__ import annotations

import polars as pl
from rapidfuzz.distance import JaroWinkler

_LEFT, _RIGHT, _SCORE = "_left", "_right", "_score"


def similar(left: pl.Series, right: pl.Series, least: float) -> pl.Series:
    """Row by row, whether both texts are known and at least *least* similar."""
    pairs = pl.DataFrame({_LEFT: left, _RIGHT: right})
    open_ = pairs.filter(pl.col(_LEFT) != pl.col(_RIGHT)).unique()
    scores = map(JaroWinkler.similarity, open_[_LEFT].to_list(), open_[_RIGHT].to_list())
    judged = open_.with_columns(pl.Series(_SCORE, scores, dtype=pl.Float64, strict=True))
    near = judged.filter(pl.col(_SCORE) >= least)
    found = pairs.join(near, on=[_LEFT, _RIGHT], how="left", maintain_order="left")
    return found.select(((pl.col(_LEFT) == pl.col(_RIGHT)) | pl.col(_SCORE).is_not_null()).fill_null(value=False))[
        _LEFT
    ]


def _part(left: pl.Series, right: pl.Series, least: float) -> pl.DataFrame:
    """Columns `fits` and `agrees` of one part of a name; a blank fits everything and agrees with nothing."""
    pairs = pl.DataFrame({_LEFT: left, _RIGHT: right})
    easy = pairs.select(
        blank=pl.col(_LEFT).is_null() | pl.col(_RIGHT).is_null(),
        initial=(
            (pl.min_horizontal(pl.col(_LEFT).str.len_chars(), pl.col(_RIGHT).str.len_chars()) == 1)
            & (pl.col(_LEFT).str.head(1) == pl.col(_RIGHT).str.head(1))
        ).fill_null(value=False),
    )
    agrees = easy["initial"] | similar(left, right, least)
    return pl.DataFrame({"fits": easy["blank"] | agrees, "agrees": agrees})


def compatible(pairs: pl.DataFrame, a: tuple[str, str], b: tuple[str, str], least: float, parts: int) -> pl.Series:
    """Row by row of *pairs*, whether the name in columns *a* is compatible with the name in columns *b*.

    At least *parts* (0 to 2) of the name's parts must agree with something on both sides, not merely be blank.
    """
    verdict = pl.Series([False] * pairs.height, dtype=pl.Boolean)
    for given, family in (b, b[::-1]):
        one, two = _part(pairs[a[0]], pairs[given], least), _part(pairs[a[1]], pairs[family], least)
        agreeing = one["agrees"].cast(pl.Int8) + two["agrees"].cast(pl.Int8)
        verdict = verdict | (one["fits"] & two["fits"] & (agreeing >= parts))
    return verdict
