"""The position of reading changes: what the cursor holds, and how it moves on. No I/O."""

from __future__ import annotations

import msgspec

from syncline.connectors.marketo.manifest import LATE_COMMIT_SECONDS
from syncline.errors import PositionLost

_KEPT_GUIDS = 5_000  # more than these in the overlap are read twice
_MERGES_KEPT_SECONDS = 3_600


class Doubt(msgspec.Struct, array_like=True):
    """Since when (epoch seconds) we doubt that a person exists, and whether a deletion was told."""

    since: int
    is_told: bool = False


class Merge(msgspec.Struct, array_like=True):
    """A person was merged away into `heir` at `at` (epoch seconds); told: a page has said so, or it is there again."""

    at: int
    heir: str
    is_told: bool = False


class Position(msgspec.Struct, omit_defaults=True):
    """The cursor. Times are epoch seconds by the vendor's clock; everything before `since` has been read.

    While a pass is under way `started` is set, `first` is its date token and `token` the next page's. `seen` are
    activities read and done with, `merged` are losers of merges; `names` are how activities name
    us, as far as learnt.
    """

    since: int
    started: int | None = None
    first: str = ""
    token: str = ""
    seen: dict[str, int] = {}
    doubts: dict[str, Doubt] = {}
    merged: dict[str, Merge] = {}
    names: list[str] = []

    def end_pass(self) -> None:
        """Turn a finished pass into the starting position of the next."""
        self.since = self.started or self.since
        self.started, self.first, self.token = None, "", ""
        oldest = self.since - LATE_COMMIT_SECONDS
        kept = sorted((at, guid) for guid, at in self.seen.items() if at >= oldest)[-_KEPT_GUIDS:]
        self.seen = {guid: at for at, guid in kept}
        merged_after = self.since - _MERGES_KEPT_SECONDS
        self.merged = {
            person: merge for person, merge in self.merged.items() if not merge.is_told or merge.at >= merged_after
        }


def encode(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def decode(cursor: str) -> Position:
    """PositionLost if *cursor* was not minted here."""
    try:
        return msgspec.json.decode(cursor, type=Position)
    except msgspec.DecodeError as strange:
        raise PositionLost(f"The stored position cannot be read: {strange}.") from strange
