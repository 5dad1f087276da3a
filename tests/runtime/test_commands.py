"""Commands on a state that workers share: what they have in flight is theirs while they live, nobody's afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import polars as pl
import pytest

from syncline.engine.cycle import RunReport, open_run
from syncline.engine.tenure import in_other_hands
from syncline.engine.world import World
from syncline.errors import StateError
from syncline.runtime.commands import LASTS_SECONDS, as_command, close_dead
from syncline.trees import TABLES, Store, Table
from tests.support.memory_world import TwoSystems, two_systems


def told(story: Callable[[TwoSystems], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story(await two_systems())

    asyncio.run(whole())


async def under_way(own: World, run_id: str, worker: str | None = None) -> None:
    await open_run(own, RunReport(run_id=run_id, sync="people", worker=worker))


async def states(store: Store) -> dict[str, str]:
    return dict((await store.rows(Table.RUN)).select("run_id", "state").iter_rows())


def test_what_a_command_has_in_flight_is_its_own_while_it_lives() -> None:
    async def story(w: TwoSystems) -> None:
        row: dict[str, Any] = dict.fromkeys(TABLES[Table.JOURNAL][0]) | {"batch_id": "b1", "sync": "people"}
        async with as_command(w.world) as own, as_command(w.world) as another:
            assert 0 < own.fence < another.fence
            journals = pl.DataFrame([row | {"fence": own.fence}], schema=dict(TABLES[Table.JOURNAL][0]))
            assert len(await in_other_hands(another, journals)) == 1
            assert len(await in_other_hands(own, journals)) == 0
        assert len(await in_other_hands(w.world, journals)) == 0
        assert set((await w.world.store.rows(Table.LEASE))["holder"]) == {""}

    told(story)


def test_the_run_of_a_dead_command_is_closed_and_that_of_a_live_one_is_not() -> None:
    async def story(w: TwoSystems) -> None:
        store = w.world.store
        await under_way(w.world, "of nobody")
        await under_way(w.world, "of a worker", worker="host-1-ab")
        dying = as_command(w.world)
        await under_way(await dying.__aenter__(), "of the dead")
        w.clock.advance(LASTS_SECONDS - 1)
        async with as_command(w.world) as alive:
            await under_way(alive, "of the living")
            assert await close_dead(store) == 0
            w.clock.advance(2)
            assert await close_dead(store) == 1
            assert await close_dead(store) == 0
            assert await states(store) == {
                "of nobody": "running",
                "of a worker": "running",
                "of the dead": "failed",
                "of the living": "running",
            }
        (row,) = (await store.rows(Table.RUN, {"run_id": "of the dead"})).to_dicts()
        assert row["ended_us"] is not None
        assert "cut off" in json.loads(row["summary"])["error"]
        await dying.__aexit__(None, None, None)

    told(story)


def test_a_command_that_was_only_frozen_stores_nothing_any_more() -> None:
    async def story(w: TwoSystems) -> None:
        async def stand_still() -> None:
            async with as_command(w.world) as frozen:
                await under_way(frozen, "of the frozen")
                w.clock.advance(LASTS_SECONDS + 1)
                assert await close_dead(w.world.store) == 1
                await under_way(frozen, "too late")

        with pytest.raises(StateError, match="SYN-701"):
            await stand_still()
        assert await states(w.world.store) == {"of the frozen": "failed"}

    told(story)
