"""A few strangers matched with those around them: the same outcome as when everybody is looked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import polars as pl
import pytest

from syncline.engine import matching
from syncline.engine.cycle import run_cycle
from syncline.spec.model import Creates, MatchRule, SideSpec
from syncline.trees import Commit, Store, Table
from tests.support.memory_world import TwoSystems, people, two_systems

RULES = (
    MatchRule(name="our key", by_key=True),
    MatchRule(name="id", by_id="twin_id"),
    MatchRule(name="e-mail and name", equal=("email",), compatible_name=True),
    MatchRule(name="phone and title", equal=("phone",), any_of=(("title",),), max_shared=6),
    MatchRule(name="same e-mail", equal=("email",), only_holds=True),
)
OUTCOME = (Table.LINK_END, Table.HOLD, Table.DIRTY)
OTHERS = {"LINK_END": ["link_id"], "HOLD": ["at_us", "run_id", "evidence"], "DIRTY": ["seq", "link_id"]}


def somebody(chance: Random) -> dict[str, str]:
    """People out of few names, addresses and numbers, so that many have something in common and some everything."""
    return {
        "email": f"{chance.choice('abcdefghijklmnop')}{chance.randrange(4)}@x.com" if chance.random() < 0.8 else "",
        "first": chance.choice(("Ann", "Anne", "Bob", "Zed")),
        "last": chance.choice(("Lee", "Leigh", "Ray")),
        "phone": str(chance.randrange(25)) if chance.random() < 0.6 else "",
        "title": chance.choice(("", "CEO", "VP")),
    }


def populate(two: TwoSystems, chance: Random, count: int) -> None:
    for _ in range(count):
        for system, object_type in ((two.left, "person"), (two.right, "human")):
            if chance.random() < 0.7:
                system.create(object_type, somebody(chance), "somebody")


def edit(two: TwoSystems, chance: Random, count: int) -> None:
    """Some records change, some go."""
    for system in (two.left, two.right):
        for record_id in chance.sample(sorted(r for r, row in system.rows.items() if not row.now.is_deleted), count):
            system.update(record_id, {"email": somebody(chance)["email"]}, "somebody")


async def forget_marks(two: TwoSystems) -> None:
    """As a run that writes does when it has dealt with the strangers."""
    marks = await two.world.store.take_dirty("people", now_us=two.world.now_us(), linked=False, limit=1_000)
    await two.world.store.commit(Commit(clean=marks))


async def outcome(store: Store) -> dict[str, list[tuple[object, ...]]]:
    found = {}
    for table in OUTCOME:
        rows = await store.rows(table)
        if table is Table.HOLD:
            rows = rows.filter(pl.col("state") == "open")
        found[table.name] = sorted(rows.drop(OTHERS[table.name]).rows(), key=repr)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_same_outcome_as_with_everybody(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        chance = Random(seed)
        a = SideSpec(connection="left", object_types=("person",), key_fields={"person": "key"}, creates=Creates.NEVER)
        two = await two_systems(people(match_rules=RULES, a=a))
        populate(two, chance, 60)
        monkeypatch.setattr(matching, "FEW", 0.0)
        two.clock.advance(60)
        await run_cycle(two.world, two.sync)
        for turn in range(4):
            populate(two, chance, 2)
            edit(two, chance, 1)
            two.clock.advance(60)
            beside = await two.world.store.copy()
            reports = []
            for store, few in ((beside, 0.0), (two.world.store, 100.0)):
                monkeypatch.setattr(matching, "FEW", few)
                world = replace(two.world, store=store)
                reports.append(await run_cycle(world, two.sync, writes=False))
            everybody, around = await outcome(beside), await outcome(two.world.store)
            assert around == everybody, f"turn {turn}"
            classes = [report.classes.sort(pl.all().exclude("reason")).drop("reason", "link_id") for report in reports]
            assert classes[0].equals(classes[1])
            assert sum(report.links_made for report in reports) % 2 == 0
            await beside.close()
            await forget_marks(two)
        assert await two.world.store.count(Table.MATCH_KEY)
        assert await two.world.store.count(Table.LINK_END)
        await two.world.store.close()

    asyncio.run(story())
