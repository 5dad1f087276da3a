"""What becomes of a schedule at an instant: what starts, what was skipped or missed. Pure: the time is an argument.

Lives here: the rules of overlap, of missed occurrences, of pausing. Not here: which instants the occurrences are
(`spec.occurrences`), or the rows in which it is kept (`schedules`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from syncline.errors import ConfigError
from syncline.spec.occurrences import after, between, count_between, first
from syncline.spec.schedule import Continuous, Once, Overlap, Schedule
from syncline.spec.wall_clock import shown, zone_of

ON_TIME = timedelta(seconds=60)
"""An occurrence that is found this late still counts as met: workers were there, and busy."""

MOST_ROWS = 100
"""So many missed occurrences get a row each; the oldest of the rows speaks for all before it."""

STILL_RUNNING = "previous still running"
NOBODY_THERE = "nobody was there to run it"
WAS_PAUSED = "the sync was paused"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a sync stands in its schedule (a row of SCHEDULE)."""

    print: str
    next_at: datetime | None = None  # None: none is left, or (continuous) the run before is not over
    last_at: datetime | None = None  # the last that was started, skipped or missed; while one waits: that one
    is_waiting: bool = False
    paused_at: datetime | None = None
    is_completed: bool = False


@dataclass(frozen=True, kw_only=True)
class Start:
    """A run to start now. `due_at` names it together with the schedule's print: asked for twice, it is one run."""

    due_at: datetime
    trigger: str  # now | schedule | catch-up | waited | continuous


@dataclass(frozen=True, kw_only=True)
class Passed:
    """An occurrence at which nothing was started. `count` occurrences, if it speaks for earlier ones too."""

    due_at: datetime
    state: str  # skipped | missed
    why: str
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Decision:
    standing: Standing
    start: Start | None = None
    passed: list[Passed] = field(default_factory=list)


def begin(sync: str, schedule: Schedule, now: datetime, before: Standing | None = None) -> Standing:
    """The standing with which a new or changed schedule is taken up: nothing of the past is made up for. A pause stays.

    Raises ConfigError SYN-118 if its only moment passed more than a minute ago.
    """
    rule = schedule.rule
    paused_at = before.paused_at if before is not None else None
    start = Standing(print=schedule.print(), paused_at=paused_at)
    if isinstance(rule, Continuous) or _is_now(schedule):
        return replace(start, next_at=now)
    at = first(schedule, now - ON_TIME if isinstance(rule, Once) else now)
    if isinstance(rule, Once) and at is None:
        passed = first(schedule, datetime.min.replace(tzinfo=now.tzinfo))
        when = shown(passed, zone_of(schedule.zone)) if passed is not None else "its moment"
        raise ConfigError(
            f"Sync {sync!r}, schedule: {when} ({schedule.zone}) has passed.",
            code="SYN-118",
            remedy="Name a later moment, or say `once: now`.",
        )
    return replace(start, next_at=at, is_completed=at is None)


def decide(
    schedule: Schedule, standing: Standing, now: datetime, *, is_running: bool, ended_at: datetime | None
) -> Decision:
    """What to do at *now*. *is_running*: a run of this sync is under way or asked for; *ended_at*: when the last one
    ended."""
    if standing.paused_at is not None or standing.is_completed:
        return Decision(standing=standing)
    if isinstance(schedule.rule, Continuous):
        return _continuous(schedule.rule, standing, now, is_running=is_running, ended_at=ended_at)
    decision = _at_grid(schedule, standing, now, is_running=is_running)
    standing = decision.standing
    if standing.is_waiting and not is_running and decision.start is None and standing.last_at is not None:
        waited = Start(due_at=standing.last_at, trigger="now" if _is_now(schedule) else "waited")
        decision = replace(decision, standing=replace(standing, is_waiting=False), start=waited)
    is_over = decision.standing.next_at is None and not decision.standing.is_waiting
    if is_over and decision.start is None and not is_running:
        return replace(decision, standing=replace(decision.standing, is_completed=True))
    return decision


