"""What the platform derives when an event is saved: start, end and duration agree.

Object Reference, Event: of `ActivityDateTime` and `StartDateTime` one is enough; an event that is not for the whole
day takes `DurationInMinutes` or `EndDateTime`, or both if they agree; one for the whole day takes a date.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .errors import OrgError
from .saving import Rule, Saving
from .stamps import moment_of, stamp_of

_DAY = 24 * 60
_STARTS = ("ActivityDateTime", "StartDateTime")


def _event(saving: Saving) -> None:
    times = {*_STARTS, "ActivityDate", "EndDateTime", "DurationInMinutes", "IsAllDayEvent"}
    if saving.before is not None and not times & saving.values.keys():
        return
    whole_day = bool(saving.row.get("IsAllDayEvent"))
    start = _start(saving, whole_day=whole_day)
    minutes = _minutes(saving, start, whole_day=whole_day)
    end = start + timedelta(minutes=minutes)
    if whole_day:
        end = start + timedelta(days=max(minutes // _DAY, 1) - 1)
    saving.values.update(
        StartDateTime=stamp_of(start),
        ActivityDateTime=stamp_of(start),
        ActivityDate=start.date().isoformat(),
        EndDateTime=stamp_of(end),
        DurationInMinutes=minutes,
    )


def _start(saving: Saving, *, whole_day: bool) -> datetime:
    row, given = saving.row, saving.values
    named = [given[column] for column in _STARTS if given.get(column)]
    if len(set(named)) > 1:
        text = "Value for ActivityDateTime and StartDateTime must match, or one of them must be null"
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, _STARTS)
    day = given.get("ActivityDate") or (None if named else row.get("ActivityDate"))
    if whole_day and day:
        return moment_of(f"{day}T00:00:00.000+0000")
    found = next(iter(named), None) or row.get("StartDateTime")
    if found is None:
        missing = "ActivityDate" if whole_day else "StartDateTime"
        raise OrgError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{missing}]", (missing,))
    start = moment_of(found)
    return start.replace(hour=0, minute=0, second=0) if whole_day else start


def _minutes(saving: Saving, start: datetime, *, whole_day: bool) -> int:
    given = saving.values
    minutes, end = given.get("DurationInMinutes"), given.get("EndDateTime")
    spanned = None if end is None else int((moment_of(end) - start).total_seconds()) // 60
    if whole_day and spanned is not None:
        spanned = (spanned // _DAY + 1) * _DAY
    if minutes is None and spanned is None:
        kept = saving.row.get("DurationInMinutes")
        minutes = _DAY if whole_day and (kept is None or "IsAllDayEvent" in given) else kept
    if minutes is not None and spanned is not None and minutes != spanned:
        text = "If both DurationInMinutes and EndDateTime are specified, they must agree"
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, ("DurationInMinutes", "EndDateTime"))
    found = spanned if minutes is None else minutes
    if found is None:
        text = "Required fields are missing: [DurationInMinutes]"
        raise OrgError("REQUIRED_FIELD_MISSING", text, ("DurationInMinutes",))
    if found < 0:
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", "An event cannot end before it starts", ("EndDateTime",))
    return int(found)


RULES: tuple[Rule, ...] = (_event,)
