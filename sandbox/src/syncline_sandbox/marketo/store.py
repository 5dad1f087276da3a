"""The SQLite database of an instance: tables, columns per field, rows of leads, and the transaction around a call.

Lives here: DDL and the statements several rooms share. What a row means lives in the rooms that read and write it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from syncline_sandbox.marketo.fields import Field, FieldCatalog
from syncline_sandbox.marketo.standard_fields import COMPANY_FIELDS

Row = dict[str, Any]

_TABLES = """
CREATE TABLE IF NOT EXISTS custom_fields (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS causes (
    id INTEGER PRIMARY KEY, source TEXT, reason TEXT, api_method TEXT, user TEXT, request_id TEXT, campaign_id INTEGER
);
CREATE TABLE IF NOT EXISTS activities (
    id INTEGER PRIMARY KEY,       -- rises with every row, in order of writing
    lead_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    at INTEGER NOT NULL,          -- epoch seconds: when it happened
    visible_at REAL NOT NULL,     -- epoch seconds: from when readers see it (late commits)
    field_id INTEGER,             -- primaryAttributeValueId
    name TEXT,                    -- primaryAttributeValue
    old TEXT, new TEXT,           -- of a data value change
    attributes TEXT,              -- JSON: attributes by display name, of types that are no data value change
    cause_id INTEGER
);
CREATE INDEX IF NOT EXISTS activities_by_time ON activities (at, id);
CREATE INDEX IF NOT EXISTS activities_of_lead ON activities (lead_id);
CREATE INDEX IF NOT EXISTS deletions_by_time ON activities (at, id) WHERE type_id = 37;
CREATE TABLE IF NOT EXISTS lead_past (
    id INTEGER PRIMARY KEY,
    lead_id INTEGER NOT NULL,
    replaced_at REAL NOT NULL,    -- epoch seconds: when the row ended
    delay_seconds REAL NOT NULL,  -- how much longer readers still see it (late commits)
    row TEXT                      -- JSON of the row before; NULL: it did not exist
);
CREATE INDEX IF NOT EXISTS past_of_lead ON lead_past (lead_id);
CREATE TABLE IF NOT EXISTS unsubscribed_emails (email TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lists (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT, programName TEXT, createdAt TEXT, updatedAt TEXT,
    folderId INTEGER, folderType TEXT
);
CREATE TABLE IF NOT EXISTS list_members (
    list_id INTEGER NOT NULL, lead_id INTEGER NOT NULL, createdAt TEXT, PRIMARY KEY (list_id, lead_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lists_of_lead ON list_members (lead_id);
"""

_SQL_TYPES = {
    **dict.fromkeys(("integer", "score", "percent", "boolean"), "INTEGER"),
    **dict.fromkeys(("float", "currency"), "REAL"),
    **dict.fromkeys(("string", "email"), "TEXT COLLATE NOCASE"),
    **dict.fromkeys(("text", "phone", "url", "date", "datetime"), "TEXT"),
    "reference": "",
}
_LEAD_INDEXES = ("email", "createdAt", "_changedAt", "externalCompanyId")


class Store:
    """One database, in memory or in a file. Not thread-safe in itself; the face serialises calls."""

    def __init__(self, database: str | Path) -> None:
        self.connection = sqlite3.connect(
            str(database), check_same_thread=False, isolation_level=None, cached_statements=1024
        )
        # The data is worth nothing after a power cut: a sandbox trades that for speed.
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "temp_store=MEMORY", "cache_size=-96000"):
            self.connection.execute(f"PRAGMA {pragma}")
        self._indexed: set[str] = set()
        self.fields = self._open()

    def _open(self) -> FieldCatalog:
        self.connection.executescript(_TABLES)
        records = self.connection.execute("SELECT record FROM custom_fields ORDER BY id").fetchall()
        fields = FieldCatalog(Field(**orjson.loads(record)) for (record,) in records)
        self._create_record_tables(fields)
        # Ids of deleted leads are never given again.
        self._last_lead_id: int = self.one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leads'")[0]
        self._last_activity_id: int = self.one("SELECT coalesce(max(id), 0) FROM activities")[0]
        return fields

    def _create_record_tables(self, fields: FieldCatalog) -> None:
        columns = [column_definition(field) for field in fields.all() if field.name not in ("id", "mktoName")]
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS leads (id INTEGER PRIMARY KEY AUTOINCREMENT, _changedAt TEXT, "
            f"{', '.join(columns)})"
        )
        company = [column_definition(fields[name]) for name in COMPANY_FIELDS]
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS companies (id INTEGER PRIMARY KEY AUTOINCREMENT, createdAt TEXT, "
            f"updatedAt TEXT, externalCompanyId TEXT UNIQUE COLLATE NOCASE, {', '.join(company)})"
        )
        for name in _LEAD_INDEXES:
            self.connection.execute(f'CREATE INDEX IF NOT EXISTS "leads_{name}" ON leads ("{name}")')

    def reset(self) -> None:
        """Forget everything, custom fields too. The tables of rooms are made anew by the rooms."""
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        for (name,) in self.all(tables):
            self.connection.execute(f'DROP TABLE "{name}"')
        self.connection.execute("DELETE FROM sqlite_sequence")
        self._indexed.clear()
        self.fields = self._open()

    def close(self) -> None:
        """End the connection, with everything in the database file itself and nothing left in its log."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of a call or nothing of it."""
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first row, or None."""
        return self.connection.execute(sql, parameters).fetchone()

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.connection.execute(sql, parameters).fetchall()

    def save_field(self, field: Field, *, new: bool) -> None:
        """Store a custom field and, when new, its column."""
        members = {name: getattr(field, name) for name in field.__dataclass_fields__}
        self.connection.execute("INSERT OR REPLACE INTO custom_fields VALUES (?, ?)", (field.id, orjson.dumps(members)))
        if new:
            self.connection.execute(f"ALTER TABLE leads ADD COLUMN {column_definition(field)}")
        self.fields.put(field)

    def index_lookup(self, field: Field) -> None:
        """Make searching by *field* fast. Built at the first search, so that unused fields cost no writes."""
        if field.name != "id" and field.name not in self._indexed:
            self.connection.execute(f'CREATE INDEX IF NOT EXISTS "leads_{field.name}" ON leads ("{field.name}")')
            self._indexed.add(field.name)

    def next_lead_id(self) -> int:
        self._last_lead_id += 1
        return self._last_lead_id

    def take_lead_ids(self, count: int) -> range:
        """So many lead ids at once."""
        first, self._last_lead_id = self._last_lead_id + 1, self._last_lead_id + count
        return range(first, first + count)

    def take_activity_ids(self, count: int) -> range:
        first, self._last_activity_id = self._last_activity_id + 1, self._last_activity_id + count
        return range(first, first + count)

    def next_activity_id(self) -> int:
        self._last_activity_id += 1
        return self._last_activity_id

    def leads_where(self, columns: Iterable[str], condition: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Stored rows of leads as dicts over *columns* (field names)."""
        names = list(columns)
        selected = ", ".join(map(lead_expression, names))
        rows = self.connection.execute(f"SELECT {selected} FROM leads WHERE {condition}", parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def lead_columns(self) -> list[str]:
        """Every stored column of leads, id first."""
        return [name for _, name, *_ in self.connection.execute("PRAGMA table_info(leads)")]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        self.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def column_definition(field: Field) -> str:
    return f'"{field.name}" {_SQL_TYPES[field.type]}'


def lead_expression(name: str) -> str:
    """The SQL of one field: its column, or how it is computed."""
    if name == "mktoName":
        return "nullif(trim(coalesce(\"firstName\", '') || ' ' || coalesce(\"lastName\", '')), '')"
    return f'"{name}"'


def marks(values: Sequence[Any]) -> str:
    """Placeholders for an IN list."""
    return f"({', '.join('?' * len(values))})"
