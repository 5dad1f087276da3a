"""What the demo measured, and whether that is what it promises. Numbers only; showing them is the face's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST_EXPLAINED = 0.02
MOST_APART = 0.02
LEAST_PRECISION = 0.995
LEAST_RECALL = 0.85


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The numbers of one demo.

    `differences` are unexplained pair-fields, `explained` those that differ and are said why (the hidden field apart).
    `duplicates_created` are persons that Syncline made on a side where their true twin already was.
    `true_pairs_apart` is the share of true pairs that the first copy left as two persons, neither linked nor held.
    `seconds` is real time; `simulated_seconds` is the time that passed by the sandboxes' clock.
    """

    seed: int
    people: int
    converged: bool
    differences: int
    explained: int
    explained_share: float
    explained_by: Mapping[str, int]
    hidden_fields: int
    second_run_writes: int
    conservation_ok: bool
    runs: int
    pairs_precision: float
    pairs_recall: float
    held_records: int
    true_pairs_apart: float
    duplicates_created: int
    api_calls: int
    seconds: float
    simulated_seconds: float

    @property
    def broken_promises(self) -> list[str]:
        """What is not as promised, one sentence each; empty when all is well."""
        promises = {
            "not converged": self.converged,
            f"{self.differences} unexplained differences": self.differences == 0,
            f"the second run wrote {self.second_run_writes} records": self.second_run_writes == 0,
            "a run's books do not balance": self.conservation_ok,
            f"explained {self.explained_share:.2%} of the fields": self.explained_share <= MOST_EXPLAINED,
            f"precision {self.pairs_precision:.4f}": self.pairs_precision >= LEAST_PRECISION,
            f"recall {self.pairs_recall:.4f}": self.pairs_recall >= LEAST_RECALL,
            f"{self.true_pairs_apart:.2%} of the true pairs apart": self.true_pairs_apart <= MOST_APART,
        }
        return [words for words, is_kept in promises.items() if not is_kept]

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)
