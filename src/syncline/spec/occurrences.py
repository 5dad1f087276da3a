"""The calendar of a schedule: which instants its occurrences are. Pure: the time is an argument.

Lives here: the grid (occurrence k is start + k × frequency, whatever became of the ones before), its end, and looking
forwards and backwards in it. Not here: what is done at an occurrence (`runtime.due`).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from syncline.spec.schedule import ELAPSED_SECONDS, Grid, Once, Schedule, Unit
from syncline.spec.wall_clock import instant_of, is_twice, shown, zone_of


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One occurrence for a person: by the wall clock of the sync's zone with its offset, and in UTC. `note` says of a
    time that exists twice, or not at all, which instant it stands for."""

    local: str
    utc: str
    note: str = ""


def first(schedule: Schedule, since: datetime) -> datetime | None:
    """The first occurrence at or after *since* (aware UTC); None if none is left, or the schedule has no calendar: it
    runs at once, or continuously."""
    return next(_from(schedule, last_index(schedule, since), since), None)


def after(schedule: Schedule, instant: datetime) -> datetime | None:
    """The first occurrence later than *instant*; None if there is none."""
    return first(schedule, instant + timedelta(microseconds=1))


def between(schedule: Schedule, since: datetime, until: datetime, *, newest: int) -> list[datetime]:
    """The occurrences from *since* up to and including *until*, oldest first; of more than *newest* the last ones."""
    begin = max(last_index(schedule, since), last_index(schedule, until) - newest)
    found = []
    for here in _from(schedule, begin, since):
        if here > until:
            break
        found.append(here)
    return found[-newest:]


def count_between(schedule: Schedule, since: datetime, until: datetime) -> int:
    """How many occurrences there are from *since* up to and including *until*, without walking them."""
    return max(0, last_index(schedule, until) - last_index(schedule, since - timedelta(microseconds=1)))


def occurrence(schedule: Schedule, k: int) -> datetime | None:
    """Occurrence *k*, counted from 0; None after the end, beyond the calendar, or without one."""
    instant = _instant(schedule.rule, schedule.zone, k)
    return instant if instant is not None and instant <= _end(schedule) else None


def last_index(schedule: Schedule, until: datetime) -> int:
    """The greatest k whose occurrence is not later than *until*; -1 if there is none."""
    rule = schedule.rule
    start = _instant(rule, schedule.zone, 0)
    until = min(until, _end(schedule))
    if start is None or until < start:
        return -1
    if not isinstance(rule, Grid):
        return 0
    if rule.unit in ELAPSED_SECONDS:
        return (until - start) // timedelta(seconds=rule.count * ELAPSED_SECONDS[rule.unit])
    k = max(0, _elapsed_units(rule, until.replace(tzinfo=None)) // rule.count - 2)
    while (following := _instant(rule, schedule.zone, k + 1)) is not None and following <= until:
        k += 1
    return k


def next_few(schedule: Schedule, now: datetime, count: int = 5) -> list[Shown]:
    """The next *count* occurrences from *now* on, as a person is shown them before a schedule begins."""
    found: list[Shown] = []
    for here in _from(schedule, last_index(schedule, now), now):
        if len(found) == count:
            break
        found.append(_shown(schedule, here))
    return found


def _from(schedule: Schedule, k: int, since: datetime) -> Iterator[datetime]:
    """Occurrences from the later of number *k* and *since* on. Two that fall on one instant, where a zone left out a
    day, are one."""
    k, latest = max(0, k), None
    while (here := occurrence(schedule, k)) is not None:
        if here >= since and here != latest:
            yield here
            latest = here
        k += 1


def _shown(schedule: Schedule, instant: datetime) -> Shown:
    zone, rule = zone_of(schedule.zone), schedule.rule
    local = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    note = ""
    if is_twice(local, zone):
        which = "first" if instant_of(local, zone) == instant else "second"
        note = f"{local:%H:%M} comes twice that day: this is the {which}"
    elif isinstance(rule, Grid) and rule.unit not in ELAPSED_SECONDS and local.time() != rule.start.time():
        note = f"{rule.start:%H:%M} does not exist that day"
    return Shown(local=shown(instant, zone), utc=f"{instant:%Y-%m-%d %H:%M}Z", note=note)


def _end(schedule: Schedule) -> datetime:
    rule = schedule.rule
    if not isinstance(rule, Grid) or rule.end is None:
        return datetime.max.replace(tzinfo=UTC)
    return instant_of(rule.end, zone_of(schedule.zone))


def _instant(rule: object, zone_name: str, k: int) -> datetime | None:
    """Occurrence *k* whatever the end; None where the calendar ends or the rule has none."""
    zone = zone_of(zone_name)
    try:
        if isinstance(rule, Once):
            return None if rule.at is None or k else instant_of(rule.at, zone)
        if not isinstance(rule, Grid):
            return None
        if rule.unit in ELAPSED_SECONDS:
            return instant_of(rule.start, zone) + timedelta(seconds=k * rule.count * ELAPSED_SECONDS[rule.unit])
        return instant_of(_local(rule, k * rule.count), zone)
    except (OverflowError, ValueError):
        return None


def _local(grid: Grid, units: int) -> datetime:
    """The wall clock *units* days, weeks or months after the start; a day that a month lacks is its last."""
    if grid.unit is not Unit.MONTH:
        return grid.start + timedelta(days=units * (7 if grid.unit is Unit.WEEK else 1))
    years, month = divmod(grid.start.month - 1 + units, 12)
    year = grid.start.year + years
    day = min(grid.start.day, calendar.monthrange(year, month + 1)[1])
    return grid.start.replace(year=year, month=month + 1, day=day)


def _elapsed_units(grid: Grid, until: datetime) -> int:
    """Days, weeks or months from the start to *until*, a zone's offset more or less."""
    if grid.unit is Unit.MONTH:
        return (until.year - grid.start.year) * 12 + until.month - grid.start.month
    return (until - grid.start).days // (7 if grid.unit is Unit.WEEK else 1)
