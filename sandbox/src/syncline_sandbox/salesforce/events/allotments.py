"""Allotments of events: so many published in an hour, so many delivered in a day, counted over a rolling window.

"Platform Event Allocations" of the Platform Events Developer Guide, "Change Data Capture Allocations".
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from syncline_sandbox.core.clock import SandboxClock


class Allotment:
    """So many of something in any window of this length by the sandbox's clock."""

    def __init__(self, clock: SandboxClock, maximum: int, window: timedelta) -> None:
        self._clock = clock
        self._window = window
        self._spent: deque[tuple[datetime, int]] = deque()
        self._total = 0
        self.maximum = maximum

    @property
    def used(self) -> int:
        """What is still inside the window."""
        now = self._clock.now()
        while self._spent and self._spent[0][0] + self._window <= now:
            self._total -= self._spent.popleft()[1]
        return self._total

    @property
    def left(self) -> int:
        return max(0, self.maximum - self.used)

    def spend(self, count: int) -> None:
        minute = self._clock.now().replace(second=0, microsecond=0)
        earlier = self._spent.pop()[1] if self._spent and self._spent[-1][0] == minute else 0
        self._spent.append((minute, earlier + count))
        self._total += count

    def clear(self) -> None:
        self._spent.clear()
        self._total = 0
