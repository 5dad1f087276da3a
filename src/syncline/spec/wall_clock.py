"""From a wall clock to an instant: local times that do not exist, and those that exist twice.

Lives here: the two rules. A time that does not exist is shifted by as much as the clocks were put forward (02:30
becomes 03:30), never skipped; of a time that exists twice the earlier one counts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def zone_of(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises ZoneInfoNotFoundError, ValueError or OSError if there is none."""
    return ZoneInfo(name)


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant (aware UTC) at which the wall clock of *zone* shows *local*, which has no zone of its own.

    Raises OverflowError for the outermost hours of the calendar.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the wall clock of *zone* ever shows *local*."""
    return instant_of(local, zone).astimezone(zone).replace(tzinfo=None) == local.replace(fold=0)


def is_twice(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the wall clock of *zone* shows *local* twice."""
    later = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return exists(local, zone) and later != instant_of(local, zone)


def neighbours(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The last minute before and the first one after the gap in which *local* lies; None if it exists."""
    if exists(local, zone):
        return None
    after = instant_of(local, zone)
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    turn = after.replace(microsecond=0)
    ends = (turn - timedelta(minutes=1)).astimezone(zone), turn.astimezone(zone)
    return ends[0].replace(tzinfo=None), ends[1].replace(tzinfo=None)


def shown(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as its zone's wall clock shows it, with the offset that tells two equal readings apart."""
    local = instant.astimezone(zone)
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} UTC{offset[:3]}:{offset[3:5]}"
