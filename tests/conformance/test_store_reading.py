"""The contract's reads and the dirty marks, for every kind of store."""

from __future__ import annotations

import polars as pl
import pytest

from syncline.errors import OurBug
from syncline.trees import MOMENT, Commit, Store, Table
from tests.conformance.stores import Tell, entry, frame, keys, lead, mark, touched


async def _three_leads(store: Store) -> None:
    rows = (lead("00Q3", as_of_us=1), lead("00Q1", actor="x", as_of_us=3), lead("00Q2", actor="y", as_of_us=2))
    await store.commit(Commit(put={Table.MIRROR: frame(Table.MIRROR, *rows)}))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (None, ["00Q1", "00Q2", "00Q3"]),
        ({"actor": "x"}, ["00Q1"]),
        ({"actor": None}, ["00Q3"]),
        ({"actor": ["x", "y", "z"]}, ["00Q1", "00Q2"]),
        ({"actor": ["x", None]}, ["00Q1", "00Q3"]),
        ({"actor": []}, []),
        ({"actor": ["x", "y"], "as_of_us": 2}, ["00Q2"]),
        ({"record_id": [f"00Q{n}" for n in range(2, 5_000)]}, ["00Q2", "00Q3"]),
        ({"as_of_us": list(range(2, 100_000))}, ["00Q1", "00Q2"]),
    ],
)
def test_rows_and_count_by_equal_columns(tell: Tell, where, found):
    async def chapter(store: Store) -> None:
        await _three_leads(store)
        assert (await store.rows(Table.MIRROR, where))["record_id"].to_list() == found
        assert await store.count(Table.MIRROR, where) == len(found)

    tell(chapter)


def test_rows_limited_and_newest_first(tell: Tell):
    async def chapter(store: Store) -> None:
        await _three_leads(store)
        assert (await store.rows(Table.MIRROR, limit=2))["record_id"].to_list() == ["00Q1", "00Q2"]
        newest = await store.rows(Table.MIRROR, limit=2, newest_first=True)
        assert newest["record_id"].to_list() == ["00Q1", "00Q2"]  # as_of_us 3 and 2
        lines = [{"record_id": str(n), "at_us": at} for n, at in enumerate((5, 7, 5))]
        await store.commit(Commit(add={Table.HISTORY: frame(Table.HISTORY, *lines)}))
        assert (await store.rows(Table.HISTORY))["record_id"].to_list() == ["0", "1", "2"]
        assert (await store.rows(Table.HISTORY, newest_first=True))["record_id"].to_list() == ["1", "2", "0"]
        with pytest.raises(OurBug):
            await store.rows(Table.MIRROR, {"no such": 1})

    tell(chapter)


@pytest.mark.parametrize(("size", "sizes"), [(1, [1, 1, 1]), (2, [2, 1]), (3, [3]), (9, [3])])
def test_slices_give_every_row_once_also_when_they_are_changed_meanwhile(tell: Tell, size: int, sizes: list[int]):
    async def chapter(store: Store) -> None:
        await _three_leads(store)
        other = frame(Table.MIRROR, lead("00Q0", connection="another"))
        await store.commit(Commit(put={Table.MIRROR: other}))
        seen = []
        async for part in store.slices(Table.MIRROR, {"connection": "org", "object_type": "Lead"}, size=size):
            seen.append(part["record_id"].to_list())
            changed = part.with_columns(actor=pl.lit("z"))
            await store.commit(Commit(put={Table.MIRROR: changed}))
        assert [len(ids) for ids in seen] == sizes
        assert [record_id for ids in seen for record_id in ids] == ["00Q1", "00Q2", "00Q3"]
        assert await store.count(Table.MIRROR, {"actor": "z"}) == 3
        assert [part async for part in store.slices(Table.LINK, size=5)] == []

    tell(chapter)


def test_by_keys_takes_null_for_equal_and_gives_each_row_once(tell: Tell):
    async def chapter(store: Store) -> None:
        rows = (entry("1", 0, match_key="k"), entry("1", 1, record_id="r"), entry("1", 2), entry("2", 0, record_id="r"))
        await store.commit(Commit(add={Table.ENTRY: frame(Table.ENTRY, *rows)}))
        wanted = pl.DataFrame(
            {
                "connection": ["org"] * 4,
                "record_id": [None, "r", "r", "unknown"],
                "match_key": ["k", None, None, None],
            }
        )
        found = await store.by_keys(Table.ENTRY, wanted)
        assert found.select("batch_id", "position").rows() == [("1", 0), ("1", 1), ("2", 0)]
        nothing = pl.DataFrame({"record_id": [None], "match_key": [None]})
        assert (await store.by_keys(Table.ENTRY, nothing)).select("batch_id", "position").rows() == [("1", 2)]
        assert (await store.by_keys(Table.ENTRY, wanted[:0])).schema == frame(Table.ENTRY).schema
        for wrong in (pl.DataFrame(), pl.DataFrame({"no such": [1]})):
            with pytest.raises(OurBug):
                await store.by_keys(Table.ENTRY, wrong)

    tell(chapter)


