"""Everything that is read, as bulk statements on one connection. Nothing here changes a stored row.

Keys to look up travel through a temporary table, which lives in memory and is private to the connection.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from syncline.store import queries
from syncline.store.asked import text_for
from syncline.store.frames import Rows, to_frame
from syncline.store.keys import by_nulls, ends_of, wanted_of
from syncline.store.queries import Where
from syncline.store.statements import text_of
from syncline.store.tables import TREES, key_of
from syncline.trees import Table

_LONGEST_LIST = 500  # a longer list of values travels as one JSON parameter


class _Words:
    """SQLite's words. Nulls come first by themselves, and last in descending order."""

    def among(self, column: sa.ColumnElement[Any], values: list[Any]) -> sa.ColumnElement[bool]:
        if len(values) <= _LONGEST_LIST or isinstance(values[0], bytes):
            return column.in_(values)
        # SQLite's JSON ends a text at its first NUL.
        cut = [each for each in values if isinstance(each, str) and "\0" in each]
        rest = [each for each in values if each not in set(cut)] if cut else values
        listed = sa.func.json_each(json.dumps(rest)).table_valued("value")
        among = column.in_(sa.select(listed.c.value))
        return sa.or_(among, column.in_(cut)) if cut else among

    def ascending(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column

    def descending(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column.desc()


_WORDS = _Words()


def rows(connection: sqlite3.Connection, table: Table, where: Where, limit: int | None, newest: bool) -> pl.DataFrame:
    return to_frame(table, connection.execute(*text_for(_rows, where, table, limit, newest)).fetchall())


def _rows(where: Where, table: Table, limit: int | None, newest: bool) -> sa.ClauseElement:
    return queries.rows(_WORDS, table, where, limit, newest)


def rows_after(
    connection: sqlite3.Connection, table: Table, where: Where, after: Sequence[Any] | None, limit: int
) -> pl.DataFrame:
    """The next *limit* rows in key order behind the one whose key is *after*."""
    return to_frame(table, _fetch(connection, queries.rows_after(_WORDS, table, where, after, limit)))


def count(connection: sqlite3.Connection, table: Table, where: Where) -> int:
    return int(connection.execute(*text_for(_count, where, table)).fetchone()[0])


def _count(where: Where, table: Table) -> sa.ClauseElement:
    return queries.count(_WORDS, table, where)


def _fetch(connection: sqlite3.Connection, statement: sa.ClauseElement) -> Rows:
    return connection.execute(*text_of(statement)).fetchall()


def by_keys(connection: sqlite3.Connection, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
    """Rows equal to some row of *keys*, null equal to null, each once, in key order (keyless: per key as appended)."""
    found = [row for group in by_nulls(wanted_of(table, keys)) for row in _look_up(connection, table, group)]
    frame = to_frame(table, found)
    return frame.sort(key_of(table)) if key_of(table) and frame.height > 1 else frame


def _look_up(connection: sqlite3.Connection, table: Table, keys: pl.DataFrame) -> Rows:
    """Rows equal to some row of one group of keys. Columns of one value are parameters, the others are joined."""
    fixed = {column.name: column[0] for column in keys if column.n_unique() == 1}
    joined = [column for column in keys if column.name not in fixed]
    conditions = [f't."{name}" IS ?' for name in fixed]
    conditions += [f't."{column.name}" = w.k{position}' for position, column in enumerate(joined)]
    source = f'"{table.value}" AS t'
    if joined:
        wanted = _wanted(connection, joined)
        source = f"{wanted} AS w CROSS JOIN {source}"  # CROSS: the keys lead, whatever the planner believes
    columns = ", ".join(f't."{column.name}"' for column in TREES[table].c)
    order = "" if key_of(table) else " ORDER BY t.rowid"
    statement = f"SELECT {columns} FROM {source} WHERE {' AND '.join(conditions)}{order}"
    found = connection.execute(statement, tuple(fixed.values())).fetchall()
    if joined:
        connection.execute(f"DELETE FROM {wanted}")
    return found


def _wanted(connection: sqlite3.Connection, keys: Sequence[pl.Series]) -> str:
    """A temporary table holding *keys* as k0, k1, …; there is one per combination of types, made at first use."""
    types = [{pl.String: "TEXT", pl.Binary: "BLOB"}.get(type(column.dtype), "INTEGER") for column in keys]
    name = "temp.wanted_" + "".join(each[0].lower() for each in types)
    columns = ", ".join(f"k{position} {each}" for position, each in enumerate(types))
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    marks = ", ".join("?" * len(types))
    connection.executemany(
        f"INSERT INTO {name} VALUES ({marks})", zip(*(column.to_list() for column in keys), strict=True)
    )
    return name


def take_dirty(
    connection: sqlite3.Connection, sync: str, now_us: int, linked: bool, limit: int, bucket: tuple[int, int] | None
) -> pl.DataFrame:
    where = {"sync": sync, "now_us": now_us}
    return to_frame(Table.DIRTY, connection.execute(*text_for(_take_dirty, where, linked, limit, bucket)).fetchall())


def _take_dirty(where: Mapping[str, Any], linked: bool, limit: int, bucket: tuple[int, int] | None) -> sa.ClauseElement:
    return queries.take_dirty(where["sync"], where["now_us"], linked, limit, bucket)


def links_of(connection: sqlite3.Connection, bound_to: str, object_type: str, ids: Sequence[str]) -> pl.DataFrame:
    sides = _fetch(connection, queries.bound_sides(bound_to))
    return by_keys(connection, Table.LINK_END, ends_of(sides, object_type, ids))


def unlinked(
    connection: sqlite3.Connection, sync: str, side: str, held_by: str, object_types: Sequence[str]
) -> pl.DataFrame:
    statement = queries.unlinked(_WORDS, sync, side, held_by, object_types)
    return to_frame(Table.MIRROR, _fetch(connection, statement))


def installation_key(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM keyring WHERE name = 'fingerprints'").fetchone()
    return None if row is None else bytes(row[0])
