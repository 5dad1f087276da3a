"""Running an ingest job: the upload read row by row, written in chunks, the outcomes put down for the result files.

Bulk API 2.0 Developer Guide, "How Requests Are Processed": what was written stays written whatever follows.
JobComplete only says that every row was tried.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

from syncline_sandbox.salesforce.bulk.chunks import ROWS_PER_CHUNK, ChunkWriter
from syncline_sandbox.salesforce.bulk.csv_form import CsvSpool
from syncline_sandbox.salesforce.bulk.platform import Platform
from syncline_sandbox.salesforce.bulk.row_faults import Death, late_until
from syncline_sandbox.salesforce.bulk.rows import DELETES, Column, Outcome, UploadRefused, read_header
from syncline_sandbox.salesforce.bulk.target import Target
from syncline_sandbox.salesforce.stamps import stamp_of

from .jobs import COMPLETE, FAILED, OPEN, RUNNING, Job

ROWS_PER_BATCH = 10_000
MAX_COLUMNS = 5_000
MAX_RECORD_CHARACTERS = 400_000
_FAILED_IDS_SINCE = 53.0


@dataclass(kw_only=True)
class IngestJob(Job):
    """An ingest job. `content` is None before the upload, and empty again when every row was tried.

    `header` is known once the upload was looked at, the spools are there once rows were tried.
    """

    target: Target
    content: bytes | None = None
    header: list[str] | None = None
    successful: CsvSpool | None = None
    failed: CsvSpool | None = None
    stamp: str | None = None  # what a late commit stamps its rows with: when it began

    def spec_info(self) -> dict[str, Any]:
        """What the create and close calls answer."""
        info = self.info()
        if self.target.key is not None:
            info["externalIdFieldName"] = self.target.key.name
        if self.target.assignment_rule_id is not None:
            info["assignmentRuleId"] = self.target.assignment_rule_id
        if self.state == OPEN:
            info["contentUrl"] = f"services/data/v{self.caller.version}/jobs/ingest/{self.id}/batches"
        return info

    def list_info(self) -> dict[str, Any]:
        return {**self.spec_info(), "jobType": "V2Ingest"}

    def full_info(self) -> dict[str, Any]:
        info = self.list_info()
        info |= {
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
    """Runs ingest jobs. Each chunk of rows is committed in a transaction of its own."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def run(self, job: IngestJob) -> None:
        """Bring a due job to its end, or under a `late_commit` fault put it off."""
        if self._commits_late(job):
            return
        began = perf_counter()
        try:
            self._write_rows(job)
            job.move(COMPLETE, self._platform.clock.now())
        except UploadRefused as refused:
            self._fail(job, str(refused))
        except (csv.Error, UnicodeDecodeError) as broken:
            self._fail(job, f"InvalidBatch : Failed to parse CSV: {broken}")
        job.processing_milliseconds = round((perf_counter() - began) * 1000)

    def _fail(self, job: IngestJob, message: str) -> None:
        job.error_message = message
        job.move(FAILED, self._platform.clock.now())

    def _commits_late(self, job: IngestJob) -> bool:
        """True when a `late_commit` fault hits the job: its rows show later, with the stamp of now."""
        now = self._platform.clock.now()
        late = late_until(self._platform.faults, job.caller.request_line, now) if job.stamp is None else None
        if late is None:
            return False
        job.stamp, job.due_at = stamp_of(now), late
        job.move(RUNNING, now)
        return True

    def _write_rows(self, job: IngestJob) -> None:
        if not job.form.agrees_with(job.content or b""):
            text = f"LineEnding is invalid on user data. Current LineEnding setting is {job.form.line_ending}"
            raise UploadRefused(f"ClientInputError : {text}")
        rows = job.rows()
        header = job.header = next(rows, [])
        columns = self._columns(job, header)
        job.successful = CsvSpool(job.form, ["sf__Id", "sf__Created", *header])
        job.failed = CsvSpool(job.form, ["sf__Id", "sf__Error", *header])
        writer = ChunkWriter(self._platform, job.target, job.stamp, columns)
        death = Death(self._platform.faults, job.caller.request_line, ROWS_PER_BATCH)
        while chunk := list(islice(rows, self._chunk_size(job, writer, death))):
            _check_rows(chunk, len(header))
            self._spend(job, len(chunk))
            outcomes = writer.write_cells(chunk)
            _put_down(job, chunk, outcomes)
        job.content = b""

    def _columns(self, job: IngestJob, header: list[str]) -> list[Column]:
        if len(header) > MAX_COLUMNS:
            raise UploadRefused(f"InvalidBatch : A record has at most {MAX_COLUMNS} fields")
        columns = read_header(header, self._platform.schema, job.target.sobject, job.caller)
        if not columns or (job.operation in DELETES and [column.name for column in columns] != ["Id"]):
            raise UploadRefused("InvalidBatch : The header row does not suit the operation of the job")
        return columns

    def _chunk_size(self, job: IngestJob, writer: ChunkWriter, death: Death) -> int:
        """How many rows come next; UploadRefused when a `bulk_job_failure` fault says that it is over."""
        size = writer.rows_at_once
        records = self._platform.allowances.records
        if records.used + size > records.maximum:
            size = ROWS_PER_CHUNK
        if death.rows is None:
            return size
        if job.processed >= death.rows:
            raise UploadRefused(death.message)
        return min(size, death.rows - job.processed)

    def _spend(self, job: IngestJob, rows: int) -> None:
        """Take a chunk from the day's allowances; a batch is counted when its first row comes."""
        batches = math.ceil((job.processed + rows) / ROWS_PER_BATCH) - math.ceil(job.processed / ROWS_PER_BATCH)
        allowances = self._platform.allowances
        if not allowances.records.spend(rows) or (batches and not allowances.batches.spend(batches)):
            raise UploadRefused("LIMIT_EXCEEDED : The daily allowance of Bulk API records or batches is used up")


def _check_rows(chunk: list[list[str]], width: int) -> None:
    if any(len(row) != width for row in chunk):
        raise UploadRefused(f"InvalidBatch : A row does not have the {width} columns of the header")
    # All rows together are measured first, for that is quick.
    long = len("".join(map("".join, chunk))) > MAX_RECORD_CHARACTERS
    if long and max(len("".join(row)) for row in chunk) > MAX_RECORD_CHARACTERS:
        raise UploadRefused(f"InvalidBatch : A record has at most {MAX_RECORD_CHARACTERS} characters")


def _put_down(job: IngestJob, chunk: list[list[str]], outcomes: list[Outcome]) -> None:
    assert job.successful is not None
    assert job.failed is not None
    tells_id = float(job.caller.version) >= _FAILED_IDS_SINCE
    pairs = list(zip(outcomes, chunk, strict=True))
    job.successful.append(
        [[one.record_id, "true" if one.created else "false", *row] for one, row in pairs if one.refused is None]
    )
    failed = [[one.record_id if tells_id else "", one.error, *row] for one, row in pairs if one.refused is not None]
    if failed:
        job.failed.append(failed)
    job.processed += len(chunk)
