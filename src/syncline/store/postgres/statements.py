"""SQL text of the bulk statements. Each reads its rows from a source called `s`: arrays, one for every column, or a
staging table. Names come from the tables; values are never part of a text.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from syncline.store.tables import LONG, NULLABLE_KEYS, key_of
from syncline.trees import TABLES, Table

TYPES: dict[type[pl.DataType], str] = {
    pl.String: "text",
    pl.Int64: "int8",
    pl.Boolean: "bool",
    pl.Binary: "bytea",
}


def type_of(table: Table, column: str) -> str:
    return TYPES[type(TABLES[table][0][column])]


def listed(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


@cache
def arrays(table: Table, columns: tuple[str, ...]) -> str:
    """The source of rows given as parameters, an array for every column."""
    marks = ", ".join(f"%s::{type_of(table, name)}[]" for name in columns)
    return f"unnest({marks}) AS s ({listed(columns)})"


def staging(table: Table) -> str:
    return f"staged_{table.value}"


def staged(table: Table) -> str:
    """The source of all rows in the table's staging table."""
    return f"{staging(table)} AS s"


@cache
def staging_table(table: Table) -> str:
    columns = ", ".join(f'"{name}" {type_of(table, name)} COLLATE "C"' for name in _texts(table))
    others = ", ".join(f'"{name}" {type_of(table, name)}' for name in TABLES[table][0] if name not in _texts(table))
    parts = ", ".join(part for part in (columns, others) if part)
    return f"CREATE TEMP TABLE IF NOT EXISTS {staging(table)} ({parts}) ON COMMIT DELETE ROWS"


def _texts(table: Table) -> list[str]:
    return [name for name, dtype in TABLES[table][0].items() if isinstance(dtype, pl.String)]


def same(table: Table, columns: tuple[str, ...]) -> str:
    """That a row of the table equals one of the source in *columns*; by an index where there is one."""
    conditions = []
    for name in columns:
        if name == NULLABLE_KEYS.get(table):
            conditions.append(f't."{name}" IS NOT DISTINCT FROM s."{name}"')
            conditions.append(f"md5(coalesce(t.\"{name}\", '')) = md5(coalesce(s.\"{name}\", ''))")
            conditions.append(f'(t."{name}" IS NULL) = (s."{name}" IS NULL)')
        elif name == LONG.get(table):
            conditions.append(f't."{name}" = s."{name}" AND md5(t."{name}") = md5(s."{name}")')
        else:
            conditions.append(f't."{name}" = s."{name}"')
    return " AND ".join(conditions)


@cache
def _conflict(table: Table) -> str:
    parts = []
    for name in key_of(table):
        nullable = name == NULLABLE_KEYS.get(table)
        parts.append(f"md5(coalesce({name}, '')), ({name} IS NULL)" if nullable else f'"{name}"')
    return ", ".join(parts)


@cache
def insert(table: Table, source: str) -> str:
    names = tuple(TABLES[table][0])
    return f"INSERT INTO {table.value} ({listed(names)}) SELECT {listed(names, 's.')} FROM {source}"


@cache
def put(table: Table, source: str) -> str:
    """New rows, or all other columns of the row with the same key."""
    if not key_of(table):
        return insert(table, source)
    others = [name for name in TABLES[table][0] if name not in key_of(table)]
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    act = f"DO UPDATE SET {sets}" if others else "DO NOTHING"
    return f"{insert(table, source)} ON CONFLICT ({_conflict(table)}) {act}"


@cache
def amend(table: Table, columns: tuple[str, ...], source: str) -> str:
    sets = ", ".join(f'"{name}" = s."{name}"' for name in columns)
    return f"UPDATE {table.value} AS t SET {sets} FROM {source} WHERE {same(table, key_of(table))}"


@cache
def delete(table: Table, columns: tuple[str, ...], source: str) -> str:
    return f"DELETE FROM {table.value} AS t USING {source} WHERE {same(table, columns)}"


@cache
def clean(source: str) -> str:
    return f"{delete(Table.DIRTY, key_of(Table.DIRTY), source)} AND t.seq <= s.seq"


@cache
def touch(source: str) -> str:
    """Dirty marks with a new number. One that is there is numbered after its row is locked: whoever read its old number
    and cleans by it leaves it. It never becomes due later."""
    names = key_of(Table.DIRTY)
    return (
        f"INSERT INTO dirty AS t ({listed(names)}, due_us, seq)"
        f" SELECT {listed(names, 's.')}, s.due_us, nextval('mark_sequence') FROM {source}"
        f" ON CONFLICT ({listed(names)}) DO UPDATE SET"
        " seq = nextval('mark_sequence'), due_us = least(excluded.due_us, t.due_us)"
    )
