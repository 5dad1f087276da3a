"""A commit as a list of acts on single tables, in the order in which they happen. Not here: any statement.

Order: wipe, drop, clean, put, amend, add, touch. So a commit may free a key or an in-flight slot and take it again,
and a mark that is cleaned and touched in one commit is there afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import polars as pl

from syncline.errors import OurBug
from syncline.store.tables import key_of
from syncline.trees import Commit, Table

Kind = Literal["wipe", "drop", "clean", "put", "amend", "add", "touch"]


class Act(NamedTuple):
    """One kind of change of one table, for the rows of a frame."""

    kind: Kind
    table: Table
    frame: pl.DataFrame


def acts_of(commit: Commit) -> Iterator[Act]:
    """Those that have rows. OurBug where a table without key is to be changed by key."""
    return (act for act in _all(commit) if act.frame.height)


def _all(commit: Commit) -> Iterator[Act]:
    for table, frames in commit.wipe.items():
        yield from (Act("wipe", table, frame) for frame in frames)
    for table, frame in commit.drop.items():
        yield Act("drop", _keyed(table), frame)
    if commit.clean is not None:
        yield Act("clean", Table.DIRTY, commit.clean.drop("due_us", strict=False))
    for table, frame in commit.put.items():
        yield Act("put", table, frame)
    for table, frames in commit.amend.items():
        yield from (Act("amend", _keyed(table), frame) for frame in frames)
    for table, frame in commit.add.items():
        yield Act("add", table, frame)
    yield from (Act("touch", Table.DIRTY, frame) for frame in commit.touch)


def changed_by(act: Act) -> tuple[str, ...]:
    """The columns an amendment sets: those that are not of the key."""
    return tuple(name for name in act.frame.columns if name not in key_of(act.table))


def _keyed(table: Table) -> Table:
    if not key_of(table):
        raise OurBug(f"The table {table.value} is only appended to.")
    return table
