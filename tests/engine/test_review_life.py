"""What a second pair of eyes found in the life of a person: each history is the shortest that showed it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from syncline.connectors.memory import Conversion, MemoryConnector, merge
from syncline.connectors.memory.connector import RICH
from syncline.connectors.salesforce import soap
from syncline.engine.actions.accounts import AccountBy
from syncline.engine.actions.conversion import Convert, convert
from syncline.engine.actions.deletion import DeletePerson, delete_person
from syncline.engine.actions.ownership import ChangeOwner, change_owner
from syncline.engine.actions.results import Ended
from syncline.engine.actions.tasks import CreateTask, create_task
from syncline.engine.cycle import run_cycle
from syncline.engine.erase import erase
from syncline.engine.erased import erased_us
from syncline.engine.life.endings import life_marks
from syncline.engine.undo import undo
from syncline.errors import ConfigError, Unavailable
from syncline.ports import Lane
from syncline.reconcile.merge import DECISIONS
from syncline.reconcile.shared import FACTS, one_write
from syncline.records import Page, Write, WriteAnswer
from syncline.spec.evaluate import DuckEvaluator
from syncline.spec.model import Direction, Drift, End, FieldMap
from syncline.trees import Commit, Table
from tests.conformance.stores import frame
from tests.engine.test_erase import everything
from tests.support.life_world import Lives
from tests.support.life_world import lived as alive
from tests.support.memory_actions import acting_people, acting_systems, employ
from tests.support.memory_shared import sharing
from tests.support.memory_world import TwoSystems, people, two_systems

ADA = {"email": "ada@x.test", "first": "Ada", "last": "Byronessa", "title": "T0", "phone": "5550777"}
BEN = {"email": "ben@x.test", "first": "Ben", "last": "Miller", "title": "T0"}


async def settled(both: TwoSystems, *, times: int = 3) -> None:
    for _ in range(times):
        await run_cycle(both.world, both.sync)
        both.clock.advance(120)


async def linked(both: TwoSystems) -> tuple[str, str]:
    """Ada on both sides, linked and at rest; her ids."""
    one = both.left.create("person", ADA, "human she")
    await settled(both)
    return one, next(i for i, row in both.right.rows.items() if row.now.cells["email"] == ADA["email"])


class Brittle(MemoryConnector):
    """Reads by id fail once something was written."""

    is_brittle = False
    wrote = False

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        self.wrote = self.is_brittle
        return await super().write(writes, lane=lane)

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        if self.wrote:
            raise Unavailable("The line is dead.")
        return await super().read_by_ids(object_type, fields, ids, lane=lane)


# -- erase -------------------------------------------------------------------------------------------------------------


def test_an_erased_persons_tasks_are_forgotten() -> None:
    async def live() -> None:
        both = await acting_systems()
        employ(both.left)
        one, twin = await linked(both)
        wanted = CreateTask(person=one, subject="Call {{lead.Last Name}}", description="about {{lead.Last Name}}")
        assert (await create_task(both.world, both.sync, wanted)).ended is Ended.DONE
        assert "call byronessa" in await everything(both.world.store)
        await erase(both.world, both.sync, one)
        after = await everything(both.world.store)
        assert not [word for word in ("byronessa", one.lower(), twin.lower()) if word in after]

    asyncio.run(live())


def test_erasing_leaves_the_counts_of_past_runs() -> None:
    """Ids of some systems are small numbers, and a run's summary counts."""

    async def live() -> None:
        both = await two_systems()
        both.right.name = ""
        one, twin = await linked(both)
        number = str(int(twin))
        both.right.rows[number] = both.right.rows.pop(twin)
        summary = {"classes": {"b": {"written": int(number)}}, "error": f"{number}: ada@X.test cannot be sent"}
        run = {
            "run_id": "r0",
            "sync": "people",
            "kind": "run",
            "state": "failed",
            "started_us": 1,
            "ended_us": 2,
            "summary": json.dumps(summary),
        }
        mirror = (await both.world.store.rows(Table.MIRROR, {"record_id": twin})).with_columns(record_id=pl.lit(number))
        hold = {
            "hold_id": "h1",
            "sync": "people",
            "kind": "delete",
            "subject": json.dumps([{"side": "a", "object_type": "person", "record_id": "L1"}]),
            "evidence": json.dumps({"link_id": int(number)}),
            "digest": "d",
            "state": "open",
            "at_us": 1,
            "run_id": "r0",
        }
        rows = {Table.RUN: frame(Table.RUN, run), Table.MIRROR: mirror, Table.HOLD: pl.DataFrame([hold])}
        await both.world.store.commit(Commit(put=rows))
        await erase(both.world, both.sync, one)
        assert await both.world.store.count(Table.HOLD) == 1, "somebody else's hold went"
        kept = json.loads((await both.world.store.rows(Table.RUN, {"run_id": "r0"}))["summary"][0])
        assert kept["classes"] == summary["classes"]
        assert kept["error"] == "erased: erased cannot be sent"

    asyncio.run(live())


