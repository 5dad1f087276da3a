"""How good the links are, against the list of true pairs. Uses nothing else; decides nothing."""

from __future__ import annotations

from collections.abc import Hashable, Set
from dataclasses import dataclass
from typing import TypeVar

A = TypeVar("A", bound=Hashable)
B = TypeVar("B", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class PairScore:
    """Counts of pairs. `apart`: true pairs of which neither record is linked or held, so two persons stay."""

    true: int
    linked: int
    right: int
    apart: int

    @property
    def precision(self) -> float:
        """Share of the links that are true; 1 if there is no link."""
        return self.right / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that are linked; a held pair counts as not found. 1 if there is no true pair."""
        return self.right / self.true if self.true else 1.0

    @property
    def apart_share(self) -> float:
        return self.apart / self.true if self.true else 0.0


def pair_score(true: Set[tuple[A, B]], linked: Set[tuple[A, B]], held_a: Set[A], held_b: Set[B]) -> PairScore:
    """Compare *linked* with *true* pairs; *held_a* and *held_b* are the records that wait for a person."""
    settled_a, settled_b = {a for a, _ in linked} | held_a, {b for _, b in linked} | held_b
    apart = sum(a not in settled_a and b not in settled_b for a, b in true)
    return PairScore(true=len(true), linked=len(linked), right=len(linked & true), apart=apart)
