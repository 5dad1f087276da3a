"""A change stream into the mirror: what events may do, and what they may not, on systems in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import MemoryConnector, StreamFault
from syncline.connectors.memory.connector import STREAMED
from syncline.engine.cycle import run_cycle
from syncline.engine.erase import erase
from syncline.engine.following import follow, hold_stream, name_of
from syncline.engine.laws import balances, unpack_ids
from syncline.engine.observe import listen, meet, read_again
from syncline.engine.rereads import read_due
from syncline.engine.status import status
from syncline.engine.stream import standing, take_batch
from syncline.engine.tenure import begin
from syncline.engine.units import Turn
from syncline.records import EventBatch, Write
from syncline.trees import Commit, Fenced, Store, Table
from tests.support.memory_world import TwoSystems, two_systems
from tests.support.virtual import VirtualClock

CHANNEL = "person"
TURN = Turn(worker="w1", cycle="c1")


@dataclass
class Pushed:
    """Two systems, persons on the left, whose changes are pushed; the pair is linked and at rest."""

    w: TwoSystems
    one: str = ""
    twin: str = ""

    @property
    def store(self) -> Store:
        return self.w.world.store

    @property
    def connector(self) -> MemoryConnector:
        connector = self.w.world.connectors["left"]
        assert isinstance(connector, MemoryConnector)
        return connector

    def edit(self, actor: str = "human", **cells: str) -> None:
        self.w.left.update(self.one, cells, actor)

    async def batches(self, count: int = 1) -> list[EventBatch]:
        """The next batches with events after the stored position."""
        stands = await standing(self.w.world, "left", CHANNEL)
        found: list[EventBatch] = []
        async with aclosing(listen(self.w.world, "left", CHANNEL, stands.position if stands else None)) as batches:
            for _ in range(20):
                if len(found) == count:
                    break
                batch = await anext(batches)
                if batch.events:
                    found.append(batch)
        assert len(found) == count
        return found

    async def take(self, *batches: EventBatch, run_id: str = "r") -> None:
        for batch in batches or await self.batches():
            await take_batch(self.w.world, "left", batch, run_id)

    async def cell(self, field: str, record_id: str = "") -> str | None:
        rows = await self.store.rows(Table.MIRROR, {"connection": "left", "record_id": record_id or self.one})
        return json.loads(rows["cells"][0]).get(field) if len(rows) else None

    async def verdicts(self, run_id: str = "r") -> dict[str, int]:
        rows = await self.store.rows(Table.CAPTURED, {"run_id": run_id})
        out: dict[str, int] = {}
        for verdict, ids in rows.select("verdict", "ids").iter_rows():
            out[verdict] = out.get(verdict, 0) + len(unpack_ids(ids))
        laws = await balances(self.store, "people", run_id)
        assert all(law.is_balanced for law in laws), laws
        return out

    async def marked(self) -> list[str]:
        """Records that are to be read by id."""
        return (await self.store.rows(Table.DIRTY, {"sync": "read:left"}))["record_id"].to_list()

    async def read_marked(self) -> None:
        self.w.clock.advance(5)
        await read_due(self.w.world, "left", "person", "reads")

    async def dirty(self) -> int:
        return await self.store.count(Table.DIRTY, {"sync": "people"})

    async def cycle(self) -> None:
        await run_cycle(self.w.world, self.w.sync)
        self.w.clock.advance(120)


async def pushed(*, capabilities: Any = STREAMED, store: Store | None = None) -> Pushed:
    w = await two_systems(store=store)
    w.world.connectors = {
        "left": MemoryConnector(w.left, capabilities=capabilities),
        "right": w.world.connectors["right"],
    }
    w.sync = await meet(w.world, w.sync)
    p = Pushed(w)
    p.one = w.left.create("person", {"email": "a@x.example", "first": "Ann", "last": "Lee", "title": "old"}, "human")
    for _ in range(2):
        await p.cycle()
    (p.twin,) = w.right.rows
    assert await p.dirty() == 0
    async with aclosing(listen(w.world, "left", CHANNEL, None)) as batches:
        opened = await anext(batches)
        assert opened == EventBatch(channel=CHANNEL)
        await take_batch(w.world, "left", await anext(batches), "r")
    return p


def test_an_event_is_news_and_reaches_the_other_side_without_a_poll() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        await p.take()
        assert await p.cell("title") == "new"
        assert await p.cell("email") == "a@x.example"  # what the event does not carry stays
        assert (await p.verdicts(), await p.marked(), await p.dirty()) == ({"applied": 1}, [], 1)
        moments = (await p.store.rows(Table.MOMENT, {"connection": "left", "field": "title"})).to_dicts()
        assert [(m["new"], m["actor"], m["origin"]) for m in moments][-1] == ("new", "human", "L2")
        await p.cycle()
        assert p.w.right.rows[p.twin].now.cells["title"] == "new"

    asyncio.run(whole())


def test_what_comes_again_changes_nothing() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="one")
        p.w.clock.advance(2)
        p.edit(title="two")
        (batch,) = await p.batches()
        await p.take(batch)
        history = await p.store.count(Table.HISTORY)
        await p.take(batch, batch)
        assert await p.cell("title") == "two"
        assert await p.verdicts() == {"applied": 2, "duplicate": 4}
        assert (await p.marked(), await p.store.count(Table.HISTORY)) == ([], history)

    asyncio.run(whole())


def test_events_of_one_record_are_laid_in_the_order_of_their_commits() -> None:
    async def whole() -> None:
        p = await pushed()
        for value in ("one", "two", "three"):
            p.edit(title=value, **({"phone": "1"} if value == "one" else {}))
            p.w.clock.advance(2)
        p.connector.next_batches = [StreamFault.BACKWARDS]
        await p.take()
        assert (await p.cell("title"), await p.cell("phone")) == ("three", "1")
        assert await p.verdicts() == {"applied": 3}

    asyncio.run(whole())


def test_an_event_that_comes_after_a_later_one_is_read_for() -> None:
    """The later event says nothing of the field that the earlier one changed."""

    async def whole() -> None:
        p = await pushed()
        p.edit(phone="1")
        (early,) = await p.batches()
        p.w.clock.advance(2)
        p.edit(title="new")
        (both,) = await p.batches()
        late = replace(both, events=both.events[1:])
        await p.take(late, early)
        assert (await p.cell("title"), await p.cell("phone")) == ("new", "")
        assert await p.verdicts() == {"applied": 1, "unordered": 1}
        await p.read_marked()
        assert (await p.cell("phone"), await p.marked()) == ("1", [])

    asyncio.run(whole())


def test_an_event_never_overwrites_a_later_read() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="one")
        p.w.clock.advance(30)
        p.edit(title="two")
        (batch,) = await p.batches()
        first, second = (replace(batch, events=(event,)) for event in batch.events)
        p.w.clock.advance(30)
        await run_cycle(p.w.world, p.w.sync)
        assert await p.cell("title") == "two"
        await p.take(first, second)
        assert await p.cell("title") == "two"
        assert (await p.verdicts(), await p.marked()) == ({"stale": 1, "identical": 1}, [])

    asyncio.run(whole())


def test_an_event_and_a_read_of_one_moment_are_settled_by_reading() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="one")
        (batch,) = await p.batches()
        p.w.clock.advance(0.4)
        p.edit(title="two")
        await run_cycle(p.w.world, p.w.sync, writes=False)
        assert await p.cell("title") == "two"
        await p.take(batch)
        assert (await p.cell("title"), await p.verdicts()) == ("two", {"unordered": 1})
        assert await p.marked() == [p.one]

    asyncio.run(whole())


def test_what_never_came_is_found_by_polling() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="lost")
        p.w.clock.advance(2)
        p.edit(phone="2")
        p.connector.next_batches = [StreamFault.MISSING]
        await p.take()
        assert (await p.cell("title"), await p.cell("phone")) == ("old", "2")
        p.w.clock.advance(60)
        await p.cycle()
        assert (await p.cell("title"), p.w.right.rows[p.twin].now.cells["title"]) == ("lost", "lost")

    asyncio.run(whole())


@pytest.mark.parametrize("fault", [StreamFault.GAP, StreamFault.UNREADABLE])
def test_events_that_do_not_say_what_happened_are_read_for(fault: StreamFault) -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        p.connector.next_batches = [fault]
        before = (await standing(p.w.world, "left", CHANNEL)).position  # type: ignore[union-attr]
        await p.take()
        assert (await p.cell("title"), await p.marked()) == ("old", [p.one])
        assert (await standing(p.w.world, "left", CHANNEL)).position != before  # type: ignore[union-attr]
        kept = await p.store.rows(Table.DEAD_LETTER, {"code": "unreadable", "state": "dead"})
        assert len(kept) == (fault is StreamFault.UNREADABLE)
        assert await p.verdicts() == {"unordered" if fault is StreamFault.GAP else "unreadable": 1}
        await p.read_marked()
        assert await p.cell("title") == "new"

    asyncio.run(whole())


def test_nothing_is_planned_for_a_record_whose_reading_is_in_doubt() -> None:
    """What it holds is half known: what keeps it out of the filter may be in the half that is not."""

    async def whole() -> None:
        p = await pushed()
        p.edit(title="told")
        await p.take()
        p.w.clock.advance(0.2)
        p.edit(phone="2")
        p.connector.next_batches = [StreamFault.GAP]
        await p.take()
        await p.cycle()
        assert p.w.right.rows[p.twin].now.cells["title"] == "old"
        assert (await p.marked(), await p.dirty()) == ([p.one], 1)
        await p.cycle()
        told = p.w.right.rows[p.twin].now.cells
        assert (told["title"], told["phone"], await p.dirty()) == ("told", "2", 0)

    asyncio.run(whole())


def test_a_delete_is_believed_when_it_was_read() -> None:
    async def whole() -> None:
        p = await pushed()
        p.w.left.delete(p.one, "human")
        await p.take()
        (row,) = (await p.store.rows(Table.MIRROR, {"record_id": p.one})).iter_rows(named=True)
        assert (row["is_deleted"], await p.marked()) == (False, [p.one])
        await p.read_marked()
        (row,) = (await p.store.rows(Table.MIRROR, {"record_id": p.one})).iter_rows(named=True)
        assert row["is_deleted"]

    asyncio.run(whole())


def test_a_new_record_is_taken_in_whole_or_read() -> None:
    async def whole() -> None:
        p = await pushed()
        new = p.w.left.create("person", {"email": "n@x.example", "last": "New"}, "human")
        p.w.clock.advance(2)
        p.w.left.update(new, {"title": "t"}, "human")
        (batch,) = await p.batches()
        create, update = batch.events
        await p.take(replace(batch, events=(update,)))
        assert (await p.cell("email", new), await p.marked()) == (None, [new])  # of a stranger an event is a hint
        bare = {name: value for name, value in create.cells.items() if name != "phone"}
        await p.take(replace(batch, events=(replace(create, cells=bare),)))
        assert await p.cell("email", new) is None
        await p.take(replace(batch, events=(create,)))
        assert (await p.cell("email", new), await p.cell("phone", new)) == ("n@x.example", "")
        assert await p.verdicts() == {"unordered": 2, "applied": 1}

    asyncio.run(whole())


async def _written(p: Pushed) -> EventBatch:
    """A title of the right went to the left; its event."""
    p.w.right.update(p.twin, {"title": "ours"}, "human")
    p.w.clock.advance(30)
    await run_cycle(p.w.world, p.w.sync)
    assert p.w.left.rows[p.one].now.cells["title"] == "ours"
    return (await p.batches())[0]


def test_the_event_of_our_own_write_is_its_echo() -> None:
    async def whole() -> None:
        p = await pushed()
        batch = await _written(p)
        assert batch.events[-1].is_ours
        entries = await p.store.rows(Table.ENTRY, {"record_id": p.one, "state": "written"})
        assert len(entries) == 1
        await p.take(batch)
        assert await p.store.count(Table.ENTRY, {"record_id": p.one, "state": "written"}) == 0
        (row,) = (await p.store.rows(Table.MIRROR, {"record_id": p.one})).iter_rows(named=True)
        assert (row["flags"], await p.marked(), await p.dirty()) == (None, [], 0)

    asyncio.run(whole())


def test_the_same_value_by_somebody_else_before_our_answer_proves_nothing() -> None:
    async def whole() -> None:
        p = await pushed()
        batch = await _written(p)
        theirs = replace(batch, events=tuple(replace(e, is_ours=False, actor="human") for e in batch.events))
        await p.take(theirs)
        assert await p.store.count(Table.ENTRY, {"record_id": p.one, "state": "written"}) == 1
        assert await p.marked() == [p.one]

    asyncio.run(whole())


def test_an_edit_that_a_reading_superseded_is_no_loss() -> None:
    """The event of the later edit never came; what we replaced we had read."""

    async def whole() -> None:
        p = await pushed()
        p.edit(title="theirs")
        await p.take()
        for _ in range(2):
            await p.cycle()
        p.edit(title="later")
        for _ in range(2):
            p.w.clock.advance(60)
            await p.cycle()
        batch = await _written(p)
        await p.take(replace(batch, events=batch.events[-1:]))
        assert await p.store.count(Table.CONFLICT, {"kind": "overwritten_in_flight"}) == 0

    asyncio.run(whole())


@pytest.mark.parametrize("at_once", [True, False])
def test_an_edit_between_our_reading_and_our_write_is_told(at_once: bool) -> None:
    async def whole() -> None:
        p = await pushed()
        p.w.right.update(p.twin, {"title": "ours"}, "human")
        p.w.clock.advance(30)
        write_one = p.connector.write_one

        def overtaken(write: Write) -> Any:
            p.w.left.update(p.one, {"title": "theirs"}, "human")
            p.w.clock.advance(0.2)
            return write_one(replace(write, unmodified_since_us=None))

        p.connector.write_one = overtaken  # type: ignore[method-assign]
        await run_cycle(p.w.world, p.w.sync)
        p.connector.write_one = write_one  # type: ignore[method-assign]
        assert p.w.left.rows[p.one].now.cells["title"] == "ours"
        (batch,) = await p.batches()
        parts: Sequence[EventBatch] = [batch]
        if not at_once:
            parts = [replace(batch, events=(event,)) for event in batch.events]
        await p.take(*parts)
        told = await p.store.rows(Table.CONFLICT, {"kind": "overwritten_in_flight"})
        assert [(row["value_a"], row["value_b"]) for row in told.iter_rows(named=True)] == [("theirs", "ours")]

    asyncio.run(whole())


def test_an_edit_we_had_taken_in_before_we_wrote_is_no_loss() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="theirs")
        await p.take()
        for _ in range(2):  # our write is read back before anybody changes it again
            await p.cycle()
        assert p.w.right.rows[p.twin].now.cells["title"] == "theirs"
        await p.take(await _written(p))
        assert await p.store.count(Table.CONFLICT, {"kind": "overwritten_in_flight"}) == 0

    asyncio.run(whole())


def test_the_event_s_own_time_decides_who_was_newest() -> None:
    """By stamps alone the left's edit lies anywhere before its last change, and the tie would go to the left."""

    async def whole() -> None:
        p = await pushed()
        p.edit(title="first")
        p.w.clock.advance(30)
        p.w.right.update(p.twin, {"title": "second"}, "human")
        p.w.clock.advance(30)
        p.edit(phone="3")
        await p.take()
        await p.cycle()
        assert p.w.left.rows[p.one].now.cells["title"] == "second"
        (row,) = (await p.store.rows(Table.CONFLICT, {"kind": "conflict"})).iter_rows(named=True)
        assert (row["value_a"], row["value_b"], row["winner_side"]) == ("first", "second", "b")

    asyncio.run(whole())


