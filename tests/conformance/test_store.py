"""The contract `trees.Store`, for every kind of store: what a caller may rely on, whatever keeps the rows.

Another kind joins by its URL in conftest.py. Files, processes, disks and damage are in test_sqlite_file.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from syncline.errors import OurBug
from syncline.trees import TABLES, AlreadyThere, Commit, Fenced, Store, Table, empty
from syncline.values import micros
from tests.conformance.stores import NOON, StillClock, Tell, end, entry, frame, keys, lead, mark, touched


def _sample(table: Table) -> pl.DataFrame:
    samples = {pl.String(): "text", pl.Int64(): 7, pl.Binary(): b"\0\xff", pl.Boolean(): True}
    first = {name: samples[dtype] for name, dtype in TABLES[table][0].items()}
    bare = {name: value for name, value in first.items() if name in TABLES[table][1]}
    last = TABLES[table][1][-1] if TABLES[table][1] else "day"
    bare[last] = {str: "unlike", int: 8}[type(first[last])]
    return frame(table, first, bare)


@pytest.mark.parametrize("table", list(Table))
def test_every_table_gives_back_what_it_was_given_nulls_included(tell: Tell, table: Table):
    async def chapter(store: Store) -> None:
        assert_frame_equal(await store.rows(table), empty(table))
        await store.commit(Commit(put={table: _sample(table)}))
        assert_frame_equal(await store.rows(table), _sample(table), check_row_order=not TABLES[table][1])
        assert await store.count(table) == 2

    tell(chapter)


@pytest.mark.parametrize("table", [table for table in Table if TABLES[table][1]])
def test_put_replaces_drop_deletes_and_add_refuses_by_key(tell: Tell, table: Table):
    async def chapter(store: Store) -> None:
        rows = _sample(table)
        await store.commit(Commit(add={table: rows}))
        key = list(TABLES[table][1])
        changed = rows[:1].with_columns(pl.lit(None).alias(name) for name in rows.columns if name not in key)
        await store.commit(Commit(put={table: changed}))
        assert_frame_equal(await store.by_keys(table, rows[:1].select(key)), changed.cast(rows.schema))
        with pytest.raises(AlreadyThere):
            await store.commit(Commit(add={table: rows[1:]}))
        await store.commit(Commit(drop={table: rows[:1].select(key)}))
        assert_frame_equal(await store.rows(table), rows[1:])

    tell(chapter)


def test_history_is_only_appended_to(tell: Tell):
    async def chapter(store: Store) -> None:
        line = frame(Table.HISTORY, {"record_id": "00Q1", "at_us": 1})
        await store.commit(Commit(add={Table.HISTORY: line}))
        await store.commit(Commit(put={Table.HISTORY: line}))
        assert await store.count(Table.HISTORY) == 2
        with pytest.raises(OurBug):
            await store.commit(Commit(drop={Table.HISTORY: pl.DataFrame({"record_id": ["00Q1"]})}))

    tell(chapter)


def test_a_refused_add_leaves_nothing_of_its_commit(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(add={Table.MIRROR: frame(Table.MIRROR, lead("00Q1"))}, touch=[touched(mark(1))]))
        with pytest.raises(AlreadyThere):
            await store.commit(
                Commit(
                    drop={Table.MIRROR: keys(Table.MIRROR, ("org", "Lead", "00Q9"))},
                    put={Table.META: frame(Table.META, {"name": "n", "value": "v"})},
                    add={Table.MIRROR: frame(Table.MIRROR, lead("00Q2"), lead("00Q1"))},
                    touch=[touched(mark(2))],
                )
            )
        assert (await store.rows(Table.MIRROR))["record_id"].to_list() == ["00Q1"]
        assert await store.count(Table.META) == 0
        assert (await store.rows(Table.DIRTY))["link_id"].to_list() == [1]

    tell(chapter)


@pytest.mark.parametrize("slot", [{"record_id": "00Q1"}, {"match_key": "ada@x.org"}])
@pytest.mark.parametrize("state", ["prepared", "sent", "unknown"])
def test_one_entry_of_a_record_or_key_is_in_flight(tell: Tell, slot: dict[str, str], state: str):
    async def chapter(store: Store) -> None:
        first = frame(Table.ENTRY, entry("one", 0, state=state, **slot))
        second = frame(Table.ENTRY, entry("two", 0, state="prepared", **slot))
        await store.commit(Commit(add={Table.ENTRY: first}))
        with pytest.raises(AlreadyThere):
            await store.commit(Commit(add={Table.ENTRY: second}))
        with pytest.raises(AlreadyThere):
            await store.commit(Commit(put={Table.ENTRY: second}))
        assert await store.count(Table.ENTRY) == 1
        # Settling the first and preparing the second is one commit.
        settled = first.select("batch_id", "position").with_columns(state=pl.lit("settled"))
        await store.commit(Commit(amend={Table.ENTRY: [settled]}, add={Table.ENTRY: second}))
        assert await store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}) == 1

    tell(chapter)


def test_entries_without_record_and_key_do_not_meet(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(add={Table.ENTRY: frame(Table.ENTRY, entry("one", 0, state="sent"))}))
        await store.commit(Commit(add={Table.ENTRY: frame(Table.ENTRY, entry("two", 0, state="sent"))}))
        assert await store.count(Table.ENTRY) == 2

    tell(chapter)


def test_amend_changes_the_named_columns_of_the_named_rows(tell: Tell):
    async def chapter(store: Store) -> None:
        rows = frame(Table.ENTRY, *(entry("one", n, state="sent", at_us=1, record_id=str(n)) for n in range(3)))
        await store.commit(Commit(add={Table.ENTRY: rows}))
        states = pl.DataFrame({"batch_id": ["one"] * 2, "position": [0, 2], "state": ["written", "rejected"]})
        times = pl.DataFrame({"batch_id": ["one", "none"], "position": [2, 0], "at_us": [9, 9]})
        await store.commit(Commit(amend={Table.ENTRY: [states, times]}))
        after = await store.rows(Table.ENTRY)
        assert after["state"].to_list() == ["written", "sent", "rejected"]
        assert after["at_us"].to_list() == [1, 1, 9]
        assert after["record_id"].to_list() == ["0", "1", "2"]

    tell(chapter)


@pytest.mark.parametrize(
    "wrong",
    [
        pl.DataFrame({"name": ["n"]}),
        pl.DataFrame({"name": ["n"], "value": ["v"], "more": [1]}),
        pl.DataFrame({"name": [None], "value": ["v"]}, schema={"name": pl.String, "value": pl.String}),
        pl.DataFrame({"name": ["n"], "value": [[1]]}),
    ],
    ids=["column missing", "column too many", "null key", "wrong type"],
)
def test_a_frame_that_does_not_fit_is_a_bug_and_stores_nothing(tell: Tell, wrong: pl.DataFrame):
    async def chapter(store: Store) -> None:
        good = frame(Table.CURSOR, {"connection": "org", "object_type": "Lead"})
        with pytest.raises(OurBug):
            await store.commit(Commit(put={Table.CURSOR: good, Table.META: wrong}))
        assert await store.count(Table.CURSOR) == 0

    tell(chapter)


def test_a_null_id_is_never_numbered_by_the_database(tell: Tell):
    async def chapter(store: Store) -> None:
        with pytest.raises(OurBug):
            await store.commit(Commit(add={Table.LINK: frame(Table.LINK, {"sync": "people"})}))

    tell(chapter)


def test_calls_at_the_same_time_do_not_mix(tell: Tell):
    async def chapter(store: Store) -> None:
        metas = [frame(Table.META, {"name": f"{n:02}", "value": str(n)}) for n in range(20)]
        firsts = await asyncio.gather(
            *(store.next_link_ids(3) for _ in metas),
            *(store.commit(Commit(add={Table.META: meta})) for meta in metas),
        )
        assert sorted(firsts[:20]) == list(range(1, 61, 3))  # type: ignore[type-var]
        assert await store.count(Table.META) == 20

    tell(chapter)


def test_a_closed_store_says_so(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.close()
        await store.close()
        with pytest.raises(OurBug):
            await store.count(Table.META)

    tell(chapter)


def test_links_of_finds_aliases_in_every_sync_bound_to_the_connection(tell: Tell):
    async def chapter(store: Store) -> None:
        ends = (end(1, "00Q1"), end(2, "00Q1", sync="other"), end(3, "00Q1", sync="far"), end(4, "00Q2", role="alias"))
        await store.commit(Commit(put={Table.LINK_END: frame(Table.LINK_END, *ends, end(5, "00Q1", side="b"))}))
        for sync, side, connection in (("people", "a", "old"), ("people", "a", "org"), ("other", "a", "org")):
            await store.bind(sync, side, connection)
        await store.bind("far", "a", "elsewhere")
        found = await store.links_of("org", "Lead", ["00Q1", "00Q2", "00Q3"])
        assert sorted(found["link_id"]) == [1, 2, 4]
        assert (await store.links_of("org", "Lead", [])).is_empty()
        assert (await store.links_of("old", "Lead", ["00Q1"])).is_empty()

    tell(chapter)


def test_unlinked_gives_the_mirror_rows_in_no_link_of_the_sync(tell: Tell):
    async def chapter(store: Store) -> None:
        rows = [lead("00Q1"), lead("00Q2", is_deleted=True), lead("00Q3"), lead("00Q4", connection="far")]
        contact = lead("0031", object_type="Contact")
        await store.commit(Commit(put={Table.MIRROR: frame(Table.MIRROR, *rows, contact, lead("x", object_type="T"))}))
        others = (end(2, "00Q2", sync="other"), end(3, "00Q2", side="b"))
        await store.commit(Commit(put={Table.LINK_END: frame(Table.LINK_END, end(1, "00Q1"), *others)}))
        found = await store.unlinked("people", "a", "org", ["Lead", "Contact"])
        assert found["record_id"].to_list() == ["0031", "00Q2", "00Q3"]

    tell(chapter)


def test_the_installation_key_is_made_once(tell: Tell):
    async def chapter(store: Store) -> None:
        key = await store.installation_key()
        assert len(key) == 32
        assert await store.installation_key() == key
        copied = await store.copy()
        assert await copied.installation_key() == key
        await copied.close()
        assert await store.count(Table.META) == 0  # what is shown to people does not hold it

    tell(chapter)


def test_a_copy_and_its_original_do_not_see_each_other(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(put={Table.META: frame(Table.META, {"name": "both"})}))
        await store.next_link_ids(10)
        copied = await store.copy()
        await store.commit(Commit(put={Table.META: frame(Table.META, {"name": "original"})}))
        await copied.commit(Commit(put={Table.META: frame(Table.META, {"name": "copy"})}))
        again = await copied.copy()
        assert (await store.rows(Table.META))["name"].to_list() == ["both", "original"]
        assert (await again.rows(Table.META))["name"].to_list() == ["both", "copy"]
        assert await again.next_link_ids(1) == 11
        for each in (again, copied):
            await each.close()

    tell(chapter)


def test_wipe_deletes_by_any_columns_also_where_rows_are_only_appended(tell: Tell):
    async def chapter(store: Store) -> None:
        lines = frame(Table.HISTORY, {"record_id": "00Q1", "at_us": 1}, {"record_id": "00Q2", "at_us": 2})
        await store.commit(Commit(add={Table.HISTORY: lines, Table.MIRROR: frame(Table.MIRROR, lead("00Q1"))}))
        gone = pl.DataFrame({"record_id": ["00Q1"]})
        await store.commit(Commit(wipe={Table.HISTORY: [gone], Table.MIRROR: [gone]}))
        assert (await store.rows(Table.HISTORY))["record_id"].to_list() == ["00Q2"]
        assert await store.count(Table.MIRROR) == 0

    tell(chapter)


def test_scrubbing_keeps_what_is_stored(tell: Tell):
    async def chapter(store: Store) -> None:
        await store.commit(Commit(put={Table.MIRROR: frame(Table.MIRROR, lead("00Q1"))}))
        before = await store.rows(Table.MIRROR)
        assert await store.scrub()
        assert_frame_equal(await store.rows(Table.MIRROR), before)

    tell(chapter)


def _one_more(most: int):
    """A decision for `revise`: count one more in the budget's row unless *most* are there; whether it did."""

    def decide(now_us: int, found: Mapping[Table, pl.DataFrame]) -> tuple[Commit, bool]:
        assert now_us >= micros(NOON)  # a server's clock is later than the one that stands still
        rows = found[Table.BUDGET]
        used = rows["day_used"][0] if len(rows) else 0
        if used >= most:
            return Commit(), False
        return Commit(put={Table.BUDGET: frame(Table.BUDGET, {"connection": "org", "day_used": used + 1})}), True

    return decide


