"""Ways in which an edit once got lost, undone or forgotten; each history is the shortest that showed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import FaultyConnector, MemoryConnector, MemorySystem
from syncline.connectors.memory.connector import RICH
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.inbox import SHORTEST_DIGEST, approve
from syncline.engine.intake import LOOK_AGAIN_SECONDS
from syncline.engine.observe import LOOK_LATER_SECONDS
from syncline.engine.push import push
from syncline.records import AS_OF, Outcome, Page, Status, Write
from syncline.spec.model import Ceiling, Creates, End, FieldMap, MatchRule, Policy, SideSpec, Sync
from syncline.trees import Table
from syncline.values import FieldType
from tests.support.memory_world import TwoSystems, people, schema, two_systems

ANN = {"email": "a@x.org", "first": "Ann", "last": "Lee", "title": "T0", "phone": "P0"}


async def cycles(world: TwoSystems, seconds: float, *, times: int = 1) -> RunReport:
    """Runs, each followed by so much time; the last one's report."""
    for _ in range(times):
        report = await run_cycle(world.world, world.sync)
        world.clock.advance(seconds)
    return report


async def linked(world: TwoSystems) -> tuple[str, str]:
    """Ann on both sides, linked and at rest; her ids."""
    person = world.left.create("person", ANN, "she")
    await cycles(world, 120, times=4)
    (twin,) = world.right.rows
    return person, twin


def titles(world: TwoSystems) -> tuple[set[str], set[str]]:
    left, right = ({row.now.cells["title"] for row in system.rows.values()} for system in (world.left, world.right))
    return left, right


@pytest.mark.parametrize("knows_who", [True, False])
def test_a_replica_older_than_two_writes_undoes_neither_of_the_edits(knows_who: bool) -> None:
    async def live() -> None:
        world = await two_systems()
        able = replace(
            RICH,
            visibility_lag_seconds=30.0,
            has_compare_and_set=False,
            has_field_history=knows_who,
            has_actor=knows_who,
        )
        replica = FaultyConnector(world.right, capabilities=able)
        world.world.connectors = {**world.world.connectors, "right": replica}
        person, _ = await linked(world)
        replica.lag_seconds = 25.0
        for title in ("T1", "T2"):
            world.left.update(person, {"title": title}, "she")
            await cycles(world, 3)
        await cycles(world, 5, times=12)
        assert titles(world) == ({"T2"}, {"T2"})
        assert {change.actor for change in world.left.rows[person].changes} == {"she"}, "nothing flowed back"

    asyncio.run(live())


def onward() -> Sync:
    """From the right system on to a third one."""
    fields = {"email": "email", "first_name": "first", "last_name": "last", "title": "title"}
    return people(
        name="onward",
        a=SideSpec(
            connection="right",
            object_types=("human",),
            key_fields={"human": "status"},
            creates=Creates.MATCHED_FIRST,
        ),
        b=SideSpec(connection="third", object_types=("human",), key_fields={"human": "key"}),
        fields=tuple(
            FieldMap(
                key=key,
                a={"human": End(inputs=(name,), field=name)},
                b={"human": End(inputs=(name,), field=name)},
            )
            for key, name in fields.items()
        ),
        match_rules=(MatchRule(name="our key", by_key=True),),
    )


@pytest.mark.parametrize("confirms", [True, False])
def test_what_one_sync_wrote_the_next_sync_carries_on(confirms: bool) -> None:
    async def live() -> None:
        world, second = await two_systems(), onward()
        third = MemorySystem("T", {"human": schema("human")}, world.clock)
        world.world.connectors = {**world.world.connectors, "third": MemoryConnector(third)}
        world.world.syncs = {**world.world.syncs, second.name: second}
        world.world.connectors["right"].confirms = confirms  # type: ignore[attr-defined]
        person = world.left.create("person", ANN, "she")
        for title in ("T0", "T1"):
            world.left.update(person, {"title": title}, "she")
            for _ in range(3):
                await cycles(world, 60)
                await run_cycle(world.world, second)
                world.clock.advance(60)
        assert [row.now.cells["title"] for row in third.rows.values()] == ["T1"]

    asyncio.run(live())


def respecified(world: TwoSystems, sync: Sync) -> None:
    world.sync = sync
    world.world.syncs = {sync.name: sync}


