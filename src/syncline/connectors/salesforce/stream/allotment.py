"""The allotment of delivered events: how much of the org's day is used, and our stop before it is all gone.

What is delivered counts for all subscribers of an org together, in rolling 24 hours (Salesforce, Platform Events
Developer Guide, "Platform Event Allocations"; the REST resource "Limits" shows it as DailyDeliveredPlatformEvents).
Other integrations live on it too, and for us polling goes on: so we stop at a share of it.
"""

from __future__ import annotations

from syncline.connectors.salesforce.client import SalesforceClient
from syncline.errors import AccessError, Later, NotUnderstood, QuotaExhausted
from syncline.ports import Clock, Lane
from syncline.values import micros

SHARE = 0.8
ASK_EVERY_EVENTS = 500
ASK_EVERY_SECONDS = 3_600.0
_NAME = "DailyDeliveredPlatformEvents"


class Allotment:
    """What is known of the allotment. The vendor is asked at the opening of a stream and from time to time."""

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self.taken = 0
        self.limit: int | None = None
        self._used: int | None = None
        self._taken_then = 0
        self._asked_us: int | None = None

    @property
    def used(self) -> int | None:
        """Events delivered to everybody: as the vendor said, and ours since."""
        return None if self._used is None else self._used + self.taken - self._taken_then

    def take(self, events: int) -> None:
        self.taken += events

    async def require(self) -> None:
        """Make sure that our share is not used up. QuotaExhausted if it is: poll, and ask again later."""
        if self._is_due():
            await self._ask()
        if self.used is not None and self.limit is not None and self.used >= self.limit * SHARE:
            raise QuotaExhausted(
                f"{self.used} of the {self.limit} events that Salesforce delivers in 24 hours are used, by all "
                f"subscribers together; Syncline stops at {SHARE:.0%} and polls.",
                resets_at=None,
            )

    def _is_due(self) -> bool:
        if self._asked_us is None or self.taken - self._taken_then >= ASK_EVERY_EVENTS:
            return True
        is_spent = self.used is not None and self.limit is not None and self.used >= self.limit * SHARE
        seconds = (micros(self._clock.now()) - self._asked_us) / 1e6
        return is_spent or seconds >= ASK_EVERY_SECONDS

    async def _ask(self) -> None:
        self._asked_us, self._taken_then = micros(self._clock.now()), self.taken
        try:
            limits = (await self._client.get("/limits", Lane.LIVE)).body
            told = limits[_NAME]
            self.limit = int(told["Max"])
            self._used = self.limit - int(told["Remaining"])
        except (AccessError, Later, NotUnderstood, KeyError, TypeError, ValueError):
            # The resource needs a right of its own. Not knowing stops nothing: the vendor refuses what is too much.
            self.limit = self._used = None
