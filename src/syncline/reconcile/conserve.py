"""The two laws of conservation, computed from rows of separate tables. Pure.

capture   rows received = applied + identical + stale + unordered + duplicate + unreadable
sync      considered = agreed + unchanged + … + unknown (CLASSES), each record once
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

CLASSES = (
    "agreed",
    "unchanged",
    "echoed",
    "filtered",
    "written",
    "held",
    "waiting",
    "frozen",
    "blocked",
    "dead",
    "deferred",
    "unknown",
)
"""From the lightest to the gravest; a record counts once, in the gravest class of its fields."""

GRAVITY = {name: at for at, name in enumerate(CLASSES)}


def gravest(names: Iterable[str]) -> str:
    """The gravest of some classes; "unchanged" if there is none."""
    return max(names, key=GRAVITY.__getitem__, default="unchanged")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """One law for one subject: what went in, what came out, and what is in one and not in the other."""

    law: str
    subject: str
    left: int
    right: int
    counts: dict[str, int]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]

    @property
    def is_balanced(self) -> bool:
        return self.left == self.right and not self.only_left and not self.only_right


def balance(law: str, subject: str, received: Iterable[str], classed: Iterable[tuple[str, str]]) -> Balance:
    """Compare the multiset of subjects received with the multiset of those classed (name, subject)."""
    classed = list(classed)
    left, right = Counter(received), Counter(item for _, item in classed)
    return Balance(
        law=law,
        subject=subject,
        left=left.total(),
        right=right.total(),
        counts=dict(Counter(name for name, _ in classed)),
        only_left=tuple(sorted((left - right).elements())),
        only_right=tuple(sorted((right - left).elements())),
    )


def sync_balance(sync: str, side: str, considered: pl.DataFrame, verdicts: pl.DataFrame) -> Balance:
    """The sync law of one side: CONSIDERED rows against VERDICT rows."""
    received = (subject for _, subject in _subjects(considered, side, "side"))
    return balance("sync", f"{sync} {side}", received, _subjects(verdicts, side, "class"))


def _subjects(rows: pl.DataFrame, side: str, column: str) -> Iterator[tuple[str, str]]:
    """The cell of a column and the subject, of every row of a side."""
    cells = (rows[name].to_list() for name in ("side", column, "object_type", "record_id"))
    for of, cell, object_type, record_id in zip(*cells, strict=True):
        if of == side:
            yield cell, f"{object_type} {record_id}"
