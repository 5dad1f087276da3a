"""Which instants a schedule's occurrences are: both tables of daylight saving, ends of months, the end, the past."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from syncline.spec.occurrences import after, between, count_between, first, last_index, next_few, occurrence
from syncline.spec.schedule import Grid, Once, Schedule, Unit
from syncline.spec.wall_clock import instant_of, is_twice, neighbours

BERLIN = "Europe/Berlin"


wall = datetime.fromisoformat  # a local time, without zone


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def grid(count: int, unit: Unit, start: str, end: str | None = None, zone: str = BERLIN) -> Schedule:
    until = None if end is None else datetime.fromisoformat(end)
    return Schedule(rule=Grid(count=count, unit=unit, start=datetime.fromisoformat(start), end=until), zone=zone)


def on(schedule: Schedule, day: str, zone: str = BERLIN) -> list[datetime]:
    """The occurrences of one local day."""
    begin = datetime.combine(date.fromisoformat(day), datetime.min.time())
    since, until = (instant_of(begin + timedelta(days=n), ZoneInfo(zone)) for n in (0, 1))
    return between(schedule, since, until - timedelta(microseconds=1), newest=10_000)


# The two tables, row by row: (rule, day, instants of that day, what the wall clock shows)
DAILY = grid(1, Unit.DAY, "2027-03-01 02:30")
EVERY_24_HOURS = grid(24, Unit.HOUR, "2027-03-27 02:00")
SPRING = [
    (DAILY, "2027-03-27", "2027-03-27 01:30", "02:30"),
    (DAILY, "2027-03-28", "2027-03-28 01:30", "03:30"),
    (DAILY, "2027-03-29", "2027-03-29 00:30", "02:30"),
    (EVERY_24_HOURS, "2027-03-27", "2027-03-27 01:00", "02:00"),
    (EVERY_24_HOURS, "2027-03-28", "2027-03-28 01:00", "03:00"),
    (EVERY_24_HOURS, "2027-03-29", "2027-03-29 01:00", "03:00"),
]


@pytest.mark.scenario("wiz-6.5")
@pytest.mark.parametrize(("schedule", "day", "instant", "wall"), SPRING)
def test_spring(schedule: Schedule, day: str, instant: str, wall: str) -> None:
    assert on(schedule, day) == [utc(instant)]
    assert f"{utc(instant).astimezone(ZoneInfo(BERLIN)):%H:%M}" == wall


@pytest.mark.scenario("wiz-6.5")
@pytest.mark.parametrize(
    ("day", "instants"), [("2027-10-30", ["2027-10-30 00:30"]), ("2027-10-31", ["2027-10-31 00:30"])]
)
def test_autumn_daily_runs_once_at_the_earlier_of_two(day: str, instants: list[str]) -> None:
    assert on(DAILY, day) == [utc(text) for text in instants]


@pytest.mark.scenario("wiz-6.5")
@pytest.mark.parametrize(("day", "runs"), [("2027-10-30", 24), ("2027-10-31", 25), ("2027-03-28", 23)])
def test_hourly_counts_elapsed_time(day: str, runs: int) -> None:
    assert len(on(grid(1, Unit.HOUR, "2027-01-01 00:00"), day)) == runs


@pytest.mark.scenario("wiz-6.4")
def test_the_grid_hangs_on_its_start() -> None:
    schedule = grid(90, Unit.MINUTE, "2027-06-01 10:00", zone="UTC")
    assert [occurrence(schedule, k) for k in (0, 1, 16)] == [
        utc("2027-06-01 10:00"),
        utc("2027-06-01 11:30"),
        utc("2027-06-02 10:00"),
    ]
    # A run that ended at 11:47 moves nothing.
    assert after(schedule, utc("2027-06-01 11:47")) == utc("2027-06-01 13:00")


@pytest.mark.scenario("wiz-6.6")
@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        (grid(1, Unit.MONTH, "2027-01-31 08:00", zone="UTC"), ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        (grid(1, Unit.MONTH, "2028-01-30 08:00", zone="UTC"), ["01-30", "02-29", "03-30", "04-30", "05-30"]),
        (grid(12, Unit.MONTH, "2028-02-29 08:00", zone="UTC"), ["02-29", "02-28", "02-28", "02-28", "02-29"]),
    ],
)
def test_ends_of_months(schedule: Schedule, days: list[str]) -> None:
    assert [f"{occurrence(schedule, k):%m-%d}" for k in range(5)] == days


@pytest.mark.scenario("wiz-6.7")
def test_the_end_is_inclusive() -> None:
    until_eleven = grid(30, Unit.MINUTE, "2027-06-01 10:00", "2027-06-01 11:00", zone="UTC")
    assert after(until_eleven, utc("2027-06-01 10:30")) == utc("2027-06-01 11:00")
    assert after(until_eleven, utc("2027-06-01 11:00")) is None
    just_before = grid(30, Unit.MINUTE, "2027-06-01 10:00", "2027-06-01 10:59:59", zone="UTC")
    assert after(just_before, utc("2027-06-01 10:30")) is None
    assert count_between(until_eleven, utc("2000-01-01"), utc("2099-01-01")) == 3


@pytest.mark.scenario("wiz-6.7")
def test_an_end_equal_to_the_start_means_one_run() -> None:
    schedule = grid(1, Unit.DAY, "2027-06-01 10:00", "2027-06-01 10:00")
    assert first(schedule, utc("2027-01-01")) == utc("2027-06-01 08:00")
    assert after(schedule, utc("2027-06-01 08:00")) is None


@pytest.mark.scenario("wiz-6.8")
def test_a_start_in_the_past_begins_at_the_next_grid_point() -> None:
    schedule = grid(1, Unit.WEEK, "2020-01-06 09:00")
    assert first(schedule, utc("2027-06-01 12:00")) == utc("2027-06-07 07:00")


@pytest.mark.scenario("wiz-6.11")
def test_the_next_five_in_zone_and_utc() -> None:
    assert [(one.local, one.utc, one.note) for one in next_few(DAILY, utc("2027-03-27 12:00"))] == [
        ("2027-03-28 03:30 UTC+02:00", "2027-03-28 01:30Z", "02:30 does not exist that day"),
        ("2027-03-29 02:30 UTC+02:00", "2027-03-29 00:30Z", ""),
        ("2027-03-30 02:30 UTC+02:00", "2027-03-30 00:30Z", ""),
        ("2027-03-31 02:30 UTC+02:00", "2027-03-31 00:30Z", ""),
        ("2027-04-01 02:30 UTC+02:00", "2027-04-01 00:30Z", ""),
    ]


@pytest.mark.scenario("wiz-6.2")
def test_once_at_a_time_that_exists_twice_is_the_earlier_with_its_offset() -> None:
    schedule = Schedule(rule=Once(at=wall("2027-10-31 02:30")), zone=BERLIN)
    assert first(schedule, utc("2027-01-01")) == utc("2027-10-31 00:30")
    (shown,) = next_few(schedule, utc("2027-01-01"))
    assert (shown.local, shown.note) == (
        "2027-10-31 02:30 UTC+02:00",
        "02:30 comes twice that day: this is the first",
    )
    assert first(schedule, utc("2027-10-31 00:31")) is None


def test_hourly_shows_both_of_two_equal_times() -> None:
    shown = next_few(grid(1, Unit.HOUR, "2027-01-01 00:30"), utc("2027-10-31 00:00"), 2)
    assert [(one.local[11:], one.note[-5:]) for one in shown] == [
        ("02:30 UTC+02:00", "first"),
        ("02:30 UTC+01:00", "econd"),
    ]


def test_a_day_that_a_zone_left_out_makes_one_occurrence_of_two() -> None:
    schedule = grid(1, Unit.DAY, "2011-12-28 10:00", zone="Pacific/Apia")
    found = between(schedule, utc("2011-12-28"), utc("2012-01-02 12:00"), newest=100)
    assert [f"{one.astimezone(ZoneInfo('Pacific/Apia')):%d %H:%M}" for one in found] == [
        "28 10:00", "29 10:00", "31 10:00", "01 10:00", "02 10:00",
    ]  # fmt: skip


def test_the_end_of_the_calendar_is_an_end() -> None:
    assert after(grid(100_000, Unit.MONTH, "2027-01-01"), utc("2027-01-02")) is None
    assert after(grid(1, Unit.DAY, "9999-12-30", zone="UTC"), utc("9999-12-31 12:00")) is None


def test_neighbours_of_a_time_that_does_not_exist() -> None:
    berlin = ZoneInfo(BERLIN)
    assert neighbours(wall("2027-03-28 02:30"), berlin) == (
        wall("2027-03-28 01:59"),
        wall("2027-03-28 03:00"),
    )
    assert neighbours(wall("2027-03-28 03:00"), berlin) is None
    assert is_twice(wall("2027-10-31 02:30"), berlin)
    assert not is_twice(wall("2027-10-31 03:00"), berlin)
    assert not is_twice(wall("2027-03-28 02:30"), berlin)


# --- against independent reckoning ------------------------------------------------------------------------------------

ZONES = ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "Asia/Tehran"]
STARTS = st.datetimes(wall("2020-01-01 00:00"), wall("2030-01-01 00:00")).map(
    lambda at: at.replace(second=0, microsecond=0)
)


def grids(starts: st.SearchStrategy[datetime]) -> st.SearchStrategy[Schedule]:
    return st.builds(
        lambda count, unit, start, zone, days: Schedule(
            rule=Grid(count=count, unit=unit, start=start, end=None if days is None else start + timedelta(days=days)),
            zone=zone,
        ),
        st.integers(1, 40),
        st.sampled_from(Unit),
        starts,
        st.sampled_from(ZONES),
        st.none() | st.integers(0, 400),
    )


def by_searching(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time, found by looking at every minute around it; never asks for a `fold`. One that
    nobody finds is looked for as much later as the clocks around it differ."""
    around = [local.replace(tzinfo=UTC) + timedelta(minutes=n) for n in range(-15 * 60, 15 * 60)]
    readings = [minute.astimezone(zone) for minute in around]
    offsets = [reading.utcoffset() or timedelta() for reading in readings]
    plain = [reading.replace(tzinfo=None, fold=0) for reading in readings]
    return around[plain.index(local if local in plain else local + max(offsets) - min(offsets))]


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["2027-03", "2027-10", "2027-04", "2027-11"]),
    st.integers(0, 60 * 24 * 30),
)
def test_wall_clock_times_are_those_found_by_searching(zone: str, month: str, minutes: int) -> None:
    local = wall(f"{month}-01") + timedelta(minutes=minutes)
    assert instant_of(local, ZoneInfo(zone)) == by_searching(local, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        (BERLIN, wall("2027-03-28 02:30")),
        (BERLIN, wall("2027-10-31 02:30")),
        ("Australia/Lord_Howe", wall("2027-10-03 02:15")),  # half an hour
        ("America/New_York", wall("2027-03-14 02:00")),
    ],
)
def test_the_turns_themselves_are_those_found_by_searching(zone: str, local: datetime) -> None:
    assert instant_of(local, ZoneInfo(zone)) == by_searching(local, ZoneInfo(zone))


