"""Bulk API 2.0: extracts by query jobs, and ingest jobs with their three result files.

Facts: Salesforce, Bulk API 2.0 Developer Guide ("How Requests Are Processed", "Query", "Ingest"). What rows mean is
`read`'s and `write`'s business.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from syncline.connectors.salesforce.client import SalesforceClient
from syncline.errors import Later, NotUnderstood, OutcomeUnknown, SynclineError, Unavailable
from syncline.ports import Clock, Lane
from syncline.values import micros, parse_instant

PAGE_ROWS = 50_000

# "send ≤ 100 MB raw": the server's limit of 150 MB counts base64 ("Prepare CSV Files").
JOB_BYTES = 95_000_000
JOB_ROWS = 50_000

_FIRST_POLL_SECONDS = 1.0
_LONGEST_POLL_SECONDS = 20.0
# A batch gets 5 minutes and up to 20 tries; a job that shows no end after this is given up, its outcome unknown.
_LONGEST_JOB_SECONDS = 4 * 3600.0
_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as the vendor last described it. `sent_us` (our clock) and `created_us` (the server's) say since when."""

    id: str
    state: str
    sent_us: int
    created_us: int
    rows: int = 0
    message: str = ""


class _Jobs:
    """What query and ingest jobs have in common: creation, and waiting for the end."""

    kind: str

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def _create(self, spec: dict[str, Any], lane: Lane, *, is_safe: bool) -> Job:
        answer = await self._client.call("POST", f"/jobs/{self.kind}", lane, body=spec, is_safe=is_safe)
        return _job(answer.body, sent_us=answer.sent_us)

    async def _ended(self, job: Job, lane: Lane) -> Job:
        """The job once it has ended, whichever way. Unavailable if it does not end in hours."""
        pause, waited = _FIRST_POLL_SECONDS, 0.0
        while True:
            answer = await self._client.get(f"/jobs/{self.kind}/{job.id}", lane)
            now = _job(answer.body, sent_us=job.sent_us)
            if now.state in _ENDED:
                return now
            if waited >= _LONGEST_JOB_SECONDS:
                raise Unavailable(f"Bulk job {job.id} has not ended after {waited / 3600:.0f} hours: {now.state}.")
            await self._clock.sleep(pause)
            waited += pause
            pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)


class BulkQuery(_Jobs):
    """Extracts. Rows come in no order, so an extract is complete or it is nothing."""

    kind = "query"

    async def start(self, query: str, lane: Lane, *, with_deleted: bool = False) -> Job:
        """Create the job. Creating one too many is harmless, so the call is repeated when its answer is lost."""
        spec = {"operation": "queryAll" if with_deleted else "query", "query": query}
        return await self._create(spec, lane, is_safe=True)

    async def results(self, job: Job, lane: Lane) -> AsyncIterator[tuple[pl.DataFrame, bool]]:
        """Yield (table of texts, is there more) until every row the job counted has come.

        Raises:
            Unavailable: the job failed or was aborted.
            NotUnderstood: fewer or more rows came than the job counted.
        """
        ended = await self._ended(job, lane)
        if ended.state != "JobComplete":
            raise Unavailable(f"Bulk query {job.id} ended as {ended.state}. {ended.message}")
        locator, received = "", 0
        while True:
            path = f"/jobs/{self.kind}/{job.id}/results?maxRecords={PAGE_ROWS}"
            answer = await self._client.get(path + (f"&locator={locator}" if locator else ""), lane)
            table = read_table(answer.body)
            received += table.height
            # "the last page's Sforce-Locator is the text null"
            locator = answer.headers.get("sforce-locator", "null")
            has_more = locator not in ("", "null")
            if not has_more and received != ended.rows:
                raise NotUnderstood(f"Bulk query {job.id} counted {ended.rows} rows and gave {received}.")
            yield table, has_more
            if not has_more:
                return


@dataclass(frozen=True, kw_only=True)
class IngestResult:
    """The result files of an ingest job, each with the columns that were sent and the vendor's own."""

    job: Job
    succeeded: pl.DataFrame
    failed: pl.DataFrame
    unprocessed: pl.DataFrame


