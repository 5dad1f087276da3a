"""What the story of five people measured, and whether it went as it was told. Showing it is the face's business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from syncline.demo.life.standing import Standing


@dataclass(frozen=True, kw_only=True)
class Step:
    """One scene in a person's life: what was done, in order, what stood on both sides after it, and what of it was not
    as the story says."""

    scene: str
    done: tuple[str, ...]
    standing: tuple[Standing, ...]
    untrue: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Life:
    """One of the five: all scenes, and what stands on both sides at the end."""

    steps: tuple[Step, ...]
    final: tuple[Standing, ...]


@dataclass(frozen=True, kw_only=True)
class LifeOutcome:
    """The numbers of the chapter. `differences` are unexplained pair-fields, `explained` those that differ and are said
    why. `seconds` is real time, `simulated_seconds` what passed by the sandboxes' clock."""

    chapter: str
    seed: int
    converged: bool
    differences: int
    explained: int
    second_run_writes: int
    conservation_ok: bool
    runs: int
    api_calls: int
    people: Mapping[str, Life]
    seconds: float
    simulated_seconds: float

    @property
    def untrue(self) -> list[str]:
        """Everything that was not as the story says, in order."""
        told = [words for life in self.people.values() for step in life.steps for words in step.untrue]
        return list(dict.fromkeys(told))

    @property
    def untrue_steps(self) -> int:
        """After how many scenes of a person something stood otherwise."""
        return sum(bool(step.untrue) for life in self.people.values() for step in life.steps)

    @property
    def broken_promises(self) -> list[str]:
        """What is not as promised, one sentence each; empty when all is well."""
        promises = {
            "not converged": self.converged,
            f"{self.differences} unexplained differences": self.differences == 0,
            f"the second run wrote {self.second_run_writes} records": self.second_run_writes == 0,
            "a run's books do not balance": self.conservation_ok,
        }
        return [words for words, is_kept in promises.items() if not is_kept] + self.untrue

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {**asdict(self), "untrue": self.untrue}


def life_of(steps: Sequence[Step], final: Sequence[Standing]) -> Life:
    return Life(steps=tuple(steps), final=tuple(final))
