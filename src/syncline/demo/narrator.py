"""Who is told what happens in the demo. How it is shown is the face's business."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncline.demo.day import Act
from syncline.demo.outcome import Outcome
from syncline.demo.people import DemoPeople
from syncline.demo.score import PairScore
from syncline.demo.stage import Stage
from syncline.demo.told import Told
from syncline.demo.truth import Linked
from syncline.engine.cycle import RunReport
from syncline.engine.verify import VerifyReport
from syncline.engine.world import Progress


class Narrator:
    """Whoever tells the story; this one says nothing.

    Called in the order of the methods, `act` to `cycle` all day long, `progress` at any time.
    """

    def began(self, people: DemoPeople, stage: Stage) -> None:
        """Both systems are running and filled."""

    def first_copy(self, reports: Sequence[RunReport], score: PairScore, linked: Linked) -> None:
        """The first copy is done and quiet; its links are judged."""

    def act(self, at: datetime, act: Act) -> None:
        """Somebody did something."""

    def pushed(self, at: datetime, who: str, report: RunReport) -> None:
        """*who* was synced by hand."""

    def cycle(self, at: datetime, report: RunReport) -> None:
        """A cycle of the day has ended."""

    def conflicts(self, told: Sequence[Told]) -> None:
        """The day is over; some of its conflicts."""

    def verified(self, report: VerifyReport) -> None:
        """Both systems were read whole and compared."""

    def second_run(self, report: RunReport) -> None:
        """One more run after the proof."""

    def ended(self, outcome: Outcome) -> None:
        """Everything is measured and gone."""

    def progress(self, step: Progress) -> None:
        """A step of long work."""
