"""Whether a database found on disk is one this sandbox can continue.

Lives here: the mark of the tables a sandbox founds with, and the refusal of a file that bears another. The mark is
taken from the tables themselves, so nobody has to remember to raise a number. What the tables mean is the cores' own.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

_ADVICE = "move it away or remove it, then a new one is made"


class DatabaseRefused(ValueError):
    """A file that is no database of this sandbox, or of another version; the text says which file and what to do."""


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
