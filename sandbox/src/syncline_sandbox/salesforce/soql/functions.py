"""The functions compiled queries call inside SQLite: text without case, multi-select picklists, zones, formats.

How text compares ("Comparison Operators" of the SOQL and SOSL Reference: without case, but for case-sensitive unique
fields): `fold` is the one definition. It lowers letter by letter; a letter whose lower case is several letters, or an
ASCII letter where it was none (the Kelvin sign), stays. So text keeps its length, and for text in ASCII `fold` agrees
with SQLite's NOCASE, which the quick paths use.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LIKE_PART = re.compile(r"\\.|.", re.DOTALL)
_WILDCARDS = {"%": ".*", "_": "."}


def fold(value: Any) -> Any:
    """Text without case; anything else unchanged."""
    if not isinstance(value, str):
        return value
    return value.lower() if value.isascii() else "".join(map(_fold_letter, value))


@lru_cache(maxsize=4096)
def _fold_letter(letter: str) -> str:
    lowered = letter.lower()
    return letter if len(lowered) != 1 or lowered.isascii() != letter.isascii() else lowered


def _includes(value: str | None, wanted: str) -> int | None:
    """Whether a multi-select value (`red;blue`) holds all values of any of the wanted combinations, a JSON array."""
    if value is None:
        return None
    chosen = set(fold(value).split(";"))
    return int(any(chosen.issuperset(combination) for combination in _combinations(wanted)))


@lru_cache(maxsize=64)
def _combinations(wanted: str) -> list[set[str]]:
    return [set(fold(one).split(";")) for one in json.loads(wanted)]


def _like_cased(value: str | None, pattern: str) -> int | None:
    """LIKE with case, for case-sensitive fields; the escape character is the backslash."""
    return None if value is None else int(_like_pattern(pattern).fullmatch(value) is not None)


@lru_cache(maxsize=64)
def _like_pattern(pattern: str) -> re.Pattern[str]:
    pieces = (
        re.escape(part[1:]) if part[0] == "\\" else _WILDCARDS.get(part, re.escape(part))
        for part in _LIKE_PART.findall(pattern)
    )
    return re.compile("".join(pieces), re.DOTALL)


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of this name; None for UTC and for one this machine does not know."""
    try:
        return None if name in ("UTC", "GMT") else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _local(value: str | None, zone: str) -> str | None:
    """A stored moment as the clock on the wall of *zone* shows it, in the stored form."""
    place = zone_named(zone)
    if value is None or place is None:
        return value
    return f"{_moment(value).astimezone(place):%Y-%m-%dT%H:%M:%S}.000+0000"


def _moment(stored: str) -> datetime:
    return datetime.strptime(stored, "%Y-%m-%dT%H:%M:%S.%f%z")


def _of_moment(value: str, scale: int, zone: str) -> str:
    moment = _moment(_local(value, zone) or value)
    hour = f"{moment.hour % 12 or 12}:{moment:%M} {'PM' if moment.hour >= 12 else 'AM'}"
    return f"{moment.month}/{moment.day}/{moment.year}, {hour}"


def _of_day(value: str, scale: int, zone: str) -> str:
    year, month, day = value[:10].split("-")
    return f"{int(month)}/{int(day)}/{year}"


def _of_money(value: float, scale: int, zone: str) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.{scale}f}"


_FORMATS: dict[str, Callable[[Any, int, str], str]] = {
    "datetime": _of_moment,
    "date": _of_day,
    "currency": _of_money,
    "percent": lambda value, scale, zone: f"{value:,.{scale}f}%",
    "double": lambda value, scale, zone: f"{value:,.{scale}f}",
    "int": lambda value, scale, zone: f"{value:,}",
}


def _formatted(value: Any, kind: str, scale: int, zone: str) -> Any:
    """What FORMAT() makes of a value for the locale en_US ("FORMAT ()": `4/10/2025, 3:31 PM`, `$44,000.00`)."""
    shape = _FORMATS.get(kind)
    return value if value is None or shape is None else shape(value, scale, zone)


def install(connection: sqlite3.Connection) -> None:
    """Register on *connection* the functions compiled queries call. Needed once a connection."""
    connection.create_function("sf_fold", 1, fold, deterministic=True)
    connection.create_function("sf_includes", 2, _includes, deterministic=True)
    connection.create_function("sf_like", 2, _like_cased, deterministic=True)
    connection.create_function("sf_local", 2, _local, deterministic=True)
    connection.create_function("sf_format", 4, _formatted, deterministic=True)
