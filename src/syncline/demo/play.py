"""The demonstration from beginning to end: set up, first copy, a day of life, the proof.

Lives here: the order of things and what is measured. Nothing is printed: a `Narrator` is told what happens.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import polars as pl

from syncline.demo.clock import DemoClock
from syncline.demo.day import Act, Day
from syncline.demo.ground import Ground, fill, write_configuration
from syncline.demo.hands import Hands
from syncline.demo.outcome import Outcome
from syncline.demo.people import make_people
from syncline.demo.sandboxes import Sandboxes, running_sandboxes
from syncline.demo.score import PairScore
from syncline.demo.truth import Linked, duplicates_created, read_links
from syncline.engine import readiness
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.laws import balances
from syncline.engine.push import push
from syncline.engine.verify import VerifyReport, verify
from syncline.engine.world import Progress, World
from syncline.errors import OurBug
from syncline.spec.model import Sync
from syncline.trees import Table
from syncline.wiring import load_project, open_world

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY_BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
PERSONS = 5_000
_MOST_QUIET_CYCLES = 24


class Narrator(Protocol):
    """Whoever tells the story. Called in the order of the methods; `cycle` once a run."""

    def began(self, ground: Ground, sandboxes: Sandboxes, configuration: str) -> None: ...

    def first_copy(self, reports: Sequence[RunReport], score: PairScore, linked: Linked) -> None: ...

    def cycle(self, at: datetime, acts: Sequence[Act], report: RunReport) -> None: ...

    def pushed(self, at: datetime, who: str, report: RunReport) -> None: ...

    def conflicts(self, rows: pl.DataFrame) -> None: ...

    def verified(self, report: VerifyReport, hidden: str) -> None: ...

    def second_run(self, report: RunReport) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...

    def progress(self, step: Progress) -> None: ...


@dataclass(kw_only=True)
class Stage:
    """Everything a demo plays with. `runs` are all runs so far, pushes too; `balanced` whether their books balance."""

    world: World
    sync: Sync
    sandboxes: Sandboxes
    clock: DemoClock
    ground: Ground
    configuration: str
    runs: list[RunReport] = field(default_factory=list)
    balanced: bool = True

    async def cycle(self) -> RunReport:
        """One run, as every run meets both systems anew."""
        self.world = replace(self.world, schemas={}, actors={})
        return await self._kept(await run_cycle(self.world, self.sync))

    async def push(self, who: str) -> RunReport:
        self.world = replace(self.world, schemas={}, actors={})
        return await self._kept(await push(self.world, self.sync, who))

    async def backlog(self) -> int:
        return await self.world.store.count(Table.DIRTY, {"sync": self.sync.name})

    async def _kept(self, report: RunReport) -> RunReport:
        laws = await balances(self.world.store, self.sync.name, report.run_id)
        self.balanced = self.balanced and all(law.is_balanced for law in laws)
        self.runs.append(report)
        return report


async def play(seed: int, people: int | None, narrator: Narrator) -> Outcome:
    """Play the demo with the people of *seed*; *people* takes fewer than all 5,000 persons.

    Raises ConfigError SYN-160 to SYN-162 if something it needs is not installed or does not start.
    """
    began = time.monotonic()
    async with _stage(seed, people, narrator) as stage:
        narrator.began(stage.ground, stage.sandboxes, stage.configuration)
        linked, score = await _first_copy(stage, narrator)
        day = _day(stage, linked, seed)
        await _live(stage, day, narrator)
        narrator.conflicts(await _conflicts_of_the_day(stage))
        proof = await verify(stage.world, stage.sync)
        narrator.verified(proof, day.hidden)
        second = await stage.cycle()
        narrator.second_run(second)
        outcome = await _measure(stage, day, proof, second, linked, score)
    outcome = replace(outcome, seed=seed, seconds=round(time.monotonic() - began, 1))
    narrator.ended(outcome)
    return outcome


@asynccontextmanager
async def _stage(seed: int, people: int | None, narrator: Narrator) -> AsyncIterator[Stage]:
    """Both systems running and filled, Syncline connected to them; everything gone at the end."""
    made = make_people(seed, people)
    with tempfile.TemporaryDirectory(prefix="syncline-demo-") as name:
        folder = Path(name)
        with running_sandboxes(folder, seed) as sandboxes:
            clock = DemoClock(MORNING, sandboxes.both())
            path, secrets = write_configuration(folder, sandboxes)
            project = load_project(path)
            async with open_world(project, clock=clock, environ=secrets, report=narrator.progress) as world:
                sync = project.syncs["people"]
                await _make_fields(world, sync)
                ground = fill(sandboxes, made, MORNING, random.Random(seed))
                yield Stage(
                    world=world,
                    sync=sync,
                    sandboxes=sandboxes,
                    clock=clock,
                    ground=ground,
                    configuration=path.read_text(encoding="utf-8"),
                )


async def _make_fields(world: World, sync: Sync) -> None:
    """What `init --create-fields` does, then `check`."""
    await readiness.create_fields(world, await readiness.check(world, sync))
    world.schemas.clear()
    found = await readiness.check(world, sync)
    if not found.is_ready:
        raise OurBug(f"The demo's systems are not ready: {[problem.message for problem in found.problems]}")


async def _first_copy(stage: Stage, narrator: Narrator) -> tuple[Linked, PairScore]:
    """Cycles until there is nothing left to do. Links are judged as the first one made them."""
    reports = [await stage.cycle()]
    linked = await read_links(stage.world, stage.sync)
    score = linked.score(stage.ground.true_pairs)
    reports += await _until_quiet(stage)
    narrator.first_copy(reports, score, linked)
    return linked, score


async def _until_quiet(stage: Stage) -> list[RunReport]:
    reports = []
    for _ in range(_MOST_QUIET_CYCLES):
        stage.clock.move_to(stage.clock.now() + EVERY)
        reports.append(await stage.cycle())
        if not _moved(reports[-1]) and not await stage.backlog():
            break
    return reports


def _moved(report: RunReport) -> bool:
    return bool(len(report.actions) or report.unknown or report.stopped or report.links_made or len(report.classes))


def _day(stage: Stage, linked: Linked, seed: int) -> Day:
    """The script, played by true pairs that share their e-mail address with nobody."""
    dice = random.Random(seed)
    cast = [pair for pair in linked.pairs if (pair.salesforce_id, pair.marketo_id) in stage.ground.true_pairs]
    dice.shuffle(cast)
    return Day(Hands(stage.sandboxes), cast, len(stage.ground.marketo_ids) / PERSONS, dice)


async def _live(stage: Stage, day: Day, narrator: Narrator) -> None:
    """A cycle every five minutes; between them the acts, each at its minute."""
    waiting = list(day.acts)
    tick = DAY_BEGINS
    while waiting:
        tick += EVERY
        acts = []
        while waiting and _at(waiting[0]) < tick:
            act = waiting.pop(0)
            stage.clock.move_to(_at(act))
            act.do()
            acts.append(act)
            for who in act.push:
                narrator.pushed(stage.clock.now(), who, await stage.push(who))
        stage.clock.move_to(tick)
        narrator.cycle(tick, acts, await stage.cycle())
    for report in await _until_quiet(stage):
        narrator.cycle(stage.clock.now(), (), report)


def _at(act: Act) -> datetime:
    return DAY_BEGINS + timedelta(minutes=act.minute)


async def _conflicts_of_the_day(stage: Stage) -> pl.DataFrame:
    """What both sides changed during the day, newest first; first links are another matter."""
    rows = await stage.world.store.rows(Table.CONFLICT, {"sync": stage.sync.name})
    return rows.filter(pl.col("kind") != "first_link").sort("at_us", "mapping", descending=[True, False])


async def _measure(
    stage: Stage, day: Day, proof: VerifyReport, second: RunReport, linked: Linked, score: PairScore
) -> Outcome:
    hidden = proof.counts.get(day.hidden, {}).get("hidden", 0)
    explained = proof.explained - hidden
    by = {name: count for per in proof.counts.values() for name, count in per.items()}
    made_by_people = (
        set(stage.ground.types) | day.truth.salesforce_ids,
        stage.ground.marketo_ids | day.truth.marketo_ids,
    )
    duplicates = await duplicates_created(
        stage.world, stage.sync, stage.sandboxes, stage.ground.true_pairs | day.truth.pairs, made_by_people
    )
    classes = {name: proof.total(name) for name in sorted(by)}
    return Outcome(
        seed=0,
        people=len(stage.ground.marketo_ids),
        converged=proof.is_converged,
        differences=proof.unexplained,
        explained=explained,
        explained_share=round(explained / max(1, proof.pair_fields - hidden), 5),
        explained_by={name: count for name, count in classes.items() if count and name not in ("equal", "normalised")},
        hidden_fields=hidden,
        second_run_writes=second.actions["action"].n_unique(),
        conservation_ok=stage.balanced,
        runs=len(stage.runs),
        pairs_precision=round(score.precision, 5),
        pairs_recall=round(score.recall, 5),
        held_records=len(linked.held_a) + len(linked.held_b),
        true_pairs_apart=round(score.apart_share, 5),
        duplicates_created=duplicates,
        api_calls=sum(connector.usage().calls_sent for connector in stage.world.connectors.values()),
        seconds=0.0,
        simulated_seconds=(stage.clock.now() - MORNING).total_seconds(),
    )
