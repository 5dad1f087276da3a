"""Times as the org writes them: whole seconds, `2015-08-19T08:17:00.000+0000`, always UTC.

Lives here: conversions between that form, HTTP dates and aware datetimes.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime

_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d\d:?\d\d)?")


def stamp_of(moment: datetime) -> str:
    """*moment* (aware) in the org's wire form, fractions of a second dropped."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def moment_of(stamp: str) -> datetime:
    """The aware datetime of a stamp in the wire form. ValueError for anything else."""
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z")


def parse_datetime(text: str) -> str | None:
    """A date-time as clients write it (`Z` or offset, with or without fraction), in wire form; None if it is none."""
    try:
        moment = datetime.fromisoformat(_OFFSET.sub(r"\1:\2", text))
    except ValueError:
        return None
    if "T" not in text or not 1700 <= moment.year <= 4000:
        return None
    whole = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return whole.strftime("%Y-%m-%dT%H:%M:%S.") + f"{whole.microsecond // 1000:03d}+0000"


def parse_date(text: str) -> str | None:
    """A date (an optional zone suffix is dropped) as `YYYY-MM-DD`; None if it is none or out of range."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        day = date.fromisoformat(match[1])
    except ValueError:
        return None
    return match[1] if 1700 <= day.year <= 4000 else None


def http_date(moment: datetime) -> str:
    """*moment* as an HTTP date."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The aware datetime of an HTTP date; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
