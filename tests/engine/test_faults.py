"""One named life per thing that went wrong once, or would without the rule it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

import polars as pl
import pytest

from syncline.connectors.memory import Fault
from syncline.engine.cycle import run_cycle
from syncline.ports import Stamp
from syncline.records import SIDES, Page, Side, Unreadable
from syncline.spec.model import OnDelete, Policy
from syncline.trees import Commit, Table
from tests.property.test_people_histories import judge, rest
from tests.support.memory_life import GUARDED_SYSTEMS, POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant, filtered_people


def lived(life: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(life())


async def one_pair(variant: Variant) -> Life:
    """A person on a, copied to b and read back."""
    life = await Life.begin(variant)
    life.new_person("a", 1)
    for _ in range(2):
        await life.cycle()
        life.clock.advance(10)
    return life


def only(life: Life, side: Side) -> str:
    (record_id,) = life.people_of(side)
    return record_id


def cell(life: Life, side: Side, name: str) -> str:
    return life.systems[side].rows[only(life, side)].now.cells[name]


async def logged(life: Life) -> list[tuple[str, str | None, str | None]]:
    rows = await life.store.rows(Table.CONFLICT)
    return rows.select("kind", "value_a", "value_b").rows()


def test_compare_and_set_leaves_an_edit_made_meanwhile_alone() -> None:
    async def life() -> None:
        life = await one_pair(GUARDED_SYSTEMS)
        life.edit("a", only(life, "a"), "title", "from a")
        done = False

        def edit_b() -> None:
            nonlocal done
            if not done and life.effects:
                life.edit("b", only(life, "b"), "title", "from b")
                done = True

        # Whatever the effect, the edit falls between our reading of b and our write.
        reads = await _effects_until_write(life)
        await life.cycle({reads: edit_b})
        assert done
        assert cell(life, "b", "title") == "from b"
        await rest(life)
        await judge(life)
        assert ("conflict", "from a", "from b") in await logged(life)

    lived(life)


async def _effects_until_write(life: Life) -> int:
    """The number of the next run's write effect, found on a copy of the state that writes nothing."""
    seen: list[str] = []
    original = life._before

    async def note(what: str) -> None:
        seen.append(what)
        await original(what)

    store, life.store = life.store, await life.store.copy()
    for connector in life.connectors.values():
        connector.before = note
        connector.next_writes.append(Fault.LATER)
    life._before = note  # type: ignore[method-assign]
    await life.cycle()
    life._before = original  # type: ignore[method-assign]
    for connector in life.connectors.values():
        connector.before = original
        connector.next_writes.clear()
    await life.store.close()
    life.store = store
    life.reports.pop()
    life.written.clear()
    return seen.index("write") + 1


def test_a_reading_that_cannot_be_ordered_stops_the_write_that_would_go_over_it() -> None:
    """Two edits within a second, and the vendor may show either for a while: compare-and-set tells them not apart."""

    async def life() -> None:
        slow = replace(GUARDED_SYSTEMS.capabilities, visibility_lag_seconds=10.0)
        sync = filtered_people()
        fields = tuple(replace(m, policies={"*": Policy.A}) if m.key == "title" else m for m in sync.fields)
        life = await Life.begin(replace(GUARDED_SYSTEMS, capabilities=slow), replace(sync, fields=fields))
        life.new_person("a", 1)
        for _ in range(2):
            await life.cycle()
            life.clock.advance(30)
        life.edit("a", only(life, "a"), "title", "from a")
        life.clock.advance(1 - life.clock.now().microsecond / 1e6)
        life.edit("b", only(life, "b"), "title", "first")
        passing, edits = life.clock.sleep, iter(["second"])

        async def edit_b(seconds: float) -> None:
            for value in edits:
                life.edit("b", only(life, "b"), "title", value)
            await passing(seconds)

        life.clock.sleep = edit_b  # type: ignore[method-assign]
        await life.cycle()
        assert life.edits[-1].new == "second"
        assert cell(life, "b", "title") == "second"
        await rest(life)
        await judge(life)
        assert ("conflict", "from a", "second") in await logged(life)
        assert cell(life, "b", "title") == "from a"

    lived(life)


