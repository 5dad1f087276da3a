"""Carrying a state elsewhere: into a backup file, out of one, and from one database into another.

Each time all of it is read from one moment, written in one transaction, read again, and compared table by table. What
is there already is never written over; what could not be completed is taken away again.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from syncline.errors import StateError
from syncline.ports import Clock
from syncline.store import backup_file
from syncline.store.claim import claim_path
from syncline.store.opening import is_untouched, open_store
from syncline.store.postgres.address import is_postgres, shown
from syncline.store.shelves import SHELVES, Content, Shelves, content_of
from syncline.store.sqlite import SqliteStore
from syncline.trees import Store

THERE_ALREADY = "SYN-720"
DIFFERS = "SYN-722"


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What was carried: by table, how much and which; and where it is now."""

    where: str
    tables: Mapping[str, Content]


def name_of(url: str) -> str:
    """A state's URL without a password."""
    return shown(url) if is_postgres(url) else url


async def backup(url: str, file: Path, clock: Clock) -> Carried:
    """Write all of a state, as it is at this moment, into a new file of mode 0600; workers go on meanwhile.

    Raises:
        StateError: the file is there already (SYN-720), or what was written is not what was read (SYN-722).
    """
    _require_absent(file)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        path = Path(folder) / "state.db"
        async with _as_of_now(url, clock) as source:
            tables = await _fill(source, f"sqlite:///{path}", clock)
        made_at = clock.now().isoformat(timespec="seconds")
        await asyncio.to_thread(backup_file.write, file, path, tables, made_at)
    return Carried(where=str(file), tables=tables)


async def restore(file: Path, url: str, clock: Clock) -> Carried:
    """Make a state from a backup file, where there is none; an older release's is brought up to date.

    Raises:
        StateError: there is a state already (SYN-720), the file is damaged or no backup (SYN-721), a newer release
            wrote it (SYN-704), or what was written is not what was read (SYN-722).
    """
    await _require_untouched(url)
    with tempfile.TemporaryDirectory(prefix="syncline-restore-") as folder:
        path = Path(folder) / "state.db"
        said = await asyncio.to_thread(backup_file.unpack, file, path)
        await (await open_store(f"sqlite:///{path}", clock)).close()  # brings it up to date
        async with _as_of_now(f"sqlite:///{path}", clock) as source:
            tables = await _fill(source, url, clock)
    # Steps to today's tables may add columns; they never take rows away.
    if differing := [name for name, rows in said.items() if name in tables and tables[name].rows != rows]:
        raise _differs(name_of(url), differing)
    return Carried(where=name_of(url), tables=tables)


async def migrate(url: str, to: str, clock: Clock) -> Carried:
    """Carry a state into another database, where there is none. The old one is left as it is; nobody may be writing it.

    Raises:
        StateError: somebody works on it (SYN-701), there is a state at *to* already (SYN-720), or what was written is
            not what was read (SYN-722).
    """
    await _require_untouched(to)
    async with _held(url, clock), _as_of_now(url, clock) as source:
        tables = await _fill(source, to, clock)
    return Carried(where=name_of(to), tables=tables)


@asynccontextmanager
async def _held(url: str, clock: Clock) -> AsyncIterator[None]:
    """Nobody else may write the state meanwhile. StateError SYN-701 if somebody does."""
    if is_postgres(url):
        from syncline.store.postgres.opening import held

        async with held(url):
            yield
        return
    store = await open_store(url, clock)
    try:
        yield
    finally:
        await store.close()


@asynccontextmanager
async def _as_of_now(url: str, clock: Clock) -> AsyncIterator[Shelves]:
    """All of a state as it is at this moment: a private copy."""
    store = await open_store(url, clock, read_only=True)
    try:
        frozen = await store.copy()
    finally:
        await store.close()
    try:
        yield _shelves_of(frozen)
    finally:
        await frozen.close()


def _shelves_of(store: Store) -> Shelves:
    if isinstance(store, SqliteStore):
        return store.shelves()
    from syncline.store.postgres.store import PostgresStore

    assert isinstance(store, PostgresStore)
    return store.shelves()


async def _fill(source: Shelves, url: str, clock: Clock) -> dict[str, Content]:
    """Make a state at *url* with all of the source, and read it again. On any trouble nothing is left there."""
    store = await open_store(url, clock)
    try:
        given = await asyncio.to_thread(_carry, source, _shelves_of(store))
        found = await asyncio.to_thread(_contents, _shelves_of(store))
        if differing := [name for name in given if given[name] != found[name]]:
            raise _differs(name_of(url), differing)
    except BaseException:
        await store.close()
        await _take_away(url)
        raise
    await store.close()
    return given


def _carry(source: Shelves, target: Shelves) -> dict[str, Content]:
    contents = {}
    with target.filling():
        for shelf in SHELVES:
            target.write(shelf, source.read(shelf))
            contents[shelf.name] = content_of(shelf, source.read(shelf))
    return contents


def _contents(shelves: Shelves) -> dict[str, Content]:
    return {shelf.name: content_of(shelf, shelves.read(shelf)) for shelf in SHELVES}


async def _take_away(url: str) -> None:
    if is_postgres(url):
        from syncline.store.postgres.opening import take_away

        await take_away(url)
        return
    path = Path(url.removeprefix("sqlite:///"))
    for each in (path, claim_path(path), path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)


async def _require_untouched(url: str) -> None:
    if not await is_untouched(url):
        raise StateError(
            f"There is a state at {name_of(url)} already; it was left as it is.",
            code=THERE_ALREADY,
            remedy="Name another place, or move that state away first.",
        )


def _require_absent(file: Path) -> None:
    if os.path.lexists(file):
        raise StateError(
            f"{file} exists already; it was left as it is.", code=THERE_ALREADY, remedy="Name a file that is not there."
        )


def _differs(where: str, tables: list[str]) -> StateError:
    return StateError(
        f"What was written to {where} is not what was read: {', '.join(tables)} differ.",
        code=DIFFERS,
        remedy="It was taken away again; the original was not touched. Check the disk and memory of this machine.",
    )
