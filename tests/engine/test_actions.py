"""Actions on one person: what each outcome is, and that a refusal leaves both systems as they were."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncline.connectors.memory import Fault, FaultyConnector
from syncline.engine.actions.deletion import DeletePerson, delete_person
from syncline.engine.actions.ownership import ChangeOwner, change_owner
from syncline.engine.actions.pushing import Push, push_person
from syncline.engine.actions.results import Ended
from syncline.engine.actions.tasks import CreateTask, create_task
from syncline.engine.cycle import run_cycle
from syncline.errors import ConfigError
from tests.support.memory_actions import acting_systems, employ
from tests.support.memory_world import TwoSystems

ADA = {"email": "ada@x.org", "first": "Ada", "last": "Byron", "title": "T0"}


def lived(history: Callable[[TwoSystems, dict[str, str]], Coroutine[Any, Any, None]]) -> None:
    """Run a history in a fresh world with people to own things."""

    async def live() -> None:
        world = await acting_systems()
        await history(world, employ(world.left))

    asyncio.run(live())


async def linked(world: TwoSystems, object_type: str = "person", **cells: str) -> tuple[str, str]:
    """Ada on both sides, linked and at rest; her ids."""
    record = world.left.create(object_type, {**ADA, **cells}, "human she")
    for _ in range(3):
        await run_cycle(world.world, world.sync)
        world.clock.advance(120)
    (twin,) = (row.record_id for row in world.right.rows.values() if row.now.cells["email"] == "ada@x.org")
    return record, twin


def owner_of(world: TwoSystems, record_id: str) -> str:
    return world.left.rows[record_id].now.cells["owner"]


def tasks(world: TwoSystems) -> list[dict[str, str]]:
    return [dict(row.now.cells) for row in world.left.rows.values() if row.object_type == "task"]


def versions(world: TwoSystems) -> int:
    """How often anything was written anywhere."""
    return sum(len(row.versions) for system in (world.left, world.right) for row in system.rows.values())


@pytest.mark.parametrize("by", ["Ann Seller", "ann@sales.example", "user:Ann Seller", "id"])
@pytest.mark.parametrize("named", ["record", "twin", "address"])
def test_a_lead_is_given_to_a_user_whoever_names_them(by: str, named: str) -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        record, twin = await linked(world)
        person = {"record": record, "twin": twin, "address": "ADA@x.org"}[named]
        owner = staff["Ann Seller"] if by == "id" else by
        result = await change_owner(world.world, world.sync, ChangeOwner(person=person, owner=owner))
        assert (result.ended, result.record_id, result.pushed) == (Ended.DONE, record, None)
        assert owner_of(world, record) == staff["Ann Seller"]
        again = await change_owner(world.world, world.sync, ChangeOwner(person=person, owner=owner))
        assert again.ended is Ended.NOTHING

    lived(history)


def test_a_queue_may_own_a_lead_and_never_a_contact() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world)
        result = await change_owner(world.world, world.sync, ChangeOwner(person=lead, owner="Hall"))
        assert result.ended is Ended.DONE
        assert owner_of(world, lead) == staff["Hall"]

    async def contact(world: TwoSystems, staff: dict[str, str]) -> None:
        member, _ = await linked(world, "member")
        before = versions(world)
        result = await change_owner(world.world, world.sync, ChangeOwner(person=member, owner="queue:Hall"))
        assert (result.ended, result.code) == (Ended.REFUSED, "SYN-174")
        pushed = await push_person(world.world, world.sync, Push(person=member, assign_to="Hall"))
        assert (pushed.result.ended, pushed.result.code, pushed.report) == (Ended.REFUSED, "SYN-174", None)
        assert versions(world) == before, "a refusal wrote"
        done = await change_owner(world.world, world.sync, ChangeOwner(person=member, owner="Bob Seller"))
        assert done.ended is Ended.DONE
        assert owner_of(world, member) == staff["Bob Seller"]

    lived(history)
    lived(contact)


@pytest.mark.parametrize(
    ("owner", "code"),
    [("Nobody", "SYN-172"), ("Old Seller", "SYN-173"), ("Everybody", "SYN-172"), ("user:Hall", "SYN-172")],
)
def test_who_is_not_there_or_inactive_is_refused_before_anything_is_sent(owner: str, code: str) -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        world.right.create("human", {**ADA, "email": "new@x.org"}, "human he")
        before = versions(world)
        for result in (
            await change_owner(world.world, world.sync, ChangeOwner(person="new@x.org", owner=owner)),
            (await push_person(world.world, world.sync, Push(person="new@x.org", assign_to=owner))).result,
            await create_task(world.world, world.sync, CreateTask(person="new@x.org", subject="s", assignee=owner)),
        ):
            assert (result.ended, result.code) == (Ended.REFUSED, code)
        assert versions(world) == before

    lived(history)


def test_two_of_one_name_are_told_apart_by_the_active_one_or_refused() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world)
        world.left.create("user", {"name": "Old Seller", "email": "o2@sales.example", "active": "true"}, "admin")
        done = await change_owner(world.world, world.sync, ChangeOwner(person=lead, owner="Old Seller"))
        assert done.ended is Ended.DONE
        twin = world.left.create("user", {"name": "Ann Seller", "email": "a2@sales.example", "active": "true"}, "admin")
        result = await change_owner(world.world, world.sync, ChangeOwner(person=lead, owner="Ann Seller"))
        assert (result.code, set(result.candidates)) == ("SYN-172", {staff["Ann Seller"], twin})

    lived(history)


def test_who_is_not_there_yet_is_pushed_first() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        world.right.create("human", ADA, "human he")
        result = await change_owner(world.world, world.sync, ChangeOwner(person="ada@x.org", owner="Bob Seller"))
        assert result.ended is Ended.DONE
        assert result.pushed is not None
        (lead,) = (row for row in world.left.rows.values() if row.object_type == "person")
        assert lead.now.cells["owner"] == staff["Bob Seller"]
        assert lead.record_id == result.record_id

    lived(history)


def test_two_persons_of_one_address_are_never_confused() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world)
        other = world.left.create("person", {**ADA, "first": "Bea"}, "human she")
        result = await change_owner(world.world, world.sync, ChangeOwner(person="ada@x.org", owner="Hall"))
        assert (result.ended, result.code) == (Ended.REFUSED, "SYN-171")
        assert {lead, other} <= set(result.candidates)

    lived(history)


def test_nobody_of_that_name_is_an_error_of_the_command_line() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match="SYN-150"):
            await change_owner(world.world, world.sync, ChangeOwner(person="no@x.org", owner="Hall"))

    lived(history)


@pytest.mark.parametrize(("assign_to", "owner"), [(None, "by rule"), ("Ann Seller", "Ann Seller"), ("Hall", "Hall")])
def test_a_push_creates_in_the_right_hands(assign_to: str | None, owner: str) -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        world.left.assign = lambda _row, _cells, _actor: {"owner": "by rule"}
        world.right.create("human", ADA, "human he")
        pushed = await push_person(world.world, world.sync, Push(person="ada@x.org", assign_to=assign_to))
        assert pushed.result.ended is Ended.DONE
        (lead,) = (row for row in world.left.rows.values() if row.object_type == "person")
        hands = {version.cells["owner"] for version in lead.versions}
        assert hands == {staff.get(owner, owner)}, "it went through other hands"

    lived(history)


def test_a_push_of_a_lead_updates_it_and_gives_it_away() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, twin = await linked(world, owner="somebody")
        world.right.update(twin, {"title": "T1"}, "human he")
        await push_person(world.world, world.sync, Push(person=twin))
        assert owner_of(world, lead) == "somebody", "an owner nobody asked for"
        pushed = await push_person(world.world, world.sync, Push(person=twin, assign_to="Hall"))
        assert pushed.result.ended is Ended.DONE
        assert owner_of(world, lead) == staff["Hall"]
        assert world.left.rows[lead].now.cells["title"] == "T1"

    lived(history)


def test_a_task_has_five_days_its_persons_owner_and_its_tokens() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world, owner=staff["Ann Seller"])
        wanted = CreateTask(
            person="ada@x.org", subject="Call {{lead.First Name}} {{lead.phone:default=(no phone)}} {{system.date}}"
        )
        result = await create_task(world.world, world.sync, wanted)
        assert result.ended is Ended.DONE
        assert result.made["task"] in world.left.rows
        (task,) = tasks(world)
        today = world.clock.now().date().isoformat()
        assert task["subject"] == f"Call Ada (no phone) {today}"
        assert (task["who"], task["owner"], task["status"]) == (lead, staff["Ann Seller"], "Not Started")
        assert (datetime.fromisoformat(task["due"]).date() - world.clock.now().date()).days == 5

    lived(history)


def test_a_task_as_it_is_asked_for() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        member, _ = await linked(world, "member", owner=staff["Ann Seller"])
        wanted = CreateTask(
            person=member,
            subject="Call",
            description="{{lead.Last Name}}",
            due_in_days=0,
            assignee="bob@sales.example",
            priority="High",
            status="Waiting",
            reminder_at=datetime(2030, 1, 2, 3, 4, tzinfo=UTC),
        )
        assert (await create_task(world.world, world.sync, wanted)).ended is Ended.DONE
        (task,) = tasks(world)
        assert task == {
            "who": member,
            "owner": staff["Bob Seller"],
            "subject": "Call",
            "description": "Byron",
            "due": world.clock.now().date().isoformat(),
            "status": "Waiting",
            "priority": "High",
            "reminds": "true",
            "reminder_at": "2030-01-02T03:04:00.000Z",
        }

    lived(history)


def test_a_task_on_a_queues_lead_is_nobodys_in_particular() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world, owner=staff["Hall"])
        assert (await create_task(world.world, world.sync, CreateTask(person=lead, subject="s"))).ended is Ended.DONE
        assert tasks(world)[0]["owner"] == ""

    lived(history)


@pytest.mark.parametrize(
    ("subject", "days", "code"),
    [
        (" ", None, "SYN-175"),
        ("Call", -1, "SYN-175"),
        ("Call {{lead.Nickname}}", None, "SYN-177"),
        ("Call {{campaign.Name}}", None, "SYN-177"),
        ("Call {{lead}}", None, "SYN-177"),
        ("Call {{system.weather}}", None, "SYN-177"),
    ],
)
def test_a_task_that_makes_no_sense_is_not_made(subject: str, days: int | None, code: str) -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world)
        wanted = CreateTask(person=lead, subject=subject, due_in_days=days)
        result = await create_task(world.world, world.sync, wanted)
        assert (result.ended, result.code, tasks(world)) == (Ended.REFUSED, code, [])

    lived(history)


def test_a_task_whose_answer_is_lost_is_unknown_and_not_sent_twice() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        faulty = FaultyConnector(world.left)
        world.world.connectors = {**world.world.connectors, "left": faulty}
        lead, _ = await linked(world)
        faulty.next_writes = [Fault.LOST_REPLY]
        result = await create_task(world.world, world.sync, CreateTask(person=lead, subject="s"))
        assert result.ended is Ended.UNKNOWN
        for _ in range(3):
            world.clock.advance(600)
            report = await run_cycle(world.world, world.sync)
        assert report.is_green
        assert len(tasks(world)) == 1

    lived(history)


def test_the_systems_refusal_is_told_in_its_words() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, _ = await linked(world)
        shape = world.left.schemas["person"]
        tight = replace(shape.fields["owner"], length=3)
        world.left.schemas["person"] = replace(shape, fields={**shape.fields, "owner": tight})
        result = await change_owner(world.world, world.sync, ChangeOwner(person=lead, owner="Hall"))
        assert (result.ended, result.code, result.vendor_code) == (Ended.REFUSED, "SYN-178", "TOO_LONG")
        assert "longer than the field" in result.reason

    lived(history)


def test_a_delete_asks_first_and_takes_one_side() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, twin = await linked(world)
        before = versions(world)
        asked = await delete_person(world.world, world.sync, DeletePerson(person=twin))
        assert asked.result.ended is Ended.ASKS, "it was not asked"
        assert versions(world) == before, "it was not asked"
        assert {(one.subject.record_id, one.goes) for one in asked.shown} == {(lead, False), (twin, True)}
        assert [one.note for one in asked.shown if one.goes] == ["Gone for good."]
        done = await delete_person(world.world, world.sync, DeletePerson(person=twin, confirmed=True))
        assert done.result.ended is Ended.DONE
        assert world.right.rows[twin].now.is_deleted
        assert not world.left.rows[lead].now.is_deleted
        for _ in range(3):
            world.clock.advance(120)
            await run_cycle(world.world, world.sync)
        assert not world.left.rows[lead].now.is_deleted, "the other side went too"

    lived(history)


def test_a_delete_takes_both_sides_if_both_are_asked_for() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        lead, twin = await linked(world)
        wanted = DeletePerson(person="ada@x.org", on="a", also="b", confirmed=True)
        done = await delete_person(world.world, world.sync, wanted)
        assert [step.record_id for step in done.steps] == [twin, lead]
        assert world.right.rows[twin].now.is_deleted
        assert world.left.rows[lead].now.is_deleted
        again = await delete_person(world.world, world.sync, wanted)
        assert again.result.ended is Ended.NOTHING

    lived(history)


def test_a_delete_of_an_address_on_both_sides_must_name_one() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        await linked(world)
        before = versions(world)
        result = (await delete_person(world.world, world.sync, DeletePerson(person="ada@x.org", confirmed=True))).result
        assert (result.ended, result.code) == (Ended.REFUSED, "SYN-175")
        assert versions(world) == before

    lived(history)


def test_a_delete_that_is_refused_stops_before_the_next() -> None:
    async def history(world: TwoSystems, staff: dict[str, str]) -> None:
        faulty = FaultyConnector(world.right)
        world.world.connectors = {**world.world.connectors, "right": faulty}
        lead, twin = await linked(world)
        faulty.next_writes = [Fault.LOST_REQUEST]
        wanted = DeletePerson(person=lead, also="b", confirmed=True)
        done = await delete_person(world.world, world.sync, wanted)
        assert done.result.ended is Ended.UNKNOWN
        assert not world.left.rows[lead].now.is_deleted, "it went on although the first step is unknown"
        assert not world.right.rows[twin].now.is_deleted

    lived(history)


def test_a_sync_without_a_table_of_actions_says_so() -> None:
    async def live() -> None:
        world = await acting_systems(actions=None)
        with pytest.raises(ConfigError, match="SYN-124"):
            await change_owner(world.world, world.sync, ChangeOwner(person="ada@x.org", owner="Hall"))

    asyncio.run(live())
