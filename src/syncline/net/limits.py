"""What limits a connection, and how it is divided between lanes. The vendors' numbers are their connectors'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from syncline.ports import Lane


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a vendor allows a connection; None: it does not limit that."""

    concurrent: int = 10
    calls_per_window: int | None = None
    window_seconds: float = 20.0
    urgent_reserve: float = 0.1  # share of window and concurrency that only the urgent lane may use


@dataclass(frozen=True, kw_only=True)
class Wait:
    """One delay the budget imposed, and the sentence that says why."""

    lane: Lane
    seconds: float
    reason: str


class OnWait(Protocol):
    def __call__(self, wait: Wait, /) -> None: ...


def share_of(limits: Limits, total: int, lane: Lane) -> int:
    """How much of *total* a lane may fill; all but the reserve, which is urgent's."""
    if lane is Lane.URGENT:
        return total
    return max(1, total - round(total * limits.urgent_reserve))
