"""A commit's changes as bulk statements on one connection, inside a transaction the caller holds.

Order: wipe, drop, clean, put, amend, add, touch. So a commit may free a key or an in-flight slot and take it again,
and a mark that is cleaned and touched in one commit is there afterwards.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator

import polars as pl

from syncline.errors import OurBug
from syncline.store import statements
from syncline.store.frames import to_rows
from syncline.store.statements import Bulk
from syncline.store.tables import key_of
from syncline.trees import AlreadyThere, Commit, Table

_TAKEN = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}


def apply(connection: sqlite3.Connection, commit: Commit) -> None:
    """Carry out a commit whose leases the caller has checked. AlreadyThere if a row would share a key or an in-flight
    slot with another."""
    for table, bulk, frame in _steps(commit):
        _run(connection, table, bulk, frame)
    for frame in commit.touch:
        first = reserve(connection, "sequence", frame.height)
        numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias("seq")
        _run(connection, Table.DIRTY, statements.touch(), frame.with_columns(numbers))


def _steps(commit: Commit) -> Iterator[tuple[Table, Bulk, pl.DataFrame]]:
    for table, frames in commit.wipe.items():
        for frame in frames:
            yield table, statements.wipe(table, tuple(frame.columns)), frame
    for table, frame in commit.drop.items():
        yield _keyed(table), statements.drop(table), frame
    if commit.clean is not None:
        yield Table.DIRTY, statements.clean(), commit.clean.drop("due_us", strict=False)
    for table, frame in commit.put.items():
        yield table, statements.put(table), frame
    for table, frames in commit.amend.items():
        for frame in frames:
            changed = tuple(name for name in frame.columns if name not in key_of(_keyed(table)))
            yield table, statements.amend(table, changed), frame
    for table, frame in commit.add.items():
        yield table, statements.insert(table), frame


def _keyed(table: Table) -> Table:
    if not key_of(table):
        raise OurBug(f"The table {table.value} is only appended to.")
    return table


def _run(connection: sqlite3.Connection, table: Table, bulk: Bulk, frame: pl.DataFrame) -> None:
    if not frame.height:
        return
    try:
        connection.executemany(bulk.sql, to_rows(table, frame, bulk.columns))
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in _TAKEN:
            raise AlreadyThere(f"{table.value}: {error}") from error
        raise


def reserve(connection: sqlite3.Connection, name: str, count: int) -> int:
    """Take the next *count* numbers of a counter; the first of them. Counters start at 1."""
    row = connection.execute(
        "INSERT INTO counter (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
        (name, count),
    ).fetchone()
    return int(row[0]) - count + 1


def bind(connection: sqlite3.Connection, sync: str, side: str, bound_to: str) -> None:
    connection.execute(
        "INSERT INTO binding (sync, side, connection) VALUES (?, ?, ?)"
        " ON CONFLICT (sync, side) DO UPDATE SET connection = excluded.connection",
        (sync, side, bound_to),
    )


def make_installation_key(connection: sqlite3.Connection) -> None:
    """Make the key unless there is one."""
    connection.execute(
        "INSERT INTO keyring (name, value) VALUES ('fingerprints', ?) ON CONFLICT (name) DO NOTHING",
        (secrets.token_bytes(32),),
    )
