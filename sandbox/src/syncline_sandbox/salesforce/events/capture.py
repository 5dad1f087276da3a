"""What a transaction changed: rows of the captured objects as they were before it and as they are now.

Triggers of the database note every write, whoever makes it, and forget what is rolled back. They belong to the
connection, not to the file. Lives here: the triggers and reading what they noted; what becomes of it is in
`changes.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from syncline_sandbox.salesforce.schema import Schema, SObject
from syncline_sandbox.salesforce.storage import Storage

_TABLES = """
CREATE TEMP TABLE IF NOT EXISTS _noting (running INTEGER);
CREATE TEMP TABLE IF NOT EXISTS _noted (n INTEGER PRIMARY KEY, sobject TEXT, id TEXT, fresh INTEGER);
"""
# In a trigger the table that is written must be named without its database.
_TRIGGERS = """
CREATE TEMP TABLE "_before_{table}" AS SELECT * FROM main."{table}" LIMIT 0;
CREATE UNIQUE INDEX temp."_before_{table}_id" ON "_before_{table}" ("Id");
CREATE TEMP TRIGGER "_noted_{table}_insert" AFTER INSERT ON main."{table}" WHEN (SELECT running FROM _noting) BEGIN
    INSERT INTO _noted (sobject, id, fresh) VALUES ('{name}', NEW."Id", 1);
END;
CREATE TEMP TRIGGER "_noted_{table}_update" BEFORE UPDATE ON main."{table}" WHEN (SELECT running FROM _noting) BEGIN
    INSERT OR IGNORE INTO "_before_{table}" SELECT * FROM main."{table}" WHERE "Id" = OLD."Id";
    INSERT INTO _noted (sobject, id, fresh) VALUES ('{name}', OLD."Id", 0);
END;
CREATE TEMP TRIGGER "_noted_{table}_delete" BEFORE DELETE ON main."{table}" WHEN (SELECT running FROM _noting) BEGIN
    INSERT OR IGNORE INTO "_before_{table}" SELECT * FROM main."{table}" WHERE "Id" = OLD."Id";
    INSERT INTO _noted (sobject, id, fresh) VALUES ('{name}', OLD."Id", 0);
END;
"""
_DROP = """
DROP TRIGGER IF EXISTS temp."_noted_{table}_insert";
DROP TRIGGER IF EXISTS temp."_noted_{table}_update";
DROP TRIGGER IF EXISTS temp."_noted_{table}_delete";
DROP TABLE IF EXISTS temp."_before_{table}";
"""


@dataclass(frozen=True)
class RowChange:
    """One record over a whole transaction; None where it was not there, or is no longer."""

    sobject: SObject
    record_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Capture:
    """The triggers of one org's database. Nothing is noted outside `begin` … `take`."""

    def __init__(self, storage: Storage, schema: Schema) -> None:
        self._storage = storage
        self._schema = schema
        self._columns: dict[str, tuple[SObject, list[Any]]] = {}
        self._running = False

    def watch(self, names: Iterable[str]) -> None:
        """Capture the objects of these names and no others. Not inside a transaction."""
        db = self._storage.db
        db.executescript(_TABLES)
        db.executescript("DELETE FROM temp._noting; INSERT INTO temp._noting VALUES (0); DELETE FROM temp._noted;")
        for sobject, _ in self._columns.values():
            db.executescript(_DROP.format(table=sobject.table))
        found = [sobject for sobject in map(self._schema.sobject, names) if sobject is not None]
        self._columns = {}
        for sobject in found:
            db.executescript(_TRIGGERS.format(table=sobject.table, name=sobject.name))
            self._columns[sobject.name] = (sobject, sobject.stored_fields())

    def refresh(self) -> None:
        """Take note of fields and objects that came or went. Not inside a transaction."""
        for name, (sobject, columns) in self._columns.items():
            # An object lists its fields anew whenever one of them changes.
            if self._schema.sobject(name) is not sobject or sobject.stored_fields() is not columns:
                self.watch(list(self._columns))
                return

    def begin(self) -> None:
        """Start noting, inside a transaction that has just begun."""
        if self._columns:
            self._storage.db.execute("UPDATE temp._noting SET running = 1")
            self._running = True

    def abandon(self) -> None:
        """The transaction was rolled back, and with it what was noted."""
        self._running = False

    def take(self) -> list[RowChange]:
        """What the transaction changed, in the order of the changes; noting ends."""
        if not self._running:
            return []
        self._running = False
        db = self._storage.db
        # A new record stands where it was made, a changed one where it was changed last.
        noted = db.execute(
            "SELECT sobject, id, CASE WHEN max(fresh) THEN min(n) ELSE max(n) END AS place, max(fresh) "
            "FROM temp._noted GROUP BY sobject, id ORDER BY place"
        ).fetchall()
        changes: list[RowChange] = []
        if noted:
            names = {name for name, _, _, _ in noted}
            before = {name: self._rows(f'SELECT * FROM temp."_before_{self._table(name)}"') for name in names}
            now = {name: self._rows(_NOW.format(table=self._table(name)), name) for name in names}
            for name, record_id, _, fresh in noted:
                was = None if fresh else before[name].get(record_id)
                changes.append(RowChange(self._columns[name][0], record_id, was, now[name].get(record_id)))
            db.execute("DELETE FROM temp._noted")
            for name in names:
                db.execute(f'DELETE FROM temp."_before_{self._table(name)}"')
        db.execute("UPDATE temp._noting SET running = 0")
        return changes

    def _table(self, name: str) -> str:
        return self._columns[name][0].table

    def _rows(self, sql: str, *bound: str) -> dict[str, dict[str, Any]]:
        cursor: sqlite3.Cursor = self._storage.db.execute(sql, bound)
        names = [column[0] for column in cursor.description]
        place = names.index("Id")
        return {row[place]: dict(zip(names, row, strict=True)) for row in cursor}


_NOW = 'SELECT * FROM main."{table}" WHERE "Id" IN (SELECT id FROM temp._noted WHERE sobject = ?)'
