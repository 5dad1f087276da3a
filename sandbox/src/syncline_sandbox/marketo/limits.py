"""Quotas of the instance and the usage counters behind /rest/v1/stats.

Source: Marketo "Marketo Integration Best Practices" (100 calls in 20 s, 10 at once, daily quota until 00:00 Central),
"Error Codes" (606, 607, 615; starred codes are not charged), "Usage". All time is the sandbox's clock.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, date, datetime, timedelta

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.settings import Settings

NOT_CHARGED = frozenset(("601", "602", "604", "605", "608", "611"))


class Limits:
    """Counts calls per window, day and user, and refuses what exceeds the limits when they are enforced."""

    def __init__(self, clock: SandboxClock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        self._window: deque[float] = deque()
        self.calls: Counter[tuple[date, str]] = Counter()  # (day in Central time, API user) → calls
        self.errors: Counter[tuple[date, str]] = Counter()  # (day, error code) → count

    def today(self) -> date:
        """The day the daily quota is counted by: US Central."""
        return central_day(self._clock.now())

    def admit(self, in_flight: int) -> None:
        """Refused 615, 606 or 607 when a limit is reached. Counts nothing."""
        if not self._settings.enforce_limits:
            return
        if in_flight > self._settings.concurrent_calls:
            raise concurrency_refusal(self._settings)
        self._forget_old()
        if len(self._window) >= self._settings.calls_per_window:
            raise rate_refusal(self._settings)
        if self.calls_today() >= self._settings.calls_per_day:
            raise quota_refusal()

    def charge(self, user: str, code: str | None) -> None:
        """Count one answered call; *code* is its error code or None."""
        if code is not None:
            self.errors[self.today(), code] += 1
        if code in NOT_CHARGED or not user:  # who has no token is nobody's user
            return
        self._forget_old()
        self._window.append(self._clock.now().timestamp())
        self.calls[self.today(), user] += 1

    def calls_today(self) -> int:
        today = self.today()
        return sum(count for (day, _), count in self.calls.items() if day == today)

    def _forget_old(self) -> None:
        now = self._clock.now().timestamp()
        while self._window and not now - self._settings.window_seconds < self._window[0] <= now:
            self._window.popleft()


def rate_refusal(settings: Settings) -> Refused:
    calls, seconds = settings.calls_per_window, settings.window_seconds
    return Refused(606, f"Max rate limit '{calls}' exceeded with in '{seconds}' secs")


def concurrency_refusal(settings: Settings) -> Refused:
    return Refused(615, f"Concurrent access limit '{settings.concurrent_calls}' reached")


def quota_refusal() -> Refused:
    return Refused(607, "Daily quota reached")


def central_day(moment: datetime) -> date:
    """The calendar day in US Central time. The rule is written out: a bare machine may lack a time-zone database."""
    moment = moment.astimezone(UTC)
    summer_from = _sunday(moment.year, 3, 2) + timedelta(hours=8)
    summer_to = _sunday(moment.year, 11, 1) + timedelta(hours=7)
    offset_hours = 5 if summer_from <= moment < summer_to else 6
    return (moment - timedelta(hours=offset_hours)).date()


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
