"""The usage endpoints. Source: Marketo "Usage" (Get Daily Usage, Get Daily Errors and their seven-day forms)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.limits import Limits


class Stats:
    """Answers what Limits counted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def usage(self, _call: Call) -> dict[str, Any]:
        return {"result": [self._usage(self._limits.today())]}

    def usage_of_week(self, _call: Call) -> dict[str, Any]:
        return {"result": [self._usage(day) for day in self._week()]}

    def errors(self, _call: Call) -> dict[str, Any]:
        return {"result": [self._errors(self._limits.today())]}

    def errors_of_week(self, _call: Call) -> dict[str, Any]:
        return {"result": [self._errors(day) for day in self._week()]}

    def _week(self) -> list[date]:
        return [self._limits.today() - timedelta(days=ago) for ago in range(7)]

    def _usage(self, day: date) -> dict[str, Any]:
        return _by_day(day, self._limits.calls, "users", "userId")

    def _errors(self, day: date) -> dict[str, Any]:
        return _by_day(day, self._limits.errors, "errors", "errorCode")


def _by_day(day: date, counts: Counter[tuple[date, str]], members: str, key: str) -> dict[str, Any]:
    found = [{key: name, "count": count} for (counted_on, name), count in counts.items() if counted_on == day]
    return {"date": day.isoformat(), "total": sum(item["count"] for item in found), members: found}
