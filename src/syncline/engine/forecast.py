"""What is left of a connection's limits, when it ends at the present rate, and what is parked until when.

Lives here: reading the account of a connection for people and for whoever decides what to start. Nothing is granted
here, and no system is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncline.engine.ledger import account_of
from syncline.ports import DAY_SHARE, Account, Lane
from syncline.trees import Store, Table
from syncline.values import instant

_HOUR_US = 3_600_000_000
_BUCKET_US = 600_000_000
_SHORTEST_US = 300_000_000  # of two numbers closer together nobody can tell a rate
_PROBE_US = 300_000_000  # so often a used-up day is asked about
_OPEN = ("open", "half")


@dataclass(frozen=True, kw_only=True)
class LaneOutlook:
    """One lane: calls of ours in the last hour; when its share of the day ends at the present rate (None: it does not,
    or nobody can tell); until when it is parked, if it is, and why."""

    lane: Lane
    calls_last_hour: int
    ends_us: int | None
    parked_until_us: int | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One connection. `per_hour`: how fast everybody together uses the day; None: nobody can tell yet. `parked_*`: no
    lane may call."""

    connection: str
    day_used: int | None
    day_limit: int | None
    learnt_us: int | None
    resets_us: int | None
    per_hour: float | None
    breaker: str
    parked_until_us: int | None
    why: str | None
    lanes: tuple[LaneOutlook, ...] = field(default=())

    def parked(self, lane: Lane) -> tuple[int, str] | None:
        """Until when (microseconds) a lane is parked, and why; None: it may call."""
        own = next(one for one in self.lanes if one.lane is lane)
        until_us, why = (self.parked_until_us, self.why) if self.parked_until_us else (own.parked_until_us, own.why)
        return None if until_us is None else (until_us, why or "")


async def outlook(store: Store, connection: str, now_us: int) -> Outlook:
    """The outlook of a connection as the state has it; everything unknown of one that has never been called."""
    where = {"connection": connection}
    account = account_of(await store.rows(Table.BUDGET, where), await store.rows(Table.ALLOWANCE, where))
    is_held = account.held_until_us is not None and account.held_until_us > now_us
    per_hour = _per_hour(account, now_us)
    return Outlook(
        connection=connection,
        day_used=account.day_used,
        day_limit=account.day_limit,
        learnt_us=account.learnt_us,
        resets_us=account.resets_us,
        per_hour=per_hour,
        breaker=account.breaker if is_held or account.breaker not in _OPEN else "half",
        parked_until_us=account.held_until_us if is_held else None,
        why=account.held_why if is_held else None,
        lanes=tuple(_lane(account, lane, per_hour, now_us) for lane in Lane),
    )


def _lane(account: Account, lane: Lane, per_hour: float | None, now_us: int) -> LaneOutlook:
    calls, is_new_day = _last_hour(account, lane, now_us), account.resets_us is not None and now_us >= account.resets_us
    if account.day_used is None or account.day_limit is None or is_new_day:
        return LaneOutlook(lane=lane, calls_last_hour=calls, ends_us=None)
    room = account.day_limit * DAY_SHARE[lane] - account.day_used - account.day_ours
    if room <= 0:
        until_us = account.resets_us or (account.learnt_us or now_us) + _PROBE_US
        why = f"{account.day_used} of the day's {account.day_limit} calls are used; it stops at {DAY_SHARE[lane]:.0%}"
        return LaneOutlook(
            lane=lane, calls_last_hour=calls, ends_us=now_us, parked_until_us=max(now_us, until_us), why=why
        )
    if not per_hour or per_hour <= 0:
        return LaneOutlook(lane=lane, calls_last_hour=calls, ends_us=None)
    ends_us = now_us + int(room / per_hour * _HOUR_US)
    is_in_time = account.resets_us is not None and ends_us >= account.resets_us
    return LaneOutlook(lane=lane, calls_last_hour=calls, ends_us=None if is_in_time else ends_us)


def _per_hour(account: Account, now_us: int) -> float | None:
    """How fast the vendor's number has grown over the last hour. A rolling day that falls has a rate below 0."""
    if account.day_used is None or account.learnt_us is None:
        return None
    told = [(at_us, used) for at_us, used in account.seen.get("told", ()) if account.learnt_us - at_us <= _HOUR_US]
    if not told or account.learnt_us - told[0][0] < _SHORTEST_US:
        return None
    at_us, used = told[0]
    return float((account.day_used - used) / (account.learnt_us - at_us) * _HOUR_US)


def _last_hour(account: Account, lane: Lane, now_us: int) -> int:
    buckets = account.seen.get("lanes", {}).get(lane.value, {})
    since = (now_us - _HOUR_US) // _BUCKET_US
    return sum(int(count) for bucket, count in buckets.items() if int(bucket) >= since)


def as_dict(found: Outlook) -> dict[str, Any]:
    """An outlook for JSON: instants as text, lanes by name."""
    return {
        "connection": found.connection,
        "day_used": found.day_used,
        "day_limit": found.day_limit,
        "learnt_at": _text(found.learnt_us),
        "resets_at": _text(found.resets_us),
        "calls_per_hour": None if found.per_hour is None else round(found.per_hour, 1),
        "breaker": found.breaker,
        "parked_until": _text(found.parked_until_us),
        "why": found.why,
        "lanes": {
            one.lane.value: {
                "calls_last_hour": one.calls_last_hour,
                "ends_at": _text(one.ends_us),
                "parked_until": _text(one.parked_until_us),
                "why": one.why,
            }
            for one in found.lanes
        },
    }


def _text(at_us: int | None) -> str | None:
    return None if at_us is None else instant(at_us).isoformat(timespec="seconds")
