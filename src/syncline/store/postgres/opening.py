"""From a URL to an open, checked store of the current version, made or brought up to date by whoever writes.

Every writer holds a share of one lock; whoever brings the tables up to date holds it alone: no release works on tables
that another one changes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from syncline.ports import Clock
from syncline.store import migrations
from syncline.store.postgres.address import SCHEMA, shown
from syncline.store.postgres.section import LOCKS
from syncline.store.postgres.session import Session, connect
from syncline.store.postgres.store import PostgresStore
from syncline.store.postgres.trouble import state_error, translated
from syncline.store.postgres.writing import Connection
from syncline.store.trouble import FOREIGN, HELD, NEWER, OLDER, UNREACHABLE

_OPEN = 1  # the lock that writers share
_MARK = "state of Syncline"  # comment of the schema: this is ours


async def open_postgres(url: str, clock: Clock, *, read_only: bool) -> PostgresStore:
    """Open the state in the schema `syncline` of a database, made if absent; several processes may.

    Raises:
        StateError: not to be reached, or no right (SYN-705), written by a newer release (SYN-704), not ours (SYN-707),
            an older release is at work on it (SYN-701); for a reader also absent (SYN-705) or too old (SYN-708).
    """
    where = shown(url)

    def make() -> Connection:
        return connect(url, where)

    def ready(connection: Connection) -> None:
        _prepare(connection, url, where, read_only=read_only)

    writer, reader = Session(make, where, prepare=ready), Session(make, where, prepare=lambda _: None)
    try:
        await (writer.open() if read_only else writer.open_for_commits())
        await reader.open()
    except BaseException:
        for session in (writer, reader):
            await session.close()
        raise
    return PostgresStore(
        url, where=where, clock=clock, writer=writer, reader=reader, is_read_only=read_only, is_copy=False
    )


async def is_untouched(url: str) -> bool:
    """Whether no state was ever made there."""
    session = Session(lambda: connect(url, shown(url)), shown(url), prepare=lambda _: None)
    try:
        await session.open()
        return await session.run(lambda connection: not _has_schema(connection))
    finally:
        await session.close()


@asynccontextmanager
async def held(url: str) -> AsyncIterator[None]:
    """Meanwhile nobody may write the state. StateError SYN-701 if somebody is at it."""
    where = shown(url)

    def take(connection: Connection) -> None:
        if _version(connection, where) != migrations.HEAD:
            raise state_error(OLDER if _version(connection, where) else UNREACHABLE, where)
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCKS, _OPEN)).fetchone()
        if row is None or not row[0]:
            raise state_error(HELD, where, detail="workers or commands use it; stop them first")

    session = Session(lambda: connect(url, where), where, prepare=take, is_lasting=False)
    try:
        await session.open()
        yield
    finally:
        await session.close()


async def take_away(url: str) -> None:
    """Remove a state that could not be completed."""
    session = Session(lambda: connect(url, shown(url)), shown(url), prepare=lambda _: None)
    try:
        await session.open()
        await session.run(lambda connection: connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode()))
    finally:
        await session.close()


def _prepare(connection: Connection, url: str, where: str, *, read_only: bool) -> None:
    version = _version(connection, where)
    if version > migrations.HEAD:
        raise state_error(NEWER, where, evidence=f"{version} > {migrations.HEAD}")
    if read_only:
        if not version:
            raise state_error(UNREACHABLE, where, detail="there is no state in it yet")
        if version != migrations.HEAD:
            raise state_error(OLDER, where)
        return
    if version != migrations.HEAD:
        _bring_up(connection, url, where)
    connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", (LOCKS, _OPEN))
    if _version(connection, where) != migrations.HEAD:  # somebody newer came first
        raise state_error(NEWER, where)


def _has_schema(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone() is not None


def _version(connection: Connection, where: str) -> str:
    """The version of the tables; "" if there are none. StateError SYN-707 if what is there is not ours."""
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace'), to_regclass(nspname || '.alembic_version') IS NOT NULL,"
        " EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = n.oid) FROM pg_namespace n WHERE nspname = %s",
        (SCHEMA,),
    ).fetchone()
    if row is None:
        return ""
    mark, has_version, has_tables = row
    if mark != _MARK and has_tables:
        raise state_error(FOREIGN, where)
    if not has_version:
        return ""
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if found is None else str(found[0])


def _bring_up(connection: Connection, url: str, where: str) -> None:
    """Run the missing steps. StateError SYN-701 while writers of another release are at work."""
    connection.execute("SET lock_timeout = '10s'")
    try:
        connection.execute("SELECT pg_advisory_lock(%s, %s)", (LOCKS, _OPEN))
    except psycopg.errors.LockNotAvailable:
        raise state_error(HELD, where, detail="processes of an older release work on it") from None
    finally:
        connection.execute("SET lock_timeout = '30s'")
    try:
        if _version(connection, where) == migrations.HEAD:  # another process of this release was faster
            return
        with translated(where):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{_MARK}'".encode())
            migrations.upgrade_server(connect(url, where))
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s, %s)", (LOCKS, _OPEN))
