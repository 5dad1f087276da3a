"""Moments as somebody types them: an instant with its offset, a local time with its zone, or how long ago.

Lives here: from those words to an instant. A local time that does not exist or exists twice is not guessed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from syncline.errors import ConfigError
from syncline.spec.durations import seconds_of
from syncline.spec.wall_clock import exists, instant_of, is_twice, zone_of
from syncline.values import parse_instant

_FORMS = "Write 2026-03-02T09:00Z, 2026-03-02T10:00+01:00, '2026-03-02 10:00 Europe/Berlin', or 90m for that long ago."


def moment_of(text: str, now: datetime) -> datetime:
    """The aware UTC instant that *text* names. ConfigError SYN-155 if it names none, or not exactly one."""
    words = text.strip()
    if words[-1:] in ("s", "m", "h") and words[:1].isdigit():
        return now - timedelta(seconds=seconds_of(words))
    if (" " in words and "/" in words.rpartition(" ")[2]) or words.upper().endswith(" UTC"):
        return _local(words)
    try:
        return parse_instant(words.replace(" ", "T"))
    except ValueError:
        raise ConfigError(f"{text!r} is no moment with a zone.", code="SYN-155", remedy=_FORMS) from None


def _local(words: str) -> datetime:
    clock, _, name = words.rpartition(" ")
    try:
        local, zone = datetime.fromisoformat(clock.strip()), zone_of("UTC" if name.upper() == "UTC" else name)
        instant = instant_of(local, zone)
    except (ValueError, OSError, KeyError, OverflowError):
        raise ConfigError(f"{words!r} is no local time with a zone.", code="SYN-155", remedy=_FORMS) from None
    if local.tzinfo is not None:
        raise ConfigError(f"{words!r} has both an offset and a zone.", code="SYN-155", remedy=_FORMS)
    if not exists(local, zone):
        raise ConfigError(
            f"{words!r} does not exist: the clocks were put forward over it.", code="SYN-155", remedy=_FORMS
        )
    if is_twice(local, zone):
        raise ConfigError(
            f"{words!r} happened twice: the clocks were put back.", code="SYN-155", remedy="Give it with its offset."
        )
    return instant
