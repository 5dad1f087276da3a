"""Texts that PostgreSQL cannot hold as they are: it knows no character NUL.

NUL is stored as two characters SOH SOH, and SOH as SOH STX. So no two texts become one, nothing is lost, and texts keep
their order by bytes; all others stay as they are.
"""

from __future__ import annotations

from typing import Any

import polars as pl

_SPECIAL = "[\x00\x01]"


def to_server(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text as it is stored."""
    return frame.with_columns(
        column.str.replace_all("\x01", "\x01\x02", literal=True).str.replace_all("\x00", "\x01\x01", literal=True)
        for column in _with_special(frame)
    )


def from_server(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text as it was given."""
    return frame.with_columns(
        column.str.replace_all("\x01\x01", "\x00", literal=True).str.replace_all("\x01\x02", "\x01", literal=True)
        for column in _with_special(frame)
    )


def _with_special(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns of texts in which such a character stands. All are looked through at once: one by one, asking takes
    longer than looking."""
    found = frame.select(pl.col(pl.String).str.contains(_SPECIAL).any())
    return [frame[name] for name, is_there in zip(found.columns, *found.rows(), strict=True) if is_there]


def stored(value: Any) -> Any:
    """One value, or a list of them, as `to_server` makes it."""
    if isinstance(value, str):
        return value.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return [stored(each) for each in value] if isinstance(value, list | tuple) else value
