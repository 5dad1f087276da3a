"""Rolling verification: what nobody noticed is found within one round and repaired by a plan; the claim is honest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import Fault
from syncline.engine import inbox
from syncline.engine.agreement import BUCKETS, Agreement, Looked, agreement_of, calls_due, verify_next
from syncline.engine.dirty import dirty_links
from syncline.engine.observe import capture, meet
from syncline.engine.onlooking import onlooking
from syncline.errors import Unavailable
from syncline.trees import Commit, Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, Variant

VARIANTS = pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)
EVERYTHING = 1_000


def lived(variant: Variant, history: Callable[[Life], Coroutine[Any, Any, None]], people: int = 6) -> None:
    """The history of some pairs that are at rest, and longer so than any change takes to be seen."""

    async def live() -> None:
        life = await Life.begin(variant)
        for number in range(people):
            life.new_person("a", number)
        for _ in range(2):
            await life.cycle()
            life.clock.advance(1_000)
        for number in range(6):  # so that the others lie behind every capture's overlap
            life.edit("a", life.people_of("a")[-1], "phone", str(number))
        for _ in range(2):
            await life.cycle()
            life.clock.advance(1_000)
        await history(life)

    asyncio.run(live())


async def looked(life: Life, calls: int = EVERYTHING) -> Looked:
    life.clock.advance(30)
    return await verify_next(life.world(), life.sync, calls=calls)


async def claim(life: Life) -> Agreement:
    return await agreement_of(life.store, life.sync.name)


async def repaired(life: Life) -> None:
    """The next run's plan repairs what was found, and the next look finds nothing."""
    for _ in range(2):
        report = await life.cycle()
        assert report is not None
        assert report.is_balanced
        life.clock.advance(1_000)
    assert (await looked(life)).differing == 0
    now = await claim(life)
    assert (now.agreeing, now.hundredths_of_percent) == (now.pairs, 10_000)


def unseen(life: Life, record_id: str, **facts: Any) -> None:
    """Something happens to a record of side a that no capture will bring: no stamp moves, no event is sent."""
    row = life.systems["a"].rows[record_id]
    row.versions[-1] = replace(row.now, **facts)


def test_at_rest_everything_agrees_and_nothing_is_marked_or_written() -> None:
    async def history(life: Life) -> None:
        written, marks = len(life.written), await life.store.count(Table.DIRTY)
        first = await looked(life)
        assert (first.buckets, first.pairs, first.agreeing, first.judged) == (BUCKETS, 6, 6, 6)
        assert (len(life.written), await life.store.count(Table.DIRTY)) == (written, marks)
        told = await claim(life)
        assert (told.pairs, told.links, told.hundredths_of_percent, told.is_whole) == (6, 6, 10_000, True)
        assert told.oldest_us is not None
        again = await looked(life)
        assert (again.agreeing, again.judged) == (6, 0), "what is as it was is not compared again"
        (run,) = (await life.store.rows(Table.RUN, {"run_id": again.run_id})).iter_rows(named=True)
        assert (run["kind"], run["lane"], run["state"]) == ("audit", "audit", "succeeded")

    lived(RICH_SYSTEMS, history)


@VARIANTS
def test_a_missed_change_is_found_and_repaired_by_a_plan(variant: Variant) -> None:
    async def history(life: Life) -> None:
        assert (await looked(life)).differing == 0
        one = life.people_of("a")[2]
        cells = life.systems["a"].rows[one].now.cells
        unseen(life, one, cells={**cells, "title": "Nobody told"})
        report = await life.cycle()
        assert report is not None
        assert report.actions.is_empty(), "no capture brings it"
        written = len(life.written)
        found = await looked(life)
        assert (found.differing, found.agreeing, found.corrected) == (1, 5, 1)
        assert (await claim(life)).hundredths_of_percent == 8_333
        assert len(life.written) == written, "nothing is written but by a plan"
        await repaired(life)
        titles = {row.now.cells["title"] for row in life.systems["b"].rows.values()}
        assert "Nobody told" in titles

    lived(variant, history)


def test_a_missed_delete_is_found_and_followed_by_a_plan() -> None:
    async def history(life: Life) -> None:
        await looked(life)
        one = life.people_of("a")[1]
        unseen(life, one, is_deleted=True)
        await life.cycle()
        assert await life.store.count(Table.LINK, {"state": "live"}) == 6, "no capture brings it"
        found = await looked(life)
        assert (found.differing, len(found.links)) == (1, 1)
        await repaired(life)
        assert await life.store.count(Table.LINK, {"state": "tombstone"}) == 1

    lived(RICH_SYSTEMS, history)


def test_a_mirror_row_changed_by_hand_is_put_right_before_a_plan_believes_it() -> None:
    async def history(life: Life) -> None:
        await looked(life)
        one = life.people_of("a")[0]
        title = life.systems["a"].rows[one].now.cells["title"]
        row = await life.store.rows(Table.MIRROR, {"connection": "left", "record_id": one})
        cells = json.loads(row["cells"][0]) | {"title": "Written by hand"}
        forged = row.with_columns(pl.lit(json.dumps(cells)).alias("cells"))
        await life.store.commit(Commit(put={Table.MIRROR: forged}))
        found = await looked(life)
        assert found.corrected == 1
        await repaired(life)
        assert title in {row.now.cells["title"] for row in life.systems["b"].rows.values()}
        assert "Written by hand" not in {row.now.cells["title"] for row in life.systems["b"].rows.values()}

    lived(RICH_SYSTEMS, history)


