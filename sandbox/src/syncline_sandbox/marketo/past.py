"""What readers still see although it has been overwritten: late commits and a lagging read replica.

Rows before a change are kept only while a fault asks for it, so an instance without faults pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.store import Row, Store

KEPT_SECONDS = 7200.0  # the longest lag or delay that can be imitated


class LeadPast:
    """Rows of leads as they were. `recording` is switched on while a fault may need them."""

    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock
        self.recording = False
        self._any = store.one("SELECT 1 FROM lead_past LIMIT 1") is not None

    def reset(self) -> None:
        self._any = self.recording = False

    def remember(self, before: Iterable[tuple[int, Row | None]], delay_seconds: float) -> None:
        """Keep the rows *before* a change happening now; readers see them *delay_seconds* longer. None: no row yet."""
        now = self._clock.now().timestamp()
        self._store.connection.execute("DELETE FROM lead_past WHERE replaced_at < ?", (now - KEPT_SECONDS,))
        rows = [
            (lead_id, now, delay_seconds, None if row is None else orjson.dumps(row).decode())
            for lead_id, row in before
        ]
        self._store.insert("lead_past", ("lead_id", "replaced_at", "delay_seconds", "row"), rows)
        self._any = self._any or bool(rows)

    def seen(self, lag_seconds: float) -> dict[int, Row | None]:
        """The leads whose current row a reader does not see yet, with what is seen instead (None: nothing)."""
        if not self._any:
            return {}
        sql = (
            "SELECT lead_id, row FROM lead_past WHERE replaced_at + max(delay_seconds, ?) > ? ORDER BY lead_id, id DESC"
        )
        found = self._store.all(sql, (lag_seconds, self._clock.now().timestamp()))
        # Ordered newest first: the oldest row still seen wins.
        return {lead_id: None if row is None else orjson.loads(row) for lead_id, row in found}
