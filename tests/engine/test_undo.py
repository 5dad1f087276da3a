"""Undo: what we wrote is put back where nobody touched it since, stays put back, and the next edit flows as ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import Fault, FaultyConnector, MemoryConnector
from syncline.connectors.memory.connector import RICH
from syncline.engine.actions.ownership import ChangeOwner, change_owner
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.inbox import approve
from syncline.engine.undo import Undone, undo
from syncline.engine.undo_plan import plan_undo
from syncline.engine.verify import verify
from syncline.errors import ConfigError
from syncline.spec.model import Ceiling
from syncline.trees import Commit, Table
from tests.support.memory_actions import acting_systems, employ
from tests.support.memory_world import TwoSystems, field_map, people, two_systems

ADA = {"email": "ada@x.org", "first": "Ada", "last": "Byron", "title": "T0", "phone": "P0"}
History = Callable[[TwoSystems], Coroutine[Any, Any, None]]


def lived(history: History, **changes: object) -> None:
    async def live() -> None:
        await history(await two_systems(people(**changes)))

    asyncio.run(live())


async def cycle(world: TwoSystems, seconds: float = 120) -> RunReport:
    report = await run_cycle(world.world, world.sync)
    world.clock.advance(seconds)
    return report


async def linked(world: TwoSystems) -> tuple[str, str]:
    person = world.left.create("person", ADA, "human she")
    for _ in range(4):
        await cycle(world)
    (twin,) = world.right.rows
    return person, twin


async def edited(world: TwoSystems, person: str, **cells: str) -> str:
    """The run that carried an edit of the left record over; its id."""
    world.left.update(person, cells, "human she")
    report = await cycle(world)
    assert report.records_written == 2
    await cycle(world)
    return report.run_id


async def undone(world: TwoSystems, text: str) -> Undone:
    done = await undo(world.world, world.sync, text)
    world.clock.advance(120)
    return done


def now(world: TwoSystems, name: str = "title") -> tuple[str, str]:
    (left,) = (row for row in world.left.rows.values() if row.object_type == "person")
    (right,) = world.right.rows.values()
    return left.now.cells[name], right.now.cells[name]


async def at_rest(world: TwoSystems) -> None:
    """Two more runs write nothing, and verify says why the sides differ."""
    before = [len(row.versions) for system in (world.left, world.right) for row in system.rows.values()]
    for _ in range(2):
        report = await cycle(world)
        assert report.is_green
        assert report.actions.is_empty(), report.actions
    after = [len(row.versions) for system in (world.left, world.right) for row in system.rows.values()]
    assert before == after
    proof = await verify(world.world, world.sync)
    assert proof.is_converged, proof.different


@pytest.mark.parametrize("by_run", [True, False])
def test_what_a_run_wrote_is_put_back_and_stays(by_run: bool) -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await edited(world, person, title="T1", phone="")
        assert now(world) == ("T1", "T1")
        done = await undone(world, run if by_run else twin)
        assert (done.plan.runs, done.put_back()) == ((run,), 2)
        assert (now(world), now(world, "phone")) == (("T1", "T0"), ("", "P0"))
        await at_rest(world)
        world.left.update(person, {"title": "T2"}, "human she")
        await cycle(world)
        assert now(world) == ("T2", "T2"), "the next edit did not flow"
        await at_rest(world)

    lived(history)


def test_the_next_edit_of_the_restored_side_flows_too() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        await undone(world, await edited(world, person, title="T1"))
        world.right.update(twin, {"title": "T3"}, "human he")
        await cycle(world)
        assert now(world) == ("T3", "T3")

    lived(history)


def test_what_was_written_to_the_other_side_is_put_back_as_well() -> None:
    async def history(world: TwoSystems) -> None:
        _person, twin = await linked(world)
        world.right.update(twin, {"title": "T1"}, "human he")
        report = await cycle(world)
        await cycle(world)
        assert now(world) == ("T1", "T1")
        assert (await undone(world, report.run_id)).put_back() == 1
        assert now(world) == ("T0", "T1")
        await at_rest(world)

    lived(history)


def test_an_undo_can_be_undone() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        first = await undone(world, await edited(world, person, title="T1"))
        assert now(world) == ("T1", "T0")
        again = await undone(world, person)
        assert again.plan.runs == (first.run_id,)
        assert now(world) == ("T1", "T1")
        await at_rest(world)
        marks = await world.world.store.rows(Table.MARK, {"kind": "apart"})
        assert marks.is_empty(), "the two are one again, and still called apart"

    lived(history)


def test_a_field_changed_since_is_left_and_listed() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await edited(world, person, title="T1", phone="P1")
        world.right.update(twin, {"title": "hers"}, "human he")
        done = await undone(world, run)
        assert done.put_back() == 1
        assert done.plan.stays.select("field", "now", "reason").rows() == [("title", "hers", "it was changed since")]
        assert now(world)[1] == "hers"
        assert now(world, "phone") == ("P1", "P0")

    lived(history)


def test_a_later_write_of_ours_is_a_change_too() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        first = await edited(world, person, title="T1")
        await edited(world, person, title="T2")
        done = await undone(world, first)
        assert (done.put_back(), now(world)) == (0, ("T2", "T2"))
        assert done.plan.stays["reason"].to_list() == ["it was changed since"]

    lived(history)


def test_an_edit_about_to_flow_is_not_swallowed() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        run = await edited(world, person, title="T1")
        world.left.update(person, {"title": "T2"}, "human she")
        done = await undone(world, run)
        assert done.put_back() == 0
        assert "about to flow" in done.plan.stays["reason"][0]
        await cycle(world)
        assert now(world) == ("T2", "T2")

    lived(history)


def test_an_opt_out_is_never_lifted_by_an_undo() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        run = await edited(world, person, opt_out="true")
        done = await undone(world, run)
        assert (done.put_back(), now(world, "opt_out")) == (0, ("true", "true"))
        assert done.plan.stays["reason"].to_list() == ["an undo never lifts an opt-out"]

    lived(history)


def test_what_no_value_undoes_is_said() -> None:
    async def live() -> None:
        world = await acting_systems()
        staff = employ(world.left)
        lead = world.left.create("person", {**ADA, "owner": staff["Hall"]}, "human she")
        first = await cycle(world)
        made = await plan_undo(world.world, world.sync, first.run_id)
        assert [(one.what, one.side) for one in made.lasting] == [("create", "b")]
        assert made.actions.is_empty()
        for _ in range(3):
            await cycle(world)
        given = await change_owner(world.world, world.sync, ChangeOwner(person=lead, owner="Ann Seller"))
        plan = await plan_undo(world.world, world.sync, given.run_id)
        assert ([one.what for one in plan.lasting], len(plan.actions)) == (["update"], 0)

    asyncio.run(live())


def test_a_ceiling_holds_an_undo_until_it_is_approved() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        for title in ("", "T1"):
            run = await edited(world, person, title=title)
        world.sync = replace(world.sync, ceilings={"blank": Ceiling(share=0, plus=0)})
        world.world.syncs = {world.sync.name: world.sync}
        held = await undone(world, run)
        assert ([one.kind for one in held.held], held.put_back()) == (["blank"], 0)
        assert now(world) == ("T1", "T1")
        assert await approve(world.world.store, world.sync.name, held.held[0].digest) == 1
        done = await undone(world, run)
        assert (done.held, done.put_back(), now(world)) == ([], 1, ("T1", ""))
        await at_rest(world)

    lived(history)


def test_another_plan_than_the_one_shown_is_not_done() -> None:
    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await edited(world, person, title="T1", phone="P1")
        shown = await plan_undo(world.world, world.sync, run)
        assert now(world) == ("T1", "T1"), "showing wrote"
        world.right.update(twin, {"phone": "hers"}, "human he")
        done = await undo(world.world, world.sync, run, shown=shown.digest)
        assert done.is_other
        assert now(world) == ("T1", "T1")
        again = await undo(world.world, world.sync, run, shown=done.plan.digest)
        assert again.put_back() == 1

    lived(history)


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.LOST_REQUEST, Fault.LATER])
def test_a_lost_undo_ends_put_back_or_as_it_was(fault: Fault) -> None:
    async def history(world: TwoSystems) -> None:
        faulty = FaultyConnector(world.right)
        world.world.connectors = {**world.world.connectors, "right": faulty}
        person, _ = await linked(world)
        run = await edited(world, person, title="T1")
        faulty.next_writes = [fault]
        done = await undone(world, run)
        assert done.put_back() == 0
        for _ in range(6):
            await cycle(world, 120)
        assert now(world) == ("T1", "T0" if fault is Fault.LOST_REPLY else "T1")
        await at_rest(world)
        world.left.update(person, {"title": "T2"}, "human she")
        await cycle(world)
        assert now(world) == ("T2", "T2")

    lived(history)


class Died(BaseException):
    """The process ends here."""


def test_an_undo_asked_for_again_while_the_first_has_no_answer_leaves_it_apart() -> None:
    async def history(world: TwoSystems) -> None:
        far = FaultyConnector(world.right)
        world.world.connectors = {**world.world.connectors, "right": far}
        person, _ = await linked(world)
        run_id = await edited(world, person, title="T1")
        far.late_update_seconds, far.next_writes = 100.0, [Fault.LATE_WRITE]
        await undo(world.world, world.sync, run_id)
        world.clock.advance(10)
        await undo(world.world, world.sync, run_id)
        for _ in range(6):
            world.clock.advance(120)
            await cycle(world)
        assert now(world) == ("T1", "T0")
        assert (await world.world.store.rows(Table.MARK, {"kind": "apart"}))["mapping"].to_list() == ["title"]
        assert (await verify(world.world, world.sync)).is_converged

    lived(history)


@pytest.mark.parametrize("after_sending", [True, False])
def test_a_crash_between_sending_and_storing_is_settled_by_reading(after_sending: bool) -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        run = await edited(world, person, title="T1")
        connector = world.world.connectors["right"]
        honest = connector.write

        async def dies(*given: Any, **more: Any) -> Any:
            if after_sending:
                await honest(*given, **more)
            raise Died

        connector.write = dies  # type: ignore[method-assign]
        with pytest.raises(Died):
            await undo(world.world, world.sync, run)
        connector.write = honest  # type: ignore[method-assign]
        world.clock.advance(120)
        for _ in range(4):
            await cycle(world, 120)
        assert now(world) == ("T1", "T0" if after_sending else "T1")
        await at_rest(world)

    lived(history)


def test_what_the_system_refuses_is_told_and_buried_nowhere() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        run = await edited(world, person, title="T1", phone="P1")
        shape = world.right.schemas["human"]
        tight = replace(shape.fields["title"], length=1)
        connector = world.world.connectors["right"]
        described = connector.describe
        world.right.schemas["human"] = replace(shape, fields={**shape.fields, "title": tight})

        async def older(object_type: str) -> Any:
            return replace(await described(object_type), fields=shape.fields)

        connector.describe = older  # type: ignore[method-assign]
        done = await undone(world, run)
        assert now(world) == ("T1", "T1")
        assert now(world, "phone") == ("P1", "P0")
        assert (done.refused["mapping"].to_list(), done.put_back()) == (["title"], 1)
        letters = await world.world.store.rows(Table.DEAD_LETTER, {"state": "dead"})
        assert letters.is_empty()
        await at_rest(world)

    lived(history)


def test_a_journal_that_is_no_longer_kept_is_said() -> None:
    async def history(world: TwoSystems) -> None:
        person, _ = await linked(world)
        run = await edited(world, person, title="T1")
        batches = await world.world.store.rows(Table.JOURNAL, {"run_id": run})
        await world.world.store.commit(Commit(drop={Table.JOURNAL: batches.select("batch_id")}))
        plan = await plan_undo(world.world, world.sync, run)
        assert plan.is_forgotten
        assert plan.actions.is_empty()

    lived(history)


def test_a_name_nobody_wrote_to_is_an_error() -> None:
    async def history(world: TwoSystems) -> None:
        await linked(world)
        with pytest.raises(ConfigError, match="SYN-190"):
            await plan_undo(world.world, world.sync, "nobody@x.org")

    lived(history)


def test_an_atomic_group_is_put_back_as_one() -> None:
    base = people()
    fields = tuple(replace(m, group="desk", is_atomic=True) if m.key in ("title", "phone") else m for m in base.fields)

    async def history(world: TwoSystems) -> None:
        person, twin = await linked(world)
        run = await edited(world, person, title="T1", phone="P1")
        world.right.update(twin, {"title": "hers"}, "human he")
        done = await undone(world, run)
        assert done.put_back() == 0
        reasons = dict(done.plan.stays.select("field", "reason").iter_rows())
        assert reasons == {"title": "it was changed since", "phone": "a field that goes with it stays as it is"}
        assert now(world, "phone") == ("P1", "P1")

    lived(history, fields=fields)


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_value_that_several_records_share_is_left(is_shared: bool) -> None:
    async def history(world: TwoSystems) -> None:
        able = replace(RICH, shared_fields={"title": "status"})
        world.world.connectors = {**world.world.connectors, "right": MemoryConnector(world.right, capabilities=able)}
        person, twin = await linked(world)
        run = await edited(world, person, title="T1")
        world.right.update(twin, {"status": "Acme"}, "human he")
        if is_shared:
            world.right.create("human", {**ADA, "email": "bea@x.org", "status": "Acme"}, "human he")
        await cycle(world)
        done = await undone(world, run)
        assert done.put_back() == (0 if is_shared else 1)
        assert done.plan.stays["reason"].to_list() == (
            ["the system keeps one value for several records"] if is_shared else []
        )

    lived(history, fields=(*people().fields, field_map("status")))


def test_a_whole_run_of_many_is_put_back() -> None:
    async def history(world: TwoSystems) -> None:
        for at in range(300):
            world.left.create("person", {**ADA, "email": f"p{at}@x.org", "first": f"P{at}"}, "human she")
        for _ in range(4):
            await cycle(world)
        for record_id in list(world.left.rows):
            world.left.update(record_id, {"title": "T1"}, "human she")
        report = await cycle(world)
        await cycle(world)
        done = await undone(world, report.run_id)
        assert done.put_back() == 300
        assert {row.now.cells["title"] for row in world.right.rows.values()} == {"T0"}
        await at_rest(world)
        assert isinstance(done.plan.actions, pl.DataFrame)

    lived(history)