def test_who_revises_the_same_at_the_same_time_never_decides_on_the_same_rows(tell: Tell):
    async def chapter(store: Store) -> None:
        reads = {Table.BUDGET: {"connection": "org"}}
        asked = [store.revise("budget:org", reads, _one_more(7)) for _ in range(20)]
        assert sum(await asyncio.gather(*asked)) == 7
        assert (await store.rows(Table.BUDGET))["day_used"].to_list() == [7]

    tell(chapter)


def test_a_decision_that_fails_stores_nothing(tell: Tell):
    def decide(_: int, found: Mapping[Table, pl.DataFrame]) -> tuple[Commit, None]:
        assert list(found) == [Table.META]
        raise ValueError("no")

    def refused(_: int, __: Mapping[Table, pl.DataFrame]) -> tuple[Commit, None]:
        row = frame(Table.META, {"name": "x", "value": "1"})
        return Commit(put={Table.META: row}, fences={"observe:org:Lead": 7}), None

    async def chapter(store: Store) -> None:
        with pytest.raises(ValueError, match="no"):
            await store.revise("x", {Table.META: None}, decide)
        with pytest.raises(Fenced):
            await store.revise("x", {Table.META: None}, refused)
        assert await store.count(Table.META) == 0

    tell(chapter)


TEXTS = [
    *("", "\x00", "\x00\x01", "\x01", "\x01\x01", "\x01\x02", "\x02"),
    *("a", "a\x00", "a\x00b", "a\x01", "ä", "\U0001f600"),
]


