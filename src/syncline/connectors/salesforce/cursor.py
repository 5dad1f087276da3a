"""The cursor of `read_changes`: how far the server's clock had come, and what the overlap already showed.

A change may become readable late, so every read goes back over the last minutes (`OVERLAP_SECONDS`) and would meet
the same rows again. The cursor therefore remembers a digest of each row seen there: a row that is still the same is
not reported twice, one that changed within the same second is (equal stamps prove nothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import polars as pl

from syncline.errors import PositionLost
from syncline.records import AS_OF, ID

LATE_COMMIT_SECONDS = 600.0
"""A transaction may run ten minutes, and its rows carry stamps from within ("API Request Limits and Allocations")."""

OVERLAP_SECONDS = LATE_COMMIT_SECONDS + 60.0

_VERSION = 2
_Stored = tuple[int, int, str, dict[str, str], int]
_MOST_SEEN = 1_000


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Everything committed before `since_us` (the server's clock) less the overlap has been reported.

    `seen` maps record ids of the overlap to digests of their rows as reported with the fields of `shape`.
    `deletions_us` is until when the log of deletions has been read; 0: not yet, and nothing before `since_us` is due.
    """

    since_us: int
    shape: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    deletions_us: int = 0

    def as_text(self) -> str:
        """JSON text; the digests are left out when there are so many that keeping them costs more than re-reading."""
        seen = self.seen if len(self.seen) <= _MOST_SEEN else {}
        return msgspec.json.encode([_VERSION, self.since_us, self.shape, seen, self.deletions_us]).decode()

    @staticmethod
    def of_text(text: str) -> Cursor:
        """The cursor of *text*. PositionLost if it is not one of ours."""
        try:
            version, since_us, shape, seen, deletions_us = msgspec.json.decode(text, type=_Stored)
        except msgspec.DecodeError as unreadable:
            raise PositionLost(f"The stored position cannot be read: {unreadable}.") from unreadable
        if version != _VERSION:
            raise PositionLost(f"The stored position is of version {version}, not {_VERSION}.")
        return Cursor(since_us=since_us, shape=shape, seen=seen, deletions_us=deletions_us)


def digests(rows: pl.DataFrame) -> dict[str, str]:
    """Record id → digest of its row, the time of reading apart.

    The hash is polars' own and may differ between its releases: a digest that does not fit only reports a row again.
    """
    hashes = rows.drop(AS_OF).hash_rows(seed=1)
    return dict(zip(rows[ID].to_list(), (f"{value:016x}" for value in hashes.to_list()), strict=True))
