"""What an org may do in bulk within 24 hours, counted for both APIs together.

"Bulk API and Bulk API 2.0 Limits and Allocations": 15,000 batches, 150,000,000 records, 10,000 query jobs, 1 TB
of query results.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncline_sandbox.core.clock import SandboxClock

MAX_BATCHES_PER_DAY = 15_000
MAX_RECORDS_PER_DAY = 150_000_000
MAX_QUERY_JOBS_PER_DAY = 10_000
MAX_QUERY_MEGABYTES_PER_DAY = 976_562
_DAY = timedelta(hours=24)


@dataclass
class Allowance:
    """So many of something in any 24 hours by the sandbox's clock. `maximum` may be set to see exhaustion."""

    clock: SandboxClock
    maximum: int
    _spent: deque[tuple[datetime, int]] = field(default_factory=deque)
    _total: int = 0

    @property
    def used(self) -> int:
        """What is still inside the window."""
        now = self.clock.now()
        while self._spent and self._spent[0][0] + _DAY <= now:
            self._total -= self._spent.popleft()[1]
        return self._total

    def spend(self, count: int = 1) -> bool:
        """Take *count* if that much is left; otherwise take nothing and answer False."""
        if self.used + count > self.maximum:
            return False
        now = self.clock.now()
        earlier = self._spent.pop()[1] if self._spent and self._spent[-1][0] == now else 0
        self._spent.append((now, earlier + count))
        self._total += count
        return True

    def clear(self) -> None:
        self._spent.clear()
        self._total = 0


class Allowances:
    """The day's allowances of one org."""

    def __init__(self, clock: SandboxClock) -> None:
        self.batches = Allowance(clock, MAX_BATCHES_PER_DAY)
        self.records = Allowance(clock, MAX_RECORDS_PER_DAY)
        self.query_jobs = Allowance(clock, MAX_QUERY_JOBS_PER_DAY)
        self.query_bytes = Allowance(clock, MAX_QUERY_MEGABYTES_PER_DAY << 20)

    def consumed(self) -> dict[str, int]:
        """What `/limits` subtracts, by limit name."""
        return {
            "DailyBulkApiBatches": self.batches.used,
            "DailyBulkV2QueryJobs": self.query_jobs.used,
            "DailyBulkV2QueryFileStorageMB": self.query_bytes.used >> 20,
        }

    def clear(self) -> None:
        for allowance in (self.batches, self.records, self.query_jobs, self.query_bytes):
            allowance.clear()
