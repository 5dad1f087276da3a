"""Jobs and batches of Bulk API 1.0, their states, and the shelf they lie on.

Bulk API Developer Guide, "JobInfo", "BatchInfo", "Bulk API Limits": a job takes batches for 24 hours and stays for
seven days. They live in memory; the records they write do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from syncline_sandbox.core.clock import Periodic, SandboxClock
from syncline_sandbox.salesforce.bulk.stash import Stash
from syncline_sandbox.salesforce.bulk.target import Target
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.ids import IdSource
from syncline_sandbox.salesforce.stamps import stamp_of

from .notation import AsyncError
from .pk_chunks import PkChunking

RETENTION = timedelta(days=7)
_SWEEP_EVERY = timedelta(minutes=1)
TAKES_BATCHES_FOR = timedelta(hours=24)
OPEN, CLOSED, ABORTED = "Open", "Closed", "Aborted"
QUEUED, RUNNING, COMPLETED, FAILED, NOT_PROCESSED = "Queued", "InProgress", "Completed", "Failed", "NotProcessed"
QUERIES = frozenset({"query", "queryAll"})
_JOB, _BATCH = "750", "751"


@dataclass(kw_only=True)
class Batch:
    """One batch. `due_at` is the sandbox time at which the platform has worked on it.

    `result` is what `…/result` answers for a load; for a query `result_id` names the one file of rows.
    """

    id: str
    job_id: str
    body: Stash
    created_at: datetime
    due_at: datetime
    changed_at: datetime
    state: str = QUEUED
    message: str | None = None
    processed: int = 0
    failed: int = 0
    milliseconds: int = 0
    result: Stash | None = None
    result_id: str | None = None
    bounds: tuple[str, str | None] | None = None  # of a PK chunk: from this id on, below that one
    source: str | None = None  # of a PK chunk: the query that was cut
    stamp: str | None = None  # what a late commit stamps its rows with: when it began

    def move(self, state: str, now: datetime, message: str | None = None) -> None:
        self.state, self.changed_at, self.message = state, now, message

    def info(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "jobId": self.job_id,
            "state": self.state,
            "stateMessage": self.message,
            "createdDate": self.created_at,
            "systemModstamp": self.changed_at,
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "totalProcessingTime": self.milliseconds,
            "apiActiveProcessingTime": self.milliseconds,
            "apexProcessingTime": 0,
        }

    def discard(self) -> None:
        for stash in (self.body, self.result):
            if stash is not None:
                stash.close()


@dataclass(kw_only=True)
class AsyncJob:
    """One job, with the rights its creator had. `target` is None for a query."""

    id: str
    operation: str
    sobject: str
    content_type: str
    serial: bool
    caller: Caller
    created_at: datetime
    changed_at: datetime
    target: Target | None = None
    chunking: PkChunking | None = None
    state: str = OPEN
    batches: dict[str, Batch] = field(default_factory=dict)

    @property
    def is_query(self) -> bool:
        return self.operation in QUERIES

    @property
    def json(self) -> bool:
        """Whether its batches are told in JSON."""
        return self.content_type == "JSON"

    def info(self) -> dict[str, Any]:
        """What every answer about the job holds, in the vendor's order."""
        batches = list(self.batches.values())
        states = [batch.state for batch in batches]
        target = self.target
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject,
            "createdById": self.caller.user_id,
            "createdDate": self.created_at,
            "systemModstamp": self.changed_at,
            "state": self.state,
            "externalIdFieldName": target.key.name if target and target.key else None,
            "assignmentRuleId": target.assignment_rule_id if target else None,
            "concurrencyMode": "Serial" if self.serial else "Parallel",
            "contentType": self.content_type,
            "numberBatchesQueued": states.count(QUEUED),
            "numberBatchesInProgress": states.count(RUNNING),
            "numberBatchesCompleted": states.count(COMPLETED),
            "numberBatchesFailed": states.count(FAILED),
            "numberBatchesTotal": len(states),
            "numberRecordsProcessed": sum(batch.processed for batch in batches),
            "numberRetries": 0,
            "apiVersion": float(self.caller.version),
            "numberRecordsFailed": sum(batch.failed for batch in batches),
            "totalProcessingTime": sum(batch.milliseconds for batch in batches),
            "apiActiveProcessingTime": sum(batch.milliseconds for batch in batches),
            "apexProcessingTime": 0,
        }

    def list_info(self) -> dict[str, Any]:
        """How the job stands in the lists of Bulk API 2.0."""
        info = self.info()
        kept = {name: info[name] for name in ("id", "operation", "object", "createdById", "state", "concurrencyMode")}
        return {
            **kept,
            "createdDate": stamp_of(self.created_at),
            "systemModstamp": stamp_of(self.changed_at),
            "contentType": self.content_type,
            "apiVersion": info["apiVersion"],
            "jobType": "Classic",
            "isPkChunkingEnabled": self.chunking is not None,
        }

    def discard(self) -> None:
        for batch in self.batches.values():
            batch.discard()


