"""The durable unsubscribe: one status per e-mail address, whoever the people are that have it.

Source: Marketo "Durable Unsubscribe": setting the flag marks the address and every person with it, new people inherit
it, clearing it clears all of them; a person whose address changes takes the status of the new address. What the system
changes by itself is logged with the reasons of the vendor's community thread "Email Address Change - Automatically
Resubscribe?".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.batch import Batch
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.record import folded
from syncline_sandbox.marketo.store import Row, Store, marks

_FLOW = "System flow action sysActionChangeDataValue"
_SPREAD = Cause(source="Marketo Flow Action", reason=f"{_FLOW} updateLeadEmailStatus")
_FOLLOWED = Cause(source="Marketo Flow Action", reason=f"{_FLOW} resetLeadEmailStatus")


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
        self._log_changes([(row["id"], row["unsubscribed"]) for row in others], value, stamp, _SPREAD)
        self._store.connection.executemany(
            "UPDATE leads SET unsubscribed = ?, updatedAt = ?, _changedAt = ? WHERE id = ?",
            [(value, now, now, row["id"]) for row in others],
        )

    def settle(self, row: Row, values: Row, old: Row, batch: Batch) -> None:
        """A changed flag holds for the address; a person with a new address takes that address's status.

        *values* are those the record sent, *old* what the changed ones were. Opting out in the record that brings the
        new address holds for that address.
        """
        email, before = folded(row.get("email")), folded(old.get("email", row.get("email")))
        if email is None:
            return
        has_moved = email != before
        if has_moved and batch.is_unsubscribed(email):
            self._follow(row, 1, batch)
        elif "unsubscribed" in old:
            batch.consents[email] = row["unsubscribed"]
        elif has_moved and row.get("unsubscribed") and (before is None or values.get("unsubscribed")):
            batch.consents[email] = 1
        elif has_moved:
            self._follow(row, 0, batch)

    def _follow(self, row: Row, value: int, batch: Batch) -> None:
        old = row.get("unsubscribed")
        if (old or 0) != value:
            row["unsubscribed"], row["updatedAt"] = value, batch.now
            self.followed(row["id"], old, value, batch.stamp)
            batch.updated[row["id"]].add("unsubscribed")

    def followed(self, lead_id: int, old: int | None, value: int, stamp: Stamp) -> None:
        """Log that a person took the status of the address it has now."""
        self._log_changes([(lead_id, old)], value, stamp, _FOLLOWED)

    def _log_changes(self, changed: Sequence[tuple[int, int | None]], value: int, stamp: Stamp, cause: Cause) -> None:
        if not changed:
            return
        stamp = replace(stamp, cause_id=self._log.cause(cause))
        for lead_id, old in changed:
            self._log.changed(lead_id, self._store.fields["unsubscribed"], old, value, stamp)