def test_an_address_with_an_umlaut_goes_from_what_runs_said() -> None:
    async def live() -> None:
        both = await two_systems()
        both.left.create("person", {**ADA, "email": "müller@x.test"}, "human she")
        await settled(both)
        run = {
            "run_id": "r0",
            "sync": "people",
            "kind": "run",
            "state": "failed",
            "started_us": 1,
            "ended_us": 2,
            "summary": json.dumps({"error": "müller@x.test cannot be sent"}),
        }
        await both.world.store.commit(Commit(put={Table.RUN: frame(Table.RUN, run)}))
        await erase(both.world, both.sync, "müller@x.test")
        kept = json.loads((await both.world.store.rows(Table.RUN, {"run_id": "r0"}))["summary"][0])
        assert "müller" not in kept["error"]

    asyncio.run(live())


@alive
async def test_former_addresses_go_from_what_runs_said() -> None:
    world = await Lives.begin()
    one, _ = await world.pair(1)
    world.edit("a", one, email="later@x.test")
    await world.rest()
    run = {
        "run_id": "r0",
        "sync": "people",
        "kind": "run",
        "state": "failed",
        "started_us": 1,
        "ended_us": 2,
        "summary": json.dumps({"error": "p1@x.test cannot be sent"}),
    }
    await world.store.commit(Commit(put={Table.RUN: frame(Table.RUN, run)}))
    await erase(world.two.world, world.two.sync, one)
    assert "p1@x.test" not in await everything(world.store)
    assert await erased_us(world.two.world, world.two.sync, "p1@x.test") is None, "it may be somebody else's by now"


@alive
async def test_who_was_merged_away_is_erased_with_who_stayed() -> None:
    world = await Lives.begin()
    one, one_there = await world.pair(1, title="Kept")
    two, two_there = await world.pair(2, title="Lostworthy")
    world.edit("a", two, title="Lostworthy A")
    world.edit("b", two_there, title="Lostworthy B")
    await world.run()  # a conflict of the link that ends
    world.merge("a", one, two)
    await world.rest()
    assert "lostworthy" in await everything(world.store)
    await erase(world.two.world, world.two.sync, one)
    after = await everything(world.store)
    words = ("lostworthy", "p1@x.test", "p2@x.test", one.lower(), two.lower(), one_there.lower(), two_there.lower())
    assert not [word for word in words if word in after]
    for table in (Table.LINK, Table.MERGER, Table.MARK, Table.CONFLICT, Table.BASE):
        assert await world.store.count(table) == 0, table


@alive
async def test_who_was_merged_away_before_ever_being_linked_is_erased_too() -> None:
    world = await Lives.begin()
    one, _ = await world.pair(1)
    two = world.two.left.create("person", {"email": "q@x.test", "first": "Hyacinth", "last": "Bucket"}, "human")
    world.merge("a", one, two)
    await world.rest()
    before = await everything(world.store)
    assert two.lower() in before
    await erase(world.two.world, world.two.sync, one)
    after = await everything(world.store)
    assert not [word for word in ("hyacinth", "q@x.test", two.lower()) if word in after]


