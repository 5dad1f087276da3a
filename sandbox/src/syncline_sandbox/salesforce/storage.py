"""The org's database: one SQLite table per object, its transactions, and a lagging copy for replica faults.

Lives here: tables, indexes, connections, and what survives a restart besides records. What may be written is decided
in `dml.py`; nothing here knows a user.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from .schema import NUMBER_TYPES, TEXT_TYPES, Field, Schema, SObject

_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
"""
_OWN_TABLES = """
CREATE TABLE IF NOT EXISTS _kept (name TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _deletions (sobject TEXT, id TEXT, at TEXT, purged_at TEXT, cause TEXT);
CREATE INDEX IF NOT EXISTS _deletions_at ON _deletions (sobject, at);
CREATE INDEX IF NOT EXISTS _deletions_id ON _deletions (id);
CREATE INDEX IF NOT EXISTS _deletions_cause ON _deletions (cause) WHERE cause IS NOT NULL;
CREATE INDEX IF NOT EXISTS _deletions_in_bin ON _deletions (at) WHERE purged_at IS NULL;
CREATE TABLE IF NOT EXISTS _hidden (user_id TEXT, record_id TEXT, PRIMARY KEY (user_id, record_id)) WITHOUT ROWID;
"""
_UNINDEXED_REFERENCES = frozenset(
    "OwnerId CreatedById LastModifiedById MasterRecordId ConvertedAccountId ConvertedContactId ConvertedOpportunityId "
    "ProfileId".split()
)
_PERSON_NAME = """trim(coalesce("FirstName", '') || ' ' || coalesce("LastName", ''))"""


class Storage:
    """The database behind one org. `db` is the live connection; all access is from one thread at a time."""

    def __init__(self, path: str, schema: Schema) -> None:
        self.schema = schema
        self.before_begin: list[Callable[[], None]] = []
        """Called before every transaction."""
        self.before_commit: list[Callable[[], None]] = []
        """Called inside every transaction that is about to be committed; what they write belongs to it."""
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
        self.db.executescript(_SETTINGS)
        self.db.executescript(_OWN_TABLES)
        for sobject in schema.sobjects():
            self.create_table(sobject)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or nothing when it raises. Not nested: see `savepoint`."""
        for prepare in self.before_begin:
            prepare()
        self.db.execute("BEGIN")
        try:
            yield
            for settle in self.before_commit:
                settle()
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that can fail alone. Nests."""
        self.db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO part")
            self.db.execute("RELEASE part")
            raise
        self.db.execute("RELEASE part")

    def kept(self, name: str) -> Any:
        """A JSON value stored under *name*; None if there is none."""
        row = self.db.execute("SELECT json FROM _kept WHERE name = ?", (name,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def keep(self, name: str, value: Any) -> None:
        """Store a JSON value under *name*, inside the caller's transaction."""
        self.db.execute("INSERT OR REPLACE INTO _kept VALUES (?, ?)", (name, orjson.dumps(value).decode()))

    def add_column(self, sobject: SObject, field: Field) -> None:
        """Add the column of a new stored field, filled with its default, and its index if it is looked up by."""
        default = _literal(field.default)
        self.db.execute(f'ALTER TABLE "{sobject.table}" ADD COLUMN {_column(field)} DEFAULT {default}')
        self._index(sobject, field)

    def row(self, sobject: SObject, record_id: str) -> dict[str, Any] | None:
        """The stored columns of one record, deleted or not; None if there is none."""
        cursor = self.db.execute(f'SELECT * FROM "{sobject.table}" WHERE "Id" = ?', (record_id,))
        values = cursor.fetchone()
        return dict(zip((column[0] for column in cursor.description), values, strict=True)) if values else None

    def insert(self, sobject: SObject, values: dict[str, Any]) -> None:
        self.insert_many(sobject, list(values), [tuple(values.values())])

    def insert_many(self, sobject: SObject, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows of the same columns without a look at the values."""
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        self.db.executemany(f'INSERT INTO "{sobject.table}" ({names}) VALUES ({marks})', rows)

    def update(self, sobject: SObject, record_id: str, values: dict[str, Any]) -> None:
        changes = ", ".join(f'"{column}" = ?' for column in values)
        self.db.execute(f'UPDATE "{sobject.table}" SET {changes} WHERE "Id" = ?', (*values.values(), record_id))

    def empty(self) -> None:
        """Drop every record and everything kept, and start from the schema as it is now."""
        for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            self.db.execute(f'DROP TABLE "{name}"')
        self.db.executescript(_OWN_TABLES)
        for sobject in self.schema.sobjects():
            self.create_table(sobject)

    def close(self) -> None:
        """End the live connection, with everything in the database file itself and nothing left in its log."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()

    def copy(self) -> sqlite3.Connection:
        """A copy of the database in memory, for reads that lag behind."""
        replica = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.db.backup(replica)
        return replica

    def create_table(self, sobject: SObject) -> None:
        """Make the table of an object, with its indices, unless it is there."""
        columns = [_column(field) for field in sobject.stored_fields()]
        name = sobject.field("Name")
        if name is not None and name.column is None:
            columns.append(f'"Name" TEXT COLLATE NOCASE GENERATED ALWAYS AS ({_PERSON_NAME}) VIRTUAL')
        self.db.execute(f'CREATE TABLE IF NOT EXISTS "{sobject.table}" ({", ".join(columns)})')
        self.db.execute(
            f'CREATE INDEX IF NOT EXISTS "{sobject.table} stamp" ON "{sobject.table}" ("SystemModstamp", "Id")'
        )
        for field in sobject.stored_fields():
            self._index(sobject, field)

    def _index(self, sobject: SObject, field: Field) -> None:
        looked_up = field.id_lookup or field.external_id or field.unique
        # A merge looks for the children of the loser through every reference that can move.
        parent = field.type == "reference" and field.name not in _UNINDEXED_REFERENCES
        if field.name != "Id" and (looked_up or parent):
            self.index(sobject, field, partial=not looked_up)

    def index(self, sobject: SObject, field: Field, *, partial: bool = True) -> None:
        """Make looking up by *field* quick; a *partial* index leaves empty values out."""
        filled = f'WHERE "{field.column}" IS NOT NULL' if partial else ""
        self.db.execute(
            f'CREATE INDEX IF NOT EXISTS "{sobject.table} {field.name}" '
            f'ON "{sobject.table}" ("{field.column}") {filled}'
        )


def _column(field: Field) -> str:
    if field.type == "id":
        return f'"{field.column}" TEXT PRIMARY KEY'
    if field.type in TEXT_TYPES and not field.case_sensitive:
        # SOQL compares text without case.
        return f'"{field.column}" TEXT COLLATE NOCASE'
    if field.type == "boolean":
        return f'"{field.column}" INTEGER NOT NULL'
    if field.type in NUMBER_TYPES:
        return f'"{field.column}" {"INTEGER" if field.type == "int" else "REAL"}'
    return f'"{field.column}" TEXT'


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(int(value) if isinstance(value, bool) else value)
    return "'" + str(value).replace("'", "''") + "'"
