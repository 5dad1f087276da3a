"""One connection on its own thread: reconnecting, repeating, and whether a commit whose answer was lost was stored.

Work is repeated where nothing of it can have been stored. A commit counts up its session's row of the table `writer`
in its own transaction; when the connection is lost before the answer to COMMIT came, that row, read under its lock on
a new connection, tells which of the two happened. An id of the transaction would not: after a crash the server may
give it out again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg

from syncline.errors import OurBug, StateError
from syncline.store.postgres import arrays
from syncline.store.postgres.address import SCHEMA, conninfo
from syncline.store.postgres.reading import clock_us
from syncline.store.postgres.trouble import CUT, is_cut, said, state_error, translated
from syncline.store.postgres.writing import Connection
from syncline.store.trouble import UNREACHABLE

# The driver warns of what it cannot undo on a lost connection: that is answered here, not in the log.
logging.getLogger("psycopg").setLevel(logging.ERROR)

_Result = TypeVar("_Result")
Work = Callable[[Connection], _Result]

_PATIENCE_SECONDS = 20  # how long a server may be away before we give up: a restart, a failover
_MOST_REPEATS = 20  # of a transaction that others were in the way of
_OLDEST_SERVER = 140000

# A frozen process must not hold up the others: the server ends its transaction and, where it holds the section, its
# session (see `store`). Source: PostgreSQL, "Client Connection Defaults" and "Connections and Authentication".
_SETTINGS = (
    "SET idle_in_transaction_session_timeout = '8s'",
    "SET lock_timeout = '30s'",
    "SET statement_timeout = '300s'",
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 3",
    "SET tcp_keepalives_count = 3",
    "SET client_min_messages = warning",
    "SET jit = off",
    # A journal row must survive a power cut before its write is sent.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off')",
)


def connect(url: str, where: str) -> Connection:
    """A connection with our settings. StateError SYN-705 if there is none to be had; no word of it holds a password."""
    try:
        connection: Connection = psycopg.connect(
            conninfo(url), autocommit=True, connect_timeout=10, application_name="syncline"
        )
    except psycopg.ProgrammingError:
        raise state_error(UNREACHABLE, where, detail="its URL is not understood") from None
    except psycopg.OperationalError as error:
        raise state_error(UNREACHABLE, where, detail=said(error)) from None
    try:
        if connection.info.server_version < _OLDEST_SERVER:
            raise state_error(UNREACHABLE, where, detail="its server is older than PostgreSQL 14")
        for setting in (*_SETTINGS, f"SET search_path = {SCHEMA}"):
            connection.execute(setting.encode())
        arrays.teach(connection)
    except BaseException:
        connection.close()
        raise
    return connection


class Session:
    """A connection that comes back. Calls run one after the other on a thread of its own.

    *prepare* makes a fresh connection ready. A session that is not *lasting* holds what would be gone with it: it is
    never connected again.
    """

    def __init__(
        self, make: Callable[[], Connection], where: str, *, prepare: Work[None], is_lasting: bool = True
    ) -> None:
        self._make = make
        self._where = where
        self._prepare = prepare
        self._is_lasting = is_lasting
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="syncline-store")
        self._token = secrets.token_hex(16)
        self._commits = 0
        self._is_writer = False
        self.generation = 0
        """Grows with every connection: whoever holds something of the last one sees that it is gone."""

    @property
    def connection(self) -> Connection:
        """The present connection, for work beside which no other call is made."""
        if self._connection is None:
            raise OurBug(f"The store {self._where} is not open.")
        return self._connection

    async def open(self) -> None:
        await self._on_thread(self._connect)

    async def open_for_commits(self) -> None:
        """As `open`; `commit` may then be called."""

        def work() -> None:
            connection = self._connect()
            connection.execute(
                "INSERT INTO writer (token, commits, opened_us) VALUES (%s, 0, %s)", (self._token, clock_us(connection))
            )
            self._is_writer = True

        await self._on_thread(work)

    async def run(self, work: Work[_Result], *, under: int | None = None) -> _Result:
        """What *work* answers. It runs again where the connection was lost or others were in the way: it must be such
        that a second time does no harm. *under*: the generation it belongs to; in another it is not run."""
        return await self._on_thread(lambda: self._repeating(work, under, is_counted=False))

    async def commit(self, work: Work[_Result], *, under: int | None = None) -> _Result:
        """As `run`, in one transaction that is stored exactly once or raises."""
        return await self._on_thread(lambda: self._repeating(work, under, is_counted=True))

    def nudge(self, generation: int) -> None:
        """Say something on the connection of that generation, if it is still there, once what is under way has ended.
        From any thread but the session's own. psycopg.Error if it breaks over it."""

        def work() -> None:
            if self.generation == generation and self._connection is not None and not self._connection.closed:
                self._connection.execute("SELECT 1")

        try:
            said = self._thread.submit(work)
        except RuntimeError:  # it was closed just now: nothing is to be said any more
            return
        said.result()

    async def _on_thread(self, work: Callable[[], _Result]) -> _Result:
        def translating() -> _Result:
            with translated(self._where):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, translating)

    def _repeating(self, work: Work[_Result], under: int | None, *, is_counted: bool) -> _Result:
        repeats = 0
        while True:
            connection = self._connected(under)
            try:
                return self._counted(connection, work) if is_counted else work(connection)
            except _Lost as lost:
                self._drop()
                if self._was_stored(lost.number):
                    self._commits = lost.number
                    return lost.answer  # type: ignore[no-any-return]
            except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                repeats += 1
                if repeats > _MOST_REPEATS:
                    raise
                time.sleep(random.uniform(0.001, 0.02) * repeats)
            except psycopg.OperationalError as error:
                if not is_cut(error):
                    raise
                self._drop()

    def _counted(self, connection: Connection, work: Work[_Result]) -> _Result:
        number, is_complete, answer = self._commits + 1, False, None
        try:
            with connection.transaction():
                answer = work(connection)
                connection.execute("UPDATE writer SET commits = %s WHERE token = %s", (number, self._token))
                is_complete = True
        except psycopg.OperationalError as error:
            if is_complete and is_cut(error):
                raise _Lost(number, answer) from error
            raise
        self._commits = number
        return answer

    def _was_stored(self, number: int) -> bool:
        """Whether the commit of that number is there, also where its section is gone. Its row is locked as long as the
        lost transaction goes on."""
        connection = self._connected(None)
        row = connection.execute("SELECT commits FROM writer WHERE token = %s FOR UPDATE", (self._token,)).fetchone()
        if row is None:
            raise state_error(CUT, self._where, detail="it no longer knows this process")
        return bool(row[0] == number)

    def _connected(self, under: int | None) -> Connection:
        """The connection, made anew if it is gone and nothing depended on it."""
        if self._connection is not None and not self._connection.closed:
            if under is not None and under != self.generation:
                raise state_error(CUT, self._where, detail="what was begun on it alone cannot be finished")
            return self._connection
        if under is not None or not self._is_lasting:
            raise state_error(CUT, self._where, detail="what was begun on it alone cannot be finished")
        return self._connect_again()

    def _connect_again(self) -> Connection:
        until, pause = time.monotonic() + _PATIENCE_SECONDS, 0.05
        while True:
            try:
                return self._connect()
            except (StateError, psycopg.OperationalError) as error:
                if isinstance(error, StateError) and error.code != UNREACHABLE:
                    raise
                if time.monotonic() > until:
                    raise state_error(CUT, self._where, detail=said(error)) from error
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)

    def _connect(self) -> Connection:
        connection = self._make()
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self.generation += 1
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()

    async def close(self) -> None:
        """Close; what is under way is finished first."""
        await self._on_thread(self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            if self._is_writer:
                connection.execute("DELETE FROM writer WHERE token = %s", (self._token,))
        except psycopg.OperationalError as error:
            if not is_cut(error):  # a server that is gone needs no goodbye
                raise
        finally:
            connection.close()


class _Lost(Exception):
    """The connection went after all of a commit was sent and before it was answered."""

    def __init__(self, number: int, answer: Any) -> None:
        super().__init__(number)
        self.number = number
        self.answer = answer


def require_open(is_open: bool, where: str) -> None:
    if not is_open:
        raise OurBug(f"The store {where} is closed.")
