"""Bulk API 2.0 query jobs: create, info, list, results by page, abort, delete.

Bulk API 2.0 Developer Guide, "Query Jobs", "Get Parallel Results for a Query Job". The rows are read once, when the
platform gets to the job, so pages can be read again while records change. `Sforce-Locator` is the word `null` on the
last page; every page has the header row.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from syncline_sandbox.salesforce.bulk.csv_form import CONTENT_TYPE, CsvSpool
from syncline_sandbox.salesforce.bulk.platform import Platform
from syncline_sandbox.salesforce.bulk.row_faults import Death
from syncline_sandbox.salesforce.bulk.target import JobRefused, object_of
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError, not_found
from syncline_sandbox.salesforce.query_runs import not_too_complicated
from syncline_sandbox.salesforce.soql import CompiledQuery
from syncline_sandbox.salesforce.web import Answer, Call, Route

from .jobs import (
    ABORTED,
    COMPLETE,
    FAILED,
    TERMINAL,
    Job,
    JobShelf,
    form_of,
    invalid_job,
    wanted_state,
    wrong_state,
)
from .lists import job_list

DEFAULT_PAGE_ROWS = 50_000
PAGES_AT_ONCE = 5
_PAGES_SINCE = 58.0
_OPERATIONS = ("query", "queryAll")


@dataclass(kw_only=True)
class QueryJob(Job):
    """A query job; `rows` exist once it is complete."""

    query: str
    rows: CsvSpool | None = None

    def list_info(self) -> dict[str, Any]:
        return {**self.info(), "jobType": "V2Query"}

    def full_info(self) -> dict[str, Any]:
        info = self.list_info()
        info |= {
            "numberRecordsProcessed": self.processed,
            "retries": 0,
            "totalProcessingTime": self.processing_milliseconds,
            "isPkChunkingSupported": True,
        }
        return info if self.error_message is None else {**info, "errorMessage": self.error_message}

    def discard(self) -> None:
        if self.rows is not None:
            self.rows.close()


class BulkQuery:
    """The query jobs of one org. `shelf` holds them and lets the platform work; *classic* tells of Bulk API 1.0."""

    def __init__(self, platform: Platform, classic: Callable[[], Iterable[dict[str, Any]]]) -> None:
        self._platform = platform
        self._classic = classic
        self.shelf: JobShelf[QueryJob] = JobShelf(platform.clock, platform.ids, self._run)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "jobs/query", self._create),
            Route("GET", "jobs/query", self._list),
            Route("GET", "jobs/query/{}", self._info),
            Route("PATCH", "jobs/query/{}", self._abort),
            Route("DELETE", "jobs/query/{}", self._delete),
            Route("GET", "jobs/query/{}/results", self._results),
            Route("GET", "jobs/query/{}/resultPages", self._result_pages),
        ]

    def _create(self, call: Call) -> Answer:
        spec = call.json_object()
        operation, query = spec.get("operation"), spec.get("query")
        if operation not in _OPERATIONS or not isinstance(query, str):
            raise OrgError("INVALIDJOB", "A query job needs an operation, query or queryAll, and a query")
        form = form_of(spec)
        compiled = self._compile(query, call.caller, include_deleted=operation == "queryAll")
        if not self._platform.allowances.query_jobs.spend():
            raise OrgError("LIMIT_EXCEEDED", "Max number of query jobs in 24 hours exceeded")
        job = QueryJob(
            id=self.shelf.new_id(),
            operation=operation,
            sobject=compiled.sobject,
            caller=call.caller,
            created_at=self._platform.clock.now(),
            form=form,
            state="Open",
            query=query,
        )
        self.shelf.put(job)
        self.shelf.close(job)
        return Answer(body=job.info())

    def _list(self, call: Call) -> Answer:
        return job_list(call, [*(job.list_info() for job in self.shelf.jobs.values()), *self._classic()])

    def _info(self, call: Call) -> Answer:
        return Answer(body=self.shelf.find(call.parts[0]).full_info())

    def _abort(self, call: Call) -> Answer:
        if wanted_state(call) != ABORTED:
            raise wrong_state("A query job can only be set to Aborted")
        job = self.shelf.find(call.parts[0])
        self.shelf.abort(job)
        return Answer(body=job.full_info())

    def _delete(self, call: Call) -> Answer:
        self.shelf.delete(self.shelf.find(call.parts[0]), TERMINAL)
        return Answer(status=204)

    def _results(self, call: Call) -> Answer:
        rows = self._rows(call)
        first = _row_of(call.query.get("locator"), len(rows))
        body, count = rows.page(first, _page_rows(call.query.get("maxRecords")))
        after = first + count
        locator = _locator(after) if after < len(rows) else "null"
        headers = (("Sforce-Locator", locator), ("Sforce-NumberOfRecords", str(count)))
        return Answer(raw=body, content_type=CONTENT_TYPE, headers=headers)

    def _result_pages(self, call: Call) -> Answer:
        if float(call.caller.version) < _PAGES_SINCE:
            raise not_found()
        rows = self._rows(call)
        size = _page_rows(call.query.get("maxRecords"))
        more = f"&maxRecords={size}" if "maxRecords" in call.query else ""
        starts = range(_row_of(call.query.get("locator"), len(rows)), max(len(rows), 1), size)
        results = f"{call.data_url}/jobs/query/{call.parts[0]}/results?locator="
        body: dict[str, Any] = {
            "resultPages": [{"resultUrl": f"{results}{_locator(row)}{more}"} for row in starts[:PAGES_AT_ONCE]]
        }
        if starts[PAGES_AT_ONCE:]:
            following = _locator(starts[PAGES_AT_ONCE])
            body["nextRecordsUrl"] = f"{call.data_url}/{call.path}?locator={following}{more}"
        return Answer(body={**body, "done": not starts[PAGES_AT_ONCE:]})

    def _rows(self, call: Call) -> CsvSpool:
        """The rows of a complete job, asked for by the version it was created with."""
        job = self.shelf.find(call.parts[0])
        if job.caller.version != call.caller.version:
            text = f"The job was created with API version {job.caller.version}, not {call.caller.version}"
            raise OrgError("API_ERROR", text, status=409)
        if job.rows is None:
            raise wrong_state(f"Results of a job in state {job.state} are not available")
        return job.rows

    def _run(self, job: QueryJob) -> None:
        began = perf_counter()
        death = Death(self._platform.faults, job.caller.request_line, 0)
        try:
            if death.rows is not None:
                raise OrgError("API_ERROR", death.message)
            self._read(job)
        except OrgError as refused:  # a fault, or a field that is gone since the job was made
            job.error_message = refused.message
            job.move(FAILED, self._platform.clock.now())
        job.processing_milliseconds = round((perf_counter() - began) * 1000)

    def _read(self, job: QueryJob) -> None:
        compiled = self._compile(job.query, job.caller, include_deleted=job.operation == "queryAll")
        rows = CsvSpool(job.form, compiled.column_names)
        with not_too_complicated():
            rows.append_all(self._platform.reading.connection(job.caller).execute(compiled.sql, compiled.parameters))
        if not self._platform.allowances.query_bytes.spend(rows.size):
            raise OrgError("LIMIT_EXCEEDED", "Max size of query results in 24 hours exceeded")
        job.rows, job.processed = rows, len(rows)
        job.move(COMPLETE, self._platform.clock.now())

    def _compile(self, query: str, caller: Caller, *, include_deleted: bool) -> CompiledQuery:
        compiled = self._platform.queries.compile(caller, query, include_deleted=include_deleted, style="csv")
        try:
            object_of(compiled.sobject, self._platform.schema, caller)
        except JobRefused as refused:
            raise invalid_job(refused) from refused
        return compiled


def _locator(row: int) -> str:
    return base64.urlsafe_b64encode(str(row).encode()).decode().rstrip("=")


def _row_of(locator: str | None, rows: int) -> int:
    if not locator:
        return 0
    try:
        row = int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except (binascii.Error, ValueError):
        row = -1
    if not 0 <= row < max(rows, 1):
        raise OrgError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return row


def _page_rows(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE_ROWS
    if not text.isdigit() or int(text) < 1:
        raise OrgError("INVALID_PARAMETER", f"maxRecords must be a positive number: {text}"[:200])
    return int(text)
