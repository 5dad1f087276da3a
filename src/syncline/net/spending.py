"""What may be spent of a connection's limits: rules over its `Account`. No clock, no I/O, nothing waits here.

Lives here: granting, taking back, and what the vendor says of its day and of its rate. Not here: the breaker's rules
(`breaker`), or who waits for what (`budget`).

No more is ever granted than the limits allow, whatever becomes of the holders: calls granted weigh on the window until
the last of them, were it started at the end of its time, has left it; places until the longest of their calls has
timed out. What a holder gives back weighs as what it was used for.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncline.net import breaker
from syncline.net.limits import Limits, share_of
from syncline.ports import DAY_SHARE, Account, Allowance, Lane

MOST_CALLS = 10
"""So many calls are granted at once; the reserve of urgent is only granted call by call."""

CHUNK_US = 2_000_000
"""Calls granted are started within it."""

PROBE_EVERY_US = 300_000_000
"""A used-up day is asked about this often: no call, no number that says the day has moved on."""

_REFUSED, _ASKED = "refused_us", "asked_us"  # in `Account.seen`: a day called over, and asked about since
_OVERTAKING_US = 60_000_000
_WANTED_US = 3_000_000
_LOOK_AGAIN_US = 250_000  # for a place: nobody knows when a call will end
_BUCKET_US, _BUCKETS = 600_000_000, 13


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a holder wants, and how it stands: `used` says of its last window allowance how much it has spent."""

    holder: str
    lane: Lane
    calls: int = 1
    running: int = 0  # its calls under way that share these places
    running_us: int = 0  # how long the longest of them may still run
    longest_us: int = 0  # how long one that is started now may run
    used: tuple[str, int] | None = None
    is_charged: bool = True  # a login is none of the day's calls
    is_exact: bool = False  # the call is started now, by a holder that is alone and counts its own places


@dataclass(frozen=True, kw_only=True)
class Grant:
    """`calls` of 0 is a refusal: to be asked for again after `wait_us`. `is_parked` says that waiting is for later."""

    calls: int = 0
    places: int = 0
    name: str = ""
    wait_us: int = 0
    reason: str = ""
    refused_by: str = ""  # "" | window | place | held | breaker | day


def ask(account: Account, now_us: int, limits: Limits, wanted: Ask) -> Grant:
    """Grant what the limits leave, or say why not and for how long. Also settles what the holder had before."""
    settle(account, now_us, limits, wanted)
    refusal = _held(account, now_us, wanted) or (wanted.is_charged and _day_over(account, now_us, wanted.lane)) or None
    if refusal is not None:
        return refusal
    calls, refusal = _calls(account, now_us, limits, wanted)
    if refusal is None:
        places, refusal = _places(account, limits, wanted)
    if refusal is not None:
        _allow(
            account,
            _want(wanted),
            Allowance(kind="want", holder=wanted.holder, granted=0, from_us=now_us, expires_us=now_us + _WANTED_US),
        )
        return refusal
    if account.breaker == "open":
        calls, places = 1, min(places, 1)
        breaker.half_open(account, now_us, wanted.longest_us or CHUNK_US)
    return _granted(account, now_us, limits, wanted, calls, places)


def settle(account: Account, now_us: int, limits: Limits, stands: Ask) -> None:
    """Take back what is over and what the holder did not use, and hold its places as long as its calls may run."""
    window_us = int(limits.window_seconds * 1e6)
    for name, one in list(account.allowances.items()):
        if one.expires_us + (window_us if one.kind == "window" else 0) <= now_us:
            del account.allowances[name]
    account.allowances.pop(_want(stands), None)
    if stands.used is not None:
        _take_back(account, now_us, *stands.used)
    if not stands.is_exact:
        _restate(account, now_us, stands, stands.running, stands.running_us)


def learn_day(account: Account, now_us: int, used: int, limit: int, resets_us: int | None) -> None:
    """Take over what the vendor says of its day: calls used by everybody, and its limit."""
    lowest = account.seen.get("lowest")
    is_same = account.day_used is not None and lowest is not None and used >= lowest and limit == account.day_limit
    if not is_same:
        account.day_used, account.seen["lowest"] = used, used
        account.seen.pop("told", None)
    elif account.learnt_us is not None and now_us - account.learnt_us <= _OVERTAKING_US:
        account.day_used = max(used, account.day_used or 0)  # answers overtake each other by seconds
    else:
        account.day_used = used  # a rolling day falls by minutes
    account.day_limit, account.resets_us, account.learnt_us = limit, resets_us, now_us
    for name in (_REFUSED, _ASKED):
        account.seen.pop(name, None)
    # Calls granted or under way may be missing in the vendor's number.
    account.day_ours = sum(one.granted for one in account.allowances.values() if one.spent is None)
    _remember(account, now_us)


