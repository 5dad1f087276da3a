"""A plan sealed on a copy and applied, and a look at every pair, over each kind of store."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace

from syncline.engine.agreement import agreement_of, verify_next
from syncline.engine.cycle import run_cycle
from syncline.engine.sealed import approval
from syncline.engine.sealed.apply import apply_plan
from syncline.engine.sealed.paper import lines_of, read_plan
from syncline.engine.sealed.seal import seal
from syncline.store import open_store
from tests.support.memory_world import TwoSystems, two_systems
from tests.support.virtual import VirtualClock

PEOPLE = 5


async def _sealed_and_applied(two: TwoSystems) -> None:
    copy = await two.world.store.copy()
    made = await seal(replace(two.world, store=copy), two.sync)
    await copy.close()
    plan = read_plan(lines_of(io.BytesIO(made.content)))
    await approval.approve(two.world, two.sync, plan.header.digest, "ann", plan.header)
    done = await apply_plan(two.world, two.sync, plan)
    assert (done.written, done.is_whole) == (PEOPLE, True)
    again = await apply_plan(two.world, two.sync, plan)
    assert again.earlier is not None
    assert again.earlier.decided_by == "ann"


def test_a_plan_is_applied_and_every_pair_looked_at(store_url: str) -> None:
    async def live() -> None:
        store = await open_store(store_url, VirtualClock())
        two = await two_systems(store=store)
        for n in range(PEOPLE):
            two.left.create("person", {"email": f"p{n}@x.test", "first": f"First{n}", "last": f"Last{n}"}, "human")
        await _sealed_and_applied(two)
        for _ in range(2):
            two.clock.advance(2_000)
            await run_cycle(two.world, two.sync)
        looked = await verify_next(two.world, two.sync, calls=100)
        assert (looked.pairs, looked.agreeing) == (PEOPLE, PEOPLE)
        assert (await agreement_of(store, two.sync.name)).is_whole
        assert (await verify_next(two.world, two.sync, calls=100)).judged == 0
        await store.close()

    asyncio.run(live())
