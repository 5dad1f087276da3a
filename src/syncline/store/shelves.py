"""All that a state holds, table by table, to be carried from one database into another: on one open connection each.

Lives here: what there is to carry (the trees, counters, bindings, the installation's key), in which order it is read,
and its digest. Not here: which states, and what is refused (`moving`).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import psycopg

from syncline.store.postgres import statements
from syncline.store.postgres.text import from_server, to_server
from syncline.store.tables import APPENDED, NULLABLE_KEYS, key_of
from syncline.store.transactions import transaction
from syncline.trees import TABLES, Table

SLICE = 10_000  # rows held at a time


@dataclass(frozen=True)
class Shelf:
    """One table to carry: its columns, and by which of them its rows are in order."""

    name: str
    columns: dict[str, pl.DataType]
    key: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Content:
    """How much a table holds, and a digest of all of it."""

    rows: int
    digest: str


_TEXT, _INT, _BYTES = pl.String(), pl.Int64(), pl.Binary()
_OWN = (
    Shelf("counter", {"name": _TEXT, "value": _INT}, ("name",)),
    Shelf("binding", {"sync": _TEXT, "side": _TEXT, "connection": _TEXT}, ("sync", "side")),
    Shelf("keyring", {"name": _TEXT, "value": _BYTES}, ("name",)),
)
SHELVES = (*(Shelf(table.value, dict(TABLES[table][0]), key_of(table)) for table in Table), *_OWN)
_SEQUENCE = "sequence"  # the counter of dirty marks, which a server keeps as a sequence
_NULLABLE = set(NULLABLE_KEYS.values())


class Shelves(Protocol):
    """A database to read from or to write to."""

    def read(self, shelf: Shelf) -> Iterator[pl.DataFrame]:
        """All rows in the order of the key, else of appending, in slices."""
        ...

    def filling(self) -> AbstractContextManager[Any]:
        """One transaction for all that is written in it."""
        ...

    def write(self, shelf: Shelf, frames: Iterable[pl.DataFrame]) -> None:
        """Append rows to a table that has none."""
        ...


def content_of(shelf: Shelf, frames: Iterable[pl.DataFrame]) -> Content:
    """Count and digest of rows in their order: equal exactly where every value of every row is."""
    rows, digest = 0, hashlib.blake2b(digest_size=16)
    for frame in frames:
        rows += frame.height
        for row in frame.select(sorted(shelf.columns)).iter_rows():
            digest.update(ascii(row).encode())
    return Content(rows=rows, digest=digest.hexdigest())


def _frame(shelf: Shelf, rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * len(shelf.columns)
    pairs = zip(shelf.columns.items(), columns, strict=True)
    return pl.DataFrame([pl.Series(name, _fitted(dtype, cells), dtype=dtype) for (name, dtype), cells in pairs])


def _fitted(dtype: pl.DataType, cells: Sequence[Any]) -> Sequence[Any]:
    if isinstance(dtype, pl.Boolean):
        return [None if cell is None else bool(cell) for cell in cells]
    return cells


def _listed(shelf: Shelf) -> str:
    return ", ".join(f'"{name}"' for name in shelf.columns)


class SqliteShelves:
    """The tables of a state file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, shelf: Shelf) -> Iterator[pl.DataFrame]:
        order = ", ".join(f'"{name}"' for name in shelf.key) or APPENDED
        cursor = self._connection.execute(f"SELECT {_listed(shelf)} FROM {shelf.name} ORDER BY {order}")
        while rows := cursor.fetchmany(SLICE):
            yield _frame(shelf, rows)

    def filling(self) -> AbstractContextManager[Any]:
        return transaction(self._connection)

    def write(self, shelf: Shelf, frames: Iterable[pl.DataFrame]) -> None:
        marks = ", ".join("?" * len(shelf.columns))
        statement = f"INSERT INTO {shelf.name} ({_listed(shelf)}) VALUES ({marks})"
        for frame in frames:
            self._connection.executemany(statement, frame.rows())


class PostgresShelves:
    """The tables of a state on a server, seen through the connection's search path."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def read(self, shelf: Shelf) -> Iterator[pl.DataFrame]:
        if shelf.name == "counter":
            yield self._counters(shelf)
            return
        order = ", ".join(f'"{name}"' + " NULLS FIRST" * (name in _NULLABLE) for name in shelf.key) or APPENDED
        with self._connection.transaction(), self._connection.cursor("carried", binary=True) as cursor:
            cursor.itersize = SLICE
            cursor.execute(f"SELECT {_listed(shelf)} FROM {shelf.name} ORDER BY {order}".encode())
            while rows := cursor.fetchmany(SLICE):
                yield from_server(_frame(shelf, rows))

    def _counters(self, shelf: Shelf) -> pl.DataFrame:
        rows = list(self._connection.execute("SELECT name, value FROM counter").fetchall())
        reached = self._connection.execute("SELECT last_value, is_called FROM mark_sequence").fetchone()
        if reached is not None and reached[1]:
            rows.append((_SEQUENCE, reached[0]))
        return from_server(_frame(shelf, rows)).sort("name")

    def filling(self) -> AbstractContextManager[Any]:
        return self._connection.transaction()

    def write(self, shelf: Shelf, frames: Iterable[pl.DataFrame]) -> None:
        text = f"COPY {shelf.name} ({_listed(shelf)}) FROM STDIN (FORMAT binary)"
        with self._connection.cursor() as cursor, cursor.copy(text.encode()) as copy:
            copy.set_types([statements.TYPES[type(dtype)] for dtype in shelf.columns.values()])
            reached = None
            for frame in frames:
                rest = frame
                if shelf.name == "counter":
                    reached = next(iter(frame.filter(pl.col("name") == _SEQUENCE)["value"]), None)
                    rest = frame.filter(pl.col("name") != _SEQUENCE)
                for row in to_server(rest).iter_rows():
                    copy.write_row(row)
        if reached is not None:
            self._connection.execute("SELECT setval('mark_sequence', %s)", (reached,))
