"""The rows of one kind of record in the database: its table, its keys, reading and writing single rows.

Every table has `id` (never given again), createdAt and updatedAt; kinds known by GUID have marketoGUID beside it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from syncline_sandbox.marketo.objects.kind import GUID, Kind
from syncline_sandbox.marketo.store import Row, Store, column_definition


class Rows:
    """Statements over the table of *kind*, which is made, or widened by the columns it lacks, at once."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self.kind = kind
        self._make_table()

    def _make_table(self) -> None:
        table, run = self.kind.table, self._store.connection.execute
        guid = f"{GUID} TEXT, " if self.kind.id_field == GUID else ""
        every = {"id", "createdat", "updatedat", GUID.lower() if guid else ""}
        own = {field.name.lower(): column_definition(field) for field in self.kind.fields}
        own = {name: column for name, column in own.items() if name not in every}
        run(
            f'CREATE TABLE IF NOT EXISTS "{table}" (id INTEGER PRIMARY KEY AUTOINCREMENT, {guid}'
            f"{', '.join(('createdAt TEXT, updatedAt TEXT', *own.values()))})"
        )
        present = {str(name).lower() for _, name, *_ in run(f'PRAGMA table_info("{table}")')}
        for name, column in own.items():
            if name not in present:
                run(f'ALTER TABLE "{table}" ADD COLUMN {column}')
        keys = ", ".join(f'"{name}"' for name in self.kind.dedupe)
        run(f'CREATE UNIQUE INDEX IF NOT EXISTS "{table}_key" ON "{table}" ({keys})')
        if guid:
            run(f'CREATE UNIQUE INDEX IF NOT EXISTS "{table}_guid" ON "{table}" ({GUID})')
        for link in self.kind.links:
            run(f'CREATE INDEX IF NOT EXISTS "{table}_by_{link.field}" ON "{table}" ("{link.field}")')

    def find(self, names: Sequence[str], values: Sequence[Any]) -> Row | None:
        """The whole row whose *names* have these values; a blank matches none."""
        condition = " AND ".join(f'"{name}" = ?' for name in names)
        cursor = self._store.connection.execute(f'SELECT * FROM "{self.kind.table}" WHERE {condition}', values)
        row = cursor.fetchone()
        return None if row is None else dict(zip((column[0] for column in cursor.description), row, strict=True))

    def select(self, names: Sequence[str], condition: str, parameters: Sequence[Any], limit: int) -> list[Row]:
        """Rows over *names*, which must hold `id`, in order of id."""
        selected = ", ".join(f'"{name}"' for name in names)
        sql = f'SELECT {selected} FROM "{self.kind.table}" WHERE {condition} ORDER BY id LIMIT ?'
        return [dict(zip(names, row, strict=True)) for row in self._store.all(sql, (*parameters, limit))]

    def insert(self, values: Row, now: str) -> Row:
        """The new row, its id and GUID among its values."""
        row = {"createdAt": now, "updatedAt": now, **values}
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        sql = f'INSERT INTO "{self.kind.table}" ({names}) VALUES ({marks})'
        number = self._store.connection.execute(sql, (*row.values(),)).lastrowid
        row["id"] = number
        if self.kind.id_field == GUID:
            row[GUID] = self._guid(number)
            sql = f'UPDATE "{self.kind.table}" SET {GUID} = ? WHERE id = ?'
            self._store.connection.execute(sql, (row[GUID], number))
        return row

    def update(self, row_id: int, values: Row, now: str) -> None:
        assignments = ", ".join(f'"{name}" = ?' for name in (*values, "updatedAt"))
        sql = f'UPDATE "{self.kind.table}" SET {assignments} WHERE id = ?'
        self._store.connection.execute(sql, (*values.values(), now, row_id))

    def delete(self, row_id: int) -> None:
        self._store.connection.execute(f'DELETE FROM "{self.kind.table}" WHERE id = ?', (row_id,))

    def _guid(self, number: int | None) -> str:
        """Repeatable, and unlike any other: row numbers are never given again."""
        digest = hashlib.md5(f"{self.kind.table}:{number}".encode(), usedforsecurity=False).digest()
        return str(uuid.UUID(bytes=digest, version=4))
