"""Reading everything: bulk extracts of people by day of creation, 31 days a job, two jobs at a time.

Nothing else enumerates people: there is no query without a key, and a list of ids has to come from somewhere. The
vendor's `createdAt` filter is in every subscription. Its days begin at the setting `created_since`; without it, at
the oldest of the people with the lowest ids (ids rise as people are made: deduced), else at the oldest New Lead of
the activity log, which forgets none; an empty instance is one short window.

Source: the vendor's pages "Bulk Extract", "Bulk Lead Extract"; recorded traffic for what its files contain. Not here:
imports (bulk_import.py).
"""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from syncline.connectors.marketo.changes import ChangeReader
from syncline.connectors.marketo.client import Envelope, MarketoApi
from syncline.connectors.marketo.errors import Declined
from syncline.connectors.marketo.manifest import LEAD, ROWS_PER_CALL
from syncline.connectors.marketo.read import LeadReader
from syncline.connectors.marketo.rows import ALWAYS_READ, columns_frame, no_rows
from syncline.errors import NotUnderstood, Unavailable
from syncline.ports import Lane
from syncline.records import CREATED, ID, How, Page, Unreadable
from syncline.values import instant, micros

_JOBS = "/bulk/v1/leads/export"
_WINDOW = timedelta(days=31)
_RUNNING = 2
_POLL_SECONDS = 60.0  # the vendor refreshes a job's status once a minute
_LONGEST_POLLS = 12 * 60
_FILE_LATE_SECONDS = 10.0  # a completed job's file was seen to be missing for a moment
_FILE_TRIES = 6
_ROWS_PER_PAGE = 10_000
_PRODUCT_BEGAN = datetime(2006, 1, 1, tzinfo=UTC)
_PROBES = 10
_BLANK = "null"
_GONE, _INVALID = "404", "1003"
_OVER = frozenset(("Failed", "Canceled", "Cancelled"))


@dataclass(frozen=True)
class _Job:
    export_id: str
    as_of_us: int  # when it was created: what it shows is not older


