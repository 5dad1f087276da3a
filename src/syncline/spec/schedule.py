"""When a sync runs, as configuration: once, on a grid of times, or again and again with a pause.

Lives here: what a person writes, the model it becomes, and every refusal that needs no clock. Not here: which instants
those are (`occurrences`), or what is done when one comes (`runtime`).
"""

from __future__ import annotations

import difflib
import hashlib
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated

import msgspec

from syncline.errors import ConfigError
from syncline.spec.durations import seconds_of
from syncline.spec.wall_clock import neighbours, zone_of

MOST_UNITS = 100_000
LONGEST_GRACE_SECONDS = 86_400.0
DEFAULT_PAUSE_SECONDS = 300.0


class Unit(StrEnum):
    """Minutes and hours count elapsed time; days, weeks and months count the wall clock of the schedule's zone."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


ELAPSED_SECONDS: Mapping[Unit, int] = {Unit.MINUTE: 60, Unit.HOUR: 3600}
NOMINAL_SECONDS: Mapping[Unit, int] = {**ELAPSED_SECONDS, Unit.DAY: 86_400, Unit.WEEK: 604_800, Unit.MONTH: 2_592_000}


class Overlap(StrEnum):
    """What becomes of an occurrence while the run before it is still under way; two never run together."""

    SKIP = "skip"  # it is entered as skipped
    WAIT = "wait"  # at most one waits and runs right after


class Takes(StrEnum):
    """Which records a run looks at: those that changed since the last success, or all of them."""

    CHANGES = "changes"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Once:
    """One run: at a local time, or (None) as soon as the schedule is taken up."""

    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Occurrence k is start + k × (count × unit). `start` and the inclusive `end` are local, without zone."""

    count: int
    unit: Unit
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Continuous:
    """Again and again, with a pause counted from the end of the run before."""

    pause_seconds: float = DEFAULT_PAUSE_SECONDS


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When one sync runs. Local times are of `zone`, an IANA name. `grace_seconds`: how old a missed occurrence may be
    and still be caught up; 0: never."""

    rule: Once | Grid | Continuous = Continuous()
    zone: str = "UTC"
    overlap: Overlap = Overlap.SKIP
    takes: Takes = Takes.CHANGES
    grace_seconds: float = LONGEST_GRACE_SECONDS

    def print(self) -> str:
        """Names what decides when it runs: occurrences are planned anew only when this changes."""
        return hashlib.blake2b(repr((self.rule, self.zone)).encode(), digest_size=8).hexdigest()


class ScheduleFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """When a sync runs under `syncline up` and `syncline worker`: one of `once`, `every` and `pause_after`. Without any
    it runs again and again with a pause of five minutes."""

    once: Annotated[
        str | None,
        msgspec.Meta(description="`now`, or a local date and time as 2027-03-01 09:00: one run."),
    ] = None
    every: Annotated[
        str | None,
        msgspec.Meta(
            description="A whole number and minute(s), hour(s), day(s), week(s) or month(s): occurrences on a grid "
            "that hangs on `start`. Minutes and hours are elapsed time, the others go by the wall clock."
        ),
    ] = None
    pause_after: Annotated[
        str | None, msgspec.Meta(description="Again and again, with this pause after each run: 30s, 5m, 2h.")
    ] = None
    start: Annotated[
        str | None, msgspec.Meta(description="With `every`: local date and time of the first occurrence.")
    ] = None
    end: Annotated[
        str | None,
        msgspec.Meta(
            description="With `every`: the last instant that still counts; a date alone means 23:59:59 of that day. "
            "Without it there is no end."
        ),
    ] = None
    zone: Annotated[str, msgspec.Meta(description="The IANA time zone of all local times, as Europe/Berlin.")] = "UTC"
    overlap: Annotated[
        Overlap,
        msgspec.Meta(
            description="An occurrence that comes while the run before it is under way is skipped, or (`wait`) one of "
            "them runs right after."
        ),
    ] = Overlap.SKIP
    takes: Annotated[
        Takes, msgspec.Meta(description="A run looks at what changed since the last success, or at all records.")
    ] = Takes.CHANGES
    catch_up_within: Annotated[
        str | None,
        msgspec.Meta(
            description="After nobody was there: one run makes up for missed occurrences if the newest is not older "
            "than this (30m, 2h); `never`. By default one interval, at most 24 hours."
        ),
    ] = None


def schedule_of(sync: str, given: ScheduleFile | None) -> Schedule:
    """The schedule a sync has, with all defaults applied.

    Raises ConfigError: SYN-114 keys that contradict each other or a frequency that is none, SYN-115 an unknown zone,
    SYN-116 a local time that does not exist, SYN-117 a text that is no date and time, SYN-119 an end before the start,
    SYN-152 a length of time that is none.
    """
    if given is None:
        return Schedule()
    where = f"Sync {sync!r}, schedule"
    _require_zone(where, given.zone)
    rule = _rule(where, given)
    return Schedule(
        rule=rule, zone=given.zone, overlap=given.overlap, takes=given.takes, grace_seconds=_grace(where, rule, given)
    )


def _rule(where: str, given: ScheduleFile) -> Once | Grid | Continuous:
    named = [key for key in ("once", "every", "pause_after") if getattr(given, key) is not None]
    if len(named) > 1:
        raise _contradiction(where, f"`{named[0]}` and `{named[1]}` exclude each other", "Keep one of them.")
    bounds = [key for key in ("start", "end") if getattr(given, key) is not None]
    if given.every is None and bounds:
        raise _contradiction(where, f"`{bounds[0]}` belongs to `every`", "Say `every`, or take it out.")
    if given.every is not None:
        return _grid(where, given, given.every)
    if given.once is not None:
        return Once(at=None if given.once.strip() == "now" else _once_at(where, given.once, given.zone))
    if given.pause_after is not None:
        return Continuous(pause_seconds=_seconds(where, "pause_after", given.pause_after))
    return Continuous()


def _contradiction(where: str, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{where}: {what}.", code="SYN-114", remedy=remedy)


def _grid(where: str, given: ScheduleFile, every: str) -> Grid:
    count, unit = _frequency(where, every)
    if given.start is None:
        remedy = "Write `start: 2027-03-01 02:30`, a local time of the zone."
        raise _contradiction(where, "`every` needs the `start` its grid hangs on", remedy)
    start = _local(where, "start", given.start, time.min)
    end = None if given.end is None else _local(where, "end", given.end, time(23, 59, 59))
    if end is not None and end < start:
        raise ConfigError(
            f"{where}: the end {end} lies before the start {start}.",
            code="SYN-119",
            remedy="Correct one of them; an end equal to the start means one run.",
        )
    return Grid(count=count, unit=unit, start=start, end=end)


def _frequency(where: str, text: str) -> tuple[int, Unit]:
    found = re.fullmatch(r"(?:(\d{1,9})\s*)?([a-z]+?)s?", text.strip().lower())
    if found is None or found[2] not in set(Unit) or not 1 <= int(found[1] or 1) <= MOST_UNITS:
        near = difflib.get_close_matches(found[2], list(Unit), n=1) if found else []
        raise _contradiction(
            where,
            f"{text[:40]!r} is no frequency",
            (f"Did you mean {near[0]}? " if near else "")
            + f"Write a whole number from 1 to {MOST_UNITS:,} and minutes, hours, days, weeks or months: 15 minutes.",
        )
    return int(found[1] or 1), Unit(found[2])


def _once_at(where: str, text: str, zone: str) -> datetime:
    at = _local(where, "once", text, None)
    before_after = neighbours(at, zone_of(zone))
    if before_after is not None:
        before, after = before_after
        raise ConfigError(
            f"{where}: {at:%Y-%m-%d %H:%M} does not exist in {zone}: "
            f"the clocks go from {before:%H:%M} to {after:%H:%M}.",
            code="SYN-116",
            remedy=f"Take {before:%Y-%m-%d %H:%M} or {after:%Y-%m-%d %H:%M}.",
        )
    return at


def _local(where: str, key: str, text: str, of_a_date: time | None) -> datetime:
    """A local time without zone; *of_a_date* is the time a date alone stands for, None: it needs one."""
    try:
        if of_a_date is not None and re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
            return datetime.combine(date.fromisoformat(text.strip()), of_a_date)
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", text.strip()):
            raise ValueError("another form")
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"{where}: `{key}` {text[:40]!r} is no local date and time.",
            code="SYN-117",
            remedy="Write 2027-03-01 09:00, without an offset: the zone stands under `zone`.",
        ) from None


def _require_zone(where: str, name: str) -> None:
    try:
        zone_of(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        near = difflib.get_close_matches(name, known, n=1)
        none = "No time zone is known here at all: install the system's tzdata." if not known else ""
        raise ConfigError(
            f"{where}: there is no time zone {name[:60]!r}.",
            code="SYN-115",
            remedy=none or (f"Did you mean {near[0]}?" if near else "Use an IANA name as Europe/Berlin."),
        ) from None


def _seconds(where: str, key: str, text: str) -> float:
    try:
        return seconds_of(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: `{key}` {error.message}", code=error.code) from None


def _grace(where: str, rule: Once | Grid | Continuous, given: ScheduleFile) -> float:
    if given.catch_up_within is None:
        interval = rule.count * NOMINAL_SECONDS[rule.unit] if isinstance(rule, Grid) else LONGEST_GRACE_SECONDS
        return min(float(interval), LONGEST_GRACE_SECONDS)
    if given.catch_up_within.strip() == "never":
        return 0.0
    return _seconds(where, "catch_up_within", given.catch_up_within)
