"""Bulk API 2.0 ingest jobs: create, upload, close, info, list, the three result files, abort, delete.

Bulk API 2.0 Developer Guide, "Bulk API 2.0 Ingest", "How Requests Are Processed": one upload a job, nothing happens
before UploadComplete, an assignment rule runs only if the job names one. How a job is worked off is in `load.py`.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import islice

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.bulk.csv_form import CONTENT_TYPE, CsvSpool
from syncline_sandbox.salesforce.bulk.rows import OPERATIONS
from syncline_sandbox.salesforce.bulk2.jobs import (
    ABORTED,
    OPEN,
    TERMINAL,
    UPLOADED,
    JobShelf,
    form_of,
    listing,
    wanted_state,
    wrong_state,
)
from syncline_sandbox.salesforce.bulk2.load import IngestJob, IngestRun, target_object
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.ids import IdSource
from syncline_sandbox.salesforce.schema import Field, Schema, SObject
from syncline_sandbox.salesforce.web import Answer, Call, Route

MAX_UPLOAD_BYTES = 150_000_000
_DELETABLE = TERMINAL | {UPLOADED}


class BulkIngest:
    """The ingest jobs of one org. `routes` are for the org's router, `run` does the work."""

    def __init__(self, schema: Schema, clock: SandboxClock, ids: IdSource, run: IngestRun) -> None:
        self._schema = schema
        self._clock = clock
        self.run = run
        self.shelf: JobShelf[IngestJob] = JobShelf(clock, ids, run.run)

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

    def consumed(self) -> dict[str, int]:
        """What `/limits` subtracts, by limit name."""
        return {"DailyBulkApiBatches": self.run.daily_batches.used(self._clock.now())}

    def _create(self, call: Call) -> Answer:
        spec = call.json_object()
        operation = spec.get("operation")
        if operation not in OPERATIONS:
            raise OrgError("INVALIDJOB", f"Unknown operation: {operation}")
        if operation == "hardDelete" and "BulkApiHardDelete" not in call.caller.rights.permissions:
            raise OrgError("FEATURENOTENABLED", "hardDelete needs the permission Bulk API Hard Delete")
        sobject = target_object(self._schema, str(spec.get("object")), call.caller)
        key = _key(sobject, spec.get("externalIdFieldName")) if operation == "upsert" else None
        caller = replace(
            call.caller, headers={**call.caller.headers, "sforce-auto-assign": str("assignmentRuleId" in spec).upper()}
        )
        job = IngestJob(
            id=self.shelf.new_id(),
            operation=operation,
            sobject=sobject.name,
            caller=caller,
            form=form_of(spec),
            created_at=self._clock.now(),
            state=OPEN,
            key=key,
        )
        self.shelf.put(job)
        return Answer(body=job.spec_info())

    def _upload(self, call: Call) -> Answer:
        job = self.shelf.find(call.parts[0])
        if job.state != OPEN or job.content is not None:
            raise wrong_state(f"Data was uploaded already, or the job is not open: {job.state}")
        if len(call.body) > MAX_UPLOAD_BYTES:
            raise OrgError("LIMIT_EXCEEDED", f"The upload is larger than {MAX_UPLOAD_BYTES} bytes", status=413)
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
        return Answer(body=listing([{**job.spec_info(), "jobType": "V2Ingest"} for job in self.shelf.newest_first()]))

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
        return next(job.rows(), [])


def _key(sobject: SObject, name: object) -> Field:
    field = sobject.field(name) if isinstance(name, str) else None
    if field is None or not (field.external_id or field.id_lookup):
        raise OrgError("INVALIDJOB", f"externalIdFieldName is not an external id of {sobject.name}: {name}")
    return field


def _csv(body: bytes) -> Answer:
    return Answer(raw=body, content_type=CONTENT_TYPE)
