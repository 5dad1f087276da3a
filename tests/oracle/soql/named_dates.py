"""Named dates as half-open ranges of days, reckoned with nothing but the calendar.

Source: SOQL and SOSL Reference, "Date Formats and Date Literals". Weeks begin on Sunday (locale en_US), the fiscal year
with January, days at midnight GMT: so are the users of a fresh org.
"""

from __future__ import annotations

from datetime import date, timedelta

Days = tuple[date, date]
_DAY = timedelta(days=1)


def days_of(name: str, today: date) -> Days:
    """First day and the day after the last of a named date. KeyError for a name that is none."""
    word, _, number = name.replace("FISCAL_", "").partition(":")
    if number:
        return _counted(word, int(number), today)
    fixed = {
        "TODAY": (0, 1),
        "YESTERDAY": (-1, 0),
        "TOMORROW": (1, 2),
        "LAST_90_DAYS": (-90, 1),
        "NEXT_90_DAYS": (1, 91),
    }
    if word in fixed:
        return tuple(today + timedelta(days=days) for days in fixed[word])  # type: ignore[return-value]
    which, _, unit = word.partition("_")
    step = {"LAST": -1, "THIS": 0, "NEXT": 1}[which]
    return _start(unit, today, step), _start(unit, today, step + 1)


def _counted(word: str, n: int, today: date) -> Days:
    if word == "LAST_N_DAYS":
        return today - n * _DAY, today + _DAY
    if word == "NEXT_N_DAYS":
        return today + _DAY, today + (n + 1) * _DAY
    if word.endswith("S_AGO"):
        unit = word.removeprefix("N_").removesuffix("S_AGO")
        return _start(unit, today, -n), _start(unit, today, 1 - n)
    which, _, unit = word.partition("_N_")
    unit = unit.removesuffix("S")
    if which == "LAST":
        return _start(unit, today, -n), _start(unit, today, 0)
    return _start(unit, today, 1), _start(unit, today, n + 1)


def _start(unit: str, today: date, step: int) -> date:
    """The first day of the unit that lies *step* units from the one *today* is in."""
    if unit == "DAY":
        return today + step * _DAY
    if unit == "WEEK":
        return today - ((today.weekday() + 1) % 7) * _DAY + 7 * step * _DAY
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    first = (today.year * 12 + today.month - 1) // months * months + step * months
    return date(first // 12, first % 12 + 1, 1)
