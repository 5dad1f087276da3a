"""Everything that is read, on one connection. Nothing here changes a stored row.

The questions are in `queries`; here is how this server is asked, and the look-up by many keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from syncline.store import queries
from syncline.store.frames import to_frame
from syncline.store.keys import by_nulls, ends_of, wanted_of
from syncline.store.postgres import statements
from syncline.store.postgres.arrays import array_of
from syncline.store.postgres.text import from_server, stored, to_server
from syncline.store.postgres.writing import AS_ARRAYS, Connection, stage
from syncline.store.queries import Where
from syncline.store.tables import APPENDED, key_of
from syncline.trees import TABLES, Table

DIALECT: sa.Dialect = postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]


class _Words:
    """PostgreSQL's words: nulls come last unless told otherwise; keys have none."""

    def among(self, column: sa.ColumnElement[Any], values: list[Any]) -> sa.ColumnElement[bool]:
        return column == sa.any_(sa.literal(values, postgresql.ARRAY(column.type)))

    def ascending(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column.nulls_first() if getattr(column, "nullable", False) else column

    def descending(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column.desc().nulls_last() if getattr(column, "nullable", False) else column.desc()


_WORDS = _Words()


def rows(connection: Connection, table: Table, where: Where, limit: int | None, newest: bool) -> pl.DataFrame:
    return _framed(connection, table, queries.rows(_WORDS, table, where, limit, newest))


def rows_after(
    connection: Connection, table: Table, where: Where, after: Sequence[Any] | None, limit: int
) -> pl.DataFrame:
    """The next *limit* rows in key order behind the one whose key is *after*."""
    return _framed(connection, table, queries.rows_after(_WORDS, table, where, after, limit))


def count(connection: Connection, table: Table, where: Where) -> int:
    return int(_fetch(connection, queries.count(_WORDS, table, where))[0][0])


def _fetch(connection: Connection, statement: sa.ClauseElement) -> list[tuple[Any, ...]]:
    compiled: Any = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    given = [stored(compiled.params[name]) for name in compiled.positiontup or ()]
    return connection.execute(str(compiled).encode(), given, binary=True).fetchall()


def _framed(connection: Connection, table: Table, statement: sa.ClauseElement) -> pl.DataFrame:
    return from_server(to_frame(table, _fetch(connection, statement)))


def by_keys(connection: Connection, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
    """Rows equal to some row of *keys*, null equal to null, each once, in key order (keyless: per key as appended)."""
    groups = [to_server(group) for group in by_nulls(wanted_of(table, keys))]
    with _steady(connection) if len(groups) > 1 or len(keys) > AS_ARRAYS else nullcontext():
        found = [row for group in groups for row in _look_up(connection, table, group)]
    frame = from_server(to_frame(table, found))
    return frame.sort(key_of(table)) if key_of(table) else frame


@contextmanager
def _steady(connection: Connection) -> Iterator[None]:
    """A transaction all of whose reads see the same, and whose staging tables are empty again after it."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _look_up(connection: Connection, table: Table, keys: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Rows equal to some row of one group of keys. Columns of one value are parameters, the others are joined."""
    fixed = {column.name: column[0] for column in keys if column.n_unique() == 1}
    joined = keys.drop(fixed)
    source, given = _source(connection, table, joined)
    conditions = [statements.same(table, tuple(joined.columns))] if joined.columns else []
    for name, value in fixed.items():
        is_null = value is None
        conditions.append(f't."{name}" IS NULL' if is_null else f't."{name}" = %s::{statements.type_of(table, name)}')
        given += [] if is_null else [value]
    columns = statements.listed(tuple(TABLES[table][0]), "t.")
    order = "" if key_of(table) else f" ORDER BY t.{APPENDED}"
    found = f"{table.value} AS t WHERE {' AND '.join(conditions)}"
    if source:
        # The keys lead, whatever the planner believes: OFFSET keeps it from turning the look-up round.
        found = f"{source} CROSS JOIN LATERAL (SELECT t.* FROM {found} OFFSET 0) AS t"
    text = f"SELECT {columns} FROM {found}{order}"
    is_staged = len(joined) > AS_ARRAYS
    return connection.execute(text.encode(), given, binary=True, prepare=False if is_staged else None).fetchall()


def _source(connection: Connection, table: Table, keys: pl.DataFrame) -> tuple[str, list[Any]]:
    """Where the joined keys stand, for a FROM clause, and its parameters."""
    names = tuple(keys.columns)
    if not names:
        return "", []
    if len(keys) > AS_ARRAYS:
        stage(connection, table, keys)
        return statements.staged(table), []
    return statements.arrays(table, names), [array_of(column) for column in keys]


def take_dirty(
    connection: Connection, sync: str, now_us: int, linked: bool, limit: int, bucket: tuple[int, int] | None
) -> pl.DataFrame:
    return _framed(connection, Table.DIRTY, queries.take_dirty(sync, now_us, linked, limit, bucket))


def links_of(connection: Connection, bound_to: str, object_type: str, ids: Sequence[str]) -> pl.DataFrame:
    sides = from_server(
        pl.DataFrame(
            _fetch(connection, queries.bound_sides(bound_to)),
            schema={"sync": pl.String, "side": pl.String},
            orient="row",
        )
    ).rows()
    return by_keys(connection, Table.LINK_END, ends_of(sides, object_type, ids))


def unlinked(connection: Connection, sync: str, side: str, held_by: str, object_types: Sequence[str]) -> pl.DataFrame:
    return _framed(connection, Table.MIRROR, queries.unlinked(_WORDS, sync, side, held_by, object_types))


def installation_key(connection: Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM keyring WHERE name = 'fingerprints'").fetchone()
    return None if row is None else bytes(row[0])


def clock_us(connection: Connection) -> int:
    row = connection.execute(NOW).fetchone()
    assert row is not None
    return int(row[0])


# Microseconds since 1970: exact, because `extract` gives a decimal number (PostgreSQL, "Date/Time Functions").
NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"
