"""Working on a batch of a load: its rows written in chunks, its results put down.

Bulk API Developer Guide, "How Requests Are Processed", "Add a Batch to a Job": a batch that cannot be read fails whole,
a row that cannot be written fails alone, and a failed batch does not hold up the others of its job.
"""

from __future__ import annotations

from itertools import islice
from time import perf_counter
from typing import Any

from syncline_sandbox.salesforce.bulk.chunks import ChunkWriter
from syncline_sandbox.salesforce.bulk.platform import Platform
from syncline_sandbox.salesforce.bulk.row_faults import Death, late_until
from syncline_sandbox.salesforce.bulk.rows import DELETES, Column, Outcome, UploadRefused, read_header
from syncline_sandbox.salesforce.bulk.stash import Stash
from syncline_sandbox.salesforce.bulk.target import Target
from syncline_sandbox.salesforce.stamps import stamp_of

from .jobs import COMPLETED, FAILED, RUNNING, AsyncJob, Batch
from .records import MAX_RECORDS, RESULTS, csv_rows, headings, json_records, xml_records


class BatchLoad:
    """Writes batches. Each chunk of rows is committed in a transaction of its own."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def work(self, job: AsyncJob, batch: Batch) -> None:
        """Bring a due batch to its end, or under a `late_commit` fault put it off."""
        assert job.target is not None
        line = job.caller.request_line
        now = self._platform.clock.now()
        late = late_until(self._platform.faults, line, now) if batch.stamp is None else None
        if late is not None:
            batch.stamp, batch.due_at = stamp_of(now), late
            batch.move(RUNNING, now)
            return
        began = perf_counter()
        outcomes: list[Outcome] = []
        try:
            self._write(job, job.target, batch, outcomes)
            batch.move(COMPLETED, now)
        except UploadRefused as refused:
            batch.move(FAILED, now, str(refused))
        batch.processed = len(outcomes)
        batch.failed = sum(1 for one in outcomes if one.refused is not None)
        if outcomes or batch.state == COMPLETED:
            batch.result = Stash([RESULTS[job.content_type](outcomes)])
        batch.milliseconds = round((perf_counter() - began) * 1000)

    def _write(self, job: AsyncJob, target: Target, batch: Batch, outcomes: list[Outcome]) -> None:
        header, columns, rows = self._rows(job, target, batch.body.whole())
        if not rows:
            raise UploadRefused("InvalidBatch : Records not found")
        if len(rows) > MAX_RECORDS:
            told = f"Number of records should be less than or equal to {MAX_RECORDS}"
            raise UploadRefused(f"InvalidBatch : Exceeded number of records: {len(rows)}. {told}")
        if job.operation in DELETES and [name.lower() for name in header] != ["id"]:
            raise UploadRefused("InvalidBatch : A delete takes records with an Id and nothing else")
        if not self._platform.allowances.records.spend(len(rows)):
            raise UploadRefused("ExceededQuota : The daily allowance of Bulk API records is used up")
        death = Death(self._platform.faults, job.caller.request_line, 0)
        writer = ChunkWriter(self._platform, target, batch.stamp, columns)
        left = iter(rows if death.rows is None else rows[: death.rows])
        while chunk := list(islice(left, writer.rows_at_once)):
            outcomes += writer.write_cells(chunk) if columns else writer.write_records(chunk)
        if death.rows is not None and len(outcomes) < len(rows):
            raise UploadRefused(death.message)

    def _rows(self, job: AsyncJob, target: Target, body: bytes) -> tuple[list[str], list[Column], list[Any]]:
        """The headings, the columns of a CSV, and the rows."""
        if job.content_type == "CSV":
            header, *rows = csv_rows(body) if body.strip() else [[]]
            return header, read_header(header, self._platform.schema, target.sobject, job.caller), rows
        records = json_records(body) if job.content_type == "JSON" else xml_records(body)
        header = headings(records)
        read_header(header, self._platform.schema, target.sobject, job.caller)
        return header, [], records
