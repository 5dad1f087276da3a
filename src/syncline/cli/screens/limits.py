"""What is left of each connection's calls, in words: for `status` and `check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console

from syncline.cli.screens.common import safe

_SOONEST_FIRST = ("audit", "bulk", "live", "urgent")


def limits_lines(out: Console, found: Iterable[Mapping[str, Any]]) -> None:
    """One line a connection whose day is known, and one for each connection or lane that is parked. *found* as
    `engine.forecast.as_dict` gives them."""
    for one in found:
        if one["day_used"] is not None and one["day_limit"]:
            words = f"{one['day_used']} of the day's {one['day_limit']} calls are used{_rate(one)}"
            out.print(f"{safe(one['connection'])}: {words}", soft_wrap=True)
        if one["parked_until"] is not None:
            _parked(out, one["connection"], one)
            continue
        for name, lane in one["lanes"].items():
            if lane["parked_until"] is not None:
                _parked(out, f"{one['connection']}, {name} lane", lane)


def _parked(out: Console, who: str, what: Mapping[str, Any]) -> None:
    why = safe(what["why"] or "its system asked for it")
    out.print(f"[yellow]parked[/] {safe(who)}: {why}; it goes on by itself at {_when(what['parked_until'])} UTC.")


def _rate(one: Mapping[str, Any]) -> str:
    """What the present rate means: which lane stops first and when, and when the last one does."""
    if one["calls_per_hour"] is None or one["calls_per_hour"] <= 0:
        return ""
    said = f", {one['calls_per_hour']:.0f} an hour"
    lanes = {name: one["lanes"][name] for name in _SOONEST_FIRST}
    ends = {n: lane["ends_at"] for n, lane in lanes.items() if lane["ends_at"] and not lane["parked_until"]}
    if not ends:
        return said + ("; at this rate they last until it resets" if one["resets_at"] else "")
    first, last = next(iter(ends)), next(reversed(ends))
    parts = [f"{name} stops at {_when(ends[name])}" for name in dict.fromkeys((first, last))]
    return f"{said}; at this rate {', '.join(parts)} UTC"


def _when(text: str) -> str:
    return text[:19].replace("T", " ")
