"""Which section work needs: that of its share where links are nobody else's affair, else the one that keeps all out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from syncline.connectors.memory import MemoryConnector
from syncline.connectors.memory.connector import RICH
from syncline.engine.observe import meet
from syncline.engine.units import Turn, run_units, units_of
from syncline.trees import Commit, Table
from tests.support.life_world import Lives, lived
from tests.support.memory_shared import sharing
from tests.support.memory_world import TwoSystems

ONE = Turn(worker="one", cycle="c1")
PLANNED, SENT = Table.MARK, Table.JOURNAL
HOUSE = "house@x.test"


class _Watched:
    """A store that notes, for each commit, its tables and the section it was in."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._section = ""
        self.seen: list[tuple[str, set[Table]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._in("alone", self._store.alone()):
            yield

    @asynccontextmanager
    async def in_share(self) -> AsyncIterator[None]:
        async with self._in("in share", self._store.in_share()):
            yield

    @asynccontextmanager
    async def _in(self, name: str, section: Any) -> AsyncIterator[None]:
        before = self._section
        async with section:
            self._section = before or name
            try:
                yield
            finally:
                self._section = before

    async def commit(self, commit: Commit) -> None:
        self.seen.append((self._section, {*commit.put, *commit.add, *commit.amend}))
        await self._store.commit(commit)

    def sections(self, table: Table) -> set[str]:
        """In which sections rows of the table were stored."""
        return {section for section, tables in self.seen if table in tables}


async def watched(two: TwoSystems, buckets: int = 2) -> _Watched:
    """The units of the sync, done by one worker."""
    seen = _Watched(two.world.store)
    store: Any = seen
    world = replace(two.world, store=store)
    sync = await meet(world, two.sync)
    await run_units(world, sync, units_of(sync, buckets), ONE)
    return seen


@lived
async def test_links_are_planned_sent_and_settled_in_the_section_of_their_share() -> None:
    lives = await Lives.begin()
    [(one, two), _] = await lives.pairs(2)
    lives.edit("a", one, title="new")
    seen = await watched(lives.two)
    assert lives.cell("b", two, "title") == "new"
    assert seen.sections(SENT) == {"in share"}
    assert seen.sections(Table.BASE) == {"in share"}
    assert seen.sections(Table.HISTORY) == {"alone"}, "what is read is of links of every share"


@lived
async def test_what_makes_links_keeps_everybody_out() -> None:
    lives = await Lives.begin()
    await lives.pairs(1)
    lives.two.left.create("person", {"email": "new@x.test", "first": "New", "last": "Comer"}, "human")
    seen = await watched(lives.two)
    assert len(lives.two.right.rows) == 2
    assert seen.sections(SENT) == {"alone"}
    assert seen.sections(Table.LINK) == {"alone"}


@lived
async def test_a_record_that_two_syncs_use_keeps_everybody_out() -> None:
    lives = await Lives.begin()
    [(one, two)] = await lives.pairs(1)
    other = replace(lives.two.sync, name="others")
    lives.two.world.syncs = {**lives.two.world.syncs, other.name: other}
    lives.edit("a", one, title="new")
    seen = await watched(lives.two)
    assert lives.cell("b", two, "title") == "new"
    assert seen.sections(SENT) == {"alone"}


@lived
async def test_cells_that_links_have_in_common_are_decided_with_everybody_kept_out() -> None:
    lives = await Lives.begin()
    two = lives.two
    left = MemoryConnector(two.left, capabilities=replace(RICH, has_field_history=False, has_compare_and_set=False))
    two.world.connectors = {"left": left, "right": sharing(two.right, {"opt_out": "email"})}
    ids = [
        two.left.create("person", {"email": HOUSE, "first": name, "last": name, "opt_out": "false"}, "human")
        for name in ("Ada", "Mary")
    ]
    for _ in range(4):
        await watched(two)
        two.clock.advance(7_200)
    assert len(two.right.rows) == 2
    two.left.update(ids[0], {"opt_out": "true"}, "human")
    seen = await watched(two)
    assert seen.sections(PLANNED) == {"alone"}
    two.left.update(ids[0], {"title": "alone"}, "human")
    two.clock.advance(7_200)
    await watched(two)
    two.left.update(ids[1], {"title": "nobody's but hers"}, "human")
    two.clock.advance(7_200)
    assert (await watched(two)).sections(SENT) == {"in share"}
