"""The stored tables as SQLAlchemy Core metadata: from `trees.TABLES`, with indexes and the store's own.

Lives here: types, keys, indexes. Not here: what the columns mean (`trees`), how a database gets from one version to
the next (`migrations`), and every statement (`statements`, `reading`, `writing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from syncline.trees import TABLES, Table

METADATA = sa.MetaData()
# What only a server's state has beside them: see below.
SERVER_METADATA = sa.MetaData()

IN_FLIGHT = "state IN ('prepared', 'sent', 'unknown')"

# STRICT knows INTEGER, TEXT, REAL, BLOB and ANY; other databases get their own words for the same. Text is ordered by
# its bytes, whatever language a database speaks: the order of keys is part of the contract.
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TYPES: dict[type[pl.DataType], sa.types.TypeEngine[Any]] = {
    pl.String: _TEXT,
    pl.Int64: _INTEGER,
    pl.Boolean: sa.Boolean().with_variant(sa.Integer(), "sqlite"),
    pl.Binary: sa.LargeBinary(),
}

# Key columns that may be null. SQL takes two nulls for different, so these keys are unique indexes over expressions.
NULLABLE_KEYS: dict[Table, str] = {Table.MOMENT: "new"}


# Columns of any length that are looked up: what an index holds of them instead, where an index has a longest row.
LONG: dict[Table, str] = {Table.MATCH_KEY: "value"}


class Digest(FunctionElement[str]):
    """A text in an index: itself, or its digest on PostgreSQL, whose index rows end at 2,700 bytes (PostgreSQL, "B-Tree
    Indexes": a third of a page)."""

    type = sa.Text()
    inherit_cache = True


@compiles(Digest)
def _itself(element: Digest, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses.clauses[0], **options))


@compiles(Digest, "postgresql")
def _digest(element: Digest, compiler: Any, **options: Any) -> str:
    return f"md5({compiler.process(element.clauses.clauses[0], **options)})"


def key_of(table: Table) -> tuple[str, ...]:
    """Names of the table's key columns; empty for a table that is only appended to."""
    return TABLES[table][1]


def key_elements(table: Table) -> list[sa.ColumnElement[Any]]:
    """The key as a unique index sees it: columns, and two expressions for one that may be null."""
    elements: list[sa.ColumnElement[Any]] = []
    for name in key_of(table):
        if name == NULLABLE_KEYS.get(table):
            elements += [Digest(sa.literal_column(f"coalesce({name}, '')")), sa.literal_column(f"({name} IS NULL)")]
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
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("value", _INTEGER, nullable=False),
    sqlite_strict=True,
)

# Which connection a sync's side uses.
BINDING = sa.Table(
    "binding",
    METADATA,
    sa.Column("sync", _TEXT, primary_key=True),
    sa.Column("side", _TEXT, primary_key=True),
    sa.Column("connection", _TEXT, nullable=False),
    sqlite_strict=True,
)

# Kept apart from META, which is shown to people: the key of this installation's fingerprints.
KEYRING = sa.Table(
    "keyring",
    METADATA,
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("value", sa.LargeBinary(), nullable=False),
    sqlite_strict=True,
)

# What a server's state has besides. Dirty marks are numbered without a row that all writers would wait for.
MARK_SEQUENCE = sa.Sequence("mark_sequence", metadata=SERVER_METADATA, data_type=sa.BigInteger())

# One row per open store, counting its commits: after a lost connection it tells whether the last one was stored.
WRITER = sa.Table(
    "writer",
    SERVER_METADATA,
    sa.Column("token", _TEXT, primary_key=True),
    sa.Column("commits", _INTEGER, nullable=False),
    sa.Column("opened_us", _INTEGER, nullable=False),
)

# Order of appending, for a table without key: what every SQLite table has as `rowid`.
APPENDED = "rowid"

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
        held = (TREES[table].c[name] for name in columns)
        indexed = (Digest(column) if column.name == LONG.get(table) else column for column in held)
        sa.Index(f"ix_{table.value}_{'_'.join(columns)}", *indexed)
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
