"""The PostgreSQL store's bulk paths against bare COPY and ON CONFLICT of the same rows into the same tables.

Run as ``python benchmarks/bench_store_postgres.py [rows] [url] [url]`` (100,000 if not said; without URLs a server is
started as for the tests, which does not wait for the disk). The floor is psycopg alone in the same run, on a database
with the same tables and indexes: ready tuples, COPY into a temporary table, one INSERT; for look-ups the same keys
joined.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import polars as pl  # noqa: E402
import psycopg  # noqa: E402
from bench_store import WallClock, best_of, end_rows, entry_rows, fill, mirror_rows  # noqa: E402

from syncline.store import open_store  # noqa: E402
from syncline.store.postgres import statements  # noqa: E402
from syncline.trees import HISTORY, TABLES, Commit, Store, Table  # noqa: E402
from tests.support.postgres.servers import Server, folder_for_server  # noqa: E402

ROUNDS = 3


class Floor:
    """psycopg alone."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True, options="-csearch_path=syncline")

    async def write(self, statement: str, table: Table, rows: list[tuple[Any, ...]]) -> None:
        with self.connection.transaction():
            self._stage(table, list(TABLES[table][0]), rows)
            self.connection.execute(statement.encode())

    async def join(self, table: Table, keys: pl.DataFrame) -> None:
        """Rows of these keys as tuples."""
        with self.connection.transaction():
            self._stage(table, keys.columns, keys.rows())
            equal = " AND ".join(f"t.{name} = s.{name}" for name in keys.columns)
            text = f"SELECT t.* FROM {statements.staged(table)} JOIN {table.value} t ON {equal}"
            self.connection.execute(text.encode(), binary=True).fetchall()

    def _stage(self, table: Table, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.connection.execute(statements.staging_table(table).encode())
        text = f"COPY {statements.staging(table)} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
        with self.connection.cursor() as cursor, cursor.copy(text.encode()) as copy:
            copy.set_types([statements.type_of(table, name) for name in columns])
            for row in rows:
                copy.write_row(row)


async def measure(store: Store, floor: Floor, rows: int) -> list[tuple[str, float, float]]:
    """(what, seconds of the store, seconds of the floor)."""
    looks = [mirror_rows(rows, look) for look in range(ROUNDS + 1)]
    entries = [entry_rows(rows, f"{number:03}") for number in range(ROUNDS)]
    ends = end_rows(rows)
    put = statements.put(Table.MIRROR, statements.staged(Table.MIRROR))
    add = statements.insert(Table.ENTRY, statements.staged(Table.ENTRY))
    ours: dict[str, float] = {}
    bare: dict[str, float] = {}

    async def timed(into: dict[str, float], what: str, work: Any) -> None:
        start = time.perf_counter()
        await work
        into[what] = time.perf_counter() - start

    what = "mirror put, first look"
    ready = looks[0].rows()
    await timed(bare, what, floor.write(put, Table.MIRROR, ready))
    await timed(ours, what, store.commit(Commit(put={Table.MIRROR: looks[0]})))
    what = "mirror put, every row changed"
    tuples = [frame.rows() for frame in looks[1:]]
    bare[what] = await best_of(lambda n: floor.write(put, Table.MIRROR, tuples[n]))
    ours[what] = await best_of(lambda n: store.commit(Commit(put={Table.MIRROR: looks[n + 1]})))
    what = "entry add"
    tuples = [frame.rows() for frame in entries]
    bare[what] = await best_of(lambda n: floor.write(add, Table.ENTRY, tuples[n]))
    ours[what] = await best_of(lambda n: store.commit(Commit(add={Table.ENTRY: entries[n]})))
    ends_put = statements.put(Table.LINK_END, statements.staged(Table.LINK_END))
    await floor.write(ends_put, Table.LINK_END, ends.rows())
    await store.commit(Commit(put={Table.LINK_END: ends}))
    for what, table, keys in (
        ("by_keys, mirror by record", Table.MIRROR, looks[0].select("connection", "object_type", "record_id")),
        ("by_keys, link ends by link id", Table.LINK_END, ends.select("link_id")),
        ("by_keys, 200 of them", Table.MIRROR, looks[0][:200].select("connection", "object_type", "record_id")),
    ):
        bare[what] = await best_of(lambda _, table=table, keys=keys: floor.join(table, keys))  # type: ignore[misc]
        ours[what] = await best_of(lambda _, table=table, keys=keys: store.by_keys(table, keys))  # type: ignore[misc]
    return [(what, ours[what], bare[what]) for what in ours]


async def main(rows: int, url: str, bare_url: str) -> None:
    for each in (url, bare_url):
        await (await open_store(each, WallClock())).close()  # makes the tables
    store, floor = await open_store(url, WallClock()), Floor(bare_url)
    print(f"{rows:,} rows")
    for what, ours, bare in await measure(store, floor, rows):
        print(f"{what:32} {ours:7.3f} s  {rows / ours:9,.0f} rows/s  floor {bare:6.3f} s  {ours / bare:5.2f} x floor")
    start = time.perf_counter()
    copied = await store.copy()
    print(f"{'copy':32} {time.perf_counter() - start:7.3f} s")
    await copied.close()
    line = fill(HISTORY, 1, record_id="00Q000000000000007", at_us=1)
    tiny = pl.DataFrame({"connection": ["org"], "object_type": ["Lead"], "record_id": ["00Q000000000000007"]})

    async def commits(_: int) -> None:
        for _ in range(100):
            await store.commit(Commit(add={Table.HISTORY: line}))

    async def look_ups(_: int) -> None:
        for _ in range(100):
            await store.by_keys(Table.MIRROR, tiny)

    print(f"{'commit of one row':32} {await best_of(commits) * 10:7.3f} ms")
    print(f"{'by_keys of one key':32} {await best_of(look_ups) * 10:7.3f} ms")
    await store.close()
    floor.connection.close()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    if len(sys.argv) > 2:
        sys.exit("Give two URLs of empty databases: of the store and of the floor.") if len(sys.argv) < 4 else None
        asyncio.run(main(count, sys.argv[2], sys.argv[3]))
    else:
        server = Server(folder_for_server())
        keeper = server.start(os.getpid())
        try:
            asyncio.run(main(count, server.fresh(has_tables=False), server.fresh(has_tables=False)))
        finally:
            os.kill(keeper, signal.SIGTERM)
            os.waitpid(keeper, 0)
