"""Who is told what happens in the story of five people. How it is shown is the face's business."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncline.demo.life.outcome import LifeOutcome
from syncline.demo.life.standing import Standing
from syncline.demo.stage import Stage
from syncline.engine.cycle import RunReport
from syncline.engine.explain import Explanation
from syncline.engine.verify import VerifyReport
from syncline.engine.world import Progress


class LifeNarrator:
    """Whoever tells the story; this one says nothing. `scene` to `stands` come again and again, `progress` any time."""

    def began(self, stage: Stage) -> None:
        """Both systems are running and empty."""

    def scene(self, title: str, why: str) -> None:
        """Another thing that happens to somebody; *why* says what Syncline makes of it."""

    def did(self, at: datetime, where: str, words: str) -> None:
        """Somebody did something in *where* (salesforce, marketo)."""

    def commanded(self, at: datetime, line: str, answer: str) -> None:
        """Somebody gave Syncline a command; what it answered."""

    def pushed(self, at: datetime, who: str, report: RunReport) -> None:
        """*who* was synced by hand."""

    def cycle(self, at: datetime, report: RunReport, deeds: Sequence[str]) -> None:
        """A run has ended; *deeds*: what it did to whole records, in words."""

    def stands(self, name: str, standing: Sequence[Standing], untrue: Sequence[str]) -> None:
        """What both systems hold of *name* now; *untrue*: what the story promised otherwise."""

    def explained(self, name: str, found: Sequence[Explanation], erased_us: int | None) -> None:
        """Everything Syncline knows of *name* at the end; *erased_us*: when it was told to forget."""

    def verified(self, report: VerifyReport) -> None:
        """Both systems were read whole and compared."""

    def second_run(self, report: RunReport) -> None:
        """One more run after the proof."""

    def ended(self, outcome: LifeOutcome) -> None:
        """Everything is measured and gone."""

    def progress(self, step: Progress) -> None:
        """A step of long work."""
