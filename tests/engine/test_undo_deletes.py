"""Undo of deletes: what we deleted is there again, out of the bin or made anew, under the same link, and stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory import Fault, FaultyConnector, MemoryConnector, purge, undelete
from syncline.connectors.memory.connector import RICH
from syncline.engine.actions.deletion import DeletePerson, delete_person
from syncline.engine.inbox import approve
from syncline.engine.undo import Undone, undo
from syncline.engine.undo_plan import plan_undo
from syncline.engine.undo_scope import Window
from syncline.records import Operation
from syncline.spec.model import Ceiling, OnDelete
from syncline.trees import Commit, Table
from tests.engine.test_undo import cycle, edited, linked, lived
from tests.support.memory_actions import acting_systems, employ
from tests.support.memory_world import TwoSystems

BINLESS = replace(RICH, operations=RICH.operations - {Operation.UNDELETE})
FOLLOWS = {"on_delete": {"a": OnDelete.DELETE, "b": OnDelete.UNLINK}}


def without_bin(world: TwoSystems) -> None:
    """The right system is one that shows nothing of what it deleted."""
    connector = MemoryConnector(world.right, capabilities=BINLESS)
    connector.shows_deleted = False
    world.world.connectors = {**world.world.connectors, "right": connector}


async def deleted(world: TwoSystems, person: str, *, is_settled: bool = True) -> str:
    """The run that deleted the counterpart of a person who was deleted on the left; its id. Not *is_settled*: nobody
    has looked since."""
    world.left.delete(person, "human she")
    report = await cycle(world)
    if is_settled:
        await cycle(world)
    (twin,) = world.right.rows.values()
    assert twin.now.is_deleted
    return report.run_id


async def undone(world: TwoSystems, what: str | Window) -> Undone:
    done = await undo(world.world, world.sync, what)
    world.clock.advance(120)
    return done


def living(world: TwoSystems) -> list[str]:
    return [row.record_id for row in world.right.rows.values() if not row.now.is_deleted]


async def link_of(world: TwoSystems) -> tuple[int, str]:
    (link,) = (await world.world.store.rows(Table.LINK)).iter_rows(named=True)
    return link["link_id"], link["state"]


async def assert_one_person_again(world: TwoSystems, person: str) -> None:
    """Live on both sides once the left one is there too; edits flow both ways; nothing else is written."""
    if world.left.rows[person].now.is_deleted:
        undelete(world.left, person, "human she")
    for _ in range(3):
        await cycle(world)
    (twin,) = living(world)
    assert (await link_of(world))[1] == "live"
    await at_rest_of(world)
    world.left.update(person, {"title": "T9"}, "human she")
    await cycle(world)
    await cycle(world)
    world.right.update(twin, {"phone": "P9"}, "human he")
    await cycle(world)
    await cycle(world)
    assert world.right.rows[twin].now.cells["title"] == "T9"
    assert world.left.rows[person].now.cells["phone"] == "P9"
    assert living(world) == [twin]


async def at_rest_of(world: TwoSystems) -> None:
    before = [len(row.versions) for system in (world.left, world.right) for row in system.rows.values()]
    for _ in range(2):
        report = await cycle(world)
        assert report.is_green
        assert report.actions.is_empty(), report.actions
    assert before == [len(row.versions) for system in (world.left, world.right) for row in system.rows.values()]


@pytest.mark.parametrize("is_settled", [True, False])
def test_it_is_taken_out_of_the_bin_and_is_not_deleted_again(is_settled: bool) -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        link_id, _ = await link_of(world)
        done = await undone(world, await deleted(world, person, is_settled=is_settled))
        assert (done.brought_back(), done.is_whole, living(world)) == (1, True, [twin])
        await at_rest_of(world)
        assert living(world) == [twin]
        assert (await link_of(world)) == (link_id, "tombstone"), "its other record is still deleted"
        await assert_one_person_again(world, person)
        assert (await link_of(world)) == (link_id, "live")

    lived(history, **FOLLOWS)


def test_the_link_lives_at_once_where_the_other_record_is_back_already() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        run = await deleted(world, person)
        undelete(world.left, person, "human she")
        for _ in range(2):
            await cycle(world)
        assert living(world) == []
        done = await undone(world, run)
        assert done.is_whole
        assert (await link_of(world))[1] == "live"
        await assert_one_person_again(world, person)

    lived(history, **FOLLOWS)


@pytest.mark.parametrize("is_back", [True, False])
def test_where_nothing_is_undeleted_it_is_made_anew_with_what_it_held(is_back: bool) -> None:
    async def history(world: TwoSystems) -> None:
        without_bin(world)
        person, twin = await linked(world)
        world.right.update(twin, {"status": "not mapped"}, "human he")
        link_id, _ = await link_of(world)
        run = await deleted(world, person)
        if is_back:
            undelete(world.left, person, "human she")
            await cycle(world)
        done = await undone(world, run)
        (new,) = living(world)
        assert new != twin
        cells = world.right.rows[new].now.cells
        assert [cells[name] for name in ("email", "first", "last", "title", "phone")] == [
            "ada@x.org", "Ada", "Byron", "T0", "P0",
        ]  # fmt: skip
        assert cells["key"].endswith("~2"), "the key of the one that ended may still stand on it"
        assert (done.brought_back(), done.is_whole) == (1, True)
        for _ in range(3):
            await cycle(world)
        assert living(world) == [new]
        assert (await link_of(world)) == (link_id, "live" if is_back else "tombstone")
        ends = await world.world.store.rows(Table.LINK_END, {"side": "b"})
        assert sorted(ends.select("record_id", "role").rows()) == sorted([(twin, "alias"), (new, "current")])
        await assert_one_person_again(world, person)

    lived(history, **FOLLOWS)


def test_a_delete_that_was_never_told_to_us_is_undone_as_well() -> None:
    """At once after the command, on a system that shows nothing of what it deleted."""

    async def live() -> None:
        world = await acting_systems()
        employ(world.left)
        without_bin(world)
        person, twin = await linked(world)
        link_id, _ = await link_of(world)
        gone = await delete_person(world.world, world.sync, DeletePerson(person=twin, confirmed=True))
        assert (await link_of(world)) == (link_id, "live")
        done = await undone(world, gone.result.run_id)
        assert (done.is_whole, len(living(world))) == (True, 1)
        await assert_one_person_again(world, person)
        assert (await link_of(world)) == (link_id, "live")

    asyncio.run(live())


def test_what_was_purged_from_the_bin_is_made_anew() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await deleted(world, person)
        purge(world.right, twin)
        done = await undone(world, run)
        assert [one.how for one in done.plan.revivals] == ["create"]
        assert len(living(world)) == 1
        await assert_one_person_again(world, person)

    lived(history, **FOLLOWS)


def test_a_window_gives_the_new_record_what_stood_before_it() -> None:
    async def history(world: TwoSystems) -> None:
        without_bin(world)
        person, _ = await linked(world)
        since_us = world.world.now_us()
        await edited(world, person, title="T1")
        await deleted(world, person)
        done = await undone(world, Window(since_us=since_us, until_us=world.world.now_us()))
        (new,) = living(world)
        assert world.right.rows[new].now.cells["title"] == "T0"
        assert done.is_whole
        again = await plan_undo(world.world, world.sync, Window(since_us=since_us, until_us=world.world.now_us()))
        assert not again.does_something, "the same command once more"

    lived(history, **FOLLOWS)


def test_who_is_back_already_or_is_nobody_of_ours_is_left() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await deleted(world, person)
        undelete(world.right, twin, "human he")
        before = len(world.right.rows[twin].versions)
        plan = await plan_undo(world.world, world.sync, run)
        assert (plan.does_something, plan.lasting) == (False, ())
        await undone(world, run)
        assert len(world.right.rows[twin].versions) == before

    lived(history, **FOLLOWS)


def test_what_was_created_and_deleted_in_the_window_stays_away() -> None:
    async def history(world: TwoSystems) -> None:
        since_us = world.world.now_us()
        person, _ = await linked(world)
        await deleted(world, person)
        done = await undone(world, Window(since_us=since_us, until_us=world.world.now_us()))
        assert (done.plan.revivals, living(world)) == ((), [])

    lived(history, **FOLLOWS)


def test_a_ceiling_holds_what_comes_back_until_it_is_approved() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await deleted(world, person)
        world.sync = replace(world.sync, ceilings={"create": Ceiling(share=0, plus=0)})
        world.world.syncs = {world.sync.name: world.sync}
        held = await undone(world, run)
        assert ([one.kind for one in held.held], living(world)) == (["create"], [])
        assert await approve(world.world.store, world.sync.name, held.held[0].digest) == 1
        done = await undone(world, run)
        assert (done.is_whole, living(world)) == (True, [twin])

    lived(history, **FOLLOWS)


@pytest.mark.parametrize(
    ("fault", "has_bin"),
    [
        (Fault.LOST_REPLY, True),
        (Fault.LOST_REPLY, False),
        (Fault.LOST_REQUEST, False),
        pytest.param(Fault.LOST_REQUEST, True, marks=pytest.mark.slow),
        pytest.param(Fault.LATER, True, marks=pytest.mark.slow),
        pytest.param(Fault.LATER, False, marks=pytest.mark.slow),
    ],
)
def test_a_lost_answer_is_read_back_and_the_same_command_finishes_it(fault: Fault, has_bin: bool) -> None:
    async def history(world: TwoSystems) -> None:
        if not has_bin:
            without_bin(world)
        faulty = FaultyConnector(world.right)
        connector = world.world.connectors["right"]
        person, _ = await linked(world)
        run = await deleted(world, person)
        honest = connector.write
        faulty.next_writes = [fault]
        connector.write = _through(faulty, connector)  # type: ignore[assignment, method-assign]
        done = await undone(world, run)
        assert done.brought_back() == 0
        connector.write = honest  # type: ignore[method-assign]
        for _ in range(4):
            await cycle(world, 120)
        if not living(world):
            assert (await undone(world, run)).brought_back() == 1
        assert len(living(world)) == 1
        assert not (await plan_undo(world.world, world.sync, run)).does_something
        await assert_one_person_again(world, person)

    lived(history, **FOLLOWS)


def _through(faulty: FaultyConnector, connector: Any) -> Callable[..., Awaitable[Any]]:
    faulty.capabilities = connector.capabilities  # type: ignore[method-assign]
    return faulty.write


class Died(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    ("has_bin", "step"),
    [(False, 10), pytest.param(True, 1, marks=pytest.mark.slow), pytest.param(False, 1, marks=pytest.mark.slow)],
)
def test_a_crash_at_any_effect_is_continued_by_the_same_command_and_nothing_comes_twice(
    has_bin: bool, step: int
) -> None:
    """Every commit and every write of the undo (or each *step*-th), before it and after it; the last round meets none
    and counts them."""
    met: list[int] = []

    def history_of(at: int) -> Callable[[TwoSystems], Any]:
        async def history(world: TwoSystems) -> None:
            if not has_bin:
                without_bin(world)
            person, _ = await linked(world)
            run = await deleted(world, person)
            connector, store = world.world.connectors["right"], world.world.store
            effects = _dying(world, at)
            try:
                await undo(world.world, world.sync, run)
            except Died:
                pass
            else:
                met.append(effects())
            for system in (connector, store):
                for name in ("write", "commit"):
                    system.__dict__.pop(name, None)
            world.clock.advance(600)
            for _ in range(3):
                done = await undone(world, run)
                world.clock.advance(600)
            assert not done.plan.does_something
            assert len(living(world)) == 1
            await assert_one_person_again(world, person)

        return history

    at = 0
    while not met:
        lived(history_of(at), **FOLLOWS)
        at += step
    assert at > met[0] >= 12
    assert step > 1 or at - 1 == met[0]


def _dying(world: TwoSystems, at: int) -> Callable[[], int]:
    connector, store = world.world.connectors["right"], world.world.store
    count = 0

    def hit() -> None:
        nonlocal count
        if count == at:
            raise Died
        count += 1

    write, commit = connector.write, store.commit

    async def writing(*given: Any, **more: Any) -> Any:
        hit()
        answer = await write(*given, **more)
        hit()
        return answer

    async def committing(change: Commit) -> None:
        if change.is_empty():
            return
        hit()
        await commit(change)
        hit()

    connector.write = writing  # type: ignore[method-assign]
    store.commit = committing  # type: ignore[assignment, method-assign]
    return lambda: count