def test_an_edit_made_while_the_other_side_was_hidden_flows_once_it_is_visible() -> None:
    async def live() -> None:
        world = await two_systems()
        person, _ = await linked(world)
        hidden = world.world.connectors["right"].hidden  # type: ignore[attr-defined]
        hidden.add("title")
        world.left.update(person, {"title": "T1"}, "she")
        await cycles(world, 60, times=2)
        assert titles(world) == ({"T1"}, {"T0"})
        hidden.clear()
        await cycles(world, 60)
        assert titles(world) == ({"T1"}, {"T1"})

    asyncio.run(live())


def test_an_edit_read_while_its_field_was_hidden_between_two_looks_at_the_rights_is_read_later() -> None:
    """The right goes away after we asked what we may read and is back before we ask again."""

    async def live() -> None:
        world = await two_systems()
        _, twin = await linked(world)
        connector: Any = world.world.connectors["right"]
        connector._overlap = 0  # a change is told once
        passing = connector.read_changes

        async def read_changes(*asked: Any) -> AsyncIterator[Page]:
            connector.read_changes = passing
            connector.hidden.add("title")
            async for page in passing(*asked):
                yield page
            connector.hidden.clear()

        connector.read_changes = read_changes
        world.right.update(twin, {"title": "T1"}, "she")
        await cycles(world, 60)
        assert titles(world) == ({"T0"}, {"T1"})
        await cycles(world, LOOK_LATER_SECONDS, times=2)
        assert titles(world) == ({"T1"}, {"T1"})

    asyncio.run(live())


def test_a_blocked_edit_flows_once_the_right_is_granted() -> None:
    async def live() -> None:
        world = await two_systems()
        person, _ = await linked(world)
        granted = world.right.schemas["human"]
        locked = replace(granted.fields["title"], is_updateable=False)
        world.right.schemas["human"] = replace(granted, fields={**granted.fields, "title": locked})
        world.left.update(person, {"title": "T1"}, "she")
        await cycles(world, 60, times=2)
        assert titles(world) == ({"T1"}, {"T0"})
        world.right.schemas["human"] = granted
        await cycles(world, 60)
        assert titles(world) == ({"T1"}, {"T1"})

    asyncio.run(live())


class NotOut:
    """Evaluates the one predicate of these histories."""

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        return cells["status"] != "out"

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        raise NotImplementedError(expression)


def test_a_wider_filter_and_another_policy_concern_the_records_that_are_there() -> None:
    async def live() -> None:
        wide = people(first_link=Policy.A)
        narrow = replace(
            wide,
            first_link=Policy.HOLD,
            a=replace(wide.a, filters={"person": "status <> 'out'"}),
            filter_fields={"a": {"person": ("status",)}},
        )
        world = await two_systems(narrow)
        world.world.evaluate = NotOut()
        world.left.create("person", ANN, "she")
        world.left.create("person", {**ANN, "email": "b@x.org", "first": "Bo", "last": "Ek", "status": "out"}, "she")
        world.right.create("human", {**ANN, "title": "T9"}, "he")
        await cycles(world, 60, times=2)
        assert [row.now.cells["title"] for row in world.right.rows.values()] == ["T9"]
        respecified(world, wide)
        await cycles(world, 60)
        assert [row.now.cells["title"] for row in world.right.rows.values()] == ["T0", "T0"]
        calm = await cycles(world, 60, times=2)
        assert calm.is_green
        assert calm.classes.is_empty(), "a change of terms is looked at once"

    asyncio.run(live())


def test_a_push_after_the_list_of_mappings_changed_reads_the_bases_by_their_names() -> None:
    async def live() -> None:
        sync = people()
        sync = replace(sync, fields=tuple(replace(m, policies={"*": Policy.A}) for m in sync.fields))
        world = await two_systems(sync)
        _, twin = await linked(world)
        respecified(world, replace(sync, fields=(*sync.fields[1:], sync.fields[0])))
        world.right.update(twin, {"title": "T1"}, "he")
        await push(world.world, world.sync, ANN["email"])
        assert titles(world) == ({"T1"}, {"T1"})

    asyncio.run(live())


def test_an_atomic_group_is_refused_as_one() -> None:
    async def live() -> None:
        sync = people()
        members = ("title", "phone")
        together = [replace(m, group="desk", is_atomic=True) if m.key in members else m for m in sync.fields]
        world = await two_systems(replace(sync, fields=tuple(together)))
        person, twin = await linked(world)
        roomy = world.right.schemas["human"]
        short = replace(roomy.fields["title"], length=5)
        world.right.schemas["human"] = replace(roomy, fields={**roomy.fields, "title": short})
        world.left.update(person, {"title": "far too long", "phone": "P1", "last": "Ek"}, "she")
        await cycles(world, 60, times=3)
        there = world.right.rows[twin].now.cells
        assert (there["title"], there["phone"], there["last"]) == ("T0", "P0", "Ek")
        world.left.update(person, {"title": "T1"}, "she")
        await cycles(world, 60, times=2)
        there = world.right.rows[twin].now.cells
        assert (there["title"], there["phone"]) == ("T1", "P1")

    asyncio.run(live())