def test_a_reading_of_before_that_could_not_be_ordered_stops_the_write_as_well() -> None:
    """The poll showed somebody's edit so soon after the last look that it may be older: it waits to be read again."""

    async def life() -> None:
        slow = replace(POOR_SYSTEMS.capabilities, stamp=Stamp.NONE, visibility_lag_seconds=10.0)
        sync = filtered_people()
        fields = tuple(replace(m, policies={"*": Policy.A}) if m.key == "title" else m for m in sync.fields)
        life = await Life.begin(replace(POOR_SYSTEMS, capabilities=slow), replace(sync, fields=fields))
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(30)
        life.edit("b", only(life, "b"), "phone", "77")
        await life.cycle()
        life.clock.advance(2)
        life.edit("a", only(life, "a"), "title", "from a")
        life.edit("b", only(life, "b"), "title", "second")
        await life.cycle()
        await rest(life)
        await judge(life)
        assert ("conflict", "from a", "second") in await logged(life)
        assert cell(life, "b", "title") == "from a"

    lived(life)


def test_a_reading_that_could_not_be_ordered_stops_a_delete_as_well() -> None:
    async def life() -> None:
        slow = replace(POOR_SYSTEMS.capabilities, stamp=Stamp.NONE, visibility_lag_seconds=10.0)
        sync = replace(filtered_people(), on_delete={"a": OnDelete.DELETE, "b": OnDelete.UNLINK})
        life = await Life.begin(replace(POOR_SYSTEMS, capabilities=slow), sync)
        life.new_person("a", 1)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(30)
        life.edit("b", only(life, "b"), "phone", "77")
        await life.cycle()
        life.clock.advance(2)
        life.edit("b", only(life, "b"), "title", "second")
        life.systems["a"].delete(only(life, "a"), "human")
        await life.cycle()
        await rest(life)
        assert cell(life, "b", "title") == "second"
        assert not life.systems["b"].rows[only(life, "b")].now.is_deleted
        assert (await life.store.rows(Table.HOLD))["kind"].to_list() == ["edited_and_deleted"]

    lived(life)


@pytest.mark.parametrize("confirms", [True, False], ids=["read in the same call", "read later"])
def test_history_tells_of_an_edit_our_write_replaced(confirms: bool) -> None:
    async def life() -> None:
        blind = replace(RICH_SYSTEMS.capabilities, has_compare_and_set=False)
        life = await one_pair(replace(RICH_SYSTEMS, capabilities=blind, confirms=confirms))
        life.edit("a", only(life, "a"), "title", "from a")
        at = await _effects_until_write(life)
        await life.cycle({at: lambda: life.edit("b", only(life, "b"), "title", "lost on b")})
        life.clock.advance(10)
        await life.cycle()
        assert cell(life, "b", "title") == "from a"
        assert ("overwritten_in_flight", "from a", "lost on b") in await logged(life)
        await rest(life)
        await judge(life)

    lived(life)


def test_a_record_somebody_is_working_on_is_read_once_more() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.edit("b", only(life, "b"), "phone", "1")
        await life.cycle()
        life.clock.advance(10)
        life.edit("a", only(life, "a"), "title", "from a")
        at = await _effects_until_write(life)
        # Before the journal's commit and the extra reading; that one shows the edit, and the write waits.
        await life.cycle({at - 3: lambda: life.edit("b", only(life, "b"), "title", "from b")})
        assert cell(life, "b", "title") == "from b"
        await rest(life)
        await judge(life)

    lived(life)


def test_a_create_matched_before_its_outcome_was_known_is_linked_once() -> None:
    async def life(effect: int) -> None:
        life = await Life.begin(POOR_SYSTEMS)
        life.new_person("a", 1)
        life.connectors["b"].next_writes.append(Fault.LOST_REPLY)
        await life.cycle()
        life.connectors["b"].lag_seconds = 30.0  # the look-up by key finds nothing yet
        await life.cycle({effect: lambda: setattr(life.connectors["b"], "lag_seconds", 0.0)})
        await rest(life)
        await judge(life)
        assert len(life.people_of("b")) == 1

    for effect in range(1, 9):
        asyncio.run(life(effect))


def test_a_late_write_of_ours_is_nobodys_edit() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.connectors["b"].next_writes.append(Fault.LATE_WRITE)
        life.edit("a", only(life, "a"), "title", "first")
        await life.cycle()
        life.clock.advance(100)  # given up after the late-commit time
        await life.cycle()
        life.edit("a", only(life, "a"), "title", "second")
        await life.cycle()
        assert cell(life, "b", "title") == "second"
        life.clock.advance(300)  # now the first write arrives
        await rest(life)
        await judge(life)
        assert (cell(life, "a", "title"), cell(life, "b", "title")) == ("second", "second")

    lived(life)


