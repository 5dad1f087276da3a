"""The rule by probability through the engine: links, holds with their evidence, no second persons; and the same outcome
for a few strangers as for everybody."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from random import Random

import polars as pl
import pytest

from syncline.engine import matching
from syncline.engine.cycle import run_cycle
from syncline.scoring.weigh import scorer
from syncline.spec.model import Creates, SideSpec
from syncline.spec.presets_match import PRIOR, by_probability
from syncline.trees import Table
from tests.engine.test_match_index import RULES, edit, forget_marks, outcome, populate
from tests.support.memory_world import TwoSystems, people, two_systems

KEYS = frozenset({"email", "first_name", "last_name", "phone"})
RULE = by_probability(link_above=0.99, hold_above=0.5, prior=PRIOR, keys=KEYS)


async def weighing(**changes: object) -> TwoSystems:
    two = await two_systems(people(**changes))
    two.world = replace(two.world, score=scorer())
    return two


def test_the_certain_are_linked_the_uncertain_held_and_strangers_created() -> None:
    async def story() -> None:
        two = await weighing(match_rules=(*RULES[:3], RULE))
        anna = {"first": "Anna", "last": "Jensen", "phone": "+45 1234 5678"}
        certain = two.left.create("person", {**anna, "email": "anna@old.example"}, "ann")
        twin = two.right.create("human", {**anna, "email": "anna@new.example"}, "bob")
        unsure = two.left.create("person", {"first": "Olaf", "last": "Berg", "email": "o@x.example"}, "ann")
        maybe = two.right.create("human", {"first": "Olaf", "last": "Berg"}, "bob")
        two.left.create("person", {"first": "Zoe", "last": "Quist", "email": "zoe@x.example"}, "ann")
        two.clock.advance(60)
        await run_cycle(two.world, two.sync)

        links = await two.world.store.rows(Table.LINK)
        assert sorted(links["rule"]) == ["created on b", "probability"]
        weighed = links.filter(pl.col("rule") == "probability")["link_id"].item()
        ends = await two.world.store.rows(Table.LINK_END, {"link_id": weighed})
        assert set(ends["record_id"]) == {certain, twin}

        holds = await two.world.store.rows(Table.HOLD, {"state": "open"})
        assert {member["record_id"] for member in json.loads(holds["subject"].item())} == {unsure, maybe}
        evidence = json.loads(holds["evidence"].item())["fits"][0]
        assert 0.5 <= evidence["probability"] < 0.99
        assert set(evidence["match_weights"]) == KEYS
        names = sorted(row.now.cells.get("first", "") for row in two.right.rows.values())
        assert names.count("Olaf") == 1  # held, not created
        assert names.count("Zoe") == 1
        await two.world.store.close()

    asyncio.run(story())


def test_another_threshold_looks_at_the_held_again() -> None:
    async def story() -> None:
        two = await weighing(match_rules=(*RULES[:3], RULE))
        two.left.create("person", {"first": "Olaf", "last": "Berg", "email": "o@x.example"}, "ann")
        two.right.create("human", {"first": "Olaf", "last": "Berg"}, "bob")
        two.clock.advance(60)
        await run_cycle(two.world, two.sync)
        assert await two.world.store.count(Table.LINK) == 0

        assert RULE.probabilities is not None
        bolder = replace(RULE, probabilities=replace(RULE.probabilities, link_above=0.5))
        sync = replace(two.sync, match_rules=(*RULES[:3], bolder))
        two.clock.advance(60)
        await run_cycle(replace(two.world, syncs={sync.name: sync}), sync)
        assert (await two.world.store.rows(Table.LINK))["rule"].to_list() == ["probability"]
        assert (await two.world.store.rows(Table.HOLD))["state"].to_list() == ["resolved"]
        await two.world.store.close()

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(3))
def test_the_same_outcome_as_with_everybody(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        chance = Random(seed)
        a = SideSpec(connection="left", object_types=("person",), key_fields={"person": "key"}, creates=Creates.NEVER)
        two = await weighing(match_rules=(*RULES[:3], replace(RULE, max_shared=6)), a=a)
        populate(two, chance, 40)
        monkeypatch.setattr(matching, "FEW", 0.0)
        two.clock.advance(60)
        await run_cycle(two.world, two.sync)
        for turn in range(2):
            populate(two, chance, 2)
            edit(two, chance, 1)
            two.clock.advance(60)
            beside = await two.world.store.copy()
            for store, few in ((beside, 0.0), (two.world.store, 100.0)):
                monkeypatch.setattr(matching, "FEW", few)
                await run_cycle(replace(two.world, store=store), two.sync, writes=False)
            assert await outcome(two.world.store) == await outcome(beside), f"turn {turn}"
            await beside.close()
            await forget_marks(two)
        rules = (await two.world.store.rows(Table.LINK))["rule"]
        held = (await two.world.store.rows(Table.HOLD))["evidence"]
        assert (rules == "probability").any() or held.str.contains('"rule":"probability"').any()
        await two.world.store.close()

    asyncio.run(story())
