"""The fields that belong to a company and show on every person of it.

Source: Marketo "Companies": company fields are mirrored on the linked leads, each change with an activity of its own.
"""

from __future__ import annotations

from syncline_sandbox.marketo.activity_log import ActivityLog, Stamp
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.store import Row, Store

COMPANY_KEY = "externalCompanyId"


class CompanyFields:
    """Writes company fields to a company and to all people linked to it."""

    def __init__(self, store: Store, log: ActivityLog, past: LeadPast) -> None:
        self._store = store
        self._log = log
        self._past = past

    def write(self, key: str, values: Row, stamp: Stamp, now: str, delay_seconds: float) -> None:
        """Set *values* on the company of the external id *key*; people whose values differ follow."""
        if not values:
            return
        assignments = ", ".join(f'"{name}" = ?' for name in values)
        parameters = (*values.values(), now)
        self._store.connection.execute(
            f"UPDATE companies SET {assignments}, updatedAt = ? WHERE {COMPANY_KEY} = ?", (*parameters, key)
        )
        columns = self._store.lead_columns() if self._past.recording else ["id", *values]
        for row in self._store.leads_where(columns, f"{COMPANY_KEY} = ?", (key,)):
            changes = [(name, row[name], new) for name, new in values.items() if row[name] != new]
            if not changes:
                continue
            if self._past.recording:
                self._past.remember([(row["id"], row)], delay_seconds)
            for name, old, new in changes:
                self._log.changed(row["id"], self._store.fields[name], old, new, stamp)
            self._store.connection.execute(
                f"UPDATE leads SET {assignments}, updatedAt = ?, _changedAt = ? WHERE id = ?",
                (*parameters, now, row["id"]),
            )