def test_what_a_late_write_of_ours_replaced_is_a_blank_where_it_was_one() -> None:
    """It was given up, the next one was refused, and then the first arrives after all."""

    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.edit("a", only(life, "a"), "title", "")
        for _ in range(2):
            await life.cycle()
            life.clock.advance(100)
        life.connectors["b"].next_writes += [Fault.LATE_WRITE, Fault.LOCKED]
        life.edit("a", only(life, "a"), "title", "first")
        await life.cycle()
        life.clock.advance(100)
        await life.cycle()
        life.clock.advance(300)
        await rest(life)
        await judge(life)
        assert await logged(life) == [("overwritten_in_flight", "", "first")]

    lived(life)


def test_what_a_write_in_doubt_is_to_replace_goes_nowhere_with_its_group() -> None:
    """Somebody changed another field of the group there: with it, the old value would go over what replaces it."""

    async def life() -> None:
        sync = filtered_people()
        fields = tuple(
            replace(m, group="post", is_atomic=True, policies={"*": Policy.B}) if m.key in ("title", "phone") else m
            for m in sync.fields
        )
        life = await Life.begin(POOR_SYSTEMS, replace(sync, fields=fields))
        life.new_person("a", 1)
        for _ in range(2):
            await life.cycle()
            life.clock.advance(10)
        life.connectors["b"].late_update_seconds = 25.0
        life.connectors["b"].next_writes.append(Fault.LATE_WRITE)
        life.edit("a", only(life, "a"), "title", "second")
        await life.cycle()
        life.clock.advance(10)
        life.edit("b", only(life, "b"), "phone", "77")
        life.edit("a", only(life, "a"), "title", "third")
        await life.cycle()
        assert (cell(life, "a", "title"), cell(life, "a", "phone")) == ("third", "")
        await rest(life)
        await judge(life)
        for side in SIDES:
            assert (cell(life, side, "title"), cell(life, side, "phone")) == ("second", "77")
        assert ("conflict", "third", "second") in await logged(life)

    lived(life)


def test_an_ignored_field_is_blocked_even_if_somebody_touched_the_record() -> None:
    """Who touched the record last is no proof of who set this field."""

    async def life() -> None:
        life = await one_pair(replace(RICH_SYSTEMS, confirms=False))
        life.connectors["a"].ignored.add((only(life, "a"), "title"))
        life.edit("b", only(life, "b"), "title", "wanted")
        await life.cycle()
        life.edit("a", only(life, "a"), "phone", "5")
        await rest(life)
        await judge(life)
        assert cell(life, "b", "title") == "wanted"
        marks = await life.store.rows(Table.MARK, {"kind": "not_taken"})
        assert marks["mapping"].to_list() == ["title"]

    lived(life)


def test_what_was_never_read_back_is_kept_when_somebody_replaces_it() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.connectors["a"].ignored.add((only(life, "a"), "title"))
        life.edit("b", only(life, "b"), "title", "never arrived")
        await life.cycle()
        life.connectors["a"].ignored.clear()
        life.edit("a", only(life, "a"), "title", "by hand")
        await rest(life)
        await judge(life)
        assert ("overwritten_in_flight", "by hand", "never arrived") in await logged(life)

    lived(life)


def test_a_replica_older_than_the_mirror_settles_nothing() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.edit("b", only(life, "b"), "title", "on b")
        await life.cycle()
        life.clock.advance(10)
        life.edit("a", only(life, "a"), "title", "on a")
        await life.cycle()
        life.connectors["b"].lag_seconds = 15.0  # shows the state before "on b"
        life.clock.advance(0.5)
        await life.cycle()
        entries = await life.store.rows(Table.ENTRY, {"state": "written", "connection": "right"})
        assert len(entries) == 1
        await rest(life)
        await judge(life)

    lived(life)


def test_two_edits_within_a_second_and_a_lagging_read() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.edit("b", only(life, "b"), "title", "one")
        life.clock.advance(0.2)
        life.edit("b", only(life, "b"), "title", "two")
        await life.cycle()
        life.connectors["b"].lag_seconds = 0.9
        life.edit("b", only(life, "b"), "phone", "77")  # makes the record be read again
        await life.cycle()
        await rest(life)
        await judge(life)
        assert cell(life, "a", "title") == "two"

    lived(life)


