"""How chains of operations on frames are evaluated here."""

from __future__ import annotations

import polars as pl

_AS_WRITTEN = pl.QueryOptFlags.none()


def collected(frame: pl.LazyFrame) -> pl.DataFrame:
    """Evaluates as written, in memory: for a few rows, optimising or starting the streaming engine, which is what
    Polars 2 takes by itself, takes longer than computing."""
    return frame.collect(engine="in-memory", optimizations=_AS_WRITTEN)
