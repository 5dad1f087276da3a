"""The section of a database, between processes: one lock that keeps the others out, one that tells who is ahead.

Lives here: taking and leaving both. They are advisory locks of sessions, so they end with whoever held them. What goes
on within one process, and for how long somebody ahead is waited for, is in `store.sections`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import LiteralString

import psycopg

from syncline.store.postgres.awake import Awake
from syncline.store.postgres.session import Session, Work
from syncline.store.postgres.writing import Connection

# Advisory locks of a database: our class, and what each number is for.
LOCKS = 0x53594E43
SECTION = 2
AHEAD = 3


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How the section's lock is tried, stood in the queue for, and left."""

    tried: LiteralString
    waited_for: LiteralString
    left: LiteralString


ALONE = Mode(
    tried="SELECT CASE WHEN pg_try_advisory_lock(%s, %s) THEN set_config('idle_session_timeout', %s, false) END",
    waited_for="SELECT pg_advisory_lock(%s, %s)",
    left="SELECT pg_advisory_unlock(%s, %s), set_config('idle_session_timeout', '0', false)",
)
SHARED = Mode(
    tried="SELECT CASE WHEN pg_try_advisory_lock_shared(%s, %s) THEN set_config('idle_session_timeout', %s, false) END",
    waited_for="SELECT pg_advisory_lock_shared(%s, %s)",
    left="SELECT pg_advisory_unlock_shared(%s, %s), set_config('idle_session_timeout', '0', false)",
)
_ANNOUNCE = "SELECT pg_advisory_lock_shared(%s, %s), set_config('idle_session_timeout', '8s', false)"
_WITHDRAW = "SELECT pg_advisory_unlock_shared(%s, %s), set_config('idle_session_timeout', '0', false)"
_OF_OURS = """
    locktype = 'advisory' AND granted AND (classid, objid, objsubid) = (%s, %s, 2)
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_HOLDS = f"SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND {_OF_OURS}"
_IS_HELD = f"SELECT FROM pg_locks WHERE {_OF_OURS} LIMIT 1"
_SECTION_IDLE = "8s"  # how long a section may be silent: its process is frozen, else it is heard of (`awake`)


class DatabaseSection:
    """What `sections.Sections` owes to other processes, on the *writer*'s connection; who is ahead, on the *reader*'s.

    `generation` is the writer's connection on which the section is held; None while it is not.
    """

    def __init__(self, writer: Session, reader: Session) -> None:
        self._writer = writer
        self._reader = reader
        self._awake = Awake(writer)
        self._mode = ALONE
        self.generation: int | None = None

    async def enter(self, *, is_polite: bool, is_shared: bool) -> bool:
        """While another process has it, those of us who need none go on in between. Who shares it stands behind whoever
        already waits to have it alone: the server's queue is one (PostgreSQL, "Explicit Locking")."""
        is_first, self._mode = True, SHARED if is_shared else ALONE
        while not (is_polite and await self._is_somebody_ahead()):
            asked = asyncio.ensure_future(self._writer.run(_take(self._mode, is_first)))
            try:
                is_taken = await asyncio.shield(asked)
            except asyncio.CancelledError:
                if await asked:
                    await self.leave()
                raise
            if is_taken:
                self.generation = self._writer.generation
                self._awake.begin()
                if is_first or not is_polite:
                    return True
                is_kept = False
                try:
                    is_kept = not await self._is_somebody_ahead()  # who came while we stood in the queue
                finally:
                    if not is_kept:  # also where the look was broken off: nobody would ever leave it
                        await self.leave()
                return is_kept
            is_first = False
        return False

    async def leave(self) -> None:
        self._awake.end()
        generation, self.generation = self.generation or self._writer.generation, None

        def work(connection: Connection) -> None:
            if self._writer.generation == generation:  # else it went with its connection
                connection.execute(self._mode.left, (LOCKS, SECTION))

        await asyncio.shield(self._writer.run(work))

    def close(self) -> None:
        self._awake.close()

    async def announce(self) -> None:
        """A session that is silent for long meanwhile is ended, and nobody stands back for it any more."""
        await self._reader.run(lambda connection: _ask(connection, _ANNOUNCE, AHEAD))

    async def withdraw(self) -> None:
        await asyncio.shield(self._reader.run(lambda connection: _ask(connection, _WITHDRAW, AHEAD)))

    async def _is_somebody_ahead(self) -> bool:
        return await self._reader.run(lambda connection: _ask(connection, _IS_HELD, AHEAD))


def _ask(connection: Connection, statement: LiteralString, number: int) -> bool:
    return connection.execute(statement, (LOCKS, number)).fetchone() is not None


def _take(mode: Mode, is_first: bool) -> Work[bool]:
    """Try at once; after that, stand in the server's queue for a moment: whoever asked first gets it first."""

    def work(connection: Connection) -> bool:
        if is_first:
            came = connection.execute(mode.tried, (LOCKS, SECTION, _SECTION_IDLE)).fetchone()
            return came is not None and came[0] is not None
        is_taken = _stand_in_queue(connection, mode)
        if is_taken:
            connection.execute("SELECT set_config('idle_session_timeout', %s, false)", (_SECTION_IDLE,))
        return is_taken

    return work


def _stand_in_queue(connection: Connection, mode: Mode) -> bool:
    connection.execute("SET lock_timeout = '100ms'")
    try:
        connection.execute(mode.waited_for, (LOCKS, SECTION))
    except psycopg.errors.LockNotAvailable:
        # The time can run out in the moment the lock is granted: a session's lock stays with it, whatever is raised.
        return _ask(connection, _HOLDS, SECTION)
    finally:
        if not connection.closed:
            connection.execute("SET lock_timeout = '30s'")
    return True