class Extractor:
    """Reads all people of one connection."""

    def __init__(self, api: MarketoApi, reader: LeadReader, changes: ChangeReader) -> None:
        self._api = api
        self._reader = reader
        self._changes = changes

    async def read(self, fields: Sequence[str], cursor: str, *, lane: Lane) -> AsyncIterator[Page]:
        """All people, each once; the last page carries *cursor*. Raises when a job fails or its file does not fit."""
        await self._reader.describe(lane=lane)
        windows = deque(_windows(await self._begin_at(lane), self._api.clock.now()))
        jobs: deque[_Job] = deque()
        seen: set[str] = set()
        while windows or jobs:
            while windows and len(jobs) < _RUNNING:
                jobs.append(await self._start(fields, *windows.popleft(), lane))
            readable, hidden = await self._reader.split(fields, lane=lane)
            async for rows, strange in self._rows(jobs.popleft(), readable, lane):
                fresh = rows.filter(~pl.col(ID).is_in(seen)).unique(ID, keep="last", maintain_order=True)
                seen.update(fresh[ID].to_list())
                yield _page(fresh, readable, hidden, strange, None)
        readable, hidden = await self._reader.split(fields, lane=lane)
        yield _page(no_rows(readable), readable, hidden, [], cursor)

    async def _begin_at(self, lane: Lane) -> datetime:
        if self._api.options.created_since is not None:
            return self._api.options.created_since
        for probe in range(_PROBES):
            ids = [str(probe * ROWS_PER_CALL + number) for number in range(1, ROWS_PER_CALL + 1)]
            oldest = (await self._reader.by_ids([], ids, lane=lane)).rows[CREATED].min()
            if isinstance(oldest, int):
                return instant(oldest) - _WINDOW  # those made together may be numbered out of order
        oldest_told = await self._changes.first_created(since=_PRODUCT_BEGAN, lane=lane)
        return (oldest_told or self._api.clock.now()) - _WINDOW

    # -- a job ------------------------------------------------------------------------------------------------------

    async def _start(self, fields: Sequence[str], start: datetime, end: datetime, lane: Lane) -> _Job:
        """Create and queue a job. A field the vendor refuses is left out from now on."""
        while True:
            readable, _ = await self._reader.split(fields, lane=lane)
            order = {
                "format": "CSV",
                "fields": list(dict.fromkeys((*ALWAYS_READ, *readable))),
                "filter": {"createdAt": {"startAt": _seconds(start), "endAt": _seconds(end)}},
            }
            as_of_us = micros(self._api.clock.now())
            try:
                # Safe to repeat: a job that is created and never queued costs nothing.
                reply = await self._api.post(f"{_JOBS}/create.json", order, lane=lane, is_safe=True)
            except Declined as declined:
                self._reader.refuse(declined, readable)
                continue
            job = _Job(str(_only(reply)["exportId"]), as_of_us)
            await self._enqueue(job, lane)
            return job

    async def _enqueue(self, job: _Job, lane: Lane) -> None:
        try:
            await self._api.post(f"{_JOBS}/{job.export_id}/enqueue.json", {}, lane=lane, is_safe=True)
        except Declined as declined:
            # The answer to an earlier try was lost: it is queued, running or done. Its status will say.
            if declined.vendor_code not in ("1029", _INVALID):
                raise

    async def _rows(
        self, job: _Job, fields: Sequence[str], lane: Lane
    ) -> AsyncIterator[tuple[pl.DataFrame, list[Unreadable]]]:
        status = await self._await_end(job, lane)
        table = _table(await self._file(job, status, lane), status)
        known = await self._reader.known(lane=lane)
        shown = [name for name in fields if name in table.columns]
        for part in table.iter_slices(_ROWS_PER_PAGE):
            yield columns_frame(_raw(part), shown, known, job.as_of_us)

    async def _await_end(self, job: _Job, lane: Lane) -> Mapping[str, Any]:
        for _ in range(_LONGEST_POLLS):
            status = _only(await self._api.get(f"{_JOBS}/{job.export_id}/status.json", lane=lane))
            if status["status"] == "Completed":
                return status
            if status["status"] in _OVER:
                raise Unavailable(
                    f"Marketo ended the export {job.export_id} as {status['status']}: {status.get('errorMsg', '')}"
                )
            if status["status"] == "Created":
                await self._enqueue(job, lane)
            await self._api.clock.sleep(_POLL_SECONDS)
        raise Unavailable(f"Marketo has not finished the export {job.export_id} within 12 hours.")

    async def _file(self, job: _Job, status: Mapping[str, Any], lane: Lane) -> bytes:
        for _ in range(_FILE_TRIES):
            try:
                content = await self._api.file(f"{_JOBS}/{job.export_id}/file.json", lane=lane)
            except Declined as declined:
                if declined.vendor_code != _GONE:
                    raise
            else:
                told = str(status.get("fileChecksum") or "").removeprefix("sha256:")
                if not told or told == hashlib.sha256(content).hexdigest():
                    return content
            await self._api.clock.sleep(_FILE_LATE_SECONDS)
        raise Unavailable(f"The file of the export {job.export_id} is missing or does not match its checksum.")


def _windows(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches of at most 31 days without overlap: both ends count, times have whole seconds."""
    windows = []
    start = start.replace(microsecond=0)
    while start <= end:
        last = min(start + _WINDOW - timedelta(seconds=1), end)
        windows.append((start, last))
        start = last.replace(microsecond=0) + timedelta(seconds=1)
    return windows


def _seconds(at: datetime) -> str:
    """Without milliseconds, as the filter demands."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _only(reply: Envelope) -> Mapping[str, Any]:
    if len(reply.result) != 1 or "status" not in reply.result[0]:
        raise NotUnderstood(f"Marketo described {len(reply.result)} jobs where one was asked about.")
    job: Mapping[str, Any] = reply.result[0]
    return job


def _table(content: bytes, status: Mapping[str, Any]) -> pl.DataFrame:
    """The file as text columns. NotUnderstood if it has not the records its job counted."""
    table = pl.read_csv(io.BytesIO(content), infer_schema=False)
    told = status.get("numberOfRecords")
    if told is not None and int(told) != table.height:
        raise NotUnderstood(f"An export's file has {table.height} records and its job counted {told}.")
    return table


def _raw(table: pl.DataFrame) -> Mapping[str, Sequence[Any]]:
    """Blank is the bare word null; a text "null" looks the same."""
    return {column.name: [None if cell == _BLANK else cell for cell in column.to_list()] for column in table}


def _page(
    rows: pl.DataFrame,
    fields: Sequence[str],
    hidden: frozenset[str],
    strange: Sequence[Unreadable],
    cursor: str | None,
) -> Page:
    return Page(
        object_type=LEAD,
        rows=rows,
        fields=tuple(name for name in fields if name in rows.columns),
        how=How.BACKFILL,
        next_cursor=cursor,
        has_more=cursor is None,
        hidden=hidden,
        unreadable=tuple(strange),
    )
