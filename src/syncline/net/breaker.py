"""The circuit breaker of a connection: rules over its `Account`, no clock and no I/O.

    closed ──FAILURES in a row, or SHARE of the last results──▶ open ──its time is over: one call probes──▶ half
       ▲                                                        ▲                                            │
       └────────────────────────── the probe succeeds ──────────┼────────────────────────────────────────────┤
                                                                └── the probe fails: open for twice as long ─┘

A failure is an answer that did not come, or one by which the server says that it is in trouble. A refusal (a right, a
limit, a wrong value) proves that the server works.
"""

from __future__ import annotations

from collections import deque

from syncline.errors import Unavailable
from syncline.ports import Account

FAILURES = 10
"""In a row. More than the attempts of one request: a single query that always fails does not stop everything else."""

LAST_RESULTS = 40
SHARE = 0.6

FIRST_SECONDS, LONGEST_SECONDS = 20.0, 900.0


class Outage(Unavailable):
    """The system says in a proper answer that it is not there for now. Counts as a failure, as a 5xx does."""


class Results:
    """The last results that one worker has seen itself."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=LAST_RESULTS)

    def note(self, *, is_good: bool) -> bool:
        """Whether so many of the last calls failed that the breaker should open, although some succeeded."""
        self._last.append(is_good)
        is_bad = len(self._last) == LAST_RESULTS and self._last.count(False) >= SHARE * LAST_RESULTS
        if is_bad := is_bad and not is_good:
            self._last.clear()
        return is_bad


def failed(account: Account, now_us: int, chance: float, said: str, *, is_bad: bool = False) -> None:
    """Count a failure. *is_bad*: it opens although it is not one of many in a row. *chance* (0.5 to 1) shortens the
    time for which it opens, so that several connections do not probe in step."""
    if account.breaker == "open":
        return  # sent before it opened
    account.failures += 1
    if account.breaker == "half" or account.failures >= FAILURES or is_bad:
        _open(account, now_us, chance, said)


def succeeded(account: Account) -> None:
    """Count a success. It closes the breaker, unless it was sent before that opened."""
    if account.breaker == "open":
        return
    account.failures = 0
    if account.breaker == "half":
        account.breaker, account.openings = "closed", 0
        account.held_until_us = account.held_why = None


def is_worth_telling(account: Account, *, is_good: bool) -> bool:
    """Whether a result changes what others must know."""
    return not is_good or account.failures > 0 or account.breaker != "closed"


def half_open(account: Account, now_us: int, longest_us: int) -> None:
    """Let one call probe; if nobody hears of it again, the next may after *longest_us*."""
    account.breaker = "half"
    account.held_until_us = now_us + longest_us
    account.held_why = f"one call finds out whether the system answers again; {account.held_why}"


def _open(account: Account, now_us: int, chance: float, said: str) -> None:
    seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**account.openings) * chance
    account.held_why = f"its calls failed, the last one with: {said}"
    account.held_until_us = now_us + int(seconds * 1e6)
    account.breaker = "open"
    account.openings += 1
    account.failures = 0