def end_day(account: Account, now_us: int, resets_us: int | None) -> None:
    """The vendor's day is used up. It is asked about now and then: it may have been prolonged."""
    account.day_limit = account.day_limit or 1
    account.day_used = max(account.day_used or 0, account.day_limit)
    account.learnt_us, account.resets_us = now_us, resets_us
    account.seen[_REFUSED] = now_us
    account.seen.pop(_ASKED, None)


def day_goes_on(account: Account) -> None:
    """A call was answered well. After the day was asked about once more that disproves that it is over: not every
    vendor's answers say how it stands."""
    if is_asked_about(account):
        del account.seen[_REFUSED], account.seen[_ASKED]
        account.day_used = account.resets_us = None


def ask_at_once(account: Account) -> None:
    """Somebody starts us anew: the day may have been prolonged meanwhile."""
    account.learnt_us = None
    account.seen.pop(_ASKED, None)


def is_asked_about(account: Account) -> bool:
    """Whether the vendor refused a call because its day is used up, and a call was let through since."""
    return _REFUSED in account.seen and _ASKED in account.seen


def hold(account: Account, now_us: int, seconds: float, reason: str) -> None:
    """Hold all calls for *seconds*: the vendor has just said so. A longer hold stands."""
    until_us = now_us + int(seconds * 1e6)
    if account.held_until_us is None or until_us > account.held_until_us:
        account.held_until_us, account.held_why = until_us, reason


def _held(account: Account, now_us: int, wanted: Ask) -> Grant | None:
    if account.held_until_us is None:
        return None
    if now_us >= account.held_until_us:
        if account.breaker == "half":  # nobody heard of the probe again
            account.breaker = "open"
        elif account.breaker == "closed":
            account.held_until_us = account.held_why = None
        return None
    by = "held" if account.breaker == "closed" else "breaker"
    return Grant(wait_us=account.held_until_us - now_us, reason=account.held_why or "", refused_by=by)


def _day_over(account: Account, now_us: int, lane: Lane) -> Grant | None:
    if account.resets_us is not None and now_us >= account.resets_us:
        account.day_used, account.day_ours, account.resets_us = 0, 0, None
        account.seen = {name: value for name, value in account.seen.items() if name == "lanes"}
    if not is_day_over(account, lane):
        return None
    last_us = max(account.learnt_us or 0, account.seen.get(_ASKED, 0))
    if now_us - last_us >= PROBE_EVERY_US:
        account.seen[_ASKED] = now_us  # this one call is let through: its answer says whether the day has moved on
        return None
    used, limit = account.day_used or 0, account.day_limit
    said = f"{used} of the day's {limit} calls are used; the {lane} lane stops at {DAY_SHARE[lane]:.0%}"
    return Grant(wait_us=last_us + PROBE_EVERY_US - now_us, reason=said, refused_by="day")


def is_day_over(account: Account, lane: Lane) -> bool:
    """Whether the lane's share of the vendor's day is used up, as far as we know."""
    room = _day_room(account, lane)
    return room is not None and room <= 0


