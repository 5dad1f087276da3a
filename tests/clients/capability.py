"""A capability: one thing a client can do, shown by a check that compares what the client saw with what is true.

Lives here: the rows of the table before they are run, and what became of them. What each client does is in `jobs`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.clients.room import Room

Check = Callable[["Room"], None]


@dataclass(frozen=True, kw_only=True)
class Capability:
    """`after`: the capability whose world and findings this one continues; None: it begins with a world of its own."""

    name: str
    check: Check
    within_seconds: int
    after: str | None


@dataclass
class Job:
    """All that one client is asked to do, in order. Used as a decorator factory by the modules of `jobs`."""

    capabilities: list[Capability] = field(default_factory=list)

    def can(self, name: str, *, within_seconds: int = 60, after: str | None = None) -> Callable[[Check], Check]:
        """Declare the check that shows the capability *name*; the time-out is real time."""

        def declare(check: Check) -> Check:
            row = Capability(name=name, check=check, within_seconds=within_seconds, after=after)
            self.capabilities.append(row)
            return check

        return declare


class Fate(enum.StrEnum):
    """What became of a row. Anything but PASSED fails the command."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One row of the table. `reason` is empty when it passed."""

    client: str
    capability: str
    fate: Fate
    reason: str = ""
    seconds: float = 0.0
