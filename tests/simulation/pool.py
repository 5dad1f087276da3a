"""Where a history is lived: on the thread that evaluates frames.

Polars hands every filter, join and grouping over to a thread of its pool and waits for it. For the few rows of a
history that takes four times as long as the evaluation. On a thread of the pool nothing is handed over: so the whole
history is a function that Polars calls there. It changes nothing of what a history does, only where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import polars as pl

T = TypeVar("T")


def in_pool(act: Callable[[], T]) -> T:
    """What *act* returns or raises, which is called on a thread of the pool; on the caller's if that is one."""
    made: list[T] = []
    raised: list[BaseException] = []

    def call(column: pl.Series) -> pl.Series:
        try:
            made.append(act())
        except BaseException as trouble:  # noqa: BLE001  # goes to the caller: Polars would make a text of it
            raised.append(trouble)
        return column

    one = pl.DataFrame({"group": [0], "value": [0]})
    one.group_by("group").agg(pl.col("value").map_batches(call, return_dtype=pl.Int64))  # a grouping is evaluated there
    if raised:
        raise raised[0]
    (result,) = made
    return result
