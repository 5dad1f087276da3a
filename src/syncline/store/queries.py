"""What is asked of one table, as SQLAlchemy Core: the same question for every database. Nothing here runs one.

What databases say differently comes in as a `Dialect`. Look-ups by many keys are each database's own (`reading`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from syncline.errors import OurBug
from syncline.store.tables import APPENDED, BINDING, TREES, key_of
from syncline.trees import TABLES, Table

Where = Mapping[str, Any] | None

# What "newest" means, the first of these that a table has.
_INSTANTS = ("at_us", "started_us", "prepared_us", "as_of_us", "decided_us", "seq")


class Dialect(Protocol):
    """What two databases say in different words."""

    def among(self, column: sa.ColumnElement[Any], values: list[Any]) -> sa.ColumnElement[bool]:
        """Whether the column equals one of many values, none of them null."""
        ...

    def ascending(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """In ascending order, nulls first."""
        ...

    def descending(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """In descending order, nulls last."""
        ...


def rows(dialect: Dialect, table: Table, where: Where, limit: int | None, newest: bool) -> sa.Select[Any]:
    statement = sa.select(*TREES[table].c).where(*_conditions(dialect, table, where))
    return statement.order_by(*_order(dialect, table, newest)).limit(limit)


def rows_after(dialect: Dialect, table: Table, where: Where, after: Sequence[Any] | None, limit: int) -> sa.Select[Any]:
    """The next *limit* rows in key order behind the one whose key is *after*."""
    key = [TREES[table].c[name] for name in key_of(table)]
    statement = sa.select(*TREES[table].c).where(*_conditions(dialect, table, where)).order_by(*key).limit(limit)
    if after is not None:
        statement = statement.where(sa.tuple_(*key) > sa.tuple_(*(sa.literal(value) for value in after)))
    return statement


def count(dialect: Dialect, table: Table, where: Where) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(TREES[table]).where(*_conditions(dialect, table, where))


def take_dirty(sync: str, now_us: int, linked: bool, limit: int, bucket: tuple[int, int] | None) -> sa.Select[Any]:
    dirty = TREES[Table.DIRTY]
    nought = sa.literal_column("0", sa.Integer)  # spelt as in the partial index, or it could not be used
    which = dirty.c.link_id != nought if linked else dirty.c.link_id == nought
    statement = sa.select(*dirty.c).where(dirty.c.sync == sync, which, dirty.c.due_us <= now_us)
    if bucket is not None:
        statement = statement.where(dirty.c.link_id % bucket[1] == bucket[0])
    return statement.order_by(dirty.c.seq).limit(limit)


def bound_sides(connection: str) -> sa.Select[Any]:
    """Sync and side of every side that uses a connection."""
    statement = sa.select(BINDING.c.sync, BINDING.c.side).where(BINDING.c.connection == connection)
    return statement.order_by(BINDING.c.sync, BINDING.c.side)


def unlinked(dialect: Dialect, sync: str, side: str, held_by: str, object_types: Sequence[str]) -> sa.Select[Any]:
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
    return statement.order_by(*_order(dialect, Table.MIRROR, False))


def _order(dialect: Dialect, table: Table, newest: bool) -> list[sa.ColumnElement[Any]]:
    # A table without key keeps the order in which its rows were appended.
    key: list[sa.ColumnElement[Any]] = [TREES[table].c[name] for name in key_of(table)]
    order = key or [sa.literal_column(APPENDED, sa.Integer)]
    if not newest:
        return [dialect.ascending(column) for column in order]
    instant = [TREES[table].c[name] for name in _INSTANTS if name in TABLES[table][0]][:1]
    return [dialect.descending(column) for column in (*instant, *order)]


def _conditions(dialect: Dialect, table: Table, where: Where) -> list[sa.ColumnElement[bool]]:
    unknown = set(where or ()) - set(TABLES[table][0])
    if unknown:
        raise OurBug(f"The table {table.value} has no such column.", evidence=str(sorted(unknown)))
    return [_equals(dialect, TREES[table].c[name], value) for name, value in (where or {}).items()]


def _equals(dialect: Dialect, column: sa.ColumnElement[Any], value: object) -> sa.ColumnElement[bool]:
    if value is None:
        return column.is_(sa.null())
    if not isinstance(value, list | tuple | set | frozenset):
        return column == value
    known = [one for one in value if one is not None]
    among = dialect.among(column, known) if known else sa.false()
    return sa.or_(among, column.is_(sa.null())) if len(known) < len(value) else among
