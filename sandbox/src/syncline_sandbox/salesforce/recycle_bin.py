"""The recycle bin: soft deletes with their cascade, undelete, emptying, and the log getDeleted reads.

Lives here: what becomes of rows that go ("Deleting Records", "Undeleting Records" of the Apex Developer Guide;
"undelete()", "emptyRecycleBin()" of the SOAP API Developer Guide). Who may ask is decided in `dml.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from .errors import OrgError
from .ids import full_id
from .schema import Schema, SObject
from .stamps import moment_of, stamp_of
from .storage import Storage

RECYCLE_BIN_DAYS = 15


class RecycleBin:
    """Rows on their way out, or back. Changes are noted in *touched*; nothing here commits."""

    def __init__(
        self, schema: Schema, storage: Storage, stamp: Callable[[], str], touched: list[tuple[SObject, str]]
    ) -> None:
        self._schema = schema
        self._storage = storage
        self._stamp = stamp
        self._touched = touched

    def put(self, sobject: SObject, record_id: str, *, cause: str | None = None) -> None:
        """Delete a live row and those that go with it; one without a bin leaves at once.

        *cause* is the record whose delete takes this one along: it also brings it back.
        """
        for child, child_id in self._going_along(sobject, record_id):
            self.put(child, child_id, cause=cause or record_id)
        if sobject.soft_deletable:
            self._mark(sobject, record_id, {}, cause)
        else:
            self._storage.db.execute(f'DELETE FROM "{sobject.table}" WHERE "Id" = ?', (record_id,))
            self._touched.append((sobject, record_id))

    def put_merged(self, sobject: SObject, record_id: str, master_id: str) -> None:
        """Delete the loser of a merge: nothing goes along, `MasterRecordId` says who won."""
        self._mark(sobject, record_id, {"MasterRecordId": master_id}, None)

    def restore(self, sobject: SObject, record_id: str) -> str:
        """Bring a record back with what its delete took along; returns its full id.

        A loser of a merge comes back alone: its children stay with the winner.

        Raises:
            OrgError: UNDELETE_FAILED when it is not in the bin, INVALID_TYPE_FOR_OPERATION for what never comes back.
        """
        if not sobject.undeletable:
            raise OrgError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support undelete")
        full = self._in_bin(sobject, record_id, "UNDELETE_FAILED")
        self._revive(sobject, full)
        for child, child_id in self._taken_along(full):
            self._revive(child, child_id)
        return full

    def empty(self, sobject: SObject, record_id: str) -> str:
        """Remove a record of the bin for good, with what its delete took along; returns its full id.

        Raises:
            OrgError: INVALID_CROSS_REFERENCE_KEY when it is not in the bin.
        """
        full = self._in_bin(sobject, record_id, "INVALID_CROSS_REFERENCE_KEY")
        for child, child_id in [*self._taken_along(full), (sobject, full)]:
            self._purge(child, child_id)
        return full

    def empty_old(self) -> None:
        """Remove for good what has been here for longer than the bin keeps things."""
        oldest = stamp_of(moment_of(self._stamp()) - timedelta(days=RECYCLE_BIN_DAYS))
        sql = "SELECT sobject, id FROM _deletions WHERE purged_at IS NULL AND at < ?"
        for name, record_id in self._storage.db.execute(sql, (oldest,)).fetchall():
            self._purge(self._named(name), record_id)

    def empty_all(self) -> int:
        """Remove everything in the bin for good; returns how many records that were."""
        rows = self._storage.db.execute("SELECT sobject, id FROM _deletions WHERE purged_at IS NULL").fetchall()
        for name, record_id in rows:
            self._purge(self._named(name), record_id)
        return len(rows)

    def _mark(self, sobject: SObject, record_id: str, more: dict[str, str], cause: str | None) -> None:
        stamp = self._stamp()
        self._storage.update(sobject, record_id, {"IsDeleted": 1, "SystemModstamp": stamp, **more})
        entry = (sobject.name, record_id, stamp, cause)
        self._storage.db.execute("INSERT INTO _deletions (sobject, id, at, cause) VALUES (?, ?, ?, ?)", entry)
        self._touched.append((sobject, record_id))

    def _revive(self, sobject: SObject, record_id: str) -> None:
        values = {"IsDeleted": 0, "SystemModstamp": self._stamp()}
        if sobject.mergeable:
            values["MasterRecordId"] = None
        self._storage.update(sobject, record_id, values)
        self._storage.db.execute("DELETE FROM _deletions WHERE sobject = ? AND id = ?", (sobject.name, record_id))
        self._touched.append((sobject, record_id))

    def _purge(self, sobject: SObject, record_id: str) -> None:
        self._storage.db.execute(f'DELETE FROM "{sobject.table}" WHERE "Id" = ?', (record_id,))
        gone = (self._stamp(), sobject.name, record_id)
        self._storage.db.execute("UPDATE _deletions SET purged_at = ? WHERE sobject = ? AND id = ?", gone)
        self._touched.append((sobject, record_id))

    def _in_bin(self, sobject: SObject, record_id: str, code: str) -> str:
        row = self._storage.row(sobject, full_id(record_id) or "")
        if row is None or not row.get("IsDeleted"):
            raise OrgError(code, "Entity is not in the recycle bin")
        return str(row["Id"])

    def _going_along(self, sobject: SObject, record_id: str) -> list[tuple[SObject, str]]:
        found: list[tuple[SObject, str]] = []
        for child, field in self._schema.child_references(sobject.name):
            if field.cascade_delete:
                live = 'AND "IsDeleted" = 0' if child.soft_deletable else ""
                sql = f'SELECT "Id" FROM "{child.table}" WHERE "{field.column}" = ? {live}'
                found += [(child, child_id) for (child_id,) in self._storage.db.execute(sql, (record_id,)).fetchall()]
        return found

    def _taken_along(self, record_id: str) -> list[tuple[SObject, str]]:
        sql = "SELECT sobject, id FROM _deletions WHERE cause = ? AND purged_at IS NULL"
        return [(self._named(name), child) for name, child in self._storage.db.execute(sql, (record_id,)).fetchall()]

    def _named(self, name: str) -> SObject:
        sobject = self._schema.sobject(name)
        assert sobject is not None
        return sobject
