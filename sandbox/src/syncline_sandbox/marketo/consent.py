"""The durable unsubscribe: one status per e-mail address, whoever the people are that have it.

Source: Marketo "Durable Unsubscribe": setting the flag marks the address and every person with it, new people inherit
it, clearing it clears all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncline_sandbox.marketo.activity_log import ActivityLog, Stamp
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.record import folded
from syncline_sandbox.marketo.store import Store, marks


class Consent:
    """The status of addresses, and its spreading over the people stored with them."""

    def __init__(self, store: Store, log: ActivityLog, past: LeadPast) -> None:
        self._store = store
        self._log = log
        self._past = past

    def unsubscribed(self, emails: Sequence[str]) -> frozenset[str]:
        """Those of *emails* that are unsubscribed, folded."""
        sql = f"SELECT email FROM unsubscribed_emails WHERE email IN {marks(emails)}"
        return frozenset(folded(email) for (email,) in self._store.all(sql, emails))

    def spread(self, email: str, value: int, stamp: Stamp, now: str, delay_seconds: float) -> None:
        """Give *email* the status *value*, and all stored people with it, each with a data value change."""
        if value:
            self._store.connection.execute("INSERT OR IGNORE INTO unsubscribed_emails VALUES (?)", (email,))
        else:
            self._store.connection.execute("DELETE FROM unsubscribed_emails WHERE email = ?", (email,))
        columns = self._store.lead_columns() if self._past.recording else ["id", "unsubscribed"]
        others = self._store.leads_where(columns, "email = ? AND coalesce(unsubscribed, 0) != ?", (email, value))
        if self._past.recording and others:
            self._past.remember([(row["id"], row) for row in others], delay_seconds)
        for row in others:
            self._log.changed(row["id"], self._store.fields["unsubscribed"], row["unsubscribed"], value, stamp)
        self._store.connection.executemany(
            "UPDATE leads SET unsubscribed = ?, updatedAt = ?, _changedAt = ? WHERE id = ?",
            [(value, now, now, row["id"]) for row in others],
        )
