"""Sealed plans about records that end: deletes, whoever is made anew, merges, and pairs that are none any more."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from syncline.engine.life.step import settle_endings
from syncline.engine.observe import capture, meet
from syncline.engine.sealed import approval
from syncline.engine.sealed.apply import apply_plan
from syncline.engine.sealed.paper import lines_of, read_plan
from syncline.engine.sealed.results import Applied
from syncline.engine.sealed.seal import Sealed, seal
from syncline.records import SIDES
from syncline.spec.model import Ceiling, OnDelete
from syncline.trees import Table
from tests.support.life_world import HUMAN, Lives, lived


def deleting(**options: Any) -> dict[str, Any]:
    return {"on_delete": {"a": OnDelete.DELETE, "b": OnDelete.RECREATE}, **options}


async def sealed(lives: Lives, **options: Any) -> Sealed:
    copy = await lives.store.copy()
    made = await seal(replace(lives.two.world, store=copy), lives.two.sync, **options)
    await copy.close()
    lives.two.clock.advance(60)
    return made


async def applied(lives: Lives, made: Sealed) -> Applied:
    plan = read_plan(lines_of(io.BytesIO(made.content)))
    await approval.approve(lives.two.world, lives.two.sync, plan.header.digest, "ann", plan.header)
    done = await apply_plan(lives.two.world, lives.two.sync, plan)
    assert done.report is not None
    assert done.report.is_balanced
    lives.two.clock.advance(60)
    return done


@lived
async def test_a_delete_is_carried_out_once_it_is_approved() -> None:
    lives = await Lives.begin(**deleting(ceilings={"delete": Ceiling(share=0.0, plus=0)}))
    pairs = await lives.pairs(3)
    for person, _ in pairs[:2]:
        lives.delete("a", person)
    plain = await sealed(lives)
    assert plain.header.counts["deletes_on_b"] == 0
    whole = await sealed(lives, with_held=True)
    assert whole.header.counts["deletes_on_b"] == 2
    lives.edit("b", pairs[1][1], title="Wanted")  # edited since: nobody approved that this one goes
    done = await applied(lives, whole)
    assert [lives.is_gone("b", human) for _, human in pairs] == [True, False, False]
    assert (done.written, [one.record_id for one in done.moved]) == (1, [pairs[1][1]])
    assert done.is_whole


@lived
async def test_whoever_is_made_anew_stands_in_the_same_link() -> None:
    lives = await Lives.begin(**deleting())
    person, human = await lives.pair()
    lives.delete("b", human)
    await lives.rest()
    lives.edit("a", person, title="Chief")
    made = await sealed(lives)
    assert made.header.counts["creates_on_b"] == 1
    done = await applied(lives, made)
    assert (done.written, done.moved, done.left) == (1, [], [])
    (fresh,) = lives.alive("b")
    assert await lives.twin("b", fresh) == person
    await lives.rest()
    assert lives.alive("b") == [fresh]


@lived
async def test_a_merge_is_left_to_a_run_and_said() -> None:
    lives = await Lives.begin()
    pairs = await lives.pairs(2)
    lives.merge("a", pairs[0][0], pairs[1][0])
    world = lives.two.world
    sync = await meet(world, lives.two.sync)
    await capture(world, "left", "person", "seen")
    await settle_endings(world, sync, "seen", writes=False)
    assert await lives.store.count(Table.MERGER, {"state": "due"}) == 1
    made = await sealed(lives)
    assert any("merges of two records" in words for words in made.header.left_out)
    await applied(lives, made)
    assert len(lives.alive("b")) == 2, "the merge is not done by the plan"
    await lives.rest()
    assert len(lives.alive("b")) == 1


@lived
async def test_a_link_is_made_only_between_records_that_are_as_they_were() -> None:
    lives = await Lives.begin()
    for number in (1, 2):
        cells = {"email": f"p{number}@x.test", "first": f"First{number}", "last": f"Last{number}"}
        for side in SIDES:
            lives.system(side).create("person" if side == "a" else "human", cells, HUMAN)
    made = await sealed(lives)
    assert made.header.counts["links"] == 2
    moved = lives.alive("b")[1]
    lives.edit("b", moved, title="New here")
    done = await applied(lives, made)
    assert done.links == 1
    assert "changed after the plan was sealed" in {one.kind: one.why for one in done.moved}["link"]
    assert await lives.store.count(Table.LINK, {"state": "live"}) == 1
    await lives.rest()
    assert await lives.store.count(Table.LINK, {"state": "live"}) == 2
    assert len(lives.alive("a")) == len(lives.alive("b")) == 2
