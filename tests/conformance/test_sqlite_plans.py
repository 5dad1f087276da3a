"""Look-ups find their rows by an index, whatever the tables hold: SQLite is asked how it would go about each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import polars as pl
import pytest

from syncline.store import reading
from syncline.trees import TABLES, Table
from tests.conformance.stores import story

RECORD = ("connection", "object_type", "record_id")
ASKED: dict[str, Callable[[Any], Awaitable[object]]] = {
    "dirty links": lambda store: store.take_dirty("people", now_us=0, linked=True, limit=5),
    "dirty records": lambda store: store.take_dirty("people", now_us=0, linked=False, limit=5),
    "open entries": lambda store: store.rows(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}),
    "open batches": lambda store: store.rows(Table.JOURNAL, {"sync": "people", "state": ["prepared", "sent"]}),
    "unlinked": lambda store: store.unlinked("people", "a", "org", ["Lead", "Contact"]),
    "runs": lambda store: store.rows(Table.RUN, {"sync": "people"}, limit=1, newest_first=True),
}
LOOKED_UP: list[tuple[Table, tuple[str, ...]]] = [
    *((table, TABLES[table][1]) for table in Table if TABLES[table][1]),
    *((table, RECORD) for table in (Table.MIRROR, Table.ENTRY, Table.HISTORY, Table.MOMENT)),
    (Table.LINK_END, ("link_id",)),
    (Table.MARK, ("link_id",)),
    (Table.ENTRY, ("batch_id",)),
    (Table.CONFLICT, ("sync", "link_id")),
    (Table.DEAD_LETTER, ("sync", "link_id")),
    (Table.MATCH_KEY, ("sync", "way", "value")),
    (Table.MATCH_KEY, ("sync", "side", "object_type", "record_id")),
    *((table, ("run_id",)) for table in (Table.RECEIPT, Table.CAPTURED, Table.CONSIDERED, Table.VERDICT)),
]


async def _plans(store: Any, ask: Callable[[Any], Awaitable[object]]) -> list[str]:
    """The steps of every query that *ask* runs; the statements come with their parameters filled in."""
    connection = store._connection
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    await ask(store)
    connection.set_trace_callback(None)
    queries = [each for each in seen if each.startswith("SELECT")]
    assert queries
    return [str(step[3]) for each in queries for step in connection.execute(f"EXPLAIN QUERY PLAN {each}")]


@pytest.mark.parametrize("what", list(ASKED))
def test_what_the_engine_asks_every_cycle(what: str):
    steps = story(":memory:", lambda store: _plans(store, ASKED[what]))
    assert all(step.startswith(("SEARCH", "USE TEMP B-TREE", "CORRELATED")) for step in steps), steps
    if what.startswith("dirty"):
        assert not any("B-TREE" in step for step in steps), steps  # in order of sequence without sorting


SLICED = {
    Table.MIRROR: {"connection": "org", "object_type": "Lead"},
    Table.MATCH_KEY: {"sync": "people"},
    Table.BASE: {"sync": "people"},
}


@pytest.mark.parametrize("table", list(SLICED))
def test_a_slice_starts_where_the_last_one_ended_without_sorting(table: Table):
    after = tuple({pl.String(): "a", pl.Int64(): 1}[TABLES[table][0][name]] for name in TABLES[table][1])

    async def ask(opened: Any) -> object:
        return await opened._read(reading.rows_after, table, SLICED[table], after, 10)

    steps = story(":memory:", lambda store: _plans(store, ask))
    assert all(step.startswith("SEARCH") for step in steps), steps


@pytest.mark.parametrize(("table", "columns"), LOOKED_UP)
@pytest.mark.parametrize("count", [1, 2])
def test_bulk_look_ups(table: Table, columns: tuple[str, ...], count: int):
    samples: dict[pl.DataType, list[Any]] = {pl.String(): ["a", "b"], pl.Int64(): [1, 2]}
    wanted = pl.DataFrame({name: samples[TABLES[table][0][name]][:count] for name in columns})
    steps = story(":memory:", lambda store: _plans(store, lambda opened: opened.by_keys(table, wanted)))
    assert any(step.startswith("SEARCH t USING") for step in steps), steps
    assert not any("SCAN t" in step or "AUTOMATIC" in step for step in steps), steps
