"""The chapter from beginning to end: five people's lives, each of them explained, the proof, a run with nothing to do.

Lives here: the order of the scenes and what is measured. Nothing is printed: a `LifeNarrator` is told what happens.
"""

from __future__ import annotations

import time
from dataclasses import replace

from syncline.demo.ground import SALES
from syncline.demo.life import endings, identity, values
from syncline.demo.life.director import Director
from syncline.demo.life.hands import LifeHands
from syncline.demo.life.narrator import LifeNarrator
from syncline.demo.life.outcome import LifeOutcome, life_of
from syncline.demo.life.standing import FIVE
from syncline.demo.stage import MORNING, Stage, open_stage
from syncline.engine.cycle import RunReport
from syncline.engine.erased import erased_us
from syncline.engine.explain import Explanation, explain, find_subjects
from syncline.engine.observe import meet
from syncline.engine.verify import VerifyReport, verify

CHAPTER = "lifecycle"

SCENES = (
    identity.a_lead_becomes_a_contact,
    identity.a_lead_ends_in_a_contact,
    identity.leads_are_merged,
    identity.who_is_who,
    identity.people_are_merged,
    endings.deleted_in_marketo,
    endings.deleted_and_brought_back,
    values.addresses_wander,
    values.consent,
    values.owners,
    values.undone,
    endings.erased,
)
"""In order, after everybody has arrived."""


async def play_life(seed: int, narrator: LifeNarrator) -> LifeOutcome:
    """Play the chapter; *seed* varies the ids of both systems and nothing else.

    Raises ConfigError SYN-180 or SYN-182 if the sandboxes are not installed or do not start.
    """
    began = time.monotonic()
    async with open_stage(seed, narrator.progress) as stage:
        narrator.began(stage)
        director = Director(stage=stage, hands=LifeHands(stage.sandboxes), narrator=narrator)
        director.hands.user(SALES, "Anna", "Keller")
        ids = await identity.they_arrive(director)
        for scene in SCENES:
            await scene(director, ids)
        for name in FIVE:
            await _explain(director, name)
        proof = await verify(stage.world, stage.sync)
        narrator.verified(proof)
        second = await stage.cycle()
        narrator.second_run(second)
        outcome = await _measure(director, seed, proof, second)
    outcome = replace(outcome, seconds=round(time.monotonic() - began, 1))
    narrator.ended(outcome)
    return outcome


async def _explain(director: Director, name: str) -> None:
    """What `syncline explain` tells: by the record that stands in Salesforce, else by whoever was erased."""
    stage = director.stage
    (standing, *_) = await director.look(name, "email")
    gone_us = await erased_us(stage.world, stage.sync, standing.values["email"])
    director.narrator.explained(
        name, await _explanations(stage, standing.record_id) if gone_us is None else (), gone_us
    )


async def _explanations(stage: Stage, record_id: str) -> list[Explanation]:
    sync = await meet(stage.world, stage.sync)
    return [await explain(stage.world, sync, subject) for subject in await find_subjects(stage.world, sync, record_id)]


async def _measure(director: Director, seed: int, proof: VerifyReport, second: RunReport) -> LifeOutcome:
    stage = director.stage
    return LifeOutcome(
        chapter=CHAPTER,
        seed=seed,
        converged=proof.is_converged,
        differences=proof.unexplained,
        explained=proof.explained,
        second_run_writes=second.actions["action"].n_unique(),
        conservation_ok=stage.balanced,
        runs=len(stage.runs),
        api_calls=stage.sandboxes.requests(),
        people={name: life_of(steps, await director.look(name)) for name, steps in director.steps.items()},
        seconds=0.0,
        simulated_seconds=(stage.clock.now() - MORNING).total_seconds(),
    )