class NotUploaded(Exception):
    """The job was never closed, so no row of it was applied; `cause` is the error that stopped it."""

    def __init__(self, cause: SynclineError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class BulkIngest(_Jobs):
    """Ingest jobs. Nothing is applied before a job is closed (UploadComplete); afterwards the job knows the outcome."""

    kind = "ingest"

    async def run(self, spec: dict[str, Any], table: bytes, lane: Lane) -> IngestResult:
        """Upload *table* (CSV), wait for the end and fetch all three results.

        Raises:
            NotUploaded: no row was applied.
            SynclineError: the job was closed and its results could not be had: rows may have been applied.
        """
        job = await self._uploaded(spec, table, lane)
        # Setting a state twice changes nothing, so a lost answer to it is asked again.
        await self._closed(job, lane)
        ended = await self._ended(job, lane)
        succeeded, failed, unprocessed = [
            await self._result(job, name, lane) for name in ("successfulResults", "failedResults", "unprocessedrecords")
        ]
        return IngestResult(job=ended, succeeded=succeeded, failed=failed, unprocessed=unprocessed)

    async def _uploaded(self, spec: dict[str, Any], table: bytes, lane: Lane) -> Job:
        try:
            job = await self._create({"contentType": "CSV", "lineEnding": "LF", **spec}, lane, is_safe=False)
        except SynclineError as failed:
            raise NotUploaded(failed) from failed
        try:
            await self._client.call("PUT", f"/jobs/ingest/{job.id}/batches", lane, body=table, timeout_seconds=600.0)
        except SynclineError as failed:
            await self._abort(job, lane)
            raise NotUploaded(failed) from failed
        return job

    async def _closed(self, job: Job, lane: Lane) -> None:
        try:
            await self._set_state(job, "UploadComplete", lane)
        except NotUnderstood:
            # Repeated after a lost answer, it may be refused because it had been done: the job itself tells.
            if (await self._look(job, lane)).state == "Open":
                raise

    async def _abort(self, job: Job, lane: Lane) -> None:
        """Leave no open job behind. An open job applies nothing, so failing to abort it harms nobody."""
        try:
            await self._set_state(job, "Aborted", lane)
        except (Later, OutcomeUnknown, NotUnderstood):
            return

    async def _set_state(self, job: Job, state: str, lane: Lane) -> None:
        await self._client.call("PATCH", f"/jobs/ingest/{job.id}", lane, body={"state": state}, is_safe=True)

    async def _look(self, job: Job, lane: Lane) -> Job:
        answer = await self._client.get(f"/jobs/ingest/{job.id}", lane)
        return _job(answer.body, sent_us=job.sent_us)

    async def _result(self, job: Job, name: str, lane: Lane) -> pl.DataFrame:
        return read_table((await self._client.get(f"/jobs/ingest/{job.id}/{name}", lane)).body)


def read_table(body: Any) -> pl.DataFrame:
    """A CSV result as columns of text, NUL bytes dropped (they occur in results); no body is no rows."""
    if not body:
        return pl.DataFrame()
    if not isinstance(body, bytes):
        raise NotUnderstood("Salesforce answered a Bulk result that is not CSV.", evidence=repr(body)[:500])
    return pl.read_csv(body.replace(b"\x00", b""), infer_schema=False)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """CSV as Bulk wants it: RFC 4180, line feed, UTF-8 ("Prepare CSV Files")."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


def _job(body: Any, *, sent_us: int) -> Job:
    if not isinstance(body, dict) or "id" not in body or "state" not in body:
        raise NotUnderstood("Salesforce described a Bulk job without id or state.", evidence=repr(body)[:500])
    return Job(
        id=body["id"],
        state=body["state"],
        sent_us=sent_us,
        created_us=micros(parse_instant(body["createdDate"])),
        rows=int(float(body.get("numberRecordsProcessed") or 0)),
        message=body.get("errorMessage") or "",
    )