def _day_room(account: Account, lane: Lane) -> int | None:
    if account.day_used is None or account.day_limit is None:
        return None
    most = account.day_limit * DAY_SHARE[lane]
    return int(-(-most // 1)) - account.day_used - account.day_ours


def _calls(account: Account, now_us: int, limits: Limits, wanted: Ask) -> tuple[int, Grant | None]:
    """How many calls may be started, by window and day."""
    many = 1 if wanted.lane is Lane.URGENT else min(wanted.calls, MOST_CALLS)
    day = _day_room(account, wanted.lane)
    many = many if day is None else max(1, min(many, day))
    if limits.calls_per_window is None:
        return many, None
    rows = [one for one in account.allowances.values() if one.kind == "window"]
    total = share_of(limits, limits.calls_per_window, wanted.lane)
    room = total - sum(map(_weight, rows))
    if wanted.lane is not Lane.URGENT and (others := _others_waiting(account, wanted.holder)):
        own = sum(_weight(one) for one in rows if one.holder == wanted.holder)
        room = min(room, max(1, total // (others + 1)) - own)
    if room > 0:
        return min(many, room), None
    # The window is free of what leaves it first; with the urgent lane's own calls in it, of the first that make room.
    window_us = int(limits.window_seconds * 1e6)
    wait_us = _until_room(rows, 1 - room, window_us) - now_us
    seconds = f"{limits.window_seconds:g} s"
    reason = f"{sum(map(_weight, rows))} calls in {seconds}: the window of the {wanted.lane} lane is full"
    return 0, Grant(wait_us=max(1, wait_us), reason=reason, refused_by="window")


def _until_room(rows: list[Allowance], needed: int, window_us: int) -> int:
    """When *needed* calls have left the window."""
    for one in sorted(rows, key=lambda one: one.expires_us):
        needed -= _weight(one)
        if needed <= 0:
            return one.expires_us + window_us
    return 0


def _places(account: Account, limits: Limits, wanted: Ask) -> tuple[int, Grant | None]:
    """How many calls more may be under way at once."""
    if wanted.is_exact:
        return 1, None
    rows = [one for one in account.allowances.values() if one.kind == "place"]
    total = share_of(limits, limits.concurrent, wanted.lane)
    room = total - sum(one.granted for one in rows)
    if wanted.lane is not Lane.URGENT and (others := _others_waiting(account, wanted.holder)):
        own = sum(one.granted for one in rows if one.holder == wanted.holder)
        room = min(room, max(1, total // (others + 1)) - own)
    if room > 0:
        return 1 if wanted.lane is Lane.URGENT else min(wanted.calls, room), None
    reason = f"{limits.concurrent} calls are under way at the same time: the {wanted.lane} lane waits for a place"
    return 0, Grant(wait_us=_LOOK_AGAIN_US, reason=reason, refused_by="place")


def _granted(account: Account, now_us: int, limits: Limits, wanted: Ask, calls: int, places: int) -> Grant:
    lasts_us = 0 if wanted.is_exact else CHUNK_US
    account.day_ours += calls if wanted.is_charged else 0
    _count(account, now_us, wanted.lane, calls)
    number = account.seen["number"] = int(account.seen.get("number", 0)) + 1
    name = f"{wanted.holder}/{number}"
    if not wanted.is_exact or limits.calls_per_window is not None:
        spent = calls if wanted.is_exact else None
        chunk = Allowance(
            kind="window",
            holder=wanted.holder,
            granted=calls,
            spent=spent,
            from_us=now_us,
            expires_us=now_us + lasts_us,
        )
        _allow(account, name, chunk)
    if not wanted.is_exact:
        may_run_us = max(wanted.running_us, CHUNK_US + wanted.longest_us)
        _restate(account, now_us, wanted, wanted.running + places, may_run_us)
    return Grant(calls=calls, places=wanted.running + places, name=name)


def _take_back(account: Account, now_us: int, name: str, spent: int) -> None:
    """A holder tells what it used of a window allowance; None of it was used later than now."""
    chunk = account.allowances.get(name)
    if chunk is None or chunk.spent is not None:
        return
    account.day_ours = max(0, account.day_ours - (chunk.granted - spent))
    chunk.spent, chunk.expires_us = spent, min(chunk.expires_us, now_us)
    if not spent:
        del account.allowances[name]


def _restate(account: Account, now_us: int, stands: Ask, places: int, may_run_us: int) -> None:
    name = f"{stands.holder}/{'urgent' if stands.lane is Lane.URGENT else 'others'}"
    account.allowances.pop(name, None)
    if places:
        held = Allowance(
            kind="place", holder=stands.holder, granted=places, from_us=now_us, expires_us=now_us + may_run_us
        )
        _allow(account, name, held)


def _weight(one: Allowance) -> int:
    return one.granted if one.spent is None else one.spent


def _others_waiting(account: Account, holder: str) -> int:
    return len({one.holder for one in account.allowances.values() if one.kind == "want"} - {holder})


def _want(wanted: Ask) -> str:
    return f"{wanted.holder}/want"


def _allow(account: Account, name: str, allowance: Allowance) -> None:
    account.allowances[name] = allowance


def _count(account: Account, now_us: int, lane: Lane, calls: int) -> None:
    """Our own calls by lane and ten minutes, of the last two hours: what a forecast divides the day's use by."""
    lanes = account.seen.setdefault("lanes", {})
    buckets = lanes.setdefault(lane.value, {})
    bucket = now_us // _BUCKET_US
    buckets[str(bucket)] = buckets.get(str(bucket), 0) + calls
    for name in [name for name in buckets if int(name) <= bucket - _BUCKETS]:
        del buckets[name]


def _remember(account: Account, now_us: int) -> None:
    """The day's number every ten minutes, for two hours."""
    told = account.seen.setdefault("told", [])
    if not told or now_us - told[-1][0] >= _BUCKET_US:
        told.append([now_us, account.day_used])
    del told[:-_BUCKETS]
