"""A command that does a unit of work does it under the unit's lease: never beside a worker, and its writes name it."""

from __future__ import annotations

import asyncio

import pytest

from syncline.cli import unit_in_hand
from syncline.cli.unit_in_hand import in_hand
from syncline.engine.agreement import verify_next
from syncline.errors import StateError
from syncline.trees import Commit, Table
from tests.support.memory_world import two_systems


def test_a_unit_that_a_worker_has_in_hand_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_in_hand, "LEASE_SECONDS", 0.03)

    async def live() -> None:
        world = (await two_systems()).world
        lease = await world.store.take_lease("audit:people", "worker", seconds=6)
        assert lease is not None
        with pytest.raises(StateError, match="SYN-701"):
            async with in_hand(world, "audit:people"):
                raise AssertionError("not reached")
        await world.store.give_back(lease)
        async with in_hand(world, "audit:people") as own:
            assert own.fence > lease.fence
            assert (await verify_next(own, world.syncs["people"], calls=10)).pairs == 0
            assert await world.store.take_lease("audit:people", "worker", seconds=6) is None
        assert await world.store.take_lease("audit:people", "worker", seconds=6) is not None, "it was given back"

    asyncio.run(live())


def test_a_command_that_stood_still_stores_nothing_more() -> None:
    async def live() -> None:
        two = await two_systems()

        async def stand_still() -> None:
            async with in_hand(two.world, "audit:people") as own:
                two.clock.advance(60)
                assert await two.world.store.take_lease("audit:people", "worker", seconds=6) is not None
                await own.store.commit(Commit(put={Table.META: await own.store.rows(Table.META)}))
                await verify_next(own, two.sync, calls=10)

        with pytest.raises(StateError, match="SYN-701"):
            await stand_still()
        assert not await two.world.store.count(Table.AGREEMENT)

    asyncio.run(live())
