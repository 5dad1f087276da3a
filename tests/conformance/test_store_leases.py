"""Leases and fences of `trees.Store`: one holder at a time, and no commit of an earlier one."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from syncline.errors import OurBug
from syncline.trees import Commit, Fenced, Lease, Store, Table
from tests.conformance.stores import Tell, frame, mark, touched

UNIT = "fields:people:0"
A_WHILE = 3_600.0
OVER = 0.0  # a lease of no length ends as it begins: whoever comes next may take it


async def taken(store: Store, holder: str, *, name: str = UNIT, seconds: float = A_WHILE) -> Lease:
    lease = await store.take_lease(name, holder, seconds=seconds)
    assert lease is not None
    return lease


def fenced(lease: Lease, word: str) -> Commit:
    return Commit(put={Table.META: frame(Table.META, {"name": word, "value": "x"})}, fences={lease.name: lease.fence})


def test_a_lease_has_one_holder_until_it_ends(tell: Tell):
    async def chapter(store: Store) -> None:
        first = await taken(store, "one")
        assert first.expires_us - first.taken_us == A_WHILE * 1e6
        assert abs(first.taken_us - await store.clock_us()) < 60e6
        assert await store.take_lease(UNIT, "two", seconds=A_WHILE) is None
        assert await store.take_lease("identity:people", "two", seconds=A_WHILE) is not None
        assert await store.keep_lease(first, seconds=OVER) is not None
        second = await taken(store, "two")
        assert second.fence > first.fence
        assert await store.keep_lease(first, seconds=A_WHILE) is None
        await store.give_back(first)
        assert await store.take_lease(UNIT, "one", seconds=A_WHILE) is None, "what was not ours was not given back"
        await store.give_back(second)
        assert (await taken(store, "one")).fence > second.fence

    tell(chapter)


def test_fences_grow_over_all_leases_and_with_every_taking(tell: Tell):
    async def chapter(store: Store) -> None:
        leases = [await taken(store, "one", name=name) for name in ("u", "v", "u", "w")]
        assert [lease.fence for lease in leases] == sorted({lease.fence for lease in leases})
        assert await store.keep_lease(leases[0], seconds=A_WHILE) is None, "its own later taking replaced it"
        assert await store.keep_lease(leases[2], seconds=A_WHILE) is not None

    tell(chapter)


def test_a_commit_under_a_lease_that_passed_on_stores_nothing(tell: Tell):
    async def chapter(store: Store) -> None:
        first = await taken(store, "one", seconds=OVER)
        await store.commit(fenced(first, "ran out, taken by nobody"))
        second = await taken(store, "two")
        late = fenced(first, "late")
        late.touch.append(touched(mark(1)))
        with pytest.raises(Fenced):
            await store.commit(late)
        await store.commit(fenced(second, "in time"))
        await store.give_back(second)
        with pytest.raises(Fenced):
            await store.commit(fenced(second, "after giving back"))
        with pytest.raises(Fenced):
            await store.commit(fenced(Lease(name="?", holder="one", fence=1, taken_us=0, expires_us=0), "never taken"))
        told = await store.rows(Table.META)
        assert told["name"].to_list() == ["in time", "ran out, taken by nobody"]
        assert await store.count(Table.DIRTY) == 0

    tell(chapter)


def test_marks_of_links_are_taken_by_share(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(touch=[touched(*(mark(number) for number in range(1, 8)))]))
        shares = [
            (await store.take_dirty("people", now_us=0, linked=True, limit=9, bucket=(k, 3)))["link_id"].to_list()
            for k in range(3)
        ]
        assert shares == [[3, 6], [1, 4, 7], [2, 5]]

    tell(chapter)


def test_numbers_of_a_counter_are_given_out_once(tell: Tell):
    async def chapter(store: Store) -> None:
        assert [await store.next_numbers("visits", count) for count in (1, 3, 1)] == [1, 2, 5]
        assert await store.next_numbers("others", 1) == 1

    tell(chapter)


def test_who_is_ahead_goes_before_those_who_asked_earlier(tell: Tell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("syncline.store.sections.PATIENCE_SECONDS", 60.0)

    async def chapter(store: Store) -> None:
        order: list[str] = []
        sections = store._sections  # type: ignore[attr-defined]

        async def lane(name: str) -> None:
            async with store.alone():
                order.append(name)

        async def ahead() -> None:
            async with store.ahead():
                await lane("ahead")

        async with store.alone():
            behind = [asyncio.create_task(lane(name)) for name in ("first", "second")]
            await asyncio.sleep(0.02)
            urgent = asyncio.create_task(ahead())
            while not sections._ahead:
                await asyncio.sleep(0)
        await asyncio.gather(urgent, *behind)
        assert order == ["ahead", "first", "second"]

    tell(chapter)


def test_nobody_is_alone_inside_a_section_of_a_share(tell: Tell):
    async def chapter(store: Store) -> None:
        async with store.alone(), store.in_share():
            await store.commit(Commit(put={Table.META: frame(Table.META, {"name": "inside"})}))
        async with store.in_share(), store.in_share():
            with pytest.raises(OurBug):
                async with store.alone():
                    raise AssertionError("two who asked for it would wait for each other")
        async with asyncio.timeout(5), store.alone():
            assert await store.count(Table.META) == 1

    tell(chapter)


def test_whoever_is_always_behind_has_a_turn_now_and_then(tell: Tell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("syncline.store.sections.PATIENCE_SECONDS", 0.05)

    async def section(store: Store) -> None:
        async with store.alone():
            pass

    async def chapter(store: Store) -> None:
        async with store.ahead(), asyncio.timeout(20):
            for _ in range(3):
                await asyncio.create_task(section(store), context=contextvars.Context())

    tell(chapter)
