"""`SqliteStore`: the contract `trees.Store` on one SQLite connection.

Lives here: transactions, the thread a file's calls run on, translation of errors. The statements are in `reading` and
`writing`; which file, its claim and its checks are in `opening`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import polars as pl

from syncline.errors import OurBug
from syncline.ports import Clock
from syncline.store import leases, reading, writing
from syncline.store.sections import Sections
from syncline.store.shelves import SqliteShelves
from syncline.store.tables import key_of
from syncline.store.transactions import transaction
from syncline.store.trouble import translated
from syncline.store.wakes import Wakes
from syncline.trees import Commit, Lease, Store, Table
from syncline.values import micros

_Result = TypeVar("_Result")


def own_thread() -> ThreadPoolExecutor:
    """One thread for one connection: calls keep their order."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="syncline-store")


def _commit(connection: sqlite3.Connection, commit: Commit) -> None:
    leases.require(connection, commit.fences)
    writing.apply(connection, commit)


def _revise(
    connection: sqlite3.Connection,
    reads: Mapping[Table, Mapping[str, Any] | None],
    decide: Callable[[int, Mapping[Table, pl.DataFrame]], tuple[Commit, _Result]],
    clock: Clock,
) -> _Result:
    found = {table: reading.rows(connection, table, where, None, False) for table, where in reads.items()}
    commit, decided = decide(micros(clock.now()), found)
    if not commit.is_empty():
        _commit(connection, commit)
    return decided


