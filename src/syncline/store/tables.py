"""The stored tables as SQLAlchemy Core metadata: from `trees.TABLES`, with indexes and the store's own.

Lives here: types, keys, indexes. Not here: what the columns mean (`trees`), how a database gets from one version to
the next (`migrations`), and every statement (`statements`, `reading`, `writing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from syncline.trees import TABLES, Table

METADATA = sa.MetaData()

IN_FLIGHT = "state IN ('prepared', 'sent', 'unknown')"

# STRICT knows INTEGER, TEXT, REAL, BLOB and ANY; other databases get their own words for the same.
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TYPES: dict[type[pl.DataType], sa.types.TypeEngine[Any]] = {
    pl.String: sa.Text(),
    pl.Int64: _INTEGER,
    pl.Boolean: sa.Boolean().with_variant(sa.Integer(), "sqlite"),
    pl.Binary: sa.LargeBinary(),
}

# Key columns that may be null. SQL takes two nulls for different, so these keys are unique indexes over expressions.
NULLABLE_KEYS: dict[Table, str] = {Table.MOMENT: "new"}


def key_of(table: Table) -> tuple[str, ...]:
    """Names of the table's key columns; empty for a table that is only appended to."""
    return TABLES[table][1]


def key_elements(table: Table) -> list[sa.ColumnElement[Any]]:
    """The key as a unique index sees it: columns, and two expressions for one that may be null."""
    elements: list[sa.ColumnElement[Any]] = []
    for name in key_of(table):
        if name == NULLABLE_KEYS.get(table):
            elements += [sa.literal_column(f"coalesce({name}, '')"), sa.literal_column(f"({name} IS NULL)")]
        else:
            elements.append(TREES[table].c[name])
    return elements


def _tree(table: Table) -> sa.Table:
    columns, key = TABLES[table]
    has_plain_key = table not in NULLABLE_KEYS
    return sa.Table(
        table.value,
        METADATA,
        *(
            sa.Column(
                name,
                _TYPES[type(dtype)],
                primary_key=has_plain_key and name in key,
                nullable=name not in key or name == NULLABLE_KEYS.get(table),
                autoincrement=False if name in key else "auto",  # we give every number out ourselves
            )
            for name, dtype in columns.items()
        ),
        sqlite_strict=True,
    )


# The rows are wide, so they stay rowid tables: WITHOUT ROWID was measured at more than twice the time.
TREES: dict[Table, sa.Table] = {table: _tree(table) for table in Table}

# Numbers that only grow: "sequence" orders dirty marks, "link_id" numbers links.
COUNTER = sa.Table(
    "counter",
    METADATA,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", _INTEGER, nullable=False),
    sqlite_strict=True,
)

# Which connection a sync's side uses.
BINDING = sa.Table(
    "binding",
    METADATA,
    sa.Column("sync", sa.Text(), primary_key=True),
    sa.Column("side", sa.Text(), primary_key=True),
    sa.Column("connection", sa.Text(), nullable=False),
    sqlite_strict=True,
)

# Kept apart from META, which is shown to people: the key of this installation's fingerprints.
KEYRING = sa.Table(
    "keyring",
    METADATA,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", sa.LargeBinary(), nullable=False),
    sqlite_strict=True,
)

_INDEXES: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (Table.LINK, ("sync",)),
    (Table.LINK_END, ("link_id",)),
    (Table.JOURNAL, ("sync", "state")),
    (Table.ENTRY, ("connection", "object_type", "record_id")),
    (Table.ENTRY, ("state", "connection")),
    (Table.HISTORY, ("connection", "object_type", "record_id")),
    (Table.CONFLICT, ("sync", "link_id")),
    (Table.DEAD_LETTER, ("sync", "link_id")),
    (Table.HOLD, ("sync", "state")),
    (Table.RUN, ("sync", "started_us")),
    (Table.RUN, ("sync", "kind", "state")),
    (Table.MATCH_KEY, ("sync", "way", "value")),
    (Table.OWNER_KEY, ("connection", "object_type", "field", "print")),
    (Table.ALLOWANCE, ("connection", "kind")),
)


def _partial(name: str, columns: Sequence[sa.Column[Any]], condition: str, *, unique: bool) -> None:
    where = sa.text(condition)
    sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _add_indexes() -> None:
    for table, columns in _INDEXES:
        sa.Index(f"ix_{table.value}_{'_'.join(columns)}", *(TREES[table].c[name] for name in columns))
    for table in NULLABLE_KEYS:
        sa.Index(f"uq_{table.value}", *key_elements(table), unique=True)
    entry, dirty = TREES[Table.ENTRY].c, TREES[Table.DIRTY].c
    for what in ("record_id", "match_key"):
        # One writer of a record, and one creator of a key, at any time.
        slot = (entry.connection, entry.object_type, entry[what])
        _partial(f"uq_entry_{what}_in_flight", slot, f"{IN_FLIGHT} AND {what} IS NOT NULL", unique=True)
    for name, condition in (("linked", "link_id <> 0"), ("unlinked", "link_id = 0")):
        _partial(f"ix_dirty_{name}", (dirty.sync, dirty.seq, dirty.due_us), condition, unique=False)


_add_indexes()
