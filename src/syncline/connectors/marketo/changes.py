"""What changed since a cursor: activities name the people, reads by id bring them, a second feed tells of deletions.

One *pass* reads the activities from 300 seconds before the cursor's time to now, and after that the deletions of the
same stretch. Activities become readable after the time they carry, so the vendor's own paging token would step over
late ones: every pass begins at a date. `marketoGUID` removes what the overlap brings again. Within a pass the token
is kept, so that an interrupted pass goes on where its last page ended.

A person that is not found, or of whom a deletion is told, is a *doubt*, decided once merge activities have been read
300 seconds past its time: found, it lives; told and not merged away, it is deleted; else nobody knows, and the id is
reported missing. Until then it is read again in every pass, and missing. A loser of a merge needs no wait: the merge is
told by the winner's activity, and once the loser is not found it is a deleted row with its heir.

Source: the vendor's pages "Activities", "Paging Tokens". Not here: what one activity says (moments.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from syncline.connectors.marketo.client import Envelope, MarketoApi, documented
from syncline.connectors.marketo.cursor import Doubt, Merge, Position, decode, encode
from syncline.connectors.marketo.describe import LeadFields
from syncline.connectors.marketo.errors import Declined
from syncline.connectors.marketo.fates import fates_frame
from syncline.connectors.marketo.manifest import (
    DELETIONS_KEPT_DAYS,
    LATE_COMMIT_SECONDS,
    LEAD,
    ROWS_PER_CALL,
    TYPES_PER_CALL,
    VISIBILITY_LAG_SECONDS,
)
from syncline.connectors.marketo.moments import Moment, OwnTraces, happened_at, lead_of, merged_ids, moment_of
from syncline.connectors.marketo.read import Found, LeadReader
from syncline.connectors.marketo.rows import RAW_CHARACTERS, deleted_frame, no_rows
from syncline.errors import NotUnderstood, PositionLost
from syncline.ports import Lane
from syncline.records import MOMENT_SCHEMA, How, Page, Unreadable
from syncline.values import instant, micros

_CHANGE, _MERGE = "Change Data Value", "Merge Leads"
_NEEDED = ("New Lead", _CHANGE, _MERGE)
# Others that move fields of a person. Ids and presence differ by subscription, so they are found by name.
_WELCOME = (
    "Change Score",
    "Change Owner",
    "Change Lead Partition",
    "Convert Lead",
    "Change Revenue Stage",
    "Change Revenue Stage Manually",
    "Change Segment",
)
_ACTIVITIES_PER_PAGE = 6_000  # of few people who change all the time
_PAGING_TOKEN_TIMEOUT_SECONDS = 310.0  # the server's own limit is 300
_BAD_TOKEN = "1003"


@dataclass
class _Batch:
    """Activities read and not yet handed over."""

    people: dict[str, int] = field(default_factory=dict)  # id -> time of its newest activity
    moments: list[Moment] = field(default_factory=list)
    done: list[tuple[str, int, str]] = field(default_factory=list)  # guid, time, person
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass
class _Ended:
    """What became of people who cannot be read: proven deleted, merged away, or nobody knows (yet)."""

    deleted: list[str] = field(default_factory=list)
    merged: dict[str, Merge] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class ChangeReader:
    """Reads changes through one connection."""

    def __init__(self, api: MarketoApi, reader: LeadReader, traces: OwnTraces) -> None:
        self._api = api
        self._reader = reader
        self._traces = traces
        self._types: dict[int, str] | None = None

    async def position_now(self, *, lane: Lane) -> str:
        """The cursor of this moment. Fails if activities may not be read, before anything long begins."""
        await self._kinds(lane)
        reply = await self._date_token(micros(self._api.clock.now()) // 1_000_000, lane)
        return encode(Position(since=self._seconds(reply)))

    async def read(self, fields: Sequence[str], cursor: str, *, lane: Lane) -> AsyncIterator[Page]:
        """As `ports.Connector.read_changes`."""
        position = decode(cursor)
        self._traces.aliases.update(position.names)
        self._refuse_stale(position)
        kinds = await self._kinds(lane)
        if not position.started:
            await self._begin(position, lane)
        more = True
        while more:
            batch = _Batch()
            while more and len(batch.people) < ROWS_PER_CALL and len(batch.done) < _ACTIVITIES_PER_PAGE:
                reply = await self._activities(position, kinds, lane)
                self._collect(reply, position, kinds, batch, fields, await self._reader.known(lane=lane))
                more, position.token = reply.moreResult, reply.nextPageToken or position.token
            if batch.people or batch.unreadable:
                yield await self._page(batch, position, fields, lane)
        async for page in self._end(position, fields, lane):
            yield page

    async def first_created(self, *, since: datetime, lane: Lane) -> datetime | None:
        """When the oldest person the log tells of was created, not before *since*; None if there never was one.

        Source: the vendor's page "Activities": New Lead rows are kept without limit.
        """
        kinds = {number: name for number, name in (await self._kinds(lane)).items() if name == "New Lead"}
        position = Position(since=int(since.timestamp()) + LATE_COMMIT_SECONDS)
        await self._begin(position, lane)
        while True:
            reply = await self._activities(position, kinds, lane)
            if reply.result:
                return instant(min(happened_at(row) for row in reply.result) * 1_000_000)
            if not reply.moreResult or reply.nextPageToken == position.token:
                return None
            position.token = reply.nextPageToken or ""

    # -- a pass -----------------------------------------------------------------------------------------------------

    def _refuse_stale(self, position: Position) -> None:
        age = self._api.clock.now() - instant(position.since * 1_000_000)
        if age > timedelta(days=DELETIONS_KEPT_DAYS):
            raise PositionLost(
                f"The last read is {age.days} days old and Marketo tells deletions for 14: everything is read again."
            )

    async def _begin(self, position: Position, lane: Lane) -> None:
        reply = await self._date_token(position.since - LATE_COMMIT_SECONDS, lane)
        position.started = max(position.since, self._seconds(reply))
        position.first = position.token = reply.nextPageToken or ""

    async def _date_token(self, since: int, lane: Lane) -> Envelope:
        at = instant(since * 1_000_000).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = "/rest/v1/activities/pagingtoken.json"
        return await self._api.get(
            path, {"sinceDatetime": at}, lane=lane, timeout_seconds=_PAGING_TOKEN_TIMEOUT_SECONDS
        )

    def _seconds(self, reply: Envelope) -> int:
        return micros(self._api.vendor_now(reply)) // 1_000_000

    async def _kinds(self, lane: Lane) -> dict[int, str]:
        """The activity types we follow, by id. NotUnderstood if one we cannot do without does not exist."""
        if self._types is None:
            reply = await self._api.get("/rest/v1/activities/types.json", lane=lane)
            with documented("activity types"):
                ids = {item["name"]: int(item["id"]) for item in reply.result}
            if lacking := [name for name in _NEEDED if name not in ids]:
                raise NotUnderstood(f"This Marketo subscription has no activity type {', '.join(lacking)}.")
            wanted = [name for name in (*_NEEDED, *_WELCOME) if name in ids][:TYPES_PER_CALL]
            self._types = {ids[name]: name for name in wanted}
        return self._types

    async def _activities(self, position: Position, kinds: Mapping[int, str], lane: Lane) -> Envelope:
        """The next page; a token the vendor no longer takes is made anew from the date, once."""
        query: dict[str, str | int] = {"activityTypeIds": ",".join(map(str, kinds)), "batchSize": ROWS_PER_CALL}
        path = "/rest/v1/activities.json"
        try:
            return await self._api.get(path, query | {"nextPageToken": position.token}, lane=lane)
        except Declined as declined:
            if declined.vendor_code != _BAD_TOKEN:
                raise
            reply = await self._date_token(position.since - LATE_COMMIT_SECONDS, lane)
            position.first = position.token = reply.nextPageToken or ""
            return await self._api.get(path, query | {"nextPageToken": position.token}, lane=lane)

    def _collect(
        self,
        reply: Envelope,
        position: Position,
        kinds: Mapping[int, str],
        batch: _Batch,
        fields: Sequence[str],
        known: LeadFields,
    ) -> None:
        wanted = frozenset(fields)
        for activity in reply.result:
            try:
                guid, person, at = str(activity["marketoGUID"]), lead_of(activity), happened_at(activity)
                if guid in position.seen:
                    continue
                kind = kinds.get(activity["activityTypeId"])
                moment = moment_of(activity, wanted, known, self._traces) if kind == _CHANGE else None
                losers = merged_ids(activity) if kind == _MERGE else []
            except (KeyError, TypeError, ValueError) as strange:
                batch.unreadable.append(_unreadable(activity, strange))
                continue
            batch.people[person] = max(at, batch.people.get(person, at))
            batch.done.append((guid, at, person))
            if moment is not None:
                batch.moments.append(moment)
            _note_merge(position, losers, Merge(at, person))

    # -- handing over -----------------------------------------------------------------------------------------------

    async def _page(self, batch: _Batch, position: Position, fields: Sequence[str], lane: Lane) -> Page:
        read_at = micros(self._api.clock.now()) // 1_000_000
        found = await self._reader.by_ids(fields, list(batch.people), lane=lane)
        for person in found.missing:
            position.doubts.setdefault(person, Doubt(batch.people[person]))
        self._mark_seen(batch, position, read_at)
        moments = pl.DataFrame(batch.moments, schema=MOMENT_SCHEMA, orient="row") if batch.moments else None
        return self._made(found, position, has_more=True, moments=moments, strange=batch.unreadable)

    def _mark_seen(self, batch: _Batch, position: Position, read_at: int) -> None:
        """Done with, unless so young that the read beside it may have shown the state before."""
        started = position.started or 0
        for guid, at, person in batch.done:
            is_settled = at + VISIBILITY_LAG_SECONDS <= read_at or person in position.doubts
            if is_settled and at >= started - LATE_COMMIT_SECONDS:
                position.seen[guid] = at

    async def _end(self, position: Position, fields: Sequence[str], lane: Lane) -> AsyncIterator[Page]:
        """Deletions, doubts, and the cursor of the next pass."""
        position.names = sorted(self._traces.aliases)
        undecided = encode(position)  # what the next page does not say yet has to be heard and decided again
        await self._hear_deletions(position, lane)
        found, ended = await self._settle_doubts(position, fields, lane)
        if ended.missing:
            # A read by id that found nothing: of those it is said, and nothing else.
            lost = Found(found.fields, no_rows(found.fields), found.hidden, missing=tuple(ended.missing))
            yield replace(self._made(lost, position, has_more=True, how=How.READ_BACK), next_cursor=undecided)
        as_of_us = micros(self._api.clock.now())
        gone = deleted_frame([*ended.deleted, *ended.merged], found.fields, as_of_us)
        found.rows = pl.concat([found.rows, gone])
        position.end_pass()
        yield replace(self._made(found, position, has_more=False), fates=fates_frame(ended.merged))

    async def _hear_deletions(self, position: Position, lane: Lane) -> None:
        token, more = position.first, True
        while more:
            query: dict[str, str | int] = {"nextPageToken": token, "batchSize": ROWS_PER_CALL}
            reply = await self._api.get("/rest/v1/activities/deletedleads.json", query, lane=lane)
            with documented("deleted leads"):
                for notice in reply.result:
                    guid, at = str(notice["marketoGUID"]), happened_at(notice)
                    if guid not in position.seen:
                        position.doubts[lead_of(notice)] = Doubt(at, is_told=True)
                        position.seen[guid] = at
            more, token = reply.moreResult, reply.nextPageToken or token

    async def _settle_doubts(self, position: Position, fields: Sequence[str], lane: Lane) -> tuple[Found, _Ended]:
        """What was found of the doubtful and the merged, and what became of those who were not."""
        losers = [person for person, merge in position.merged.items() if not merge.is_told]
        asked = list(dict.fromkeys([*position.doubts, *losers]))
        if not asked:
            readable, hidden = await self._reader.split(fields, lane=lane)
            return Found(readable, no_rows(readable), hidden), _Ended()
        found = await self._reader.by_ids(fields, asked, lane=lane)
        absent = set(found.missing)
        ended = _Ended()
        for person in asked:
            if person in absent and person in position.merged:
                ended.merged[person] = position.merged[person]
                position.merged[person].is_told = True
                position.doubts.pop(person, None)
            elif person in position.doubts:
                _judge(person, position, ended, is_absent=person in absent)
            elif position.merged[person].at + LATE_COMMIT_SECONDS <= (position.started or 0):
                position.merged[person].is_told = True  # long after the merge it can be read: it lives
        return found, ended

    def _made(
        self,
        found: Found,
        position: Position,
        *,
        has_more: bool,
        how: How = How.POLL,
        moments: pl.DataFrame | None = None,
        strange: Sequence[Unreadable] = (),
    ) -> Page:
        return Page(
            object_type=LEAD,
            rows=found.rows,
            fields=found.fields,
            how=how,
            next_cursor=encode(position),
            has_more=has_more,
            hidden=found.hidden,
            moments=moments,
            missing=found.missing if how is How.READ_BACK else (),
            unreadable=(*found.unreadable, *strange),
        )


def _note_merge(position: Position, losers: Sequence[str], merge: Merge) -> None:
    """Losers of a merge; one that is met again in the overlap stays as it was decided."""
    for loser in losers:
        known = position.merged.get(loser)
        is_known = known is not None and (known.at, known.heir) == (merge.at, merge.heir)
        if loser != merge.heir and not is_known:
            position.merged[loser] = Merge(merge.at, merge.heir)


def _judge(person: str, position: Position, ended: _Ended, *, is_absent: bool) -> None:
    """Decide on one who is doubted and was not merged away, as far as it can be decided yet."""
    doubt = position.doubts[person]
    is_due = doubt.since + LATE_COMMIT_SECONDS <= (position.started or 0)
    if is_absent:
        (ended.deleted if is_due and doubt.is_told else ended.missing).append(person)
    if is_due:
        del position.doubts[person]


def _unreadable(activity: Any, strange: Exception) -> Unreadable:
    raw = msgspec.json.encode(activity).decode()[:RAW_CHARACTERS]
    person = activity.get("leadId") if isinstance(activity, dict) else None
    return Unreadable(str(person) if person is not None else None, f"activity: {strange!r}", raw)