def test_a_record_the_replica_does_not_know_yet_stays_in_sight() -> None:
    async def life() -> None:
        slow = replace(POOR_SYSTEMS.capabilities, late_commit_seconds=3600.0)
        life = await Life.begin(replace(POOR_SYSTEMS, capabilities=slow))
        life.new_person("a", 1)
        await life.cycle()
        life.connectors["b"].lag_seconds = 3000.0
        life.clock.advance(1000)  # what was written is asked for by id
        await life.cycle()
        links = await life.store.rows(Table.LINK)
        assert links["visible_b"].to_list() == [True]
        await rest(life)
        await judge(life)

    lived(life)


def test_a_record_out_of_sight_comes_back_by_any_reading() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        link = (await life.store.rows(Table.LINK)).select("link_id", pl.lit(False).alias("visible_b"))
        await life.store.commit(Commit(amend={Table.LINK: [link]}))
        life.edit("b", only(life, "b"), "title", "back")
        await rest(life)
        await judge(life)
        assert cell(life, "a", "title") == "back"

    lived(life)


def test_what_we_wrote_and_nothing_showed_is_read_by_id_after_a_while() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.connectors["b"].ignored.add((only(life, "b"), "title"))
        life.edit("a", only(life, "a"), "title", "ignored")
        await life.cycle()
        assert len(await life.store.rows(Table.ENTRY, {"state": "written", "connection": "right"})) == 1
        for system in life.systems.values():
            system.log.clear()  # no change is ever announced again
        life.clock.advance(1000)
        await life.cycle()
        assert (await life.store.rows(Table.MARK, {"kind": "not_taken"}))["mapping"].to_list() == ["title"]

    lived(life)


def test_rights_are_described_anew_in_every_run() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        world = life.world()
        await run_cycle(world, life.sync)
        life.connectors["b"].hidden.add("title")
        life.edit("a", only(life, "a"), "title", "unseen there")
        await run_cycle(world, life.sync)
        assert "title" not in world.schema("right", "human").fields
        assert cell(life, "b", "title") != "unseen there"

    lived(life)


def test_an_unreadable_row_is_kept_until_it_can_be_read() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        person = only(life, "b")
        connector = life.connectors["b"]
        original = connector._page

        def torn(*args: object, **options: object) -> Page:
            page = original(*args, **options)  # type: ignore[arg-type]
            return replace(page, rows=page.rows.clear(), unreadable=(Unreadable(person, "no number: 'x'", "{x}"),))

        connector._page = torn  # type: ignore[method-assign]
        life.edit("b", person, "title", "later")
        report = await life.cycle()
        assert report is not None
        assert report.is_balanced
        letters = await life.store.rows(Table.DEAD_LETTER, {"sync": "people", "state": "dead"})
        assert letters["record_id"].to_list() == [person]
        assert cell(life, "a", "title") != "later"
        connector._page = original  # type: ignore[method-assign]
        await rest(life)
        await judge(life)
        assert (await life.store.rows(Table.DEAD_LETTER))["state"].to_list() == ["resolved"]

    lived(life)


def test_who_is_in_doubt_no_more_is_created() -> None:
    async def life() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        life.new_person("a", 1)
        twins = [life.new_person("b", 1), life.new_person("b", 1)]
        await life.cycle()
        assert (await life.store.rows(Table.HOLD))["state"].to_list() == ["open"]
        for twin in twins:
            life.edit("b", twin, "email", f"{twin}@else.test")
            life.edit("b", twin, "last", f"Other{twin}")
        await rest(life)
        await judge(life)
        assert (await life.store.rows(Table.HOLD))["state"].to_list() == ["resolved"]
        assert len(life.people_of("b")) == 3

    lived(life)


def test_a_busy_system_does_not_keep_the_other_from_being_written() -> None:
    async def life() -> None:
        life = await Life.begin(POOR_SYSTEMS)
        for number in (1, 2):
            life.new_person("a", number)
        for _ in range(2):
            await life.cycle()
            life.clock.advance(10)
        (one, two), (there_one, there_two) = life.people_of("a"), life.people_of("b")
        life.edit("b", there_one, "title", "to a")
        life.edit("a", two, "title", "to b")
        life.connectors["a"].next_writes.append(Fault.LATER)
        report = await life.cycle()
        assert report is not None
        assert report.stopped is not None
        assert life.systems["b"].rows[there_two].now.cells["title"] == "to b"
        await rest(life)
        await judge(life)
        assert life.systems["a"].rows[one].now.cells["title"] == "to a"

    lived(life)