FREQUENCIES = {
    Unit.MINUTE: rrule.MINUTELY,
    Unit.HOUR: rrule.HOURLY,
    Unit.DAY: rrule.DAILY,
    Unit.WEEK: rrule.WEEKLY,
    Unit.MONTH: rrule.MONTHLY,
}


@given(grids(STARTS.filter(lambda start: start.day <= 28)))
def test_grids_are_those_of_a_recurrence_rule(schedule: Schedule) -> None:
    """Recurrence rules skip months without the day, so only days that every month has are compared. Elapsed units are
    reckoned in UTC, the others on the wall clock."""
    rule, zone = schedule.rule, ZoneInfo(schedule.zone)
    assert isinstance(rule, Grid)
    is_elapsed = rule.unit in (Unit.MINUTE, Unit.HOUR)
    start = instant_of(rule.start, zone) if is_elapsed else rule.start
    walked = list(rrule.rrule(FREQUENCIES[rule.unit], dtstart=start, interval=rule.count, count=12))
    expected = walked if is_elapsed else [instant_of(local, zone) for local in walked]
    if rule.end is not None:
        expected = [one for one in expected if one <= instant_of(rule.end, zone)]
    assert [one for k in range(12) if (one := occurrence(schedule, k)) is not None] == expected


@given(grids(STARTS), st.integers(-1_000_000, 60_000_000), st.integers(0, 600_000))
def test_looking_agrees_with_walking(schedule: Schedule, offset_seconds: int, width_seconds: int) -> None:
    """`first`, `between`, `count_between` and `last_index` say what walking from the start says."""
    assert isinstance(schedule.rule, Grid)
    since = instant_of(schedule.rule.start, ZoneInfo(schedule.zone)) + timedelta(seconds=offset_seconds)
    until = since + timedelta(seconds=min(width_seconds, 600 * schedule.rule.count))
    index = last_index(schedule, since)
    here, following = occurrence(schedule, max(index, 0)), occurrence(schedule, index + 1)
    assert index == -1 or (here is not None and here <= since)
    assert following is None or following > since
    found = between(schedule, since, until, newest=10_000)
    k, walked = max(0, index - 1), []
    while (one := occurrence(schedule, k)) is not None and one <= until:
        walked += [one] if one >= since else []
        k += 1
    assert found == walked
    assert count_between(schedule, since, until) == len(walked)
    assert between(schedule, since, until, newest=3) == walked[-3:]
    assert first(schedule, since) == (walked[0] if walked else first(schedule, until + timedelta(microseconds=1)))
