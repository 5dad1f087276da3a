"""How chains of operations on frames are evaluated here."""

from __future__ import annotations

import polars as pl

_AS_WRITTEN = pl.QueryOptFlags.none()


def collected(frame: pl.LazyFrame) -> pl.DataFrame:
    """Evaluates as written: for a few rows, optimising takes longer than computing."""
    return frame.collect(optimizations=_AS_WRITTEN)
