"""Dirty marks: where to look. A mark says nothing of what will be found there.

Lives here: the rows. They are set by `Commit.touch` in the transaction that changes something, and cleared by sequence.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

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
