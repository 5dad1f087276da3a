"""What Bulk 2.0 query and ingest jobs have in common: the job, its states, the shelf it lies on.

Bulk API 2.0 Developer Guide, "Get Job Info", "Limits": terminal jobs stay for seven days. Jobs live in memory; the
records they write do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from syncline_sandbox.core.clock import Periodic, SandboxClock
from syncline_sandbox.salesforce.bulk.csv_form import DELIMITERS, LINE_ENDINGS, CsvForm
from syncline_sandbox.salesforce.bulk.target import JobRefused
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError, not_found
from syncline_sandbox.salesforce.ids import IdSource
from syncline_sandbox.salesforce.stamps import stamp_of
from syncline_sandbox.salesforce.web import Call

JOB_KEY_PREFIX = "750"
RETENTION = timedelta(days=7)
_SWEEP_EVERY = timedelta(minutes=1)
OPEN, UPLOADED, RUNNING = "Open", "UploadComplete", "InProgress"
COMPLETE, FAILED, ABORTED = "JobComplete", "Failed", "Aborted"
TERMINAL = frozenset({COMPLETE, FAILED, ABORTED})


@dataclass(kw_only=True)
class Job:
    """One job, with the rights its creator had.

    `due_at` is the sandbox time at which the platform has finished it; None until it is closed.
    """

    id: str
    operation: str
    sobject: str
    caller: Caller
    created_at: datetime
    form: CsvForm
    state: str
    due_at: datetime | None = None
    changed_at: datetime | None = None
    processing_milliseconds: int = 0
    processed: int = 0
    error_message: str | None = None

    def move(self, state: str, now: datetime) -> None:
        self.state = state
        self.changed_at = now

    def info(self) -> dict[str, Any]:
        """What every answer about the job holds, in the vendor's order."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject,
            "createdById": self.caller.user_id,
            "createdDate": stamp_of(self.created_at),
            "systemModstamp": stamp_of(self.changed_at or self.created_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.caller.version),
            "lineEnding": self.form.line_ending,
            "columnDelimiter": self.form.delimiter,
        }

    def discard(self) -> None:
        """Let go of the files behind the job."""


J = TypeVar("J", bound=Job)


@dataclass
class JobShelf(Generic[J]):
    """The jobs of one kind. `processing_seconds` is how long the platform takes by the sandbox's clock."""

    clock: SandboxClock
    ids: IdSource
    run: Callable[[J], None]
    processing_seconds: float = 0.0
    jobs: dict[str, J] = field(default_factory=dict)
    _waiting: dict[str, J] = field(default_factory=dict)
    _sweep: Periodic = field(default_factory=lambda: Periodic(_SWEEP_EVERY))

    def new_id(self) -> str:
        return self.ids.new(JOB_KEY_PREFIX)

    def put(self, job: J) -> None:
        self.jobs[job.id] = job

    def close(self, job: J) -> None:
        """Hand a job over to the platform."""
        now = self.clock.now()
        job.move(UPLOADED, now)
        job.due_at = now + timedelta(seconds=self.processing_seconds)
        self._waiting[job.id] = job

    def run_due(self) -> None:
        """Process what is due and drop what has been kept long enough. Called outside any transaction."""
        now = self.clock.now()
        for job in list(self._waiting.values()):
            if job.state in (UPLOADED, RUNNING) and job.due_at is not None and job.due_at <= now:
                self.run(job)
            elif job.state == UPLOADED:
                job.move(RUNNING, now)
            if job.state in TERMINAL:
                del self._waiting[job.id]
        if self._sweep.falls_due(now):
            self._drop_old(now)

    def _drop_old(self, now: datetime) -> None:
        for job in list(self.jobs.values()):
            if job.state in TERMINAL and (job.changed_at or job.created_at) + RETENTION < now:
                self._drop(job)

    def find(self, job_id: str) -> J:
        """The job of this id, its 15-character form included. OrgError NOT_FOUND if there is none."""
        job = self.jobs.get(job_id) or next((one for key, one in self.jobs.items() if key[:15] == job_id), None)
        if job is None:
            raise not_found()
        return job

    def abort(self, job: J) -> None:
        if job.state in TERMINAL:
            raise wrong_state(f"Aborting already Completed Job not allowed: {job.state}")
        job.move(ABORTED, self.clock.now())

    def delete(self, job: J, allowed: frozenset[str]) -> None:
        if job.state not in allowed:
            raise wrong_state(f"Deleting a job in state {job.state} is not allowed")
        self._drop(job)

    def clear(self) -> None:
        """Forget every job."""
        for job in list(self.jobs.values()):
            self._drop(job)

    def _drop(self, job: J) -> None:
        del self.jobs[job.id]
        self._waiting.pop(job.id, None)
        job.discard()


def wrong_state(message: str) -> OrgError:
    return OrgError("INVALIDJOBSTATE", message)


def form_of(spec: dict[str, Any]) -> CsvForm:
    """The CSV form a job specification asks for."""
    delimiter, ending = spec.get("columnDelimiter", "COMMA"), spec.get("lineEnding", "LF")
    given = {"contentType": spec.get("contentType", "CSV"), "columnDelimiter": delimiter, "lineEnding": ending}
    for name, known in (("contentType", {"CSV"}), ("columnDelimiter", DELIMITERS), ("lineEnding", LINE_ENDINGS)):
        if not isinstance(given[name], str) or given[name] not in known:
            raise OrgError("INVALIDJOB", f"{name} is not one Bulk API 2.0 knows: {given[name]}")
    return CsvForm(delimiter, ending)


def invalid_job(refused: JobRefused) -> OrgError:
    """A refusal in the words of Bulk API 2.0."""
    return OrgError(refused.code.upper(), refused.message)


def wanted_state(call: Call) -> str:
    """The state a PATCH asks for."""
    state = call.json_object().get("state")
    if not isinstance(state, str):
        raise OrgError("INVALIDJOB", "state is required")
    return state
