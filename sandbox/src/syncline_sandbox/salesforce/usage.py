"""API calls counted over the last 24 hours, of everybody and of each app.

Lives here: the counter and the header that tells it ("API Request Limits and Allocations", "Limit Info Header" of the
REST API Developer Guide). Which resources show it is in `limits.py`.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from syncline_sandbox.core.clock import SandboxClock

DAILY_CALLS = 100_000
WINDOW = timedelta(hours=24)


class RollingCount:
    """What happened in the last rolling 24 hours, kept by the minute."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._minutes: deque[tuple[datetime, int]] = deque()
        self._used = 0

    def count(self, calls: int) -> None:
        minute = self._clock.now().replace(second=0, microsecond=0)
        earlier = 0
        if self._minutes and self._minutes[-1][0] == minute:
            earlier = self._minutes.pop()[1]
        self._minutes.append((minute, earlier + calls))
        self._used += calls

    @property
    def used(self) -> int:
        while self._minutes and self._clock.now() - self._minutes[0][0] >= WINDOW:
            self._used -= self._minutes.popleft()[1]
        return self._used

    def clear(self) -> None:
        self._minutes.clear()
        self._used = 0


class ApiUsage:
    """API calls of one org. `maximum` may be set to see exhaustion.

    With `per_app_maximum` the header tells the app's own share too, as orgs do where such a limit is set. Clients that
    match the header whole no longer see it then, so it is not told unless asked for.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._all = RollingCount(clock)
        self._by_app: dict[str, RollingCount] = {}
        self._app: str | None = None
        self.maximum = DAILY_CALLS
        self.per_app_maximum: int | None = None

    def begin(self, app: str | None) -> None:
        """Count one call, and what follows of the same request, to this app; None for a session of none."""
        self._app = app
        self.count()

    def count(self, calls: int = 1) -> None:
        self._all.count(calls)
        if self._app is not None:
            self._by_app.setdefault(self._app, RollingCount(self._clock)).count(calls)

    @property
    def used(self) -> int:
        return self._all.used

    @property
    def exhausted(self) -> bool:
        return self.used >= self.maximum

    @property
    def header(self) -> tuple[str, str]:
        text = f"api-usage={self.used}/{self.maximum}"
        if self.per_app_maximum is not None and self._app in self._by_app:
            share = f"{self._by_app[self._app].used}/{self.per_app_maximum}"
            text += f"; per-app-api-usage={share}(appName={self._app})"
        return "Sforce-Limit-Info", text

    def clear(self) -> None:
        """Forget what was used."""
        self._all.clear()
        self._by_app.clear()
        self._app = None

    def start_over(self) -> None:
        """Forget what was used, and the limits set by hand."""
        self.clear()
        self.maximum = DAILY_CALLS
        self.per_app_maximum = None
