"""The life of export jobs of every kind: create, enqueue, status, file, cancel, job list.

Source: Marketo "Bulk Extract": of all kinds together two jobs run at once and ten may wait; a job is seen by its user
and in its kind; the quota of a day is metered when jobs finish; the file is kept seven days (the page says ten in
another place), the job 30. A job takes `export_seconds` of the clock. What may be asked and the rows are the sources'.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Response
from syncline_sandbox.marketo.bulk.files import ExportFiles
from syncline_sandbox.marketo.bulk.job_fault import Failing
from syncline_sandbox.marketo.bulk.sources import ExportSource
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused, plain
from syncline_sandbox.marketo.limits import central_day
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import iso

MAX_RUNNING, MAX_QUEUED = 2, 10
LISTED_DAYS = 7
_DAY = 86_400
_TABLE = """
CREATE TABLE IF NOT EXISTS export_jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, user TEXT NOT NULL,
    status TEXT NOT NULL, request TEXT NOT NULL, created_at REAL NOT NULL, queued_at REAL, started_at REAL,
    finished_at REAL, records INTEGER, size INTEGER, checksum TEXT, error TEXT
)
"""
_JOB = "id, status, request, created_at, queued_at, started_at, finished_at, records, size, checksum, error"
_MINE = "user = ? AND kind = ?"

Members = dict[str, Any]


class Exports:
    """Answers the export endpoints. Jobs belong to the API user who made them. *sources*: by family in the path."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        settings: Settings,
        randomness: random.Random,
        sources: Mapping[str, ExportSource],
        failing: Failing,
    ) -> None:
        self._store = store
        store.connection.execute(_TABLE)
        self._files = ExportFiles(store)
        self._clock = clock
        self._settings = settings
        self._randomness = randomness
        self._sources = sources
        self._failing = failing

    # -- calls ------------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Members:
        self._refuse_over_quota()
        document = call.document()
        kind, wanted = _kind(call), document if isinstance(document, dict) else {}
        source, name = self._source(kind)
        request = source.checked(name, wanted)
        job_id = self._new_id()
        self._store.connection.execute(
            "INSERT INTO export_jobs (id, kind, user, status, request, created_at) VALUES (?, ?, ?, 'Created', ?, ?)",
            (job_id, kind, call.user, orjson.dumps(request).decode(), self._now()),
        )
        return self._answer(job_id, call)

    def _new_id(self) -> str:
        """An id that no job has: an instance that is started on its old database draws the same numbers again."""
        while True:
            drawn = str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))
            if self._store.one("SELECT count(*) FROM export_jobs WHERE id = ?", (drawn,))[0] == 0:
                return drawn

    def enqueue(self, call: Call) -> Members:
        self._advance()
        self._refuse_over_quota()
        job = self._job(call.captured["id"], call)
        if job["status"] in ("Queued", "Processing"):
            raise Refused(1029, "Job already queued")
        if job["status"] != "Created":
            raise Refused(1003, f"Export job is {job['status']}")
        (waiting,) = self._store.one("SELECT count(*) FROM export_jobs WHERE status IN ('Queued', 'Processing')")
        if waiting >= MAX_QUEUED:
            raise Refused(1029, "Too many jobs in queue")
        failure = self._failing(call)
        sql = "UPDATE export_jobs SET status = 'Queued', queued_at = ?, error = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), failure and failure["message"], job["exportId"]))
        return self._answer(job["exportId"], call)

    def status(self, call: Call) -> Members:
        self._advance()
        return self._answer(call.captured["id"], call)

    def cancel(self, call: Call) -> Members:
        self._advance()
        job = self._job(call.captured["id"], call)
        if job["status"] not in ("Created", "Queued", "Processing"):
            raise Refused(1003, f"Export job is {job['status']}")
        sql = "UPDATE export_jobs SET status = 'Cancelled', finished_at = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), job["exportId"]))
        return self._answer(job["exportId"], call)

    def jobs(self, call: Call) -> Members:
        """The user's jobs of the last seven days. The vendor's prose says Canceled where its answers say Cancelled."""
        self._advance()
        wanted = {status.lower().replace("canceled", "cancelled") for status in call.many("status")}
        since, size = self._now() - LISTED_DAYS * _DAY, call.batch_size()
        after = read_cursor(token, "exports") if (token := call.one("nextPageToken")) else 0
        sql = f"SELECT number, {_JOB} FROM export_jobs WHERE {_MINE} AND created_at >= ? AND number > ? ORDER BY number"
        rows = [
            (number, _record(row))
            for number, *row in self._store.all(sql, (*_mine(call), since, after))
            if not wanted or row[1].lower() in wanted
        ]
        more = {"nextPageToken": cursor("exports", rows[size - 1][0])} if len(rows) > size else {}
        return {"result": [record for _, record in rows[:size]], **more}

    def file(self, call: Call) -> Response:
        self._advance()
        oldest = self._now() - self._settings.export_file_days * _DAY
        sql = f"SELECT id, size, checksum FROM export_jobs WHERE id = ? AND {_MINE} AND status = 'Completed'"
        found = self._store.one(f"{sql} AND finished_at > ?", (call.captured["id"], *_mine(call), oldest))
        if found is None:
            return plain(404, "Not found")
        job_id, size, checksum = found
        return self._files.serve(job_id, size, checksum, call.request.headers.get("range", ""))

    def bytes_by_day(self) -> dict[str, int]:
        """Exported bytes by day in Central time."""
        days: dict[str, int] = {}
        for at, size in self._store.all("SELECT finished_at, size FROM export_jobs WHERE status = 'Completed'"):
            day = central_day(datetime.fromtimestamp(at, UTC)).isoformat()
            days[day] = days.get(day, 0) + size
        return days

    def _refuse_over_quota(self) -> None:
        quota = self._settings.export_bytes_per_day
        if self.bytes_by_day().get(central_day(self._clock.now()).isoformat(), 0) > quota:
            raise Refused(1029, f"Export daily quota {quota // 1_000_000}MB exceeded.")

    # -- the life of a job ------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Bring all jobs to where the clock says they are."""
        while self._complete_due() or self._start_waiting():
            pass
        self._forget_old()

    def _complete_due(self) -> bool:
        is_due = "status = 'Processing' AND started_at + ? <= ?"
        sql = f"SELECT id, kind, request, error FROM export_jobs WHERE {is_due} ORDER BY started_at"
        due = self._store.all(sql, (self._settings.export_seconds, self._now()))
        for job_id, kind, request, error in due:
            if error is None:
                self._complete(job_id, kind, orjson.loads(request))
            else:
                self._fail(job_id, error)
        return bool(due)

    def _complete(self, job_id: str, kind: str, request: Members) -> None:
        """What a job asks for may be gone by now: then it fails and says why."""
        header = [request["headers"].get(name, name) for name in request["fields"]]
        try:
            source, name = self._source(kind)
            written = self._files.write(job_id, request["format"], header, source.rows(name, request))
        except Refused as reason:
            self._fail(job_id, reason.message)
            return
        self._store.connection.execute(
            "UPDATE export_jobs SET status = 'Completed', finished_at = ?, records = ?, size = ?, checksum = ? "
            "WHERE id = ?",
            (self._now(), *written, job_id),
        )

    def _fail(self, job_id: str, message: str) -> None:
        sql = "UPDATE export_jobs SET status = 'Failed', finished_at = ?, error = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), message, job_id))

    def _start_waiting(self) -> bool:
        (running,) = self._store.one("SELECT count(*) FROM export_jobs WHERE status = 'Processing'")
        sql = "SELECT id FROM export_jobs WHERE status = 'Queued' ORDER BY queued_at, number LIMIT ?"
        waiting = self._store.all(sql, (max(0, MAX_RUNNING - running),))
        for (job_id,) in waiting:
            started = "UPDATE export_jobs SET status = 'Processing', started_at = ? WHERE id = ?"
            self._store.connection.execute(started, (self._now(), job_id))
        return bool(waiting)

    def _forget_old(self) -> None:
        """Files and jobs beyond their time."""
        files, jobs = (
            self._now() - days * _DAY for days in (self._settings.export_file_days, self._settings.export_job_days)
        )
        sql = "SELECT DISTINCT id FROM export_jobs JOIN export_parts ON job = id WHERE finished_at <= ?"
        for (job_id,) in self._store.all(sql, (files,)):
            self._files.drop(job_id)
        self._store.connection.execute("DELETE FROM export_jobs WHERE finished_at <= ?", (jobs,))

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _source(self, kind: str) -> tuple[ExportSource, str]:
        """Who has the rows of a kind, and the name the path gives besides."""
        family, _, name = kind.partition("/")
        return self._sources[family], name

    def _job(self, job_id: str, call: Call) -> Members:
        row = self._store.one(f"SELECT {_JOB} FROM export_jobs WHERE id = ? AND {_MINE}", (job_id, *_mine(call)))
        if row is None:
            raise Refused(1013, "Object not found")
        return _record(row)

    def _answer(self, job_id: str, call: Call) -> Members:
        return {"result": [self._job(job_id, call)]}


def _kind(call: Call) -> str:
    """What stands between /bulk/v1/ and /export: leads, activities, program/members, customobjects/NAME."""
    return call.path.removeprefix("/bulk/v1/").partition("/export")[0]


def _mine(call: Call) -> tuple[str, str]:
    """The parameters of `_MINE`."""
    return call.user, _kind(call)


def _record(row: Sequence[Any]) -> Members:
    job_id, status, request, created, queued, started, finished, records, size, checksum, error = row
    finished = None if status == "Cancelled" else finished  # the vendor's samples have none
    members = {
        "exportId": job_id,
        "format": orjson.loads(request)["format"],
        "status": status,
        "createdAt": _instant(created),
        "queuedAt": _instant(queued),
        "startedAt": _instant(started),
        "finishedAt": _instant(finished),
        "numberOfRecords": records,
        "fileSize": size,
        "fileChecksum": checksum,
        "errorMsg": error if status == "Failed" else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _instant(at: float | None) -> str | None:
    return None if at is None else iso(datetime.fromtimestamp(at, UTC))
