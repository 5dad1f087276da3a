"""Lengths of time as people write them: "30s", "5m", "24h"."""

from __future__ import annotations

import re

from syncline.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """Seconds of "30s", "5m" or "2h"; ConfigError SYN-152 for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None or float(found[1]) <= 0:
        raise ConfigError(f"{text!r} is not a length of time.", code="SYN-152", remedy="Write 30s, 5m or 2h.")
    return float(found[1]) * _UNITS[found[2]]