def test_a_base_or_mark_that_is_lost_is_found() -> None:
    async def history(life: Life) -> None:
        one = life.people_of("a")[0]
        life.edit("a", one, "title", "Marked and lost")
        life.clock.advance(1_000)
        world = life.world()
        await meet(world, life.sync)
        await capture(world, "left", "person", "lost")
        dirty = await life.store.rows(Table.DIRTY, {"sync": life.sync.name})
        await life.store.commit(Commit(drop={Table.DIRTY: dirty.drop("seq", "due_us")}))
        life.clock.advance(1_000)
        report = await life.cycle()
        assert report is not None
        assert report.actions.is_empty(), "nobody looks where no mark is"
        assert (await looked(life)).differing == 1
        await repaired(life)

    lived(RICH_SYSTEMS, history)


def test_a_write_that_was_silently_ignored_is_found() -> None:
    async def history(life: Life) -> None:
        await looked(life)
        one = life.people_of("a")[0]
        life.connectors["b"].next_writes = [Fault.IGNORED]
        life.edit("a", one, "title", "Ignored")
        life.clock.advance(60)
        await life.cycle()
        found = await looked(life)
        assert (found.agreeing, found.explained + found.differing) == (5, 1)
        life.connectors["b"].ignored.clear()
        for _ in range(2):
            await life.cycle()
            life.clock.advance(1_000)
        await inbox.retry(life.world(), life.sync, None)
        await life.store.commit(Commit())
        told = await looked(life)
        assert told.agreeing + told.explained == 6
        marks = await life.store.rows(Table.MARK, {"kind": "not_taken"})
        assert len(marks) == 1 - (told.agreeing - 5), "either it is named as not taken, or it was written since"

    lived(POOR_SYSTEMS, history)


def test_a_write_that_no_reading_shows_yet_is_no_agreement() -> None:
    async def history(life: Life) -> None:
        await looked(life)
        life.connectors["b"].next_writes = [Fault.IGNORED]
        life.edit("a", life.people_of("a")[0], "title", "Ignored")
        life.clock.advance(60)
        await life.cycle()
        for _ in range(2):  # the second time nothing has moved
            found = await looked(life)
            assert (found.agreeing, found.explained, found.differing) == (5, 1, 0)

    able = replace(POOR_SYSTEMS.capabilities, visibility_lag_seconds=600)
    lived(replace(POOR_SYSTEMS, capabilities=able), history)


def test_an_edit_on_its_way_is_no_difference_but_no_agreement_either() -> None:
    async def history(life: Life) -> None:
        await looked(life)
        one = life.people_of("a")[0]
        life.edit("a", one, "title", "A second ago")
        found = await looked(life)
        assert (found.agreeing, found.explained, found.differing, found.corrected) == (5, 1, 0, 0)
        await repaired(life)

    lived(RICH_SYSTEMS, history)


def test_the_quota_is_kept_and_the_round_goes_on_where_it_was() -> None:
    async def history(life: Life) -> None:
        assert (await looked(life, calls=1)).buckets == 1, "the first bucket holds nobody"
        starved = await looked(life, calls=1)
        assert (starved.buckets, starved.needed) == (0, 2)
        some = await looked(life, calls=5)
        assert (some.pairs, some.agreeing) == (6, 6), "two calls of three on each side; one more would be the sixth"
        half = await claim(life)
        assert not half.is_whole
        assert half.oldest_us is None
        assert half.pairs < half.links
        rounds = 0
        while not (await claim(life)).is_whole:
            rounds += 1
            assert rounds < BUCKETS
            assert (await looked(life, calls=5)).pairs <= 6
        assert (await claim(life)).pairs == 30

    few_a_call = replace(RICH_SYSTEMS, capabilities=replace(RICH_SYSTEMS.capabilities, read_ids_per_call=3))
    lived(few_a_call, history, people=30)


def test_a_look_that_fails_counts_nothing_and_is_done_again() -> None:
    async def history(life: Life) -> None:
        await looked(life)
        before = (await life.store.rows(Table.AGREEMENT)).select("bucket", "checked_us")

        async def away(*_: Any, **__: Any) -> Any:
            raise Unavailable("left is away")

        connector = life.connectors["a"]
        connector.read_by_ids = away  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await looked(life)
        del connector.read_by_ids
        assert (await life.store.rows(Table.AGREEMENT)).select("bucket", "checked_us").equals(before)
        assert (await life.store.rows(Table.RUN, {"kind": "audit"}))["state"].to_list().count("failed") == 1
        assert (await looked(life)).agreeing == 6

    lived(RICH_SYSTEMS, history)


def test_judging_stores_nothing() -> None:
    async def history(life: Life) -> None:
        marks = await life.store.count(Table.DIRTY)
        store = onlooking(life.world()).store
        await store.commit(Commit(touch=[dirty_links(life.sync.name, [1])]))
        assert await store.count(Table.DIRTY) == marks

    lived(RICH_SYSTEMS, history, people=1)


def test_the_share_is_rounded_down_and_calls_follow_the_day() -> None:
    told = Agreement(
        pairs=41_203, agreeing=41_202, explained=1, differing=0, oldest_us=1, buckets_seen=256, links=41_203
    )
    assert told.hundredths_of_percent == 9_999
    assert (
        Agreement(
            pairs=0, agreeing=0, explained=0, differing=0, oldest_us=None, buckets_seen=0, links=0
        ).hundredths_of_percent
        is None
    )

    async def history(life: Life) -> None:
        assert calls_due(life.world(), life.sync, 60) == 100  # nobody tells a limit

    lived(RICH_SYSTEMS, history, people=1)
