"""Joining pages: what becomes one, what begins anew, and that nothing said is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.engine.joining import joined
from syncline.records import FATE_SCHEMA, MOMENT_SCHEMA, PAGE_SCHEMA, Fate, How, Page, Unreadable


def page(*ids: str, stamp: int | None = 1, asked: int = 1, cell: str | None = "x", **members: Any) -> Page:
    deleted = members.pop("deleted", False)
    rows = [
        {
            "_id": record_id,
            "_stamp_us": stamp,
            "_actor": None,
            "_created_us": 0,
            "_deleted": deleted,
            "_as_of_us": asked,
            "name": cell,
        }
        for record_id in ids
    ]
    frame = pl.DataFrame(rows, schema={**PAGE_SCHEMA, "name": pl.String()})
    return Page(object_type="person", rows=frame, fields=("name",), how=How.POLL, **members)


def fates(record_id: str) -> pl.DataFrame:
    row = {"_id": record_id, "fate": Fate.MERGED, "heir_type": "person", "heir_id": "9", "at_us": 1, "actor": None}
    return pl.DataFrame([row], schema=FATE_SCHEMA)


def moments(record_id: str) -> pl.DataFrame:
    return pl.DataFrame([{"_id": record_id, "field": "name", "at_us": 1}], schema=MOMENT_SCHEMA)


def read(pages: Sequence[Page], rows: int = 100) -> list[Page]:
    out: list[Page] = []

    async def source() -> AsyncIterator[Page]:
        for given in pages:
            yield given

    async def take() -> None:
        async for made in joined(source(), rows=rows):
            out.append(made)

    asyncio.run(take())
    return out


def ids(pages: Sequence[Page]) -> list[list[str]]:
    return [made.rows["_id"].to_list() for made in pages]


def test_everything_said_is_said_by_the_one() -> None:
    strange = Unreadable("7", "odd", "{}")
    first = page("1", next_cursor="c1", has_more=True, moments=moments("1"), unreadable=(strange,), missing=("8",))
    last = page("2", next_cursor="c2", has_more=False, moments=moments("2"), fates=fates("2"), missing=("9",))
    (made,) = read([first, page("3", next_cursor=None, has_more=True), last])
    assert ids([made]) == [["1", "3", "2"]]
    assert (made.next_cursor, made.has_more, made.missing, made.unreadable) == ("c2", False, ("8", "9"), (strange,))
    assert made.moments is not None
    assert made.moments["_id"].to_list() == ["1", "2"]
    assert made.fates is not None
    assert made.fates["_id"].to_list() == ["2"]


def test_a_cursor_is_the_last_one_told() -> None:
    (made,) = read([page("1", next_cursor="c1"), page("2")])
    assert made.next_cursor == "c1"
    (made,) = read([page("1"), page("2")])
    assert made.next_cursor is None


def test_no_more_rows_than_allowed() -> None:
    assert ids(read([page("1", "2"), page("3", "4"), page("5")], rows=3)) == [["1", "2"], ["3", "4", "5"]]
    assert read([]) == []


def test_a_larger_page_is_cut_and_its_position_comes_with_the_last_part() -> None:
    large = page(*"12345", next_cursor="after 5", has_more=False)
    made = read([large, page("6")], rows=2)
    assert ids(made) == [["1", "2"], ["3", "4"], ["5", "6"]]
    assert [one.next_cursor for one in made] == [None, None, "after 5"]
    assert [one.has_more for one in made] == [True, True, False]
    assert ids(read([large], rows=5)) == [list("12345")]


def test_a_larger_page_that_says_more_than_rows_is_not_cut() -> None:
    for more in ({"missing": ("9",)}, {"moments": moments("1")}, {"fates": fates("1")}):
        assert ids(read([page("1", "2", "3", **more), page("4")], rows=2)) == [["1", "2", "3"], ["4"]]


@pytest.mark.parametrize(
    "other",
    [
        page("2", hidden=frozenset({"city"})),
        replace(page("2"), how=How.READ_BACK),
        replace(page("2"), object_type="account"),
        replace(page("2"), fields=(), rows=page("2").rows.drop("name")),
    ],
    ids=["hidden", "how", "object", "fields"],
)
def test_pages_of_another_kind_stay_apart(other: Page) -> None:
    assert ids(read([page("1"), other])) == [["1"], ["2"]]


@pytest.mark.parametrize(
    ("before", "after", "is_one"),
    [
        (page("1"), page("1"), True),
        (page("1"), page("1", stamp=2, asked=0), True),
        (page("1", stamp=2), page("1", stamp=1, asked=9), False),
        (page("1", stamp=None), page("1", stamp=None, asked=2), True),
        (page("1", stamp=None, asked=2), page("1", stamp=None), False),
        (page("1", stamp=None), page("1", stamp=2, asked=2), False),
        (page("1"), page("1", stamp=None, asked=2), False),
        (page("1"), page("1", cell=None), False),
        (page("1"), page("1", deleted=True, stamp=2), False),
        (page("1", deleted=True), page("1", stamp=2), False),
        (page("1"), page("1", stamp=2, fates=fates("1")), False),
        (page("1", fates=fates("1")), page("1", stamp=2), False),
        (page("1"), page("2", missing=("1",)), False),
        (page("2", missing=("1",)), page("1"), False),
        (page("2", missing=("1",)), page("3", missing=("1",)), True),
    ],
)
def test_a_record_that_comes_again(before: Page, after: Page, is_one: bool) -> None:
    assert len(read([before, after])) == (1 if is_one else 2)


def test_a_failed_read_hands_out_what_came_before() -> None:
    out: list[Page] = []

    async def source() -> AsyncIterator[Page]:
        yield page("1", next_cursor="c1")
        yield page("2", next_cursor="c2")
        raise ConnectionError("gone")

    async def take() -> None:
        async for made in joined(source()):
            out.append(made)

    with pytest.raises(ConnectionError):
        asyncio.run(take())
    assert (ids(out), out[0].next_cursor) == ([["1", "2"]], "c2")
