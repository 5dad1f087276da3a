"""Activities over a year old: archived, seen by queryAll alone.

"Archived Activities" of the SOAP API Developer Guide: events of 365 days ago or earlier; closed tasks due then, or
made then without a due date. Lives here: the SQL of it, by the sandbox's clock, and the function the SQL calls.
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from syncline_sandbox.core.clock import SandboxClock

ARCHIVED_AFTER_DAYS = 365
# In a sub-select of its own it is asked for once a statement, not once a row.
_LAST_DAY = f"(SELECT sf_day(-{ARCHIVED_AFTER_DAYS}))"

EVENT_IS_ARCHIVED = f'coalesce({{row}}."ActivityDate" <= {_LAST_DAY}, 0)'
TASK_IS_ARCHIVED = (
    "coalesce({row}.\"Status\" = 'Completed' AND "
    f'coalesce({{row}}."ActivityDate", substr({{row}}."CreatedDate", 1, 10)) <= {_LAST_DAY}, 0)'
)
ARCHIVED = {"Event": EVENT_IS_ARCHIVED, "Task": TASK_IS_ARCHIVED}
"""Object to the SQL predicate, with `{row}`, of rows that plain queries leave out."""


def install_clock(connection: sqlite3.Connection, clock: SandboxClock) -> None:
    """Register `sf_day(n)`, the date n days from today, and `sf_now()` on *connection*."""

    def day(offset: int) -> str:
        return (clock.now() + timedelta(days=offset)).date().isoformat()

    def now() -> str:
        return clock.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    connection.create_function("sf_day", 1, day)
    connection.create_function("sf_now", 0, now)