class ErasingWhileActing(MemoryConnector):
    """While a deed is on its way, somebody erases the person it is about."""

    erase: Any = None

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        answer = await super().write(writes, lane=lane)
        if self.erase is not None:
            await self.erase()
        return answer


def test_what_comes_back_from_an_act_on_an_erased_person_is_not_kept() -> None:
    async def live() -> None:
        both = await acting_systems()
        employ(both.left)
        one, twin = await linked(both)
        connector = ErasingWhileActing(both.left)
        both.world.connectors = {**both.world.connectors, "left": connector}

        async def now() -> None:
            connector.erase = None
            await erase(both.world, both.sync, one)

        connector.erase = now
        await create_task(both.world, both.sync, CreateTask(person=one, subject="Call {{lead.Last Name}}"))
        connector.erase = None
        after = await everything(both.world.store)
        assert not [word for word in ("byronessa", one.lower(), twin.lower()) if word in after]

    asyncio.run(live())


# -- actions -----------------------------------------------------------------------------------------------------------


def test_a_delete_that_is_repeated_does_not_take_the_other_side() -> None:
    async def live() -> None:
        both = await acting_systems()
        one, twin = await linked(both)
        wanted = DeletePerson(person=one, confirmed=True)
        assert (await delete_person(both.world, both.sync, wanted)).result.ended is Ended.DONE
        again = await delete_person(both.world, both.sync, wanted)
        assert again.result.ended is Ended.NOTHING
        assert not again.steps
        assert not both.right.rows[twin].now.is_deleted

    asyncio.run(live())


@alive
async def test_an_id_that_ended_in_another_record_is_not_taken_for_it_by_a_delete() -> None:
    both = await acting_systems()
    one, _ = await linked(both)
    two = both.left.create("person", {**BEN, "email": "b2@x.test"}, "human she")
    await settled(both)
    merge(both.left, one, (two,), "human she", cells=None)
    await settled(both)
    done = await delete_person(both.world, both.sync, DeletePerson(person=two, on="a", confirmed=True))
    assert (done.result.ended, done.result.candidates) == (Ended.REFUSED, (one,))
    assert not both.left.rows[one].now.is_deleted


@pytest.mark.parametrize("what", ["owner", "delete"])
def test_what_was_done_is_said_even_if_it_cannot_be_read_back(what: str) -> None:
    async def live() -> None:
        both = await acting_systems()
        employ(both.left)
        one, _ = await linked(both)
        connector = Brittle(both.left)
        both.world.connectors = {**both.world.connectors, "left": connector}
        connector.is_brittle = True
        if what == "owner":
            result = await change_owner(both.world, both.sync, ChangeOwner(person=one, owner="Ann Seller"))
        else:
            result = (await delete_person(both.world, both.sync, DeletePerson(person=one, confirmed=True))).result
        assert result.ended is Ended.DONE
        connector.is_brittle = connector.wrote = False
        await settled(both, times=1)
        (row,) = (await both.world.store.rows(Table.MIRROR, {"record_id": one})).iter_rows(named=True)
        assert row["is_deleted"] == (what == "delete"), "it is read later"

    asyncio.run(live())


def test_a_delete_does_only_what_was_shown() -> None:
    async def live() -> None:
        both = await acting_systems()
        one, _ = await linked(both)
        asked = await delete_person(both.world, both.sync, DeletePerson(person="ada@x.test", on="a"))
        assert asked.result.ended is Ended.ASKS
        both.left.delete(one, "human she")
        two = both.left.create("person", {**ADA, "first": "Adam"}, "human she")
        wanted = DeletePerson(person="ada@x.test", on="a", confirmed=True, shown=asked.shown)
        done = await delete_person(both.world, both.sync, wanted)
        assert done.result.ended is not Ended.DONE
        assert not both.left.rows[two].now.is_deleted

    asyncio.run(live())


