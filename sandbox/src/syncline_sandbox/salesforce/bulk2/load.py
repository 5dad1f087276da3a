"""Running an ingest job: the upload read row by row, written in chunks, the outcomes put down for the result files.

Bulk API 2.0 Developer Guide, "How Requests Are Processed": chunks of 200 rows, each a transaction, stay written
whatever follows. JobComplete only says that every row was tried.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from time import perf_counter
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault, FaultPlan
from syncline_sandbox.salesforce.bulk.csv_form import CsvSpool
from syncline_sandbox.salesforce.bulk.rows import DELETES, RowWriter, UploadRefused, injected_refusal, read_header
from syncline_sandbox.salesforce.bulk2.jobs import COMPLETE, FAILED, OPEN, RUNNING, Allowance, Job
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.schema import Field, Schema, SObject
from syncline_sandbox.salesforce.stamps import stamp_of

MAX_RECORDS_PER_DAY = 150_000_000
MAX_BATCHES_PER_DAY = 15_000
ROWS_PER_BATCH = 10_000
ROWS_PER_CHUNK = 200
Transaction = Callable[[str | None], AbstractContextManager[None]]
"""Opens a transaction of the platform; the text replaces the stamp its writes bear."""


@dataclass(kw_only=True)
class IngestJob(Job):
    """An ingest job. `content` is None until the upload; `successful` and `failed` exist once rows were tried."""

    key: Field | None = None
    content: bytes | None = None
    successful: CsvSpool | None = None
    failed: CsvSpool | None = None
    error_message: str | None = None
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

    def rows(self) -> Iterator[list[str]]:
        """The rows of the upload, header first, blank lines left out. Raises what `CsvForm.read` raises."""
        return (row for row in self.form.read(self.content or b"") if row)


class IngestRun:
    """Runs ingest jobs. Each chunk of rows is committed in a *transaction* of its own."""

    def __init__(
        self, schema: Schema, dml: Dml, clock: SandboxClock, faults: FaultPlan, transaction: Transaction
    ) -> None:
        self._schema = schema
        self._dml = dml
        self._clock = clock
        self._faults = faults
        self._transaction = transaction
        self.daily_batches = Allowance(MAX_BATCHES_PER_DAY)
        self.daily_records = Allowance(MAX_RECORDS_PER_DAY)

    def run(self, job: IngestJob) -> None:
        """Bring a due job to its end, or under a `late_commit` fault put it off."""
        if self._commits_late(job):
            return
        began = perf_counter()
        try:
            self._write_rows(job)
            job.move(COMPLETE, self._clock.now())
        except UploadRefused as refused:
            self._fail(job, str(refused))
        except (csv.Error, UnicodeDecodeError) as broken:
            self._fail(job, f"InvalidBatch : Failed to parse CSV: {broken}")
        job.processing_milliseconds = round((perf_counter() - began) * 1000)

    def _fail(self, job: IngestJob, message: str) -> None:
        job.error_message = message
        job.move(FAILED, self._clock.now())

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
        rows = job.rows()
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
        sobject = target_object(self._schema, job.sobject, job.caller)
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


def target_object(schema: Schema, name: str, caller: Caller) -> SObject:
    """The object of this name. OrgError INVALIDENTITY when the caller sees none."""
    sobject = schema.sobject(name)
    if sobject is None or not caller.rights.can_read_object(sobject.name):
        raise OrgError("INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
    return sobject
