"""`PostgresStore`: the contract `trees.Store` on a server that several processes use.

Lives here: which connection does what, sections, and the private copy. What is said to the server is in `reading`,
`writing` and `leases`; connections are `session`'s, checks of what is found are in `opening`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import polars as pl

from syncline.errors import OurBug
from syncline.ports import Clock
from syncline.store.postgres import copying, leases, reading, writing
from syncline.store.postgres.section import DatabaseSection
from syncline.store.postgres.session import Session, Work, connect, require_open
from syncline.store.postgres.text import stored
from syncline.store.postgres.trouble import state_error, translated
from syncline.store.postgres.wakes import CHANNEL, Listener
from syncline.store.postgres.writing import Connection
from syncline.store.sections import Sections
from syncline.store.shelves import PostgresShelves
from syncline.store.tables import key_of
from syncline.store.trouble import READ_ONLY
from syncline.store.wakes import Wakes
from syncline.trees import Commit, Lease, Store, Table

_Result = TypeVar("_Result")

_REVISED = 53594  # seed of the advisory locks that have names


class PostgresStore:
    """Made by `opening.open_postgres` and by `copy`.

    Two connections, so that nobody who reads waits for a commit of this process. A call that is cancelled may still be
    carried out: as after a crash, the store tells.
    """

    def __init__(
        self, url: str, *, where: str, clock: Clock, writer: Session, reader: Session, is_read_only: bool, is_copy: bool
    ) -> None:
        self._url = url
        self._where = where
        self._clock = clock
        self._writer = writer
        self._reader = reader
        self._is_read_only = is_read_only
        self._is_copy = is_copy
        self._is_open = True
        self._section = DatabaseSection(writer, reader)
        self._sections = Sections(self._section) if not is_copy else Sections()
        self._wakes = Wakes(clock)
        self._listener = Listener(url, self._wakes)

    async def _read(self, statement: Callable[..., _Result], *arguments: Any) -> _Result:
        require_open(self._is_open, self._where)
        return await self._reader.run(lambda connection: statement(connection, *arguments))

    async def _write(self, statement: Callable[..., _Result], *arguments: Any) -> _Result:
        """One transaction of which a second time does no harm."""
        self._require_writable()

        def work(connection: Connection) -> _Result:
            with connection.transaction():
                return statement(connection, *arguments)

        return await self._writer.run(work, under=self._under())

    async def _once(self, work: Work[_Result]) -> _Result:
        self._require_writable()
        if self._is_copy:
            return await self._write(work)
        return await self._writer.commit(work, under=self._under())

    def _require_writable(self) -> None:
        require_open(self._is_open, self._where)
        if self._is_read_only:
            raise state_error(READ_ONLY, self._where)

    def _under(self) -> int | None:
        """The connection that the caller's section depends on; None outside of one."""
        return self._section.generation if self._sections.is_mine() else None

    async def commit(self, commit: Commit) -> None:
        if not commit.is_empty():
            await self._once(lambda connection: _commit(connection, commit))

    async def revise(
        self,
        name: str,
        reads: Mapping[Table, Mapping[str, Any] | None],
        decide: Callable[[int, Mapping[Table, pl.DataFrame]], tuple[Commit, _Result]],
    ) -> _Result:
        def work(connection: Connection) -> _Result:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (stored(name), _REVISED))
            found = {table: reading.rows(connection, table, where, None, False) for table, where in reads.items()}
            commit, decided = decide(reading.clock_us(connection), found)
            if not commit.is_empty():
                _commit(connection, commit)
            return decided

        return await self._once(work)

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

    async def clock_us(self) -> int:
        return await self._read(reading.clock_us)

    async def take_lease(self, name: str, holder: str, *, seconds: float) -> Lease | None:
        return await self._write(leases.take, name, holder, int(seconds * 1e6))

    async def keep_lease(self, lease: Lease, *, seconds: float) -> Lease | None:
        return await self._write(leases.keep, lease, int(seconds * 1e6))

    async def give_back(self, lease: Lease) -> None:
        await self._write(leases.give_back, lease)

    async def notify(self, topic: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, stored(topic)))

        require_open(self._is_open, self._where)
        await self._reader.run(work)

    async def wait(self, topic: str, seconds: float) -> bool:
        await self._listener.start()
        return await self._wakes.wait(topic, seconds)

    def alone(self) -> AbstractAsyncContextManager[None]:
        return self._sections.alone()

    def in_share(self) -> AbstractAsyncContextManager[None]:
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
        """In temporary tables of a connection of its own; see `copying`."""
        require_open(self._is_open, self._where)
        where = f"copy of {self._where}"
        target = Session(lambda: connect(self._url, where), where, prepare=self._fill_from_live, is_lasting=False)
        if self._is_copy:  # its tables can be read on its own connection only
            made = await self._reader.run(lambda source: _filled(source, self._url, where))
            target = Session(lambda: made, where, prepare=lambda _: None, is_lasting=False)
        try:
            await target.open()
        except BaseException:
            await target.close()
            raise
        return PostgresStore(
            self._url, where=where, clock=self._clock, writer=target, reader=target, is_read_only=False, is_copy=True
        )

    def _fill_from_live(self, target: Connection) -> None:
        source = connect(self._url, self._where)
        try:
            copying.fill(source, target)
        finally:
            source.close()

    def shelves(self) -> PostgresShelves:
        """All it holds, to be carried elsewhere by `moving` while nobody else calls this store."""
        return PostgresShelves(self._writer.connection)

    async def scrub(self) -> bool:
        self._require_writable()
        return self._is_copy or await self._writer.run(copying.scrub)

    async def close(self) -> None:
        """Close; a second call does nothing."""
        if self._is_open:
            self._is_open = False
            await self._listener.close()
            self._section.close()
            for session in {id(each): each for each in (self._writer, self._reader)}.values():
                await session.close()


def _commit(connection: Connection, commit: Commit) -> None:
    leases.require(connection, commit.fences)
    writing.apply(connection, commit)


def _filled(source: Connection, url: str, where: str) -> Connection:
    target = connect(url, where)
    try:
        with translated(where):
            copying.fill(source, target)
    except BaseException:
        target.close()
        raise
    return target
