"""Whether a database found on disk is one this sandbox can continue: of its own version, and in no other's hands.

Lives here: the mark of the tables a sandbox founds with, the refusal of a file that bears another, and the lock of the
one that serves a file. The mark is taken from the tables themselves, so nobody has to remember to raise a number. What
the tables mean is the cores' own.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_ADVICE = "move it away or remove it, then a new one is made"


class DatabaseRefused(ValueError):
    """A file that is no database of this sandbox, of another version, or in use; the text says which and what to do."""


def admit(database: str | Path, newly_founded: Callable[[], sqlite3.Connection]) -> None:
    """Look at *database* before it is opened: fine if it is not there, or founded with the tables of *newly_founded*.

    Raises:
        DatabaseRefused: it is something else.
    """
    if str(database) == ":memory:" or not Path(database).exists():
        return
    try:
        with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as found:
            mark, tables = _mark_of(found), len(_tables(found))
    except sqlite3.Error as broken:
        raise DatabaseRefused(f"{database}: cannot be read as a database ({broken}); {_ADVICE}") from broken
    if tables and mark != _computed(newly_founded()):
        raise DatabaseRefused(f"{database}: made by another version of this sandbox, or not by it; {_ADVICE}")


@contextmanager
def held(database: str | Path) -> Iterator[None]:
    """Keep every other sandbox off the file *database* meanwhile; who only reads it from outside is not kept off.

    Two that write would not see each other's rows in what they keep in memory, the next id among it. The lock is the
    system's, on a file of its own beside the database, so one that was killed holds nothing.

    Raises:
        DatabaseRefused: another one serves it; the text names its process.
    """
    if str(database) == ":memory:":
        yield
        return
    file = Path(f"{database}-lock")
    handle = _lock(file, database)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def _lock(file: Path, database: str | Path) -> int:
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            holder = os.read(handle, 20).decode()
            os.close(handle)
            raise DatabaseRefused(
                f"{database}: in use by process {holder}; stop it, or keep the data elsewhere"
            ) from taken
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), file.stat()):
                return handle
        os.close(handle)  # whoever held it removed it between our two steps: what is locked is no longer the file


def sign(founded: sqlite3.Connection) -> None:
    """Mark a database just founded by its tables; one that is marked keeps its mark."""
    if not _mark_of(founded):
        founded.execute(f"PRAGMA user_version = {_computed(founded)}")


def _mark_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL ORDER BY name")
    return [sql for (sql,) in found]


def _computed(connection: sqlite3.Connection) -> int:
    """Positive and 31 bits wide, as the pragma takes it."""
    return zlib.crc32("\n".join(_tables(connection)).encode()) & 0x7FFFFFFF or 1