def test_what_a_person_holds_is_no_token() -> None:
    async def live() -> None:
        both = await acting_systems()
        employ(both.left)
        one, twin = await linked(both)
        both.right.update(twin, {"company": "{{ACME}} {{system.date}}"}, "human he")
        wanted = CreateTask(person=one, subject="Call {{lead.company}}")
        result = await create_task(both.world, both.sync, wanted)
        assert result.ended is Ended.DONE, result.reason
        (task,) = (row.now.cells for row in both.left.rows.values() if row.object_type == "task")
        assert task["subject"] == "Call {{ACME}} {{system.date}}"

    asyncio.run(live())


@pytest.mark.parametrize("owner", ["", "user:", "  "])
def test_an_owner_without_a_name_is_nobody(owner: str) -> None:
    async def live() -> None:
        both = await acting_systems()
        employ(both.left)
        both.left.create("group", {"name": "", "kind": "queue"}, "admin")
        both.left.create("user", {"name": "", "email": "", "active": "true"}, "admin")
        one, _ = await linked(both)
        result = await change_owner(both.world, both.sync, ChangeOwner(person=one, owner=owner))
        assert (result.ended, result.code) == (Ended.REFUSED, "SYN-172")

    asyncio.run(live())


# -- undo --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", ["Mc Donald", "McDonald", "mcdonald."])
def test_undo_leaves_somebodys_correction_of_the_spelling(later: str) -> None:
    async def live() -> None:
        both = await two_systems(people())
        one, twin = await linked(both)
        both.left.update(one, {"title": "mcdonald"}, "human she")
        report = await run_cycle(both.world, both.sync)
        both.clock.advance(120)
        await settled(both)
        assert both.right.rows[twin].now.cells["title"] == "mcdonald"
        both.right.update(twin, {"title": later}, "human he")
        both.clock.advance(120)
        done = await undo(both.world, both.sync, report.run_id)
        assert both.right.rows[twin].now.cells["title"] == later
        assert done.plan.stays.filter(pl.col("mapping") == "title")["reason"].to_list() == ["it was changed since"]

    asyncio.run(live())


# -- consent and what records share ------------------------------------------------------------------------------------

NO_HISTORY = replace(RICH, has_field_history=False, has_compare_and_set=False)
HOUSE = "house@x.test"
NAMES = (("Ada", "Byron", HOUSE), ("Mary", "Somerville", "other@x.test"), ("Charles", "Babbage", HOUSE))


@pytest.mark.parametrize("is_backfill", [False, True])
def test_a_new_address_resubscribes_nobody_however_it_is_read(is_backfill: bool) -> None:
    async def live() -> None:
        both = await two_systems()
        both.world.connectors = {**both.world.connectors, "left": MemoryConnector(both.left, capabilities=NO_HISTORY)}
        one = both.left.create("person", {**ADA, "opt_out": "true"}, "human she")
        await settled(both)
        (twin,) = both.right.rows
        assert both.right.rows[twin].now.cells["opt_out"] == "true"
        both.left.update(one, {"email": "new@x.test", "opt_out": "false"}, "human she")
        both.clock.advance(120)
        if is_backfill:  # the position was lost: everything is read anew
            at = pl.DataFrame({"connection": ["left"], "object_type": ["person"]})
            await both.world.store.commit(Commit(drop={Table.CURSOR: at}))
        await settled(both)
        assert both.right.rows[twin].now.cells["opt_out"] == "true", "the new address resubscribed the person"
        assert both.left.rows[one].now.cells["opt_out"] == "true"
        assert both.right.rows[twin].now.cells["email"] == "new@x.test"

    asyncio.run(live())


def test_restored_drift_lifts_no_opt_out() -> None:
    async def live() -> None:
        sync = people()
        consent = replace(sync.field_map("opt_out"), direction=Direction.A_TO_B, drift=Drift.RESTORE)
        both = await two_systems(people(fields=tuple(consent if m.key == "opt_out" else m for m in sync.fields)))
        one, twin = await linked(both)
        both.right.update(twin, {"opt_out": "true"}, "human he")
        await settled(both)
        assert both.right.rows[twin].now.cells["opt_out"] == "true", "the opt-out was lifted"
        both.left.update(one, {"title": "T1"}, "human she")
        await settled(both)
        assert both.right.rows[twin].now.cells == {**both.right.rows[twin].now.cells, "opt_out": "true", "title": "T1"}

    asyncio.run(live())