def test_by_keys_of_a_hundred_thousand(tell: Tell):
    async def chapter(store: Store) -> None:
        names = [f"{n:06}" for n in range(30_000)]
        await store.commit(Commit(put={Table.META: pl.DataFrame({"name": names, "value": names})}))
        wanted = pl.DataFrame({"name": [f"{n:06}" for n in range(20_000, 120_000)]})
        found = await store.by_keys(Table.META, wanted)
        assert found["name"].to_list() == names[20_000:]
        assert (await store.by_keys(Table.META, wanted[:2]))["value"].to_list() == ["020000", "020001"]  # nothing left

    tell(chapter)


def test_by_keys_of_a_table_without_key_in_order_of_appending(tell: Tell):
    async def chapter(store: Store) -> None:
        lines = [{"record_id": record_id, "at_us": at} for at, record_id in enumerate("babac")]
        await store.commit(Commit(add={Table.HISTORY: frame(Table.HISTORY, *lines)}))
        found = await store.by_keys(Table.HISTORY, pl.DataFrame({"record_id": ["a", "b", "none"]}))
        assert found["at_us"].to_list() == [0, 1, 2, 3]

    tell(chapter)


def test_moments_are_told_apart_by_a_null_new_value(tell: Tell):
    async def chapter(store: Store) -> None:
        base = {"connection": "m", "object_type": "lead", "record_id": "1", "field": "f", "at_us": 1}
        moments = frame(Table.MOMENT, {**base, "new": None, "actor": "x"}, {**base, "new": ""}, {**base, "new": "v"})
        await store.commit(Commit(put={Table.MOMENT: moments}))
        await store.commit(Commit(put={Table.MOMENT: moments.with_columns(actor=pl.lit("y"))}))
        assert (await store.rows(Table.MOMENT))["actor"].to_list() == ["y"] * 3
        key = [name for name in MOMENT if name in base or name == "new"]
        await store.commit(Commit(drop={Table.MOMENT: moments[:1].select(key)}))
        assert (await store.rows(Table.MOMENT))["new"].to_list() == ["", "v"]

    tell(chapter)


def test_link_ids_are_reserved_in_blocks(tell: Tell):
    async def chapter(store: Store) -> None:
        assert [await store.next_link_ids(5), await store.next_link_ids(1), await store.next_link_ids(2)] == [1, 6, 7]

    tell(chapter)


def test_dirty_marks_are_taken_by_sequence_when_due(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(touch=[touched(mark(3), mark(1)), touched(mark(2, due_us=50), mark(0, "00Q1"))]))
        await store.commit(Commit(touch=[touched(mark(3), mark(9, sync="other"))]))

        async def taken(now_us: int, *, linked: bool = True, limit: int = 10) -> list[int]:
            found = await store.take_dirty("people", now_us=now_us, linked=linked, limit=limit)
            assert found["seq"].is_sorted()
            return found["link_id"].to_list()

        assert await taken(49) == [1, 3]
        assert await taken(50) == [1, 2, 3]
        assert await taken(50, limit=1) == [1]
        assert await taken(50, linked=False) == [0]

    tell(chapter)


def test_clean_spares_a_mark_that_was_touched_meanwhile(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(touch=[touched(mark(1), mark(2))]))
        planned = await store.take_dirty("people", now_us=0, linked=True, limit=10)
        await store.commit(Commit(touch=[touched(mark(2))]))
        await store.commit(Commit(clean=planned.drop("due_us")))
        left = await store.take_dirty("people", now_us=0, linked=True, limit=10)
        assert left["link_id"].to_list() == [2]
        # Cleaned and set again in one commit: to be looked at later.
        await store.commit(Commit(clean=left.drop("due_us"), touch=[touched(mark(2, due_us=99))]))
        assert (await store.rows(Table.DIRTY))["due_us"].to_list() == [99]

    tell(chapter)


def test_a_touch_brings_a_mark_forward_never_back(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(touch=[touched(mark(1, due_us=50), mark(2, due_us=50))]))
        await store.commit(Commit(touch=[touched(mark(1, due_us=70), mark(2, due_us=0))]))
        assert (await store.rows(Table.DIRTY))["due_us"].to_list() == [50, 0]

    tell(chapter)


def test_the_sequence_grows_across_drops_and_failed_commits(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(touch=[touched(mark(1))]))
        before = (await store.rows(Table.DIRTY))["seq"][0]
        await store.commit(Commit(drop={Table.DIRTY: keys(Table.DIRTY, ("people", 1, "", "", ""))}))
        await store.commit(Commit(touch=[touched(mark(1))]))
        assert (await store.rows(Table.DIRTY))["seq"][0] > before

    tell(chapter)
