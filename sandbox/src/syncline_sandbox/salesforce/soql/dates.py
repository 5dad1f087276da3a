"""Dates in SOQL: literals to the stored text form, and named dates (TODAY, LAST_N_DAYS:n …) to half-open ranges.

SOQL and SOSL Reference, "Date Formats and Date Literals". Days begin at midnight of the zone of *now*; weeks begin on
Sunday; the fiscal year is the calendar year. LAST_N_DAYS:n and LAST_90_DAYS include today, the other LAST_N units
leave out the current unit. A range that reaches beyond the minimum or maximum date ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

MAX_UNITS = 1_000_000
"""A larger n is taken as this: it reaches beyond every date there can be, in any unit."""
FIRST_DAY, LAST_DAY = date(1700, 1, 1), date(4000, 12, 31)
"""SOQL and SOSL Reference, "Minimum and Maximum Dates"."""
Shift = Callable[[date, int], date]
"""The first day of the unit that lies n units after the one holding the given day."""


def stored_datetime(moment: datetime) -> str:
    """The text form in which the database keeps an aware moment: UTC, milliseconds, `+0000`."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def parse_datetime(text: str) -> str:
    """The stored form of a datetime literal (fraction and offset optional forms). ValueError if it is no moment."""
    return stored_datetime(datetime.fromisoformat(text.upper()))


def _days(day: date, count: int) -> date:
    wanted = day.toordinal() + count
    return date.fromordinal(min(max(wanted, FIRST_DAY.toordinal()), LAST_DAY.toordinal()))


def _weeks(day: date, count: int) -> date:
    return _days(day, 7 * count - day.isoweekday() % 7)


def _months_of(size: int) -> Shift:
    def shift(day: date, count: int) -> date:
        month = day.year * 12 + (day.month - 1) // size * size + count * size
        if not FIRST_DAY.year <= month // 12 <= LAST_DAY.year:
            return FIRST_DAY if count < 0 else LAST_DAY
        return date(month // 12, month % 12 + 1, 1)

    return shift


@dataclass(frozen=True, slots=True)
class NamedDate:
    """The range from the unit *first* to the unit before *end*, both relative to now; n multiplies where counted."""

    shift: Shift
    first: Callable[[int], int]
    end: Callable[[int], int]
    counted: bool = False

    def days(self, now: datetime, count: int) -> tuple[date, date]:
        """First day and the day after the last, in the zone of *now*."""
        today = now.date()
        return self.shift(today, self.first(count)), self.shift(today, self.end(count))


def _fixed(shift: Shift, first: int, end: int) -> NamedDate:
    return NamedDate(shift, lambda _: first, lambda _: end)


def _named_dates() -> dict[str, NamedDate]:
    named = {
        "YESTERDAY": _fixed(_days, -1, 0),
        "TODAY": _fixed(_days, 0, 1),
        "TOMORROW": _fixed(_days, 1, 2),
        "LAST_90_DAYS": _fixed(_days, -90, 1),
        "NEXT_90_DAYS": _fixed(_days, 1, 91),
        "LAST_N_DAYS": NamedDate(_days, lambda n: -n, lambda _: 1, counted=True),
        "NEXT_N_DAYS": NamedDate(_days, lambda _: 1, lambda n: n + 1, counted=True),
        "N_DAYS_AGO": NamedDate(_days, lambda n: -n, lambda n: 1 - n, counted=True),
    }
    units = {"WEEK": _weeks, "MONTH": _months_of(1), "QUARTER": _months_of(3), "YEAR": _months_of(12)}
    units |= {"FISCAL_QUARTER": units["QUARTER"], "FISCAL_YEAR": units["YEAR"]}
    for unit, shift in units.items():
        named[f"LAST_{unit}"] = _fixed(shift, -1, 0)
        named[f"THIS_{unit}"] = _fixed(shift, 0, 1)
        named[f"NEXT_{unit}"] = _fixed(shift, 1, 2)
        named[f"LAST_N_{unit}S"] = NamedDate(shift, lambda n: -n, lambda _: 0, counted=True)
        named[f"NEXT_N_{unit}S"] = NamedDate(shift, lambda _: 1, lambda n: n + 1, counted=True)
        named[f"N_{unit}S_AGO"] = NamedDate(shift, lambda n: -n, lambda n: 1 - n, counted=True)
    return named


NAMED_DATES = _named_dates()


def named_range(name: str, count: int, now: datetime, *, of_moments: bool) -> tuple[str, str]:
    """Start and end (exclusive) of a named date in stored form: moments for datetime fields, days for date fields."""
    first, end = NAMED_DATES[name].days(now, count)
    if not of_moments:
        return first.isoformat(), end.isoformat()
    return tuple(stored_datetime(datetime.combine(day, time(), now.tzinfo)) for day in (first, end))  # type: ignore[return-value]
