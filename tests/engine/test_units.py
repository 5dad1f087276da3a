"""Units under leases: two workers share a sync's work; who lost the lease changes nothing any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.engine.observe import meet
from syncline.engine.tenure import LEASE_SECONDS, begin
from syncline.engine.units import Turn, Unit, run_unit, run_units, units_of
from syncline.engine.world import World
from syncline.engine.write import resolve_unknown
from syncline.records import Write, WriteAnswer
from syncline.spec.model import Ceiling, Sync
from syncline.trees import AlreadyThere, Commit, Fenced, Table
from tests.support.life_world import HUMAN, Lives, lived

ONE, TWO = Turn(worker="one", cycle="c1"), Turn(worker="two", cycle="c1")


async def work(lives: Lives, turn: Turn, buckets: int = 4) -> None:
    world = lives.two.world
    sync = await meet(world, lives.two.sync)
    await run_units(world, sync, units_of(sync, buckets), turn)


async def marks(lives: Lives) -> int:
    due = [await lives.store.take_dirty("people", now_us=2**60, linked=one, limit=100) for one in (True, False)]
    return sum(len(each) for each in due)


async def met(lives: Lives) -> tuple[World, Sync, dict[str, Unit]]:
    sync = await meet(lives.two.world, lives.two.sync)
    return lives.two.world, sync, {unit.name: unit for unit in units_of(sync, 4)}


@lived
async def test_units_do_what_a_whole_run_does() -> None:
    lives = await Lives.begin()
    pairs = await lives.pairs(6)
    for number, (one, _) in enumerate(pairs):
        lives.edit("a", one, title=f"T{number}")
    await work(lives, ONE)
    await work(lives, TWO)
    assert [lives.cell("b", two, "title") for _, two in pairs] == [f"T{n}" for n in range(6)]
    runs = await lives.store.rows(Table.RUN, {"kind": "part"})
    assert set(runs["state"]) == {"succeeded"}
    assert set(runs["worker"]) == {"one", "two"}
    shares = runs.filter(pl.col("summary").str.contains('"written": 1|"written": 2'))
    assert len(shares) > 1, "the links fell into several shares"


@lived
async def test_a_unit_in_hand_is_left_alone() -> None:
    lives = await Lives.begin()
    await lives.pairs(1)
    world, sync, units = await met(lives)
    held = await begin(world, "identity:people", "one")
    assert held is not None
    assert await run_unit(world, sync, units["identity:people"], TWO) is None
    lives.two.clock.advance(LEASE_SECONDS)
    assert await run_unit(world, sync, units["identity:people"], TWO) is not None


def shares(units: dict[str, Unit]) -> list[Unit]:
    return [unit for name, unit in units.items() if name.startswith("fields:")]


class _Frozen:
    """A connector that, asked to write, sleeps so long that its worker is taken for dead; then it sends after all."""

    def __init__(self, lives: Lives, side: str, meanwhile: Any) -> None:
        self._own = lives.two.world.connectors["left" if side == "a" else "right"]
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    async def write(self, writes: list[Write], **options: Any) -> WriteAnswer:
        await self._meanwhile()
        return await self._own.write(writes, **options)


class _Beaten:
    """A store in which another worker stores a link's ends just before we do."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        if Table.LINK_END in commit.add:
            await self._store.commit(Commit(add={Table.LINK_END: commit.add[Table.LINK_END]}))
        await self._store.commit(commit)


@lived
async def test_a_zombie_stores_nothing_and_its_late_request_is_recognised() -> None:
    lives = await Lives.begin()
    [(one, two)] = await lives.pairs(1)
    lives.edit("a", one, title="new")
    world, sync, units = await met(lives)
    await run_unit(world, sync, units["observe:left:person"], ONE)

    async def meanwhile() -> None:
        lives.two.clock.advance(LEASE_SECONDS + 1.0)
        for unit in units.values():
            await run_unit(world, sync, unit, TWO)
        assert lives.cell("b", two, "title") == "", "the successor does not repeat what may still arrive"

    frozen: Any = _Frozen(lives, "b", meanwhile)
    zombie = replace(world, connectors={**world.connectors, "right": frozen})
    with pytest.raises(Fenced):
        await run_units(zombie, sync, shares(units), ONE)
    assert lives.cell("b", two, "title") == "new"
    for _ in range(3):
        lives.two.clock.advance(700.0)
        await work(lives, TWO)
    entries = await lives.store.rows(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]})
    assert entries.is_empty()
    assert lives.cell("b", two, "title") == "new"
    assert (await lives.conflicts("overwritten_in_flight")) == []
    assert await marks(lives) == 0
    lost = await lives.store.rows(Table.RUN, {"state": "failed"})
    assert len(lost) == 1
    assert "passed to another worker" in lost["summary"][0]


