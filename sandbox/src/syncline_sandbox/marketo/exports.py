"""Bulk extract of leads and of activities: create, enqueue, status, file, cancel, job list.

Source: Marketo "Bulk Extract", "Bulk Lead Extract" and "Bulk Activity Extract": of both kinds together two jobs run at
once and ten may wait; a job is seen by its user and in its kind; ranges of the file, 404 in plain text. A job takes
`export_seconds` of the clock. What may be asked is in export_request.py, the files are made in export_files.py.
"""

from __future__ import annotations

import hashlib
import random
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Response
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.export_files import ExportFiles
from syncline_sandbox.marketo.export_request import checked_request
from syncline_sandbox.marketo.limits import Limits
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import iso

MAX_RUNNING, MAX_QUEUED = 2, 10
CSV_TYPE = ("Content-Type", "text/csv;charset=UTF-8")
_JOB = "id, status, request, created_at, queued_at, started_at, finished_at, records, length(file), checksum, error"

_MINE = "user = ? AND kind = ?"

Members = dict[str, Any]


class Exports:
    """Answers the export endpoints of both kinds. Jobs belong to the API user who made them."""

    def __init__(
        self,
        store: Store,
        past: LeadPast,
        limits: Limits,
        clock: SandboxClock,
        settings: Settings,
        randomness: random.Random,
    ) -> None:
        self._store = store
        self._files = ExportFiles(store, past, clock)
        self._limits = limits
        self._clock = clock
        self._settings = settings
        self._randomness = randomness

    def create(self, call: Call) -> Members:
        self._refuse_over_quota()
        document = call.document()
        kind, wanted = _kind(call), document if isinstance(document, dict) else {}
        request = checked_request(kind, self._store, self._settings, wanted)
        job_id = str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))
        self._store.connection.execute(
            "INSERT INTO exports (id, kind, user, status, request, created_at) VALUES (?, ?, ?, 'Created', ?, ?)",
            (job_id, kind, call.user, orjson.dumps(request).decode(), self._now()),
        )
        return self._answer(job_id, call)

    def enqueue(self, call: Call) -> Members:
        self._advance()
        self._refuse_over_quota()
        job = self._job(call.captured["id"], call)
        if job["status"] in ("Queued", "Processing"):
            raise Refused(1029, "Export job already queued")
        if job["status"] != "Created":
            raise Refused(1003, f"Export job is {job['status']}")
        (waiting,) = self._store.one("SELECT count(*) FROM exports WHERE status IN ('Queued', 'Processing')")
        if waiting >= MAX_QUEUED:
            raise Refused(1029, "Too many jobs in queue")
        sql = "UPDATE exports SET status = 'Queued', queued_at = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), job["exportId"]))
        return self._answer(job["exportId"], call)

    def status(self, call: Call) -> Members:
        self._advance()
        return self._answer(call.captured["id"], call)

    def cancel(self, call: Call) -> Members:
        self._advance()
        job = self._job(call.captured["id"], call)
        if job["status"] not in ("Created", "Queued", "Processing"):
            raise Refused(1003, f"Export job is {job['status']}")
        sql = "UPDATE exports SET status = 'Cancelled', finished_at = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), job["exportId"]))
        return self._answer(job["exportId"], call)

    def jobs(self, call: Call) -> Members:
        """The user's jobs of the last seven days."""
        self._advance()
        wanted = {status.lower() for status in call.many("status")}
        since, size = self._now() - 7 * 86400, call.batch_size()
        after = read_cursor(token, "exports") if (token := call.one("nextPageToken")) else 0
        sql = f"SELECT rowid, {_JOB} FROM exports WHERE {_MINE} AND created_at >= ? AND rowid > ? ORDER BY rowid"
        rows = [
            (number, _record(row))
            for number, *row in self._store.all(sql, (*_mine(call), since, after))
            if not wanted or row[1].lower() in wanted
        ]
        more = {"nextPageToken": cursor("exports", rows[size - 1][0])} if len(rows) > size else {}
        return {"result": [record for _, record in rows[:size]], **more}

    def file(self, call: Call) -> Response:
        self._advance()
        sql = f"SELECT file FROM exports WHERE id = ? AND {_MINE} AND status = 'Completed'"
        found = self._store.one(sql, (call.captured["id"], *_mine(call)))
        if found is None:
            return Response(status=404, headers=(("Content-Type", "text/plain"),), body=b"Not found")
        return _ranged(found[0], call.request.headers.get("range", ""))

    def _refuse_over_quota(self) -> None:
        quota = self._settings.export_bytes_per_day
        if self._limits.exported_bytes[self._limits.today()] > quota:
            raise Refused(1029, f"Export daily quota {quota // 1_000_000}MB exceeded.")

    # -- the life of a job ------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Bring all jobs to where the clock says they are."""
        while self._complete_due() or self._start_waiting():
            pass

    def _complete_due(self) -> bool:
        is_due = "status = 'Processing' AND started_at + ? <= ?"
        sql = f"SELECT id, kind, request FROM exports WHERE {is_due} ORDER BY started_at"
        due = self._store.all(sql, (self._settings.export_seconds, self._now()))
        for job_id, kind, request in due:
            content, records = self._files.render(kind, orjson.loads(request))
            self._limits.exported_bytes[self._limits.today()] += len(content)
            checksum = "sha256:" + hashlib.sha256(content).hexdigest()
            self._store.connection.execute(
                "UPDATE exports SET status = 'Completed', finished_at = ?, records = ?, checksum = ?, file = ? "
                "WHERE id = ?",
                (self._now(), records, checksum, content, job_id),
            )
        return bool(due)

    def _start_waiting(self) -> bool:
        (running,) = self._store.one("SELECT count(*) FROM exports WHERE status = 'Processing'")
        sql = "SELECT id FROM exports WHERE status = 'Queued' ORDER BY queued_at, rowid LIMIT ?"
        waiting = self._store.all(sql, (max(0, MAX_RUNNING - running),))
        for (job_id,) in waiting:
            started = "UPDATE exports SET status = 'Processing', started_at = ? WHERE id = ?"
            self._store.connection.execute(started, (self._now(), job_id))
        return bool(waiting)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _job(self, job_id: str, call: Call) -> Members:
        row = self._store.one(f"SELECT {_JOB} FROM exports WHERE id = ? AND {_MINE}", (job_id, *_mine(call)))
        if row is None:
            raise Refused(1013, "Export job not found")
        return _record(row)

    def _answer(self, job_id: str, call: Call) -> Members:
        return {"result": [self._job(job_id, call)]}


def _kind(call: Call) -> str:
    """leads or activities, from the path."""
    return call.path.split("/")[3]


def _mine(call: Call) -> tuple[str, str]:
    """The parameters of `_MINE`."""
    return call.user, _kind(call)


def _record(row: Sequence[Any]) -> Members:
    job_id, status, request, created, queued, started, finished, records, size, checksum, error = row
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
        "errorMsg": error,
    }
    return {name: value for name, value in members.items() if value is not None}


def _instant(at: float | None) -> str | None:
    return None if at is None else iso(datetime.fromtimestamp(at, UTC))


def _ranged(content: bytes, wanted: str) -> Response:
    """The whole file, or the part a Range header asks for: 206, or 416 beyond its end."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted.strip())
    if match is None:
        return Response(headers=(CSV_TYPE, ("Accept-Ranges", "bytes")), body=content)
    first, last = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
    if first >= len(content) or last < first:
        return Response(status=416, headers=(("Content-Range", f"bytes */{len(content)}"),))
    headers = (CSV_TYPE, ("Accept-Ranges", "bytes"), ("Content-Range", f"bytes {first}-{last}/{len(content)}"))
    return Response(status=206, headers=headers, body=content[first : last + 1])
