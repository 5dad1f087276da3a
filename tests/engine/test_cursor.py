"""The cursor moves in the very commit that stores what was read up to it: a process that dies loses no change."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory import MemoryConnector
from syncline.engine.cycle import run_cycle
from syncline.trees import Commit, Store, Table
from tests.support.memory_life import ProcessDied
from tests.support.memory_world import TwoSystems, two_systems


class _DiesWithRows:
    """Ends our process in place of the first commit that stores what was read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        if Table.MIRROR in commit.put:
            raise ProcessDied
        await self._store.commit(commit)


async def _pair(two: TwoSystems) -> str:
    """A linked pair between systems whose reads do not overlap, at rest; its id on the left."""
    systems = {"left": two.left, "right": two.right}
    apart = {name: MemoryConnector(system, overlap=0) for name, system in systems.items()}
    two.world = replace(two.world, connectors=apart)
    one = two.left.create("person", {"email": "ann@x.test", "first": "Ann", "last": "Lee"}, "human")
    for _ in range(3):
        await run_cycle(two.world, two.sync)
        two.clock.advance(60.0)
    return one


def test_a_change_read_just_before_a_crash_is_read_again() -> None:
    async def whole() -> None:
        two = await two_systems()
        one = await _pair(two)
        two.left.update(one, {"title": "Dr"}, "human")
        two.clock.advance(60.0)
        with pytest.raises(ProcessDied):
            await run_cycle(replace(two.world, store=_DiesWithRows(two.world.store)), two.sync)
        await run_cycle(two.world, two.sync)
        (twin,) = two.right.rows.values()
        assert twin.now.cells["title"] == "Dr"

    asyncio.run(whole())
