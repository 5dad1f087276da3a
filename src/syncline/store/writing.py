"""A commit's changes as bulk statements on one connection, inside a transaction the caller holds.

Which changes, in which order: `acts`.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable

import polars as pl

from syncline.store import statements
from syncline.store.acts import Act, Kind, acts_of, changed_by
from syncline.store.frames import to_rows
from syncline.store.statements import Bulk
from syncline.trees import AlreadyThere, Commit, Table

_TAKEN = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}


def apply(connection: sqlite3.Connection, commit: Commit) -> None:
    """Carry out a commit whose leases the caller has checked. AlreadyThere if a row would share a key or an in-flight
    slot with another."""
    for act in acts_of(commit):
        frame = act.frame
        if act.kind == "touch":
            first = reserve(connection, "sequence", frame.height)
            numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias("seq")
            frame = frame.with_columns(numbers)
        _run(connection, act.table, _BULK[act.kind](act), frame)


_BULK: dict[Kind, Callable[[Act], Bulk]] = {
    "wipe": lambda act: statements.wipe(act.table, tuple(act.frame.columns)),
    "drop": lambda act: statements.drop(act.table),
    "clean": lambda act: statements.clean(),
    "put": lambda act: statements.put(act.table),
    "amend": lambda act: statements.amend(act.table, changed_by(act)),
    "add": lambda act: statements.insert(act.table),
    "touch": lambda act: statements.touch(),
}


def _run(connection: sqlite3.Connection, table: Table, bulk: Bulk, frame: pl.DataFrame) -> None:
    try:
        connection.executemany(bulk.sql, to_rows(table, frame, bulk.columns))
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in _TAKEN:
            raise AlreadyThere(f"Such a row of {table.value} was stored before.", evidence=str(error)) from error
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