Work = Callable[[AsyncJob, Batch], None]


class AsyncShelf:
    """The jobs of one org. `processing_seconds` is how long a batch takes by the sandbox's clock."""

    def __init__(self, clock: SandboxClock, ids: IdSource, work: Work) -> None:
        self._clock = clock
        self._ids = ids
        self._work = work
        self.processing_seconds = 0.0
        self.jobs: dict[str, AsyncJob] = {}
        self._waiting: dict[str, AsyncJob] = {}
        self._sweep = Periodic(_SWEEP_EVERY)

    def new_id(self) -> str:
        return self._ids.new(_JOB)

    def add_batch(self, job: AsyncJob, body: bytes) -> Batch:
        """Queue a batch of this job."""
        now = self._clock.now()
        batch = Batch(
            id=self._ids.new(_BATCH),
            job_id=job.id,
            body=Stash([body]),
            created_at=now,
            changed_at=now,
            due_at=now + timedelta(seconds=self.processing_seconds),
        )
        job.batches[batch.id] = batch
        self._waiting[job.id] = job
        return batch

    def run_due(self) -> None:
        """Work on the batches that are due, and drop jobs that have been kept long enough."""
        now = self._clock.now()
        for job in list(self._waiting.values()):
            for batch in list(job.batches.values()):
                self._look_at(job, batch, now)
            if not any(batch.state in (QUEUED, RUNNING) for batch in job.batches.values()):
                del self._waiting[job.id]
        if self._sweep.falls_due(now):
            self._drop_old(now)

    def _drop_old(self, now: datetime) -> None:
        for job in list(self.jobs.values()):
            if job.changed_at + RETENTION < now:
                del self.jobs[job.id]
                self._waiting.pop(job.id, None)
                job.discard()

    def _look_at(self, job: AsyncJob, batch: Batch, now: datetime) -> None:
        if batch.state in (QUEUED, RUNNING):
            if batch.due_at <= now:
                self._work(job, batch)
            elif batch.state == QUEUED:
                batch.move(RUNNING, now)

    def find(self, job_id: str) -> AsyncJob:
        """The job of this id, its 15-character form included. AsyncError InvalidJob if there is none."""
        job = self.jobs.get(job_id) or next((one for key, one in self.jobs.items() if key[:15] == job_id), None)
        if job is None:
            raise AsyncError("InvalidJob", f"Unable to find job with id: {job_id}")
        return job

    def find_batch(self, job: AsyncJob, batch_id: str) -> Batch:
        """A batch of *job*. AsyncError InvalidBatch if it has none of this id."""
        found = (one for key, one in job.batches.items() if batch_id in (key, key[:15]))
        batch = next(found, None)
        if batch is None:
            raise AsyncError("InvalidBatch", f"Unable to find batch with id: {batch_id}")
        return batch

    def settle(self, job: AsyncJob, state: str) -> None:
        """Close or abort an open job. What an aborted job has not worked on is never processed."""
        if job.state != OPEN and not (job.state == CLOSED and state == ABORTED):
            raise AsyncError("InvalidJobState", f"Job is {job.state} and cannot be set to {state}")
        now = self._clock.now()
        job.state, job.changed_at = state, now
        for batch in job.batches.values() if state == ABORTED else ():
            if batch.state in (QUEUED, RUNNING):
                batch.move(NOT_PROCESSED, now)

    def clear(self) -> None:
        """Forget every job."""
        for job in self.jobs.values():
            job.discard()
        self.jobs.clear()
        self._waiting.clear()
