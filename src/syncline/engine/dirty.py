"""Dirty marks: where to look. A mark says nothing of what will be found there.

Lives here: the rows. They are set by `Commit.touch` in the transaction that changes something, and cleared by sequence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from syncline.records import other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Table

_TOUCHED = {name: kind for name, kind in TABLES[Table.DIRTY][0].items() if name != "seq"}


def dirty_links(sync: str, link_ids: Iterable[int], *, due_us: int = 0) -> pl.DataFrame:
    """Dirty marks (without seq) for links."""
    rows = [(sync, link_id, "", "", "", due_us) for link_id in link_ids]
    return pl.DataFrame(rows, schema=_TOUCHED, orient="row")


def dirty_records(sync: str, side: str, object_type: str, ids: Iterable[str], *, due_us: int = 0) -> pl.DataFrame:
    """Dirty marks (without seq) for unlinked records."""
    rows = [(sync, 0, side, object_type, record_id, due_us) for record_id in ids]
    return pl.DataFrame(rows, schema=_TOUCHED, orient="row")


def read_marks(connection: str, object_type: str, ids: Iterable[str], *, due_us: int) -> pl.DataFrame:
    """Dirty marks (without seq) for records that are to be read by id, whichever syncs use them."""
    return dirty_records(f"read:{connection}", "", object_type, ids, due_us=due_us)


def marks_of_actions(sync: Sync, outline: pl.DataFrame, names: Collection[str]) -> list[pl.DataFrame]:
    """Dirty marks (without seq) for everything the actions *names* of *outline* (sheets.OUTLINE) were planned for."""
    if not names:
        return []
    waiting = outline.filter(pl.col("action").is_in(list(names)))
    marks = [dirty_links(sync.name, waiting.filter(pl.col("link_id") > 0)["link_id"].unique().to_list())]
    lone = waiting.filter(pl.col("link_id") == 0)
    for (side, source_type), part in lone.partition_by("side", "source_type", as_dict=True).items():
        source = other("a" if side == "a" else "b")
        marks.append(dirty_records(sync.name, source, str(source_type), part["source_id"].to_list()))
    return marks
