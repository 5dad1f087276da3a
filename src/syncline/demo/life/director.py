"""The director of the story: lets time pass, runs Syncline, gives it commands, and looks at what stands afterwards.

Lives here: one way to do each of these, told to the narrator and kept for the outcome. What happens is `scenes`'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import polars as pl

from syncline.demo.life.hands import LifeHands
from syncline.demo.life.narrator import LifeNarrator
from syncline.demo.life.outcome import Step
from syncline.demo.life.standing import FIELDS, FIVE, Standing, Told, standing_of
from syncline.demo.stage import Stage
from syncline.engine import inbox
from syncline.engine.cycle import RunReport
from syncline.engine.journal import DEED
from syncline.engine.world import World
from syncline.errors import OurBug
from syncline.records import Operation
from syncline.spec.model import Sync
from syncline.trees import Table

T = TypeVar("T")
W = TypeVar("W")

EVERY = timedelta(minutes=5)
_DEEDS = {DEED + Operation.MERGE: "merged two", DEED + Operation.DELETE: "deleted one"}
"""What a run does to whole records, in words."""

A_MOMENT = timedelta(seconds=30)
"""Between what was done in a system and a command about it: reads may lag a little behind."""


@dataclass(kw_only=True)
class Director:
    """`steps` of each of the five, in order."""

    stage: Stage
    hands: LifeHands
    narrator: LifeNarrator
    steps: dict[str, list[Step]] = field(default_factory=lambda: {name: [] for name in FIVE})
    _title: str = ""
    _done: list[str] = field(default_factory=list)

    def scene(self, title: str, why: str) -> None:
        self._title, self._done = title, []
        self.narrator.scene(title, why)

    def did(self, where: str, words: str) -> None:
        """Say what somebody has just done in *where*; a minute passes."""
        self._done.append(f"{where}: {words}")
        self.narrator.did(self.stage.clock.now(), where, words)
        self.wait(timedelta(minutes=1))

    def wait(self, time: timedelta) -> None:
        self.stage.clock.move_to(self.stage.clock.now() + time)

    async def cycle(self, times: int = 1) -> RunReport:
        """The next *times* runs, five minutes apart; the last one's report."""
        for _ in range(times):
            self.wait(EVERY)
            report = await self.stage.cycle()
            await self._tell_run(report)
        return report

    async def push(self, who: str) -> None:
        self.wait(A_MOMENT)
        report = await self.stage.push(who)
        self._done.append(f"syncline push {who}")
        self.narrator.pushed(self.stage.clock.now(), who, report)

    async def _tell_run(self, report: RunReport) -> None:
        rows = await self.stage.world.store.rows(Table.JOURNAL, {"run_id": report.run_id, "operation": list(_DEEDS)})
        told = rows.sort("prepared_us", "batch_id").select("operation", "connection")
        deeds = [f"{_DEEDS[operation]} in {connection}" for operation, connection in told.iter_rows()]
        self._done.append(": ".join(filter(None, ("syncline run", ", ".join(deeds)))))
        self.narrator.cycle(self.stage.clock.now(), report, deeds)

    async def command(
        self, line: str, action: Callable[[World, Sync, W], Awaitable[T]], wanted: W, answer: Callable[[T], str]
    ) -> T:
        """Do what the command *line* does; *answer* puts its result into words."""
        self.wait(A_MOMENT)
        self.stage.world.schemas.clear()
        self.stage.world.actors.clear()
        result = await action(self.stage.world, self.stage.sync, wanted)
        self.answered(line, answer(result))
        return result

    def answered(self, line: str, answer: str) -> None:
        self._done.append(f"syncline {line}: {answer}")
        self.narrator.commanded(self.stage.clock.now(), line, answer)

    async def the_hold(self) -> dict[str, str]:
        """The one open hold. OurBug if there is none, or more."""
        rows = await inbox.holds(self.stage.world.store, self.stage.sync.name)
        if len(rows) != 1:
            raise OurBug(f"The story expects one hold, and there are {len(rows)}: {rows['kind'].to_list()}")
        found: dict[str, str] = rows.select(pl.col("kind", "digest", "subject")).row(0, named=True)
        return found

    async def stands(
        self, *names: str, records: tuple[str, ...] = ("Lead",), people: int = 1, **values: str | tuple[str, str]
    ) -> list[Standing]:
        """Look at what both systems hold of each of *names*, and compare it with what the story says."""
        told = Told(records=records, people=people, values=values)
        found: list[Standing] = []
        for name in names:
            own = await self.look(name, *(values or ("email",)))
            untrue = told.untrue(name, own)
            step = Step(scene=self._title, done=tuple(self._done), standing=tuple(own), untrue=tuple(untrue))
            self.steps[name].append(step)
            self.narrator.stands(name, own, untrue)
            found += own
        return found

    async def look(self, name: str, *words: str) -> list[Standing]:
        """What both systems hold of *name*, unsaid; all fields of the story if no *words* name some."""
        return await standing_of(self.stage.world, self.stage.sync, self.hands, name, words or tuple(FIELDS))


def person_of(standing: list[Standing], at: int = 0) -> str:
    """The id of the first Marketo person among them, or a later one."""
    return [one.record_id for one in standing if one.side == "b"][at]
