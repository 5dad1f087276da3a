"""The header Retry-After: how long a server asks us to stay away.

Source: RFC 9110, section 10.2.3 ("Retry-After": an HTTP-date or a number of seconds; with 503 and with redirections)
and RFC 6585, section 4 (with 429).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from syncline.ports import HttpResponse

_MEANT_BY = frozenset({429, 503})


def retry_after_seconds(response: HttpResponse, now: datetime) -> float | None:
    """Seconds from *now*, none below 0; None if the answer asks for nothing or not in a form of the standard.

    A date is measured against the answer's own Date where it has one: the server's clock may differ from ours.
    """
    said = response.headers.get("retry-after", "").strip()
    if response.status not in _MEANT_BY or not said:
        return None
    if said.isascii() and said.isdigit():
        return float(said)
    until = _date(said)
    if until is None:
        return None
    return max(0.0, (until - (_date(response.headers.get("date", "")) or now)).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
