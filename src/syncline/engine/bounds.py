"""Bounds: what a run may do of what it plans. An ordinary run may do all that its ceilings let through.

Lives here: the questions a cycle asks, and the answers of a run without other bounds than its ceilings. Not here: the
bounds of an approved plan (`sealed.limits`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.sheets import Sheets


class Bounds:
    """A run without other bounds than its ceilings."""

    is_sealed: bool = False
    """Whether the run does a plan that was approved: no ceiling asks again, and nothing else is begun beside it."""

    def links(self, found: pl.DataFrame) -> pl.DataFrame:
        """Those of the links that matching *found* (match.LINKS) which may be stored."""
        return found

    def actions(self, planned: Sheets) -> Allowed:
        """What of *planned* may be written."""
        return Allowed(going=planned)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What may be written: `going`. `refused` has the class of every other action and why; `left` names the actions of
    which something is to be planned again: all that are refused, and those that go only in part."""

    going: Sheets
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    left: frozenset[str] = frozenset()


FREE = Bounds()
