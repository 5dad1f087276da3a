"""The demonstration from beginning to end: set up, first copy, a day of life, the proof.

Lives here: the order of things and what is measured. Nothing is printed: a `Narrator` is told what happens.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncline.demo.cast import Cast
from syncline.demo.day import TOLD, Act, Day
from syncline.demo.ground import fill
from syncline.demo.hands import Hands
from syncline.demo.narrator import Narrator
from syncline.demo.outcome import Outcome
from syncline.demo.people import make_people
from syncline.demo.score import PairScore
from syncline.demo.stage import MORNING, Stage, open_stage
from syncline.demo.told import told_conflicts
from syncline.demo.truth import Linked, duplicates_created, read_links
from syncline.engine.cycle import RunReport
from syncline.engine.verify import EXPLAINED, VerifyReport, verify

DAY_BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
PERSONS = 5_000
_MOST_QUIET_CYCLES = 24


async def play(seed: int, people: int | None, narrator: Narrator) -> Outcome:
    """Play the demo with the people of *seed*; *people* takes fewer than all 5,000 persons.

    Raises ConfigError SYN-180 to SYN-182 if something it needs is not installed or does not start.
    """
    began = time.monotonic()
    made = make_people(seed, people)
    async with open_stage(seed, narrator.progress) as stage:
        stage.ground = fill(stage.sandboxes, made, MORNING, random.Random(seed))
        narrator.began(made, stage)
        linked, score = await _first_copy(stage, narrator)
        day = _day(stage, linked, seed)
        await _live(stage, day, narrator)
        narrator.conflicts(await told_conflicts(stage.world, stage.sync, TOLD))
        proof = await verify(stage.world, stage.sync)
        narrator.verified(proof)
        second = await stage.cycle()
        narrator.second_run(second)
        outcome = await _measure(stage, day, proof, second, linked, score)
    outcome = replace(outcome, seed=seed, seconds=round(time.monotonic() - began, 1))
    narrator.ended(outcome)
    return outcome


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
    """The script, played by people who are linked to themselves."""
    dice = random.Random(seed)
    pairs = [pair for pair in linked.pairs if (pair.salesforce_id, pair.marketo_id) in stage.ground.true_pairs]
    dice.shuffle(pairs)
    return Day(Hands(stage.sandboxes), Cast(pairs, len(stage.ground.marketo_ids) / PERSONS, dice))


async def _live(stage: Stage, day: Day, narrator: Narrator) -> None:
    """A cycle every five minutes; between them the acts, each at its minute."""
    waiting = list(day.acts)
    tick = DAY_BEGINS
    while waiting:
        tick += EVERY
        while waiting and _at(waiting[0]) < tick:
            act = waiting.pop(0)
            stage.clock.move_to(_at(act))
            for step in act.steps:
                step()
            narrator.act(stage.clock.now(), act)
            for who in act.push:
                narrator.pushed(stage.clock.now(), who, await stage.push(who))
        stage.clock.move_to(tick)
        narrator.cycle(tick, await stage.cycle())
    for report in await _until_quiet(stage):
        narrator.cycle(stage.clock.now(), report)


def _at(act: Act) -> datetime:
    return DAY_BEGINS + timedelta(minutes=act.minute)


async def _measure(
    stage: Stage, day: Day, proof: VerifyReport, second: RunReport, linked: Linked, score: PairScore
) -> Outcome:
    hidden = proof.counts.get(day.hidden, {}).get("hidden", 0)
    explained = proof.explained - hidden
    made_by_people = (
        set(stage.ground.types) | day.truth.salesforce_ids,
        stage.ground.marketo_ids | day.truth.marketo_ids,
    )
    api_calls = stage.sandboxes.requests()  # before the judge reads
    duplicates = await duplicates_created(
        stage.world, stage.sync, stage.sandboxes, stage.ground.true_pairs | day.truth.pairs, made_by_people
    )
    return Outcome(
        seed=0,
        people=len(stage.ground.marketo_ids),
        converged=proof.is_converged,
        differences=proof.unexplained,
        explained=explained,
        explained_share=round(explained / max(1, proof.pair_fields - hidden), 5),
        explained_by={name: count for name in EXPLAINED if (count := proof.total(name))},
        hidden_fields=hidden,
        second_run_writes=second.actions["action"].n_unique(),
        conservation_ok=stage.balanced,
        runs=len(stage.runs),
        pairs_precision=round(score.precision, 5),
        pairs_recall=round(score.recall, 5),
        held_records=len(linked.held_a) + len(linked.held_b),
        true_pairs_apart=round(score.apart_share, 5),
        duplicates_created=duplicates,
        api_calls=api_calls,
        seconds=0.0,
        simulated_seconds=(stage.clock.now() - MORNING).total_seconds(),
    )
