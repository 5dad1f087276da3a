"""How long activities are kept: an option for tests of long outages, switched on by the setting `prune_activities`.

Source: Marketo "Activities" (deletions, 14 days), the support article on data retention (90 days for the types below,
25 months for most, New Lead for ever). Custom activities are taken for "most".
"""

from __future__ import annotations

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_types import CHANGE_DATA_VALUE, CHANGE_SCORE, DELETE_LEAD, NEW_LEAD
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store

_DAY = 86_400
SHORT_DAYS, LONG_DAYS = 90, 760
# Visit Webpage, Click Link, Send Email, Email Delivered, Sync Lead to SFDC, Add to List, Update Opportunity,
# Request Campaign, Sync Lead to Microsoft.
SHORT = (1, 3, 6, 7, CHANGE_DATA_VALUE, 19, CHANGE_SCORE, 24, 36, 47, 300)


class Retention:
    """Forgets activities once a day of the clock, when somebody reads."""

    def __init__(self, store: Store, clock: SandboxClock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._done_for = -1

    def prune(self) -> None:
        now = int(self._clock.now().timestamp())
        if not self._settings.prune_activities or now // _DAY == self._done_for:
            return
        self._done_for = now // _DAY
        short = ", ".join(map(str, SHORT))
        for condition, days in (
            (f"type_id = {DELETE_LEAD}", self._settings.deletions_kept_days),
            (f"type_id IN ({short})", SHORT_DAYS),
            (f"type_id <> {NEW_LEAD}", LONG_DAYS),
        ):
            self._store.connection.execute(f"DELETE FROM activities WHERE at < ? AND {condition}", (now - days * _DAY,))
