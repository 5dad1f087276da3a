"""The store's bulk paths against a bare `executemany` of the same rows into the same tables, in the same run.

Run as ``python benchmarks/bench_store.py [rows]`` (100,000 if not said). Every figure is the best of three; the floor
is sqlite3 alone with WAL and full sync: ready tuples in, tuples out, no frames, no keys to look up but by the index.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from syncline.store import migrations, open_store
from syncline.store.claim import seal_of
from syncline.store.statements import insert, put
from syncline.trees import ENTRY, HISTORY, LINK_END, MIRROR, Columns, Commit, Store, Table

ROUNDS = 3
CELLS = 25


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def fill(columns: Columns, rows: int, **given: object) -> pl.DataFrame:
    """A frame of the table's columns in shuffled order, as extracts come; what is not given is null."""
    data = {name: given.get(name) for name in columns}
    made = {name: value if isinstance(value, list) else [value] * rows for name, value in data.items()}
    return pl.DataFrame(made, schema=dict(columns)).sample(fraction=1, shuffle=True, seed=1)


def mirror_rows(rows: int, look: int) -> pl.DataFrame:
    cells = [
        json.dumps({f"Field{c:02}__c": f"value {c} of {n} at look {look}" for c in range(CELLS)}) for n in range(rows)
    ]
    ids = [f"00Q{n:015}" for n in range(rows)]
    instants = {"stamp_us": 1_790_000_000_000_000 + look, "as_of_us": 1_790_000_000_000_000 + look}
    whose = {"connection": "org", "object_type": "Lead", "actor": "005000000000001AAA", "how": "poll"}
    return fill(MIRROR, rows, record_id=ids, cells=cells, is_deleted=False, **whose, **instants)


def entry_rows(rows: int, batch_id: str) -> pl.DataFrame:
    ids = [f"00Q{batch_id}{n:012}" for n in range(rows)]
    whose = {"batch_id": batch_id, "connection": "org", "object_type": "Lead", "state": "prepared"}
    return fill(ENTRY, rows, position=list(range(rows)), record_id=ids, link_id=list(range(rows)), at_us=1, **whose)


def end_rows(rows: int) -> pl.DataFrame:
    ids = [f"00Q{n:015}" for n in range(rows)]
    whose = {"sync": "people", "side": "a", "object_type": "Lead", "role": "current"}
    return fill(LINK_END, rows, record_id=ids, link_id=list(range(rows)), **whose)


async def best_of(work: Callable[[int], Awaitable[object]]) -> float:
    seconds = []
    for number in range(ROUNDS):
        start = time.perf_counter()
        await work(number)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


class Floor:
    """sqlite3 alone, with the store's settings and the store's statements."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for setting in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "cache_size = -65536"):
            self.connection.execute(f"PRAGMA {setting}")
        migrations.create(self.connection)

    async def write(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(sql, rows)
        self.connection.execute("COMMIT")

    async def read_all(self, table: Table) -> None:
        self.connection.execute(f"SELECT * FROM {table.value}").fetchall()


async def measure(store: Store, floor: Floor, rows: int) -> list[tuple[str, float, float]]:
    """(what, seconds of the store, seconds of the floor)."""
    looks = [mirror_rows(rows, look) for look in range(ROUNDS)]
    again = [mirror_rows(rows, look + ROUNDS) for look in range(ROUNDS)]
    entries = [entry_rows(rows, f"{number:03}") for number in range(ROUNDS)]
    ends = end_rows(rows)
    keys = looks[0].select("connection", "object_type", "record_id")
    ids = ends.select("link_id")
    ours: dict[str, float] = {}
    bare: dict[str, float] = {}

    what = f"mirror put, first look, {CELLS} cells"
    first = looks[0].rows()
    start = time.perf_counter()
    await store.commit(Commit(put={Table.MIRROR: looks[0]}))
    ours[what] = time.perf_counter() - start
    start = time.perf_counter()
    await floor.write(put(Table.MIRROR).sql, first)
    bare[what] = time.perf_counter() - start

    what = "mirror put, every row changed"
    ours[what] = await best_of(lambda n: store.commit(Commit(put={Table.MIRROR: again[n]})))
    tuples = [frame.rows() for frame in again]
    bare[what] = await best_of(lambda n: floor.write(put(Table.MIRROR).sql, tuples[n]))

    what = "entry add"
    ours[what] = await best_of(lambda n: store.commit(Commit(add={Table.ENTRY: entries[n]})))
    tuples = [frame.rows() for frame in entries]
    bare[what] = await best_of(lambda n: floor.write(insert(Table.ENTRY).sql, tuples[n]))

    await store.commit(Commit(put={Table.LINK_END: ends}))
    await floor.write(put(Table.LINK_END).sql, ends.rows())
    looked_up: list[tuple[str, Table, pl.DataFrame]] = [
        ("by_keys, mirror by record", Table.MIRROR, keys),
        ("by_keys, link ends by link id", Table.LINK_END, ids),
        ("by_keys, link ends by record", Table.LINK_END, ends.select("sync", "side", "object_type", "record_id")),
    ]
    for what, table, wanted in looked_up:
        ours[what] = await best_of(lambda _, table=table, wanted=wanted: store.by_keys(table, wanted))  # type: ignore[misc]
        bare[what] = await best_of(lambda _, table=table: floor.read_all(table))  # type: ignore[misc]
    return [(what, ours[what], bare[what]) for what in ours]


async def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        store = await open_store(f"sqlite:///{path}", WallClock())
        floor = Floor(Path(folder) / "floor.db")
        with closing(floor.connection):
            found = await measure(store, floor, rows)
        print(f"{rows:,} rows; the floor of a look-up reads the whole table in its own order")
        for what, ours, bare in found:
            print(
                f"{what:32} {ours:6.2f} s  {rows / ours:9,.0f} rows/s  floor {bare:5.2f} s  {ours / bare:5.2f} x floor"
            )
        start = time.perf_counter()
        copied = await store.copy()
        print(f"{'copy':32} {time.perf_counter() - start:6.2f} s")
        await copied.close()
        start = time.perf_counter()
        await store.close()
        print(f"{'close and seal':32} {time.perf_counter() - start:6.2f} s  {path.stat().st_size / 1e6:,.0f} MB")
        start = time.perf_counter()
        seal_of(path)
        print(f"{'seal alone':32} {time.perf_counter() - start:6.2f} s")
        start = time.perf_counter()
        store = await open_store(f"sqlite:///{path}", WallClock())
        print(f"{'open a sealed file':32} {time.perf_counter() - start:6.2f} s")
        await store.close()
        path.with_name("state.db.claim").unlink()
        start = time.perf_counter()
        store = await open_store(f"sqlite:///{path}", WallClock())
        print(f"{'open after a crash (full check)':32} {time.perf_counter() - start:6.2f} s")
        tiny = pl.DataFrame({"connection": ["org"], "object_type": ["Lead"], "record_id": ["00Q000000000000007"]})
        small = await best_of(lambda _: _times(200, lambda: store.by_keys(Table.MIRROR, tiny)))
        print(f"{'by_keys of one key':32} {small / 200 * 1e3:6.2f} ms")
        line = fill(HISTORY, 1, record_id="00Q000000000000007", at_us=1)
        small = await best_of(lambda _: _times(50, lambda: store.commit(Commit(add={Table.HISTORY: line}))))
        print(f"{'commit of one row (with sync)':32} {small / 50 * 1e3:6.2f} ms")
        await store.close()


async def _times(count: int, work: Callable[[], Awaitable[object]]) -> None:
    for _ in range(count):
        await work()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