def test_a_refusal_that_names_a_field_we_did_not_write_stops_the_record() -> None:
    async def live() -> None:
        world = await two_systems()
        person, _ = await linked(world)
        connector = world.world.connectors["right"]

        calls: list[Write] = []

        def refuse(write: Write) -> Outcome:
            calls.append(write)
            return Outcome(status=Status.REJECTED, record_id=write.record_id, code="RULE", fields=("Elsewhere__c",))

        connector.write_one = refuse  # type: ignore[attr-defined]
        world.left.update(person, {"title": "T1"}, "she")
        await cycles(world, 60)
        sent = len(calls)
        world.left.update(person, {"phone": "P1"}, "she")
        await cycles(world, 60)
        assert (sent, len(calls)) == (2, 4), "once, and once again without the named field"
        marks = await world.world.store.rows(Table.MARK, {"kind": "dead"})
        assert sorted(marks["mapping"]) == ["phone", "title"]

    asyncio.run(live())


def test_the_older_of_two_rows_of_one_record_says_nothing_of_our_write() -> None:
    async def live() -> None:
        world = await two_systems()
        person, _ = await linked(world)
        connector = world.world.connectors["right"]
        fields = world.world.fields_read("right", "human")
        earlier = await connector.read_by_ids("human", fields, list(world.right.rows))
        world.left.update(person, {"title": "T1"}, "she")
        await cycles(world, 5)
        changes = connector.read_changes

        async def twice(object_type: str, fields: Sequence[str], cursor: str) -> AsyncIterator[Page]:
            async for page in changes(object_type, fields, cursor):
                now = earlier.rows.with_columns(pl.lit(page.rows[AS_OF].max()).alias(AS_OF))
                yield replace(page, rows=pl.concat([now.select(page.rows.columns), page.rows]))

        connector.read_changes = twice  # type: ignore[method-assign, assignment]
        await cycles(world, 60, times=2)
        assert (await world.world.store.rows(Table.MARK, {"kind": "not_taken"})).is_empty()
        assert titles(world) == ({"T1"}, {"T1"})

    asyncio.run(live())


def test_a_record_with_nothing_to_carry_over_is_counted() -> None:
    async def live() -> None:
        sync = people()
        world = await two_systems(replace(sync, fields=sync.fields[:-1]))
        world.left.create("person", {"status": "new"}, "she")
        report = await cycles(world, 60)
        assert report.is_green
        assert report.counts("a") == {"unchanged": 1}

    asyncio.run(live())


def test_a_create_overwrites_nothing_in_flight() -> None:
    async def live() -> None:
        world = await two_systems()
        await linked(world)
        assert (await world.world.store.rows(Table.CONFLICT)).is_empty()

    asyncio.run(live())


def test_a_record_that_comes_back_into_sight_unchanged_flows_again() -> None:
    async def live() -> None:
        world = await two_systems()
        person, twin = await linked(world)
        for at in range(8):  # so that the record is long past what the change log re-reads
            world.left.create("person", {**ANN, "email": f"b{at}@x.org", "first": "Bo", "last": "Ek"}, "she")
        await cycles(world, 60, times=3)
        away = world.right.rows.pop(twin)
        world.left.update(person, {"title": "T1"}, "she")
        await cycles(world, 120, times=3)
        world.right.rows[twin] = away
        await cycles(world, LOOK_AGAIN_SECONDS, times=3)
        assert away.now.cells["title"] == "T1"

    asyncio.run(live())


def test_only_a_digest_approves() -> None:
    async def live() -> None:
        world = await two_systems(people(ceilings={"blank": Ceiling(share=0.0, plus=0)}))
        person, _ = await linked(world)
        world.left.update(person, {"title": ""}, "she")
        (held,) = (await cycles(world, 60)).held
        assert await approve(world.world.store, world.sync.name, "") == 0
        await cycles(world, 60)
        assert titles(world)[1] == {"T0"}
        assert await approve(world.world.store, world.sync.name, held.digest[:SHORTEST_DIGEST]) == 1
        await cycles(world, 60)
        assert titles(world)[1] == {""}

    asyncio.run(live())
