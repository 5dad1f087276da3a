"""URLs of a PostgreSQL state: what is accepted, and how one is shown. A password is never shown, wherever it stands."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_NAMES = {"postgresql", "postgres", "postgresql+psycopg"}
SCHEMA = "syncline"


def _parsed(url: str) -> URL | None:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None


def is_postgres(url: str) -> bool:
    return url.partition(":")[0] in _NAMES and _parsed(url) is not None


def conninfo(url: str) -> str:
    """What the driver is given: all of the URL, its options included."""
    return "postgresql:" + url.partition(":")[2]


def shown(url: str) -> str:
    """User, host, port and database; neither a password nor the options, one of which may be a password."""
    parsed = _parsed(url)
    if parsed is None:
        return "the given URL"
    return parsed.set(query={}, password=None, drivername="postgresql").render_as_string(hide_password=True)
