"""Bulk API 2.0 ingest jobs: create, upload, close, info, list, the three result files, abort, delete.

Bulk API 2.0 Developer Guide, "Bulk API 2.0 Ingest", "How Requests Are Processed": one upload a job, nothing happens
before UploadComplete, an assignment rule runs only if the job names one. How a job is worked off is in `load.py`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from syncline_sandbox.salesforce.bulk.csv_form import CONTENT_TYPE, CsvSpool
from syncline_sandbox.salesforce.bulk.platform import Platform
from syncline_sandbox.salesforce.bulk.target import JobRefused, target_of
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.web import Answer, Call, Route

from .jobs import ABORTED, OPEN, TERMINAL, UPLOADED, JobShelf, form_of, invalid_job, wanted_state, wrong_state
from .lists import job_list
from .load import IngestJob, IngestRun
from .multipart import is_multipart, job_and_content

MAX_UPLOAD_BYTES = 150_000_000 // 4 * 3
"""150 MB after the base64 the platform keeps uploads in."""
_DELETABLE = TERMINAL | {UPLOADED}


class BulkIngest:
    """The ingest jobs of one org. `routes` are for the org's router; *classic* tells of the jobs of Bulk API 1.0."""

    def __init__(self, platform: Platform, classic: Callable[[], Iterable[dict[str, Any]]]) -> None:
        self._platform = platform
        self._classic = classic
        self.shelf: JobShelf[IngestJob] = JobShelf(platform.clock, platform.ids, IngestRun(platform).run)
        self.max_upload_bytes = MAX_UPLOAD_BYTES

    def routes(self) -> list[Route]:
        return [
            Route("POST", "jobs/ingest", self._create),
            Route("GET", "jobs/ingest", self._list),
            Route("PUT", "jobs/ingest/{}/batches", self._upload),
            Route("GET", "jobs/ingest/{}", self._info),
            Route("PATCH", "jobs/ingest/{}", self._set_state),
            Route("DELETE", "jobs/ingest/{}", self._delete),
            Route("GET", "jobs/ingest/{}/successfulResults", self._successful),
            Route("GET", "jobs/ingest/{}/failedResults", self._failed),
            Route("GET", "jobs/ingest/{}/unprocessedRecords", self._unprocessed),
        ]

    def _create(self, call: Call) -> Answer:
        content_type = call.caller.headers.get("content-type", "")
        if not is_multipart(content_type) or not isinstance(call.body, bytes):
            job = self._job(call, call.json_object())
            self.shelf.put(job)
            return Answer(body=job.spec_info())
        spec, content = job_and_content(content_type, call.body)
        job = self._job(call, spec)
        job.content = content
        self.shelf.put(job)
        self.shelf.close(job)
        return Answer(body=job.spec_info())

    def _job(self, call: Call, spec: dict[str, Any]) -> IngestJob:
        try:
            target = target_of(spec, self._platform.schema, call.caller)
        except JobRefused as refused:
            raise invalid_job(refused) from refused
        return IngestJob(
            id=self.shelf.new_id(),
            operation=target.operation,
            sobject=target.sobject.name,
            caller=target.caller,
            form=form_of(spec),
            created_at=self._platform.clock.now(),
            state=OPEN,
            target=target,
        )

    def _upload(self, call: Call) -> Answer:
        job = self.shelf.find(call.parts[0])
        if job.state != OPEN or job.content is not None:
            raise wrong_state(f"Data was uploaded already, or the job is not open: {job.state}")
        if len(call.body) > self.max_upload_bytes:
            raise OrgError("LIMIT_EXCEEDED", f"The upload is larger than {self.max_upload_bytes} bytes", status=413)
        job.content = call.body
        return Answer(status=201)

    def _set_state(self, call: Call) -> Answer:
        job, wanted = self.shelf.find(call.parts[0]), wanted_state(call)
        if wanted == ABORTED:
            self.shelf.abort(job)
        elif wanted != UPLOADED or job.state != OPEN:
            raise wrong_state(f"A job in state {job.state} cannot be set to {wanted}")
        else:
            self.shelf.close(job)
        return Answer(body=job.spec_info())

    def _list(self, call: Call) -> Answer:
        return job_list(call, [*(job.list_info() for job in self.shelf.jobs.values()), *self._classic()])

    def _info(self, call: Call) -> Answer:
        return Answer(body=self.shelf.find(call.parts[0]).full_info())

    def _delete(self, call: Call) -> Answer:
        self.shelf.delete(self.shelf.find(call.parts[0]), _DELETABLE)
        return Answer(status=204)

    def _successful(self, call: Call) -> Answer:
        job = self._finished(call)
        return _csv(self._spool(job, job.successful, "sf__Created").whole())

    def _failed(self, call: Call) -> Answer:
        job = self._finished(call)
        return _csv(self._spool(job, job.failed, "sf__Error").whole())

    def _unprocessed(self, call: Call) -> Answer:
        job = self._finished(call)
        try:
            spool = CsvSpool(job.form, self._header(job))
            spool.append(list(islice(job.rows(), 1 + job.processed, None)))
        except (csv.Error, UnicodeDecodeError):
            return _csv(job.content or b"")  # what cannot be read as rows goes back as it came
        return _csv(spool.whole())

    def _finished(self, call: Call) -> IngestJob:
        job = self.shelf.find(call.parts[0])
        if job.state not in TERMINAL:
            raise wrong_state(f"Results of a job in state {job.state} are not available")
        return job

    def _spool(self, job: IngestJob, spool: CsvSpool | None, second_column: str) -> CsvSpool:
        """The spool, or an empty one with the same header for a job that never came to write rows."""
        return spool if spool is not None else CsvSpool(job.form, ["sf__Id", second_column, *self._known_header(job)])

    def _known_header(self, job: IngestJob) -> list[str]:
        try:
            return self._header(job)
        except (csv.Error, UnicodeDecodeError):
            return []

    def _header(self, job: IngestJob) -> list[str]:
        return next(job.rows(), []) if job.header is None else job.header


def _csv(body: bytes) -> Answer:
    return Answer(raw=body, content_type=CONTENT_TYPE)