def test_a_write_that_is_not_visible_yet_is_not_undone() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.edit("a", only(life, "a"), "title", "from a")
        await life.cycle()
        life.connectors["b"].lag_seconds = 0.9
        await life.cycle()  # shows b as it was before
        assert cell(life, "a", "title") == "from a"
        await rest(life)
        await judge(life)
        assert cell(life, "b", "title") == "from a"

    lived(life)


def test_a_lost_reply_and_a_further_edit_are_no_conflict() -> None:
    async def life() -> None:
        life = await one_pair(POOR_SYSTEMS)
        life.edit("a", only(life, "a"), "title", "first")
        life.connectors["b"].next_writes.append(Fault.LOST_REPLY)
        await life.cycle()
        life.clock.advance(10)
        life.edit("a", only(life, "a"), "title", "second")
        await rest(life)
        await judge(life)
        assert cell(life, "b", "title") == "second"
        assert await logged(life) == []

    lived(life)


def test_a_create_that_may_still_arrive_is_not_repeated() -> None:
    """Also by a unique key: the late one would write its old values over what was edited since."""

    async def life() -> None:
        life = await Life.begin(GUARDED_SYSTEMS)
        person = life.new_person("a", 1)
        old = cell(life, "a", "title")
        life.connectors["b"].next_writes.append(Fault.LATE_WRITE)
        for _ in range(4):
            await life.cycle()
            life.clock.advance(2)
        life.edit("a", person, "title", "newer")
        for _ in range(12):
            await life.cycle()
            life.clock.advance(5)
        await rest(life)
        await judge(life)
        (made,) = life.systems["b"].rows.values()
        assert [change.new for change in made.changes if change.field == "title"] == [old, "newer"]
        assert len([write for side, write, _ in life.written if side == "b" and write.record_id is None]) == 1

    lived(life)


async def rests_newer(life: Life) -> None:
    """Once everything rests both sides hold the newer title, and no conflict is logged over one value."""
    await rest(life)
    await judge(life)
    assert (cell(life, "a", "title"), cell(life, "b", "title")) == ("newer", "newer")
    assert [kind for kind, a, b in await logged(life) if a == b] == []


def test_a_late_create_of_ours_is_nobodys_edit() -> None:
    """A create by a unique key that was given up and repeated arrives later than the vendor promises, as an update of
    the record made since."""

    async def life() -> None:
        life = await Life.begin(GUARDED_SYSTEMS)
        life.new_person("a", 1)
        life.connectors["b"].next_writes.append(Fault.LOST_REQUEST)
        await life.cycle()
        ((_, create, _),) = life.written
        life.systems["b"].later(130, lambda: life.connectors["b"].write_one(create))
        life.clock.advance(65)
        for _ in range(2):
            await life.cycle()
            life.clock.advance(2)
        old = cell(life, "b", "title")
        life.edit("a", only(life, "a"), "title", "newer")
        await life.cycle()
        assert cell(life, "b", "title") == "newer"
        life.clock.advance(60)
        life.systems["b"].catch_up()
        assert cell(life, "b", "title") == old, "the late create has put its old value there"
        await rests_newer(life)

    lived(life)


def test_of_two_attempts_to_create_the_first_may_be_the_one_that_came() -> None:
    """Given up, made again with what was edited since, lost again: and then the first one is there, with its old
    values. They are ours and old, whatever the second attempt would have written."""

    async def life() -> None:
        life = await Life.begin(GUARDED_SYSTEMS)
        person = life.new_person("a", 1)
        old = cell(life, "a", "title")
        life.connectors["b"].next_writes += [Fault.LOST_REQUEST, Fault.LOST_REQUEST]
        await life.cycle()
        ((_, create, _),) = life.written
        life.systems["b"].later(150, lambda: life.connectors["b"].write_one(create))
        life.clock.advance(65)
        life.edit("a", person, "title", "newer")
        for _ in range(2):
            await life.cycle()
            life.clock.advance(2)
        assert len([write for _, write, _ in life.written if write.record_id is None]) == 2
        life.clock.advance(85)
        life.systems["b"].catch_up()
        assert cell(life, "b", "title") == old, "the first attempt is there"
        await rests_newer(life)
        attempts = (await life.store.rows(Table.ENTRY, {"match_key": create.key})).sort("at_us")
        assert attempts["record_id"].is_not_null().to_list() == [True, False], "the second attempt made nothing"

    lived(life)
