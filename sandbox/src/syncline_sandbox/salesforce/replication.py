"""getUpdated and getDeleted: which records changed or went away in a span of minutes.

REST API Developer Guide, "Get a List of Updated Records Within a Given Timeframe" and "Get a List of Deleted Records
Within a Given Timeframe": seconds are dropped, start precedes end by more than a minute, 30 and 15 days back at most,
600,000 ids at most. The span takes its start in and leaves its end out, so that `latestDateCovered` is a next start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncline_sandbox.core.clock import SandboxClock

from .errors import OrgError
from .reading import Reading
from .schema import SObject
from .stamps import moment_of, parse_datetime, stamp_of
from .web import Answer, Call, Route

UPDATED_WINDOW = timedelta(days=30)
DELETED_DAYS = 15
MAX_IDS = 600_000
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Span:
    """What is read: `start` in, `end` out. `covered` is how far the answer is complete: never beyond now."""

    start: datetime
    end: datetime
    covered: datetime

    @property
    def stamps(self) -> tuple[str, str]:
        return stamp_of(self.start), stamp_of(self.end)


class ReplicationResources:
    """`sobjects/{T}/updated` and `sobjects/{T}/deleted`.

    `deleted_days` is how far getDeleted reaches back: 15 in the REST guide, 30 in other texts of the vendor.
    """

    def __init__(self, reading: Reading, clock: SandboxClock) -> None:
        self._reading = reading
        self._clock = clock
        self.deleted_days = DELETED_DAYS

    def routes(self) -> list[Route]:
        return [
            Route("GET", "sobjects/{}/updated", self._updated),
            Route("GET", "sobjects/{}/deleted", self._deleted),
        ]

    def _updated(self, call: Call) -> Answer:
        sobject = self._replicateable(call, "getUpdated")
        span = self._span(call, UPDATED_WINDOW)
        live = 'AND r."IsDeleted" = 0' if sobject.soft_deletable else ""
        visible, bound = call.caller.rights.visible_rows(sobject.name, "r") or ("1", ())
        sql = (
            f'SELECT r."Id" FROM "{sobject.table}" AS r '
            f'WHERE r."SystemModstamp" >= ? AND r."SystemModstamp" < ? {live} AND {visible} '
            'ORDER BY r."SystemModstamp", r."Id" LIMIT ?'
        )
        rows = self._rows(call, sql, (*span.stamps, *bound))
        return Answer(body={"ids": [row[0] for row in rows], "latestDateCovered": stamp_of(span.covered)})

    def _deleted(self, call: Call) -> Answer:
        sobject = self._replicateable(call, "getDeleted")
        window = timedelta(days=self.deleted_days)
        span = self._span(call, window)
        # A row that is still in the bin shows whether the caller may see it; one that is purged shows nothing.
        visible, bound = call.caller.rights.visible_rows(sobject.name, "r") or ("1", ())
        sql = (
            "SELECT d.id, d.at FROM _deletions AS d WHERE d.sobject = ? AND d.at >= ? AND d.at < ? AND NOT EXISTS "
            f'(SELECT 1 FROM "{sobject.table}" AS r WHERE r."Id" = d.id AND NOT ({visible})) '
            "ORDER BY d.at, d.id LIMIT ?"
        )
        rows = self._rows(call, sql, (sobject.name, *span.stamps, *bound))
        body: dict[str, Any] = {
            "deletedRecords": [{"id": record_id, "deletedDate": at} for record_id, at in rows],
            "earliestDateAvailable": stamp_of(_whole_minute(self._clock.now() - window)),
            "latestDateCovered": stamp_of(span.covered),
        }
        return Answer(body=body)

    def _rows(self, call: Call, sql: str, bound: Sequence[object]) -> list[Any]:
        rows = self._reading.connection(call.caller).execute(sql, (*bound, MAX_IDS + 1)).fetchall()
        if len(rows) > MAX_IDS:
            raise OrgError("EXCEEDED_ID_LIMIT", f"more than {MAX_IDS} ids in the given timeframe")
        return rows

    def _replicateable(self, call: Call, operation: str) -> SObject:
        sobject = self._reading.object(call.caller, call.parts[0])
        if not sobject.replicateable:
            text = f"entity type {sobject.name} does not support {operation}"
            raise OrgError("INVALID_TYPE_FOR_OPERATION", text)
        return sobject

    def _span(self, call: Call, window: timedelta) -> Span:
        start, end = (_whole_minute(_given(call, name)) for name in ("start", "end"))
        now = self._clock.now()
        if end - start <= _MINUTE:
            raise _refused("endDate must be more than one minute after startDate")
        if start < _whole_minute(now - window):
            raise _refused(f"startDate cannot be more than {window.days} days ago")
        if start > now:
            raise _refused("startDate cannot be in the future")
        # A record may still be written in the running minute: it is read, but does not count as covered.
        return Span(start, end, min(end, _whole_minute(now)))


def _given(call: Call, name: str) -> datetime:
    # A plus sign that was not encoded reads as a blank, which no date and time has.
    stamp = parse_datetime(call.query.get(name, ""))
    if stamp is None:
        raise _refused(f"{name} is not an ISO 8601 date and time with a zone")
    return moment_of(stamp)


def _refused(message: str) -> OrgError:
    return OrgError("INVALID_REPLICATION_DATE", message)


def _whole_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