def test_any_text_is_kept_told_apart_and_ordered_by_its_bytes(tell: Tell):
    async def chapter(store: Store) -> None:
        rows = frame(Table.META, *({"name": name, "value": name} for name in reversed(TEXTS)))
        await store.commit(Commit(put={Table.META: rows}))
        assert (await store.rows(Table.META)).rows() == [(name, name) for name in TEXTS]
        sliced = [name async for part in store.slices(Table.META, size=1) for name in part["name"]]
        assert sliced == TEXTS
        for name in TEXTS:
            assert (await store.rows(Table.META, {"name": name}))["value"].to_list() == [name]
            assert (await store.rows(Table.META, {"value": [name, *map(str, range(600))]}))["name"].to_list() == [name]
        found = await store.by_keys(Table.META, rows.select("value"))
        assert found["name"].to_list() == TEXTS
        await store.commit(Commit(drop={Table.META: rows[:3].select("name")}))
        assert (await store.rows(Table.META))["name"].to_list() == TEXTS[:-3]

    tell(chapter)


@pytest.fixture(params=[5_000, 40], ids=["arrays", "staged"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to how many rows travel as arrays on a server; more are staged."""
    for module in ("reading", "writing"):
        monkeypatch.setattr(f"syncline.store.postgres.{module}.AS_ARRAYS", request.param)


@pytest.mark.usefixtures("road")
def test_every_type_arrives_as_it_was_given(tell: Tell):
    async def chapter(store: Store) -> None:
        texts = ("", None, "ä€🙂", "\x00", "\x01\x02", "{,}", '"', "NULL") * 10
        leads = frame(Table.MIRROR, *(lead(f"00Q{n:02}", actor=text) for n, text in enumerate(texts)))
        truths = (True, None, False) * 20
        linked = [{"link_id": n + 1, "sync": "people", "member_a": truth} for n, truth in enumerate(truths)]
        blobs = (b"", None, b"\x00\xff", b"more") * 15
        bases = [{"link_id": n + 1, "prints_a": blob, "revision": n - 30} for n, blob in enumerate(blobs)]
        puts = {Table.MIRROR: leads, Table.LINK: frame(Table.LINK, *linked), Table.BASE: frame(Table.BASE, *bases)}
        await store.commit(Commit(put=puts))
        for table, given in puts.items():
            assert (await store.rows(table)).equals(given), table
            assert (await store.by_keys(table, given.select(TABLES[table][1]))).equals(given), table

    tell(chapter)


@pytest.mark.usefixtures("road")
def test_two_rows_of_one_key_in_one_frame_mean_the_last(tell: Tell):
    async def chapter(store: Store) -> None:
        for count in (2, 200):  # a few rows travel otherwise than many
            twice = frame(Table.META, *({"name": "n", "value": str(n)} for n in range(count)))
            await store.commit(Commit(put={Table.META: twice}))
            assert (await store.rows(Table.META))["value"].to_list() == [str(count - 1)]
            await store.commit(Commit(amend={Table.META: [twice.reverse()]}))
            assert (await store.rows(Table.META))["value"].to_list() == ["0"]
            due = [touched(*(mark(1, due_us=each) for each in (50, 20, 70) * count))]
            await store.commit(Commit(touch=due))
            assert (await store.rows(Table.DIRTY))["due_us"].to_list() == [20]
            with pytest.raises(AlreadyThere):
                await store.commit(Commit(add={Table.META: twice.with_columns(name=pl.lit("new"))}))

    tell(chapter)


@pytest.mark.usefixtures("road")
def test_many_rows_take_the_same_road_as_few(tell: Tell):
    """Every act once with more rows than travel as parameters, also several frames of one table in one commit."""

    async def chapter(store: Store) -> None:
        leads = [lead(f"00Q{n:05}", actor="x", as_of_us=n) for n in range(500)]
        await store.commit(Commit(add={Table.MIRROR: frame(Table.MIRROR, *leads)}))
        amended = [
            pl.DataFrame([{"connection": "org", "object_type": "Lead", "record_id": each["record_id"], name: value}
                          for each in leads[part]])
            for name, value, part in (("actor", "y", slice(0, 300)), ("how", "poll", slice(200, 500)))
        ]  # fmt: skip
        dropped = keys(Table.MIRROR, *(("org", "Lead", f"00Q{n:05}") for n in range(400, 500)))
        put = frame(Table.MIRROR, *(lead(f"00Q{n:05}", actor="z") for n in range(450, 600)))
        marks = [mark(n) for n in range(1, 300)]
        await store.commit(
            Commit(
                drop={Table.MIRROR: dropped},
                put={Table.MIRROR: put},
                amend={Table.MIRROR: amended},
                touch=[touched(*marks), touched(*reversed(marks[:100]))],
            )
        )
        found = await store.rows(Table.MIRROR)
        assert found["actor"].to_list() == ["y"] * 300 + ["x"] * 100 + ["z"] * 150
        assert found["how"].is_not_null().sum() == 250
        taken = await store.take_dirty("people", now_us=0, linked=True, limit=400)
        assert sorted(taken["link_id"]) == list(range(1, 300))
        assert taken["link_id"].to_list()[:199] == list(range(101, 300))
        await store.commit(Commit(clean=taken[:250].drop("due_us")))
        assert await store.count(Table.DIRTY) == 49
        wiped = pl.DataFrame({"record_id": [f"00Q{n:05}" for n in range(580)]})
        await store.commit(Commit(wipe={Table.MIRROR: [wiped]}))
        assert await store.count(Table.MIRROR) == 20

    tell(chapter)


def test_who_waits_for_a_topic_is_woken_by_it_and_by_no_other(tell: Tell, monkeypatch: pytest.MonkeyPatch):
    async def never(_: object, __: float) -> None:
        await asyncio.Event().wait()

    async def chapter(store: Store) -> None:
        monkeypatch.setattr(StillClock, "sleep", lambda _, __: asyncio.sleep(0))
        assert not await store.wait("bulk", 5)
        assert await store.wait("live", 5) in (False, True)  # a listener that has just begun may wake all once
        monkeypatch.setattr(StillClock, "sleep", never)
        waits = [asyncio.create_task(store.wait(topic, 60)) for topic in ("live", "live", "bulk")]
        await asyncio.sleep(0)
        await store.notify("live")
        assert await asyncio.wait_for(asyncio.gather(*waits[:2]), 10) == [True, True]
        assert not waits[2].done()
        waits[2].cancel()
        await asyncio.gather(waits[2], return_exceptions=True)

    tell(chapter)
