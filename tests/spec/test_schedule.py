"""What a schedule may say, and the words for what it may not."""

from __future__ import annotations

from datetime import datetime

import pytest

from syncline.errors import ConfigError
from syncline.spec.file import parse
from syncline.spec.resolve import resolve
from syncline.spec.schedule import Continuous, Grid, Once, Overlap, Schedule, Takes, Unit

wall = datetime.fromisoformat  # a local time, without zone

HEAD = """\
connections:
  crm: {type: salesforce, client_secret: "env:A"}
  marketing: {type: marketo, client_secret: "env:B"}
syncs:
  people:
    a: crm
    b: marketing
"""


def schedule(text: str) -> Schedule:
    return resolve(parse(HEAD + f"    schedule: {{{text}}}\n"))["people"].schedule


def test_without_one_it_runs_again_and_again() -> None:
    assert resolve(parse(HEAD))["people"].schedule == Schedule(rule=Continuous(pause_seconds=300))
    assert schedule("pause_after: 30s").rule == Continuous(pause_seconds=30)


@pytest.mark.scenario("wiz-6.3")
@pytest.mark.parametrize(
    ("every", "count", "unit"),
    [
        ("15 minutes", 15, Unit.MINUTE),
        ("1 minute", 1, Unit.MINUTE),
        ("hour", 1, Unit.HOUR),
        ("2 days", 2, Unit.DAY),
        ("3weeks", 3, Unit.WEEK),
        ("12 Months", 12, Unit.MONTH),
    ],
)
def test_frequencies(every: str, count: int, unit: Unit) -> None:
    found = schedule(f"every: {every}, start: 2027-03-01 02:30, end: 2027-06-01 08:15:30, zone: Europe/Berlin")
    assert found.rule == Grid(
        count=count, unit=unit, start=wall("2027-03-01 02:30:00"), end=wall("2027-06-01 08:15:30")
    )
    assert found.zone == "Europe/Berlin"


@pytest.mark.scenario("wiz-6.7")
def test_a_date_alone_ends_with_its_last_second() -> None:
    found = schedule("every: day, start: 2027-03-01, end: 2027-06-01")
    assert found.rule == Grid(
        count=1, unit=Unit.DAY, start=wall("2027-03-01 00:00:00"), end=wall("2027-06-01 23:59:59")
    )


def test_once() -> None:
    assert schedule("once: now").rule == Once()
    assert schedule("once: 2027-03-01T09:00").rule == Once(at=wall("2027-03-01 09:00:00"))


def test_policies() -> None:
    assert schedule("pause_after: 5m, overlap: wait, takes: all").overlap is Overlap.WAIT
    assert schedule("takes: all").takes is Takes.ALL
    assert schedule("every: 10 minutes, start: 2027-03-01").grace_seconds == 600
    assert schedule("every: 2 days, start: 2027-03-01").grace_seconds == 86_400
    assert schedule("every: day, start: 2027-03-01, catch_up_within: 2h").grace_seconds == 7_200
    assert schedule("every: day, start: 2027-03-01, catch_up_within: never").grace_seconds == 0


REFUSED = {
    "two kinds": ("once: now, every: day, start: 2027-03-01", "SYN-114", "`once` and `every` exclude each other"),
    "two others": ("every: day, pause_after: 5m", "SYN-114", "`every` and `pause_after` exclude each other"),
    "an end without a grid": ("pause_after: 5m, end: 2027-03-01", "SYN-114", "`end` belongs to `every`"),
    "no start": ("every: day", "SYN-114", "needs the `start`"),
    "nought": ("every: 0 days, start: 2027-03-01", "SYN-114", "'0 days' is no frequency"),
    "a part": ("every: 1.5 hours, start: 2027-03-01", "SYN-114", "'1.5 hours' is no frequency"),
    "too many": ("every: 100001 days, start: 2027-03-01", "SYN-114", "from 1 to 100,000"),
    "a unit that is near": ("every: 2 mounths, start: 2027-03-01", "SYN-114", "Did you mean month?"),
    "a zone that is near": ("once: now, zone: Europe/Berlinn", "SYN-115", "Did you mean Europe/Berlin?"),
    "a path as a zone": ("once: now, zone: ../../etc/passwd", "SYN-115", "no time zone"),
    "no such time": (
        "once: 2027-03-28 02:30, zone: Europe/Berlin",
        "SYN-116",
        "Take 2027-03-28 01:59 or 2027-03-28 03:00.",
    ),
    "no time": ("once: 2027-03-28", "SYN-117", "`once` '2027-03-28' is no local date and time"),
    "an offset": ("once: '2027-03-28T09:00+01:00'", "SYN-117", "without an offset"),
    "no such day": ("every: day, start: 2027-02-29", "SYN-117", "`start`"),
    "end before start": ("every: day, start: 2027-03-02, end: 2027-03-01", "SYN-119", "lies before the start"),
    "no length": ("pause_after: soon", "SYN-152", "'soon'"),
    "no length of grace": ("catch_up_within: 0s", "SYN-152", "'0s'"),
    "no overlap": ("overlap: both", "SYN-112", "Allowed: skip, wait."),
}


@pytest.mark.scenario("wiz-6.2", "wiz-6.3", "wiz-6.7")
@pytest.mark.parametrize(("text", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, code: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        schedule(text)
    assert refused.value.code == code
    assert words in f"{refused.value.message} {refused.value.remedy}"
    assert "people" in refused.value.message


def test_only_what_decides_when_changes_the_print() -> None:
    one = schedule("every: day, start: 2027-03-01, zone: Europe/Berlin")
    assert one.print() == schedule("every: 1 days, start: 2027-03-01 00:00, zone: Europe/Berlin, overlap: wait").print()
    for other in ("every: 2 days, start: 2027-03-01, zone: Europe/Berlin", "every: day, start: 2027-03-01"):
        assert schedule(other).print() != one.print()
