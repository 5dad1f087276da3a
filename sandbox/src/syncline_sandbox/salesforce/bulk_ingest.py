"""Bulk API 2.0 ingest jobs: create, upload, close, info, list, the three result files, abort, delete.

Bulk API 2.0 Developer Guide, "Bulk API 2.0 Ingest", "How Requests Are Processed": one upload a job, nothing happens
before UploadComplete, rows are written in chunks of 200, each chunk a transaction, and stay written whatever follows.
JobComplete only says that every row was tried. An assignment rule runs only if the job names one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from time import perf_counter
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault, FaultPlan

from .bulk_csv import CONTENT_TYPE, CsvSpool
from .bulk_jobs import (
    ABORTED,
    COMPLETE,
    FAILED,
    OPEN,
    RUNNING,
    TERMINAL,
    UPLOADED,
    Allowance,
    Job,
    JobShelf,
    form_of,
    listing,
    wanted_state,
    wrong_state,
)
from .bulk_rows import DELETES, OPERATIONS, RowWriter, UploadRefused, injected_refusal, read_header
from .caller import Caller
from .dml import Dml
from .errors import OrgError
from .ids import IdSource
from .schema import Field, Schema, SObject
from .stamps import stamp_of
from .web import Answer, Call, Route

MAX_UPLOAD_BYTES = 150_000_000
MAX_RECORDS_PER_DAY = 150_000_000
MAX_BATCHES_PER_DAY = 15_000
ROWS_PER_BATCH = 10_000
ROWS_PER_CHUNK = 200
Transaction = Callable[[str | None], AbstractContextManager[None]]
"""Opens a transaction of the platform; the text replaces the stamp its writes bear."""
_DELETABLE = TERMINAL | {UPLOADED}


@dataclass(kw_only=True)
class IngestJob(Job):
    """An ingest job. `content` is None until the upload; `successful` and `failed` exist once rows were tried."""

    key: Field | None = None
    content: bytes | None = None
    successful: CsvSpool | None = None
    failed: CsvSpool | None = None
    stamp: str | None = None  # what a late commit stamps its rows with: when it began

    def spec_info(self) -> dict[str, Any]:
        """What the create and close calls answer."""
        info = self.info()
        if self.key is not None:
            info["externalIdFieldName"] = self.key.name
        if self.state == OPEN:
            info["contentUrl"] = f"services/data/v{self.caller.version}/jobs/ingest/{self.id}/batches"
        return info

    def full_info(self) -> dict[str, Any]:
        info = self.spec_info()
        info |= {
            "jobType": "V2Ingest",
            "retries": 0,
            "totalProcessingTime": self.processing_milliseconds,
            "apiActiveProcessingTime": self.processing_milliseconds,
            "apexProcessingTime": 0,
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": 0 if self.failed is None else len(self.failed),
        }
        return info if self.error_message is None else {**info, "errorMessage": self.error_message}

    def discard(self) -> None:
        for spool in (self.successful, self.failed):
            if spool is not None:
                spool.close()


class BulkIngest:
    """The ingest jobs of one org. Each chunk of rows is committed in a *transaction* of its own."""

    def __init__(
        self,
        schema: Schema,
        dml: Dml,
        clock: SandboxClock,
        ids: IdSource,
        faults: FaultPlan,
        transaction: Transaction,
    ) -> None:
        self._schema = schema
        self._dml = dml
        self._clock = clock
        self._faults = faults
        self._transaction = transaction
        self.daily_batches = Allowance(MAX_BATCHES_PER_DAY)
        self.daily_records = Allowance(MAX_RECORDS_PER_DAY)
        self.shelf: JobShelf[IngestJob] = JobShelf(clock, ids, self._run)

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
        return {"DailyBulkApiBatches": self.daily_batches.used(self._clock.now())}

    def _create(self, call: Call) -> Answer:
        spec = call.json_object()
        operation = spec.get("operation")
        if operation not in OPERATIONS:
            raise OrgError("INVALIDJOB", f"Unknown operation: {operation}")
        if operation == "hardDelete" and "BulkApiHardDelete" not in call.caller.rights.permissions:
            raise OrgError("FEATURENOTENABLED", "hardDelete needs the permission Bulk API Hard Delete")
        sobject = self._sobject(str(spec.get("object")), call.caller)
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
            spool.append(list(islice(_rows(job), 1 + job.processed, None)))
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
        return next(_rows(job), [])

    def _run(self, job: IngestJob) -> None:
        if self._commits_late(job):
            return
        began = perf_counter()
        try:
            self._write_rows(job)
            job.move(COMPLETE, self._clock.now())
        except (UploadRefused, csv.Error, UnicodeDecodeError) as refused:
            is_header = isinstance(refused, UploadRefused)
            job.error_message = str(refused) if is_header else f"InvalidBatch : Failed to parse CSV: {refused}"
            job.move(FAILED, self._clock.now())
        job.processing_milliseconds = round((perf_counter() - began) * 1000)

    def _commits_late(self, job: IngestJob) -> bool:
        """True when a `late_commit` fault hits the job: its rows show later, with the stamp of now."""
        fault = self._faults.strike("late_commit", job.caller.request_line) if job.stamp is None else None
        if fault is None:
            return False
        now = self._clock.now()
        job.stamp = stamp_of(now)
        job.due_at = now + timedelta(seconds=float(fault.parameters.get("delay_seconds", 300)))
        job.move(RUNNING, now)
        return True

    def _write_rows(self, job: IngestJob) -> None:
        if not job.form.agrees_with(job.content or b""):
            text = f"LineEnding is invalid on user data. Current LineEnding setting is {job.form.line_ending}"
            raise UploadRefused(f"ClientInputError : {text}")
        rows = _rows(job)
        header = next(rows, [])
        writer = self._writer(job, header)
        job.successful = CsvSpool(job.form, ["sf__Id", "sf__Created", *header])
        job.failed = CsvSpool(job.form, ["sf__Id", "sf__Error", *header])
        fault = self._faults.strike("partial_failure", job.caller.request_line)
        while chunk := list(islice(rows, ROWS_PER_CHUNK)):
            if any(len(row) != len(header) for row in chunk):
                raise UploadRefused(f"InvalidBatch : A row does not have the {len(header)} columns of the header")
            self._spend(job, len(chunk))
            self._write_chunk(job, writer, chunk, fault)

    def _writer(self, job: IngestJob, header: list[str]) -> RowWriter:
        sobject = self._sobject(job.sobject, job.caller)
        columns = read_header(header, self._schema, sobject, job.caller)
        if not columns or (job.operation in DELETES and [column.name for column in columns] != ["Id"]):
            raise UploadRefused("InvalidBatch : The header row does not suit the operation of the job")
        return RowWriter(self._dml, job.caller, sobject, job.operation, columns, job.key)

    def _write_chunk(self, job: IngestJob, writer: RowWriter, chunk: list[list[str]], fault: Fault | None) -> None:
        assert job.successful is not None
        assert job.failed is not None
        successful, failed = [], []
        failing = -1 if fault is None else int(fault.parameters.get("index", 0))
        with self._transaction(job.stamp):
            for place, row in enumerate(chunk, job.processed):
                refusal = injected_refusal(fault.parameters) if fault is not None and place == failing else None
                outcome = writer.write(row, refusal)
                if outcome.error is None:
                    successful.append([outcome.record_id, "true" if outcome.created else "false", *row])
                else:
                    failed.append([outcome.record_id, outcome.error, *row])
        job.successful.append(successful)
        job.failed.append(failed)
        job.processed += len(chunk)

    def _spend(self, job: IngestJob, rows: int) -> None:
        """Take a chunk from the day's allowances; a batch is counted when its first row comes."""
        now = self._clock.now()
        batches = math.ceil((job.processed + rows) / ROWS_PER_BATCH) - math.ceil(job.processed / ROWS_PER_BATCH)
        if not self.daily_records.spend(now, rows) or (batches and not self.daily_batches.spend(now, batches)):
            raise UploadRefused("LIMIT_EXCEEDED : The daily allowance of Bulk API records or batches is used up")

    def _sobject(self, name: str, caller: Caller) -> SObject:
        sobject = self._schema.sobject(name)
        if sobject is None or not caller.rights.can_read_object(sobject.name):
            raise OrgError("INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
        return sobject


def _key(sobject: SObject, name: object) -> Field:
    field = sobject.field(name) if isinstance(name, str) else None
    if field is None or not (field.external_id or field.id_lookup):
        raise OrgError("INVALIDJOB", f"externalIdFieldName is not an external id of {sobject.name}: {name}")
    return field


def _rows(job: IngestJob) -> Iterator[list[str]]:
    return (row for row in job.form.read(job.content or b"") if row)


def _csv(body: bytes) -> Answer:
    return Answer(raw=body, content_type=CONTENT_TYPE)
