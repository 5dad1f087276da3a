"""The sandbox's clock: real time plus an offset, or frozen. Nothing else in the sandboxes asks for the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_FIRST_YEAR, _LAST_YEAR = 1972, 9000
_LONGEST_SECONDS = 1e10


class SandboxClock:
    """Aware UTC time that a test can set, freeze and advance.

    Ticking by default (real time plus an offset). Frozen, it moves only through `advance` and `set`.
    """

    def __init__(self, *, frozen_at: datetime | None = None) -> None:
        self._offset = timedelta(0)
        self._frozen_at = frozen_at

    def now(self) -> datetime:
        if self._frozen_at is not None:
            return self._frozen_at
        return datetime.fromtimestamp(time.time(), UTC) + self._offset

    def set(self, at: datetime, *, frozen: bool = True) -> None:
        """Jump to *at* (aware). Frozen by default; otherwise keeps ticking from there."""
        if at.tzinfo is None:
            raise ValueError("the sandbox clock takes aware datetimes only")
        at = _within_reach(at.astimezone(UTC))
        if frozen:
            self._frozen_at = at
        else:
            self._frozen_at = None
            self._offset = at - datetime.fromtimestamp(time.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Move forward by *seconds*, keeping the mode (frozen or ticking). ValueError beyond the years there are."""
        step = timedelta(seconds=seconds)
        _within_reach(self.now() + step)
        if self._frozen_at is not None:
            self._frozen_at += step
        else:
            self._offset += step

    @contextmanager
    def skewed(self, seconds: float) -> Iterator[None]:
        """Be *seconds* ahead (behind, if negative) for a while, as one server of many whose clock is off."""
        self.advance(seconds)
        try:
            yield
        finally:
            self.advance(-seconds)


def seconds_of(value: object) -> float:
    """A length of time somebody names, in seconds. ValueError for none, or one that leads out of the calendar."""
    if isinstance(value, int | float) and -_LONGEST_SECONDS <= value <= _LONGEST_SECONDS:
        return float(value)
    raise ValueError(f"not a number of seconds: {value!r}")


def _within_reach(at: datetime) -> datetime:
    """*at*, if the sandboxes can add and take away retention and delays. ValueError otherwise."""
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise ValueError(f"the sandbox clock goes from {_FIRST_YEAR} to {_LAST_YEAR}, not to {at:%Y}")
    return at


class Periodic:
    """Says when something that is worth doing now and then falls due, by whoever's time it is asked with."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._last: datetime | None = None

    def falls_due(self, now: datetime) -> bool:
        """True at first, and when the clock has moved by *every* since that was last so, forwards or back."""
        if self._last is not None and abs(now - self._last) < self._every:
            return False
        self._last = now
        return True