def test_an_event_brings_nothing_back_into_sight() -> None:
    """Streams tell of records that the connected user may not read."""

    async def whole() -> None:
        p = await pushed()
        link = await p.store.rows(Table.LINK)
        await p.store.commit(Commit(put={Table.LINK: link.with_columns(visible_a=pl.lit(False))}))
        p.edit(title="new")
        await p.take()
        assert (await p.store.rows(Table.LINK))["visible_a"].to_list() == [False]
        p.w.clock.advance(5)
        await read_again(p.w.world, "left", "person", [p.one], "reads")
        assert (await p.store.rows(Table.LINK))["visible_a"].to_list() == [True]

    asyncio.run(whole())


def test_events_of_an_erased_person_leave_no_trace() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        (batch,) = await p.batches()
        await erase(p.w.world, p.w.sync, "a@x.example")
        await p.take(batch)
        assert await p.store.count(Table.MIRROR, {"connection": "left"}) == 0
        assert (await p.marked(), await p.store.count(Table.MOMENT)) == ([], 0)
        assert await p.verdicts() == {"erased": 1}

    asyncio.run(whole())


class _Dies(Exception):
    pass


@pytest.mark.parametrize("after", [False, True])
def test_position_and_effects_are_stored_together(after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our process dies right before or after each commit of a batch; what is there afterwards agrees with itself."""

    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        (batch,) = await p.batches()
        before = await standing(p.w.world, "left", CHANNEL)
        assert before is not None
        commit = p.store.commit
        count = 0

        async def dying(part: Commit) -> None:
            nonlocal count
            count += 1
            if after:
                await commit(part)
            raise _Dies

        monkeypatch.setattr(p.store, "commit", dying)
        with pytest.raises(_Dies):
            await p.take(batch)
        monkeypatch.setattr(p.store, "commit", commit)
        now = await standing(p.w.world, "left", CHANNEL)
        assert now is not None
        assert (await p.cell("title") == "new", now.position == batch.position) == (after, after)
        assert count == 1
        await p.take(batch)
        assert await p.cell("title") == "new"

    asyncio.run(whole())


class _Over(Exception):
    """The test has seen enough."""


class _Ends(VirtualClock):
    """A clock on which somebody sleeps only so often."""

    left = 6

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.left -= 1
        if self.left < 0:
            raise _Over


async def _follow(p: Pushed, sleeps: int = 6) -> list[float]:
    """Follow the stream until its worker has slept so often; the sleeps."""
    clock = _Ends(p.w.clock.now())
    clock.left = sleeps
    p.w.world.clock = p.w.left._clock = p.w.right._clock = p.w.clock = clock
    with pytest.raises(_Over):
        await follow(p.w.world, p.w.sync, "left", CHANNEL, TURN)
    return clock.sleeps


def test_following_takes_in_and_answers_a_gap_by_polling() -> None:
    async def whole() -> None:
        for fault in (StreamFault.OVERFLOW, StreamFault.NAMELESS, StreamFault.POSITION_LOST):
            p = await pushed()
            p.edit(title="new")
            p.connector.next_batches = [fault]
            await _follow(p)
            now = await standing(p.w.world, "left", CHANNEL)
            assert now is not None
            assert (now.state, now.gaps, now.owed) == ("live", 1, ()), fault
            assert await p.cell("title") == "new", fault
            assert await p.store.count(Table.DEAD_LETTER, {"state": "dead"}) == 0
            runs = await p.store.rows(Table.RUN, {"kind": "stream"})
            assert set(runs["state"]) <= {"succeeded"}

    asyncio.run(whole())


def test_a_stream_that_breaks_is_resumed_where_it_was() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        p.connector.next_batches = [StreamFault.LOST, StreamFault.LOST]
        sleeps = await _follow(p)
        assert await p.cell("title") == "new"
        assert 0.5 <= sleeps[0] <= 1.0
        now = await standing(p.w.world, "left", CHANNEL)
        assert now is not None
        assert (now.state, now.gaps, now.events) == ("live", 0, 1)

    asyncio.run(whole())


def test_a_spent_allotment_is_told_and_polling_goes_on() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        p.connector.next_batches = [StreamFault.SPENT]
        sleeps = await _follow(p, 0)
        now = await standing(p.w.world, "left", CHANNEL)
        assert now is not None
        assert (now.state, sleeps) == ("off", [1800.0])
        assert "SYN-330" in str(now.why)
        p.w.world.clock = p.w.left._clock = p.w.right._clock = VirtualClock(p.w.clock.now())
        await run_cycle(p.w.world, p.w.sync)
        assert await p.cell("title") == "new"
        await _follow(p, 2)
        now = await standing(p.w.world, "left", CHANNEL)
        assert now is not None
        assert (now.state, now.why) == ("live", None)

    asyncio.run(whole())


def test_the_first_opening_polls_what_came_before() -> None:
    async def whole() -> None:
        p = await pushed()
        key = (await p.store.rows(Table.STREAM)).select("connection", "channel")
        await p.store.commit(Commit(drop={Table.STREAM: key}))
        assert await standing(p.w.world, "left", CHANNEL) is None
        p.edit(title="before")
        await _follow(p, 2)
        assert await p.cell("title") == "before"

    asyncio.run(whole())


class _Yields(VirtualClock):
    """A clock on which others go on while one sleeps."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


def test_of_all_workers_and_syncs_one_follows_a_channel() -> None:
    async def whole() -> None:
        p = await pushed()
        p.w.world.clock = p.w.left._clock = p.w.right._clock = p.w.clock = clock = _Yields(p.w.clock.now())
        p.store._clock = clock  # type: ignore[attr-defined]
        p.edit(title="new")
        following = asyncio.ensure_future(hold_stream(p.w.world, p.w.sync, "left", CHANNEL, TURN))
        while await p.cell("title") != "new":
            await asyncio.sleep(0)
        for worker in ("w1", "w2"):
            turn = replace(TURN, worker=worker)
            assert not await hold_stream(p.w.world, p.w.sync, "left", CHANNEL, turn)
        assert not following.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert await begin(p.w.world, name_of("left", CHANNEL), "w2") is not None

    asyncio.run(whole())


def test_status_says_where_streams_stand() -> None:
    async def whole() -> None:
        p = await pushed()
        p.edit(title="new")
        p.connector.next_batches = [StreamFault.SPENT]
        await _follow(p, 0)
        (told,) = (await status(p.w.world, p.w.sync))["streams"]
        assert (told["channel"], told["state"], told["events"]) == (CHANNEL, "off", 0)
        assert "SYN-330" in told["why"]

    asyncio.run(whole())


def test_who_lost_the_lease_stops_and_stores_nothing() -> None:
    async def whole() -> None:
        p = await pushed()
        own = await begin(p.w.world, f"stream:left:{CHANNEL}", "w1")
        assert own is not None
        p.edit(title="new")
        p.w.clock.advance(60)
        assert await p.store.take_lease(f"stream:left:{CHANNEL}", "w2", seconds=60) is not None
        with pytest.raises(Fenced):
            await follow(own, p.w.sync, "left", CHANNEL, TURN)
        assert await p.cell("title") == "old"

    asyncio.run(whole())
