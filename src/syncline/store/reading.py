"""Everything that is read, as bulk statements on one connection. Nothing here changes a stored row.

Keys to look up travel through a temporary table, which lives in memory and is private to the connection.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import polars as pl
import sqlalchemy as sa

from syncline.errors import OurBug
from syncline.store.frames import Rows, to_frame
from syncline.store.statements import text_of
from syncline.store.tables import BINDING, TREES, key_of
from syncline.trees import LINK_END, TABLES, Table

# What "newest" means, the first of these that a table has.
_INSTANTS = ("at_us", "started_us", "prepared_us", "as_of_us", "decided_us", "seq")
_LONGEST_LIST = 500  # a longer list of values travels as one JSON parameter

Where = Mapping[str, Any] | None


def rows(connection: sqlite3.Connection, table: Table, where: Where, limit: int | None, newest: bool) -> pl.DataFrame:
    statement = sa.select(*TREES[table].c).where(*_conditions(table, where)).order_by(*_order(table, newest))
    return to_frame(table, _fetch(connection, statement if limit is None else statement.limit(limit)))


def rows_after(
    connection: sqlite3.Connection, table: Table, where: Where, after: Sequence[Any] | None, limit: int
) -> pl.DataFrame:
    """The next *limit* rows in key order behind the one whose key is *after*."""
    key = [TREES[table].c[name] for name in key_of(table)]
    statement = sa.select(*TREES[table].c).where(*_conditions(table, where)).order_by(*key).limit(limit)
    if after is not None:
        statement = statement.where(sa.tuple_(*key) > sa.tuple_(*(sa.literal(value) for value in after)))
    return to_frame(table, _fetch(connection, statement))


def count(connection: sqlite3.Connection, table: Table, where: Where) -> int:
    statement = sa.select(sa.func.count()).select_from(TREES[table]).where(*_conditions(table, where))
    return int(_fetch(connection, statement)[0][0])


def _fetch(connection: sqlite3.Connection, statement: sa.ClauseElement) -> Rows:
    return connection.execute(*text_of(statement)).fetchall()


def _order(table: Table, newest: bool) -> list[sa.ColumnElement[Any]]:
    # A table without key keeps the order in which its rows were appended.
    key: list[sa.ColumnElement[Any]] = [TREES[table].c[name] for name in key_of(table)]
    order = key or [sa.literal_column("rowid", sa.Integer)]
    if not newest:
        return order
    instant = [TREES[table].c[name] for name in _INSTANTS if name in TABLES[table][0]][:1]
    return [column.desc() for column in (*instant, *order)]


def _conditions(table: Table, where: Where) -> list[sa.ColumnElement[bool]]:
    unknown = set(where or ()) - set(TABLES[table][0])
    if unknown:
        raise OurBug(f"The table {table.value} has no such column.", evidence=str(sorted(unknown)))
    return [_equals(TREES[table].c[name], value) for name, value in (where or {}).items()]


def _equals(column: sa.ColumnElement[Any], value: object) -> sa.ColumnElement[bool]:
    if value is None:
        return column.is_(sa.null())
    if not isinstance(value, list | tuple | set | frozenset):
        return column == value
    known = [one for one in value if one is not None]
    among = _is_one_of(column, known)
    return sa.or_(among, column.is_(sa.null())) if len(known) < len(value) else among


def _is_one_of(column: sa.ColumnElement[Any], values: list[Any]) -> sa.ColumnElement[bool]:
    if len(values) <= _LONGEST_LIST or isinstance(values[0], bytes):
        return column.in_(values)
    listed = sa.func.json_each(json.dumps(values)).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def by_keys(connection: sqlite3.Connection, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
    """Rows equal to some row of *keys*, null equal to null, each once, in key order (keyless: per key as appended)."""
    schema = TABLES[table][0]
    if not keys.columns or set(keys.columns) - set(schema):
        raise OurBug(f"The table {table.value} has no such columns.", evidence=str(keys.columns))
    wanted = keys.select(pl.col(name).cast(schema[name]) for name in keys.columns).unique(maintain_order=True)
    found = [row for group in _by_nulls(wanted) for row in _look_up(connection, table, group)]
    frame = to_frame(table, found)
    return frame.sort(key_of(table)) if key_of(table) else frame


def _by_nulls(keys: pl.DataFrame) -> Iterable[pl.DataFrame]:
    """The keys in groups in each of which a column is always null or never: null is not equal by `=`."""
    mixed = [column.name for column in keys if 0 < column.null_count() < keys.height]
    if not mixed:
        return [keys] if keys.height else []
    return (group for _, group in keys.group_by(*(pl.col(name).is_null() for name in mixed), maintain_order=True))


def _look_up(connection: sqlite3.Connection, table: Table, keys: pl.DataFrame) -> Rows:
    """Rows equal to some row of one group of keys. Columns of one value are parameters, the others are joined."""
    fixed = {column.name: column[0] for column in keys if column.n_unique() == 1}
    joined = keys.drop(fixed)
    conditions = [f't."{name}" IS ?' for name in fixed]
    conditions += [f't."{name}" = w.k{position}' for position, name in enumerate(joined.columns)]
    source = f'"{table.value}" AS t'
    if joined.columns:
        wanted = _wanted(connection, joined)
        source = f"{wanted} AS w CROSS JOIN {source}"  # CROSS: the keys lead, whatever the planner believes
    columns = ", ".join(f't."{column.name}"' for column in TREES[table].c)
    order = "" if key_of(table) else " ORDER BY t.rowid"
    statement = f"SELECT {columns} FROM {source} WHERE {' AND '.join(conditions)}{order}"
    found = connection.execute(statement, tuple(fixed.values())).fetchall()
    if joined.columns:
        connection.execute(f"DELETE FROM {wanted}")
    return found


def _wanted(connection: sqlite3.Connection, keys: pl.DataFrame) -> str:
    """A temporary table holding *keys* as k0, k1, …; there is one per combination of types, made at first use."""
    types = [{pl.String: "TEXT", pl.Binary: "BLOB"}.get(type(dtype), "INTEGER") for dtype in keys.dtypes]
    name = "temp.wanted_" + "".join(each[0].lower() for each in types)
    columns = ", ".join(f"k{position} {each}" for position, each in enumerate(types))
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    marks = ", ".join("?" * len(types))
    connection.executemany(f"INSERT INTO {name} VALUES ({marks})", keys.rows())
    return name


def take_dirty(
    connection: sqlite3.Connection, sync: str, now_us: int, linked: bool, limit: int, bucket: tuple[int, int] | None
) -> pl.DataFrame:
    dirty = TREES[Table.DIRTY]
    nought = sa.literal_column("0", sa.Integer)  # spelt as in the partial index, or it could not be used
    which = dirty.c.link_id != nought if linked else dirty.c.link_id == nought
    statement = sa.select(*dirty.c).where(dirty.c.sync == sync, which, dirty.c.due_us <= now_us)
    if bucket is not None:
        statement = statement.where(dirty.c.link_id % bucket[1] == bucket[0])
    return to_frame(Table.DIRTY, _fetch(connection, statement.order_by(dirty.c.seq).limit(limit)))


def links_of(connection: sqlite3.Connection, bound_to: str, object_type: str, ids: Sequence[str]) -> pl.DataFrame:
    statement = sa.select(BINDING.c.sync, BINDING.c.side).where(BINDING.c.connection == bound_to)
    sides = _fetch(connection, statement.order_by(BINDING.c.sync, BINDING.c.side))
    keys = [(sync, side, object_type, record_id) for (sync, side), record_id in product(sides, ids)]
    schema = {name: LINK_END[name] for name in key_of(Table.LINK_END)}
    return by_keys(connection, Table.LINK_END, pl.DataFrame(keys, schema=schema, orient="row"))


def unlinked(
    connection: sqlite3.Connection, sync: str, side: str, held_by: str, object_types: Sequence[str]
) -> pl.DataFrame:
    mirror, end = TREES[Table.MIRROR], TREES[Table.LINK_END]
    is_linked = sa.exists().where(
        end.c.sync == sync,
        end.c.side == side,
        end.c.object_type == mirror.c.object_type,
        end.c.record_id == mirror.c.record_id,
    )
    statement = sa.select(*mirror.c).where(
        mirror.c.connection == held_by, mirror.c.object_type.in_(list(object_types)), ~is_linked
    )
    return to_frame(Table.MIRROR, _fetch(connection, statement.order_by(*_order(Table.MIRROR, False))))


def installation_key(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM keyring WHERE name = 'fingerprints'").fetchone()
    return None if row is None else bytes(row[0])