@pytest.mark.parametrize("links_at_once", [1, 2, 10_000])
def test_siblings_are_decided_together_however_large_the_plan(
    links_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def live() -> None:
        both = await two_systems()
        left = MemoryConnector(both.left, capabilities=NO_HISTORY)
        both.world.connectors = {"left": left, "right": sharing(both.right, {"opt_out": "email"})}
        ids = [
            both.left.create("person", {"email": email, "first": first, "last": last, "opt_out": "true"}, "human")
            for first, last, email in NAMES
        ]
        await settled(both, times=5)
        writes: list[str] = []
        right = both.world.connectors["right"]
        write = right.write

        async def counted(rows: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
            writes.extend(row.record_id or "" for row in rows if "opt_out" in row.cells)
            return await write(rows, lane=lane)

        monkeypatch.setattr(right, "write", counted)
        monkeypatch.setattr("syncline.engine.planning.SLICE_LINKS", links_at_once)
        for one in (ids[0], ids[2]):
            both.left.update(one, {"opt_out": "false"}, "human she")
        both.clock.advance(120)
        await settled(both, times=4)
        assert len(writes) == 1, "one owner was written several times"
        assert {row.now.cells["opt_out"] for row in both.right.rows.values() if row.now.cells["email"] == HOUSE} == {
            "false"
        }

    asyncio.run(live())


def asked_the_other_way_round() -> Any:
    """Consent that side b keeps as an opt-in."""
    sync = people()
    plain = sync.field_map("opt_out")
    turned = replace(plain.a["person"], expression="NOT opt_out")
    consent = replace(plain, a={"person": turned}, b={"human": turned})
    return people(fields=tuple(consent if m.key == "opt_out" else m for m in sync.fields))


def test_an_undo_lifts_no_opt_out_that_is_kept_as_an_opt_in() -> None:
    async def live() -> None:
        both = await two_systems(asked_the_other_way_round())
        both.world.evaluate = DuckEvaluator()
        one = both.left.create("person", {**ADA, "opt_out": "false"}, "human she")
        await settled(both)
        (twin,) = both.right.rows
        assert both.right.rows[twin].now.cells["opt_out"] == "true"
        both.left.update(one, {"opt_out": "true"}, "human she")
        report = await run_cycle(both.world, both.sync)
        both.clock.advance(120)
        await settled(both)
        assert both.right.rows[twin].now.cells["opt_out"] == "false"
        done = await undo(both.world, both.sync, report.run_id)
        assert both.right.rows[twin].now.cells["opt_out"] == "false", "the undo lifted the opt-out"
        assert done.plan.stays["reason"].to_list() == ["an undo never lifts an opt-out"]

    asyncio.run(live())


def test_of_sources_that_disagree_the_opt_out_wins_also_where_it_is_kept_as_an_opt_in() -> None:
    consent = asked_the_other_way_round().field_map("opt_out")
    fact = {"mapping": "opt_out", "side": "b", "owner": 7, "base": 1, "print": 1, "is_quiet": False}
    facts = pl.DataFrame([fact | {"link_id": link} for link in (1, 2)], schema=FACTS)
    row = {"mapping": "opt_out", "verdict": "write", "target": "b", "class": "written", "value_b": "was"}
    said = [(1, "false", "true"), (2, "true", "false")]  # as side a says it, as side b keeps it
    rows = [dict.fromkeys(DECISIONS) | row | {"link_id": i, "value_a": a, "value": b} for i, a, b in said]
    out = one_write(pl.DataFrame(rows, schema=DECISIONS), facts, {"opt_out": consent}, {1: "person", 2: "person"})
    told = dict(out.decisions.filter(pl.col("verdict") == "write").select("link_id", "value").iter_rows())
    assert told == {2: "false"}, "the opt-out lost"


def test_a_website_that_is_none_is_no_reason_to_break_off() -> None:
    async def live() -> None:
        base = acting_people()
        end = End(inputs=("website",), field="website")
        website = FieldMap(key="website", a={"person": end, "member": end}, b={"human": end})
        both = await acting_systems(fields=(*base.fields, website))
        both.left.conversions = {"person": Conversion(into="member", named_in="became")}
        staff = employ(both.left)
        both.left.create("person", {**ADA, "website": "http://[x.test", "owner": staff["Ann Seller"]}, "human she")
        account = both.left.create("account", {"name": "X", "website": "x.test"}, "human she")
        await settled(both)
        result = await convert(both.world, both.sync, Convert(person="ada@x.test", account=AccountBy.DOMAIN))
        assert result.ended is Ended.DONE
        assert account

    asyncio.run(live())


def test_lines_of_a_text_arrive_as_they_are_said() -> None:
    """A parser turns a carriage return into a line feed unless it is written as a reference (XML 1.0, 2.11)."""
    said = "1 Main St\r\nHouse 2 <b> & 'c' \"d\""
    told = ElementTree.fromstring(soap.element("x", said))
    assert told.text == said


class Picky(MemoryConnector):
    """Cannot search for values with a comma, as some systems that take lists of values."""

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        if any("," in value for value in values):
            raise ConfigError("A value with a comma cannot be looked up.")
        return await super().find(object_type, fields, key_field, values, lane=lane)


def test_a_list_of_addresses_in_one_record_stops_nobody() -> None:
    async def live() -> None:
        both = await two_systems()
        both.world.connectors = {**both.world.connectors, "right": Picky(both.right)}
        both.left.create("person", BEN, "human she")
        await settled(both)
        both.left.create("person", {**ADA, "email": "ada@x.test,byron@x.test"}, "human she")
        both.left.create("person", {**ADA, "email": "cal@x.test", "first": "Cal"}, "human she")
        await settled(both)
        assert sorted(row.now.cells["first"] for row in both.right.rows.values()) == ["Ada", "Ben", "Cal"]

    asyncio.run(live())


class ErasingWhileRead(MemoryConnector):
    """While a record is read just before it is written, somebody erases the person."""

    erase: Any = None

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        page = await super().read_by_ids(object_type, fields, ids, lane=lane)
        if self.erase is not None:
            await self.erase()
        return page


def test_who_is_erased_while_a_write_is_made_ready_is_in_no_ledger() -> None:
    async def live() -> None:
        fields = tuple(replace(m, is_guarded=m.key == "title") for m in people().fields)
        both = await two_systems(people(fields=fields))
        capabilities = replace(RICH, has_compare_and_set=False)
        connector = ErasingWhileRead(both.right, capabilities=capabilities)
        both.world.connectors = {**both.world.connectors, "right": connector}
        both.left.create("person", BEN, "human she")
        one, twin = await linked(both)
        both.left.update(one, {"title": "Enchantress"}, "human she")
        erased = []

        async def now() -> None:
            connector.erase = None
            erased.append(await erase(both.world, both.sync, one))

        connector.erase = now
        report = await run_cycle(both.world, both.sync)
        connector.erase = None
        assert erased, "the record was not read before it was written"
        assert report.is_balanced
        assert both.right.rows[twin].now.cells["title"] != "Enchantress"
        after = await everything(both.world.store)
        assert not [word for word in ("byronessa", "enchantress", one.lower(), twin.lower()) if word in after]

    asyncio.run(live())


@alive
async def test_an_erased_persons_end_is_not_waited_for() -> None:
    world = await Lives.begin()
    one, there = await world.pair(1)
    world.delete("a", one)
    mark = life_marks("people", "a", "person", [one], due_us=world.two.world.now_us() + 60_000_000)
    await world.store.commit(Commit(touch=[mark]))  # asked for, and not to be told yet
    await erase(world.two.world, world.two.sync, one)
    after = await everything(world.store)
    assert not [word for word in (one.lower(), there.lower()) if word in after]
    await world.run()
    after = await everything(world.store)
    assert not [word for word in (one.lower(), there.lower()) if word in after]
