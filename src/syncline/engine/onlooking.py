"""Onlooking: planning without leaving a trace, to learn what a run would do with a few pairs.

A plan stores what it agrees on. Whoever only wants to know its actions plans on a world whose store takes nothing in.
That is right for a look at some links at once; a whole preview, which builds on what it stored itself, runs on a copy
(`Store.copy`). Not here: planning (`planning`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from syncline.engine.world import World
from syncline.trees import Commit, Store


class OnlookingStore:
    """A store that forgets every commit; in all else the one it stands for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        """Nothing is stored."""


def onlooking(world: World) -> World:
    """*world* with a store that keeps nothing."""
    store: Any = OnlookingStore(world.store)
    return replace(world, store=store)
