"""Undo of creates, on request only: the created record goes, and nothing follows for the one it was made from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncline.connectors.memory import Fault, FaultyConnector
from syncline.engine.cycle import run_cycle
from syncline.engine.undo import Undone, undo
from syncline.engine.undo_plan import plan_undo
from syncline.spec.model import Ceiling, OnDelete
from tests.engine.test_undo import ADA, cycle, lived
from tests.engine.test_undo_deletes import at_rest_of, link_of, living
from tests.support.memory_world import TwoSystems

FOLLOWS = {"on_delete": {"a": OnDelete.DELETE, "b": OnDelete.DELETE}}


async def created(world: TwoSystems) -> tuple[str, str, str]:
    """A person, the counterpart that a run created, and that run."""
    person = world.left.create("person", ADA, "human she")
    report = await run_cycle(world.world, world.sync)
    for _ in range(3):
        await cycle(world)
    (twin,) = world.right.rows
    return person, twin, report.run_id


async def undone(world: TwoSystems, run: str) -> Undone:
    done = await undo(world.world, world.sync, run, with_creates=True)
    world.clock.advance(120)
    return done


def test_what_was_created_goes_and_the_one_it_was_made_from_stays() -> None:
    """Also where the sync would delete the counterpart of whoever is deleted."""

    async def history(world: TwoSystems) -> None:
        person, twin, run = await created(world)
        assert not (await plan_undo(world.world, world.sync, run)).removals, "nobody asked for it"
        done = await undone(world, run)
        assert (done.removed(), done.is_whole, living(world)) == (1, True, [])
        await at_rest_of(world)
        assert not world.left.rows[person].now.is_deleted
        world.left.update(person, {"title": "T1"}, "human she")
        for _ in range(3):
            await cycle(world)
        assert living(world) == [], "an ordinary edit made it again"
        assert not (await plan_undo(world.world, world.sync, run, with_creates=True)).does_something
        back = await undo(world.world, world.sync, done.run_id)
        assert (back.brought_back(), living(world)) == (1, [twin])
        for _ in range(3):
            await cycle(world)
        assert ((await link_of(world))[1], world.right.rows[twin].now.cells["title"]) == ("live", "T1")

    lived(history, **FOLLOWS)


def test_one_that_somebody_changed_stays_with_the_reason() -> None:
    async def history(world: TwoSystems) -> None:
        _, twin, run = await created(world)
        world.right.update(twin, {"phone": "hers"}, "human he")
        done = await undone(world, run)
        assert living(world) == [twin]
        assert [one.sentence for one in done.plan.lasting] == [
            "It was created and stays: it was changed since (phone)."
        ]

    lived(history)


def test_a_ceiling_on_deletes_holds_it() -> None:
    async def history(world: TwoSystems) -> None:
        _, twin, run = await created(world)
        world.sync = replace(world.sync, ceilings={"delete": Ceiling(share=0, plus=0)})
        world.world.syncs = {world.sync.name: world.sync}
        done = await undone(world, run)
        assert ([one.kind for one in done.held], living(world)) == (["delete"], [twin])
        await at_rest_of(world)

    lived(history)


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.LOST_REQUEST])
def test_a_lost_answer_leaves_either_a_live_pair_or_none(fault: Fault) -> None:
    async def history(world: TwoSystems) -> None:
        person, twin, run = await created(world)
        faulty = FaultyConnector(world.right)
        faulty.next_writes = [fault]
        honest = world.world.connectors
        world.world.connectors = {**honest, "right": faulty}
        assert (await undone(world, run)).removed() == 0
        world.world.connectors = honest
        for _ in range(5):
            await cycle(world, 120)
        assert not world.left.rows[person].now.is_deleted
        if fault is Fault.LOST_REPLY:
            assert living(world) == []
        else:
            assert (living(world), (await link_of(world))[1]) == ([twin], "live")
            assert (await undone(world, run)).removed() == 1
        await at_rest_of(world)

    lived(history, **FOLLOWS)
