"""SQL text of the bulk statements, built from the tables by SQLAlchemy Core and kept: one serves any number of rows.

Every function returns a `Bulk`: the text and the columns its parameters stand for, in order. Reading is in `reading`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from syncline.store.tables import NULLABLE_KEYS, TREES, key_elements, key_of
from syncline.trees import TABLES, Table

DIALECT = sqlite.dialect(paramstyle="qmark")


class Bulk(NamedTuple):
    sql: str
    columns: tuple[str, ...]


def text_of(statement: sa.ClauseElement) -> tuple[str, tuple[Any, ...]]:
    """A statement's SQL and its parameters by position."""
    text = compiled(statement)
    return str(text), tuple(text.params[name] for name in text.positiontup or ())


def compiled(statement: sa.ClauseElement) -> Any:
    """A statement as SQLAlchemy renders it for SQLite, lists spelt out."""
    return statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})


def _bulk(statement: sa.ClauseElement) -> Bulk:
    compiled: Any = statement.compile(dialect=DIALECT)
    return Bulk(str(compiled), tuple(name.removeprefix("the_") for name in compiled.positiontup))


def _given(name: str) -> sa.BindParameter[Any]:
    # An UPDATE's own parameters carry the columns' names; a prefix keeps ours apart.
    return sa.bindparam(f"the_{name}")


def _of_key(table: Table) -> list[sa.ColumnElement[bool]]:
    columns = TREES[table].c
    return [
        columns[name].is_not_distinct_from(_given(name))
        if name == NULLABLE_KEYS.get(table)
        else columns[name] == _given(name)
        for name in key_of(table)
    ]


@cache
def insert(table: Table) -> Bulk:
    """New rows; a row with the same key is an error."""
    return _bulk(sa.insert(TREES[table]).values({column.name: _given(column.name) for column in TREES[table].c}))


@cache
def put(table: Table) -> Bulk:
    """New rows, or all other columns of the row with the same key. Never REPLACE, which would also delete a row in
    the way of another unique index: that must be refused."""
    if not key_of(table):
        return insert(table)
    given = sqlite.insert(TREES[table]).values({column.name: _given(column.name) for column in TREES[table].c})
    others = {name: given.excluded[name] for name in TABLES[table][0] if name not in key_of(table)}
    if not others:
        return _bulk(given.on_conflict_do_nothing(index_elements=key_elements(table)))
    return _bulk(given.on_conflict_do_update(index_elements=key_elements(table), set_=others))


@cache
def amend(table: Table, columns: tuple[str, ...]) -> Bulk:
    """Set *columns* of the rows with the given keys."""
    values = {name: _given(name) for name in columns}
    return _bulk(sa.update(TREES[table]).where(*_of_key(table)).values(values))


@cache
def drop(table: Table) -> Bulk:
    return _bulk(sa.delete(TREES[table]).where(*_of_key(table)))


@cache
def wipe(table: Table, columns: tuple[str, ...]) -> Bulk:
    """Delete the rows with these values in *columns*, key or not."""
    named = TREES[table].c
    return _bulk(sa.delete(TREES[table]).where(*(named[name] == _given(name) for name in columns)))


@cache
def clean() -> Bulk:
    """Dirty marks by key whose stored sequence is not newer than the given one."""
    dirty = TREES[Table.DIRTY]
    return _bulk(sa.delete(dirty).where(*_of_key(Table.DIRTY), dirty.c.seq <= _given("seq")))


@cache
def touch() -> Bulk:
    """Dirty marks with a new sequence. A mark that is there never becomes due later by it."""
    dirty = TREES[Table.DIRTY]
    given = sqlite.insert(dirty).values({column.name: _given(column.name) for column in dirty.c})
    sooner = sa.case((given.excluded.due_us < dirty.c.due_us, given.excluded.due_us), else_=dirty.c.due_us)
    return _bulk(
        given.on_conflict_do_update(
            index_elements=key_elements(Table.DIRTY), set_={"seq": given.excluded.seq, "due_us": sooner}
        )
    )