def pause(standing: Standing, now: datetime) -> Standing:
    """No new occurrence begins from now on; a run under way ends by itself."""
    return standing if standing.paused_at is not None else replace(standing, paused_at=now)


def resume(schedule: Schedule, standing: Standing, now: datetime) -> Decision:
    """Go on with the grid at its next point, without a burst. The only moment of a `once` that passed is missed."""
    if standing.paused_at is None:
        return Decision(standing=standing)
    going = replace(standing, paused_at=None)
    if isinstance(schedule.rule, Continuous) or (_is_now(schedule) and standing.next_at is not None):
        return Decision(standing=replace(going, next_at=now))
    if standing.next_at is None or standing.next_at > now:
        return Decision(standing=going)
    passed = []
    if isinstance(schedule.rule, Once):
        passed = [Passed(due_at=standing.next_at, state="missed", why=WAS_PAUSED)]
    return Decision(standing=replace(going, next_at=after(schedule, now)), passed=passed)


def _continuous(
    rule: Continuous, standing: Standing, now: datetime, *, is_running: bool, ended_at: datetime | None
) -> Decision:
    if is_running:
        return Decision(standing=standing)
    if standing.next_at is None:
        next_at = (ended_at or now) + timedelta(seconds=rule.pause_seconds)
        return Decision(standing=replace(standing, next_at=next_at))
    if standing.next_at > now:
        return Decision(standing=standing)
    start = Start(due_at=standing.next_at, trigger="continuous")
    return Decision(standing=replace(standing, next_at=None, last_at=standing.next_at), start=start)


def _at_grid(schedule: Schedule, standing: Standing, now: datetime, *, is_running: bool) -> Decision:
    """What is done about the occurrences that have come since the last look."""
    if standing.next_at is None or standing.next_at > now:
        return Decision(standing=standing)
    if _is_now(schedule):
        came, count, next_at = [standing.next_at], 1, None
    else:
        came = between(schedule, standing.next_at, now, newest=MOST_ROWS)
        count = count_between(schedule, standing.next_at, now)
        next_at = after(schedule, now)
    newest = came[-1]
    moved = replace(standing, next_at=next_at, last_at=standing.last_at if standing.is_waiting else newest)
    if now - newest <= ON_TIME:
        return _met(schedule, moved, newest, _missed(came[:-1], count - 1), is_running=is_running)
    missed = _missed(came, count)
    if is_running or (now - newest).total_seconds() > schedule.grace_seconds:
        return Decision(standing=moved, passed=missed)
    return Decision(standing=moved, start=Start(due_at=newest, trigger="catch-up"), passed=missed)


def _met(
    schedule: Schedule, standing: Standing, due_at: datetime, missed: list[Passed], *, is_running: bool
) -> Decision:
    """One occurrence whose time it is: it starts, waits for the run before it, or is skipped."""
    if not is_running and not standing.is_waiting:
        trigger = "now" if _is_now(schedule) else "schedule"
        return Decision(standing=standing, start=Start(due_at=due_at, trigger=trigger), passed=missed)
    if (schedule.overlap is Overlap.WAIT or _is_now(schedule)) and not standing.is_waiting:
        return Decision(standing=replace(standing, is_waiting=True), passed=missed)
    return Decision(standing=standing, passed=[*missed, Passed(due_at=due_at, state="skipped", why=STILL_RUNNING)])


def _is_now(schedule: Schedule) -> bool:
    return isinstance(schedule.rule, Once) and schedule.rule.at is None


def _missed(came: list[datetime], count: int) -> list[Passed]:
    rows = [Passed(due_at=at, state="missed", why=NOBODY_THERE) for at in came]
    if rows and count > len(rows):
        rows[0] = replace(rows[0], count=count - len(rows) + 1)
    return rows