class SqliteStore:
    """Made by `opening.open_store` and by `copy`.

    Calls run one after the other on *thread*, so that the event loop never waits for a disk; without a thread they
    run where they are called. A call that is cancelled may still be carried out: as after a crash, the store tells.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        where: str,
        clock: Clock,
        thread: ThreadPoolExecutor | None = None,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self._connection = connection
        self._where = where
        self._clock = clock
        self._thread = thread
        self._closing = closing or connection.close
        self._is_open = True
        self._sections = Sections()
        self._wakes = Wakes(clock)

    async def _call(self, work: Callable[[], _Result]) -> _Result:
        if not self._is_open:
            raise OurBug(f"The store {self._where} is closed.")
        if self._thread is None:
            return self._translating(work)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translating, work)

    def _translating(self, work: Callable[[], _Result]) -> _Result:
        with translated(self._where):
            return work()

    async def _read(self, statement: Callable[..., _Result], *arguments: Any) -> _Result:
        def work() -> _Result:
            with transaction(self._connection, "BEGIN"):
                return statement(self._connection, *arguments)

        return await self._call(work)

    async def _write(self, statement: Callable[..., _Result], *arguments: Any) -> _Result:
        def work() -> _Result:
            with transaction(self._connection):
                return statement(self._connection, *arguments)

        return await self._call(work)

    async def commit(self, commit: Commit) -> None:
        if not commit.is_empty():
            await self._write(_commit, commit)

    async def rows(
        self,
        table: Table,
        where: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> pl.DataFrame:
        return await self._read(reading.rows, table, where, limit, newest_first)

    async def slices(
        self, table: Table, where: Mapping[str, Any] | None = None, *, size: int
    ) -> AsyncIterator[pl.DataFrame]:
        after: tuple[Any, ...] | None = None
        while len(part := await self._read(reading.rows_after, table, where, after, size)):
            yield part
            after = part.select(key_of(table)).row(-1)
            if len(part) < size:
                return

    async def by_keys(self, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
        return await self._read(reading.by_keys, table, keys)

    async def count(self, table: Table, where: Mapping[str, Any] | None = None) -> int:
        return await self._read(reading.count, table, where)

    async def take_dirty(
        self, sync: str, *, now_us: int, linked: bool, limit: int, bucket: tuple[int, int] | None = None
    ) -> pl.DataFrame:
        return await self._read(reading.take_dirty, sync, now_us, linked, limit, bucket)

    async def links_of(self, connection: str, object_type: str, record_ids: Sequence[str]) -> pl.DataFrame:
        return await self._read(reading.links_of, connection, object_type, record_ids)

    async def unlinked(self, sync: str, side: str, connection: str, object_types: Sequence[str]) -> pl.DataFrame:
        return await self._read(reading.unlinked, sync, side, connection, object_types)

    async def bind(self, sync: str, side: str, connection: str) -> None:
        await self._write(writing.bind, sync, side, connection)

    async def next_link_ids(self, count: int) -> int:
        return await self._write(writing.reserve, "link_id", count)

    async def next_numbers(self, counter: str, count: int) -> int:
        return await self._write(writing.reserve, counter, count)

    async def revise(
        self,
        name: str,
        reads: Mapping[Table, Mapping[str, Any] | None],
        decide: Callable[[int, Mapping[Table, pl.DataFrame]], tuple[Commit, _Result]],
    ) -> _Result:
        return await self._write(_revise, reads, decide, self._clock)  # one writer at a time: *name* needs no lock

    async def clock_us(self) -> int:
        return micros(self._clock.now())

    async def take_lease(self, name: str, holder: str, *, seconds: float) -> Lease | None:
        return await self._write(leases.take, name, holder, micros(self._clock.now()), int(seconds * 1e6))

    async def keep_lease(self, lease: Lease, *, seconds: float) -> Lease | None:
        return await self._write(leases.keep, lease, micros(self._clock.now()), int(seconds * 1e6))

    async def give_back(self, lease: Lease) -> None:
        await self._write(leases.give_back, lease, micros(self._clock.now()))

    async def notify(self, topic: str) -> None:
        self._wakes.wake(topic)

    async def wait(self, topic: str, seconds: float) -> bool:
        return await self._wakes.wait(topic, seconds)

    def alone(self) -> AbstractAsyncContextManager[None]:
        return self._sections.alone()

    def in_share(self) -> AbstractAsyncContextManager[None]:
        """As every section here: one process alone writes."""
        return self._sections.alone(is_shared=True)

    def ahead(self) -> AbstractAsyncContextManager[None]:
        return self._sections.ahead()

    async def installation_key(self) -> bytes:
        key = await self._read(reading.installation_key)
        if key is None:
            await self._write(writing.make_installation_key)
            key = await self._read(reading.installation_key)
        if key is None:
            raise OurBug(f"The store {self._where} did not keep its key.")
        return key

    async def copy(self) -> Store:
        """A private copy in a nameless temporary database: in memory while it is small, gone with its connection."""
        copied = await self._call(self._copy)
        return SqliteStore(
            copied, where=f"copy of {self._where}", clock=self._clock, thread=own_thread() if self._thread else None
        )

    def _copy(self) -> sqlite3.Connection:
        target = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            self._connection.backup(target)
            for setting in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -65536", "temp_store = MEMORY"):
                target.execute(f"PRAGMA {setting}")
        except BaseException:
            target.close()
            raise
        return target

    def shelves(self) -> SqliteShelves:
        """All it holds, to be carried elsewhere by `moving` while nobody else calls this store."""
        return SqliteShelves(self._connection)

    async def scrub(self) -> bool:
        return await self._call(self._scrub)

    def _scrub(self) -> bool:
        """Source: SQLite "VACUUM" (deleted content may otherwise be recovered from free pages) and "PRAGMA
        wal_checkpoint" (TRUNCATE; the first column of its answer tells that a reader was in the way)."""
        self._connection.execute("PRAGMA temp_store = FILE")  # the new file is built aside: not in memory
        try:
            self._connection.execute("VACUUM")
        finally:
            self._connection.execute("PRAGMA temp_store = MEMORY")
        is_blocked = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not is_blocked

    async def close(self) -> None:
        """Close; a second call does nothing."""
        if self._is_open:
            closing = self._call(self._closing)
            try:
                await closing
            finally:
                self._is_open = False
                if self._thread is not None:
                    self._thread.shutdown()