@lived
async def test_what_a_living_worker_has_in_flight_is_not_unknown() -> None:
    lives = await Lives.begin()
    [(one, two)] = await lives.pairs(1)
    lives.edit("a", one, title="new")
    world, sync, units = await met(lives)
    await run_unit(world, sync, units["observe:left:person"], ONE)
    seen: list[int] = []

    async def meanwhile() -> None:
        seen.append(await resolve_unknown(world, sync, "r"))
        entries = await lives.store.rows(Table.ENTRY, {"state": "sent"})
        assert len(entries) == 1, "left as it was"
        lives.two.clock.advance(LEASE_SECONDS)
        seen.append(await resolve_unknown(world, sync, "r"))

    slow: Any = _Frozen(lives, "b", meanwhile)
    watched = replace(world, connectors={**world.connectors, "right": slow})
    await run_units(watched, sync, shares(units), ONE)
    assert seen == [0, 1], "after its lease it is anybody's to resolve"
    assert lives.cell("b", two, "title") == "new"


@lived
async def test_nobody_sends_once_the_lease_has_passed_on() -> None:
    lives = await Lives.begin()
    [(one, two)] = await lives.pairs(1)
    lives.edit("a", one, title="new")
    world, _, _ = await met(lives)
    own = await begin(world, "fields:people:0", "one")
    assert own is not None
    lives.two.clock.advance(LEASE_SECONDS + 1.0)
    await own.before_sending()  # nobody took it: still ours
    lives.two.clock.advance(LEASE_SECONDS + 1.0)
    assert await begin(world, "fields:people:0", "two") is not None
    with pytest.raises(Fenced):
        await own.before_sending()
    with pytest.raises(Fenced):
        await own.store.commit(Commit(put={Table.META: pl.DataFrame({"name": ["x"], "value": ["y"]})}))
    assert (await lives.store.rows(Table.META, {"name": "x"})).is_empty()
    assert lives.cell("b", two, "title") == ""


@lived
async def test_the_shares_of_a_cycle_have_one_ceiling_together() -> None:
    lives = await Lives.begin(ceilings={"blank": Ceiling(share=0.0, plus=2)})
    pairs = await lives.pairs(6, title="x")
    for one, _ in pairs:
        lives.edit("a", one, title="")
    await work(lives, ONE, buckets=6)
    emptied = [two for _, two in pairs if lives.cell("b", two, "title") == ""]
    assert len(emptied) == 2
    assert len(await lives.holds("ceiling")) == 4
    await work(lives, replace(ONE, cycle="c2"), buckets=6)
    assert len([two for _, two in pairs if lives.cell("b", two, "title") == ""]) == 4, "another cycle, another ceiling"


@lived
async def test_who_met_older_terms_leaves_the_marks_of_newer_ones() -> None:
    lives = await Lives.begin()
    [(one, two)] = await lives.pairs(1)
    hidden = lives.two.world.connectors["left"].hidden  # type: ignore[attr-defined]
    hidden.add("title")
    world, sync, units = await met(lives)
    late = replace(world, schemas=dict(world.schemas), terms={})
    hidden.clear()
    lives.edit("a", one, title="seen again")
    world, new_sync, _ = await met(lives)
    await run_units(world, new_sync, [units["observe:left:person"], units["identity:people"]], TWO)
    marked = await marks(lives)
    await run_units(late, sync, shares(units), ONE)
    assert marked == await marks(lives) == 1, "whoever does not see the field cannot have looked at it"
    await run_units(world, new_sync, shares(units), TWO)
    assert lives.cell("b", two, "title") == "seen again"
    assert await marks(lives) == 0


@lived
async def test_a_unit_that_another_worker_beat_ends_and_its_lease_is_free() -> None:
    lives = await Lives.begin()
    lives.system("a").create("person", {"email": "p1@x.test", "first": "F", "last": "L"}, HUMAN)
    world, sync, units = await met(lives)
    await run_unit(world, sync, units["observe:left:person"], ONE)
    beaten: Any = _Beaten(world.store)
    with pytest.raises(AlreadyThere, match="SYN-410"):
        await run_unit(replace(world, store=beaten), sync, units["identity:people"], ONE)
    runs = await lives.store.rows(Table.RUN, {"kind": "part"})
    assert sorted(runs["state"]) == ["failed", "succeeded"], "none stays open"
    assert await begin(world, "identity:people", "two") is not None
