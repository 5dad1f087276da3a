"""A commit's changes on one connection, inside a transaction the caller holds. Which changes, in which order: `acts`.

The rows of an act travel as arrays, the parameters of one statement. Very many are copied into a staging table of the
connection and go from there in one statement: that needs less memory, but a session with many staging tables empties
all of them at the end of every transaction that used one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import polars as pl
import psycopg

from syncline.store.acts import Act, Kind, acts_of, changed_by
from syncline.store.frames import fitted
from syncline.store.postgres import statements
from syncline.store.postgres.arrays import array_of
from syncline.store.postgres.text import stored, to_server
from syncline.store.tables import key_of
from syncline.trees import TABLES, AlreadyThere, Commit, Table

Connection = psycopg.Connection[Any]

AS_ARRAYS = 5_000  # rows up to which arrays are faster than staging, as measured


def _key_and(*more: str) -> Callable[[Act], tuple[str, ...]]:
    return lambda act: (*key_of(act.table), *more)


# The columns an act's frame must have, and its statement over a source.
_COLUMNS: dict[Kind, Callable[[Act], tuple[str, ...]]] = {
    "wipe": lambda act: tuple(act.frame.columns),
    "drop": _key_and(),
    "clean": _key_and("seq"),
    "put": lambda act: tuple(TABLES[act.table][0]),
    "amend": lambda act: (*key_of(act.table), *changed_by(act)),
    "add": lambda act: tuple(TABLES[act.table][0]),
    "touch": _key_and("due_us"),
}
_STATEMENT: dict[Kind, Callable[[Act, str], str]] = {
    "wipe": lambda act, source: statements.delete(act.table, tuple(act.frame.columns), source),
    "drop": lambda act, source: statements.delete(act.table, key_of(act.table), source),
    "clean": lambda act, source: statements.clean(source),
    "put": lambda act, source: statements.put(act.table, source),
    "amend": lambda act, source: statements.amend(act.table, changed_by(act), source),
    "add": lambda act, source: statements.insert(act.table, source),
    "touch": lambda act, source: statements.touch(source),
}
_REPEATABLE: set[Kind] = {"put", "amend", "touch"}  # where two rows of one key in one frame mean the last


def apply(connection: Connection, commit: Commit) -> None:
    """Carry out a commit whose leases the caller has checked. AlreadyThere if a row would share a key or an in-flight
    slot with another."""
    staged: set[Table] = set()
    try:
        for act in acts_of(commit):
            columns = _COLUMNS[act.kind](act)
            _run(connection, act, columns, to_server(_ordered(act, fitted(act.table, act.frame, columns))), staged)
    except psycopg.errors.UniqueViolation as error:
        told = f"Such a row of {error.diag.table_name} was stored before."
        raise AlreadyThere(told, evidence=error.diag.constraint_name) from error


def _ordered(act: Act, frame: pl.DataFrame) -> pl.DataFrame:
    """By key, so that two commits meet in the same order and none waits for the other in a circle. Entries keep the
    order they were given in, which is that of their records."""
    key = [name for name in key_of(act.table) if name in frame.columns]
    if not key:
        return frame
    if act.kind in _REPEATABLE and frame.height > 1:
        if act.kind == "touch":
            frame = frame.group_by(key, maintain_order=True).agg(pl.col("due_us").min())
        else:
            frame = frame.unique(subset=key, keep="last", maintain_order=True)
    return frame if act.table is Table.ENTRY or act.kind == "touch" else frame.sort(key)


def _run(connection: Connection, act: Act, columns: tuple[str, ...], frame: pl.DataFrame, staged: set[Table]) -> None:
    if frame.height <= AS_ARRAYS:
        text = _STATEMENT[act.kind](act, statements.arrays(act.table, columns))
        connection.execute(text.encode(), [array_of(column) for column in frame])
        return
    if act.table in staged:
        connection.execute(f"TRUNCATE {statements.staging(act.table)}".encode())
    staged.add(act.table)
    stage(connection, act.table, frame)
    connection.execute(_STATEMENT[act.kind](act, statements.staged(act.table)).encode(), prepare=False)


def stage(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """Copy rows into the table's staging table, which is empty again after the transaction."""
    connection.execute(statements.staging_table(table).encode())
    columns = tuple(frame.columns)
    text = f"COPY {statements.staging(table)} ({statements.listed(columns)}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(text.encode()) as copy:
        copy.set_types([statements.type_of(table, name) for name in columns])
        for row in frame.iter_rows():
            copy.write_row(row)


def reserve(connection: Connection, name: str, count: int) -> int:
    """Take the next *count* numbers of a counter; the first of them. Counters start at 1."""
    row = connection.execute(
        "INSERT INTO counter AS c (name, value) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET value = c.value + excluded.value RETURNING value",
        (stored(name), count),
    ).fetchone()
    assert row is not None
    return int(row[0]) - count + 1


def bind(connection: Connection, sync: str, side: str, bound_to: str) -> None:
    connection.execute(
        "INSERT INTO binding (sync, side, connection) VALUES (%s, %s, %s)"
        " ON CONFLICT (sync, side) DO UPDATE SET connection = excluded.connection",
        stored((sync, side, bound_to)),
    )


def make_installation_key(connection: Connection) -> None:
    """Make the key unless there is one."""
    connection.execute(
        "INSERT INTO keyring (name, value) VALUES ('fingerprints', %s) ON CONFLICT (name) DO NOTHING",
        (secrets.token_bytes(32),),
    )
