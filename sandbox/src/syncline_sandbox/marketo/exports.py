"""Bulk extract of leads: create, enqueue, status, file, cancel, job list.

Source: Marketo "Bulk Extract" and "Bulk Lead Extract": two jobs run at once, ten may wait, exactly one filter, 31 days
of it at most, blank is the word null, ranges of the file, 404 in plain text. A job takes `export_seconds` of the clock.
"""

from __future__ import annotations

import csv
import hashlib
import io
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
from syncline_sandbox.marketo.export_request import DELIMITERS, TIME_FILTERS, checked_request
from syncline_sandbox.marketo.limits import Limits
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store, lead_expression, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import as_csv_expression, iso

MAX_RUNNING, MAX_QUEUED = 2, 10
CSV_TYPE = ("Content-Type", "text/csv;charset=UTF-8")
_JOB = "id, status, request, created_at, queued_at, started_at, finished_at, records, length(file), checksum, error"

Members = dict[str, Any]


class Exports:
    """Answers the lead export endpoints. Jobs belong to the API user who made them."""

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
        self._past = past
        self._limits = limits
        self._clock = clock
        self._settings = settings
        self._randomness = randomness

    def create(self, call: Call) -> Members:
        self._refuse_over_quota()
        document = call.document()
        request = checked_request(self._store, self._settings, document if isinstance(document, dict) else {})
        job_id = str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))
        self._store.connection.execute(
            "INSERT INTO exports (id, user, status, request, created_at) VALUES (?, ?, 'Created', ?, ?)",
            (job_id, call.user, orjson.dumps(request).decode(), self._now()),
        )
        return self._answer(job_id, call.user)

    def enqueue(self, call: Call) -> Members:
        self._advance()
        self._refuse_over_quota()
        job = self._job(call.captured["id"], call.user)
        if job["status"] in ("Queued", "Processing"):
            raise Refused(1029, "Export job already queued")
        if job["status"] != "Created":
            raise Refused(1003, f"Export job is {job['status']}")
        (waiting,) = self._store.one("SELECT count(*) FROM exports WHERE status IN ('Queued', 'Processing')")
        if waiting >= MAX_QUEUED:
            raise Refused(1029, "Too many jobs in queue")
        sql = "UPDATE exports SET status = 'Queued', queued_at = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), job["exportId"]))
        return self._answer(job["exportId"], call.user)

    def status(self, call: Call) -> Members:
        self._advance()
        return self._answer(call.captured["id"], call.user)

    def cancel(self, call: Call) -> Members:
        self._advance()
        job = self._job(call.captured["id"], call.user)
        if job["status"] not in ("Created", "Queued", "Processing"):
            raise Refused(1003, f"Export job is {job['status']}")
        sql = "UPDATE exports SET status = 'Cancelled', finished_at = ? WHERE id = ?"
        self._store.connection.execute(sql, (self._now(), job["exportId"]))
        return self._answer(job["exportId"], call.user)

    def jobs(self, call: Call) -> Members:
        """The user's jobs of the last seven days."""
        self._advance()
        wanted = {status.lower() for status in call.many("status")}
        since, size = self._now() - 7 * 86400, call.batch_size()
        after = read_cursor(token, "exports") if (token := call.one("nextPageToken")) else 0
        sql = f"SELECT rowid, {_JOB} FROM exports WHERE user = ? AND created_at >= ? AND rowid > ? ORDER BY rowid"
        rows = [
            (number, _record(row))
            for number, *row in self._store.all(sql, (call.user, since, after))
            if not wanted or row[1].lower() in wanted
        ]
        more = {"nextPageToken": cursor("exports", rows[size - 1][0])} if len(rows) > size else {}
        return {"result": [record for _, record in rows[:size]], **more}

    def file(self, call: Call) -> Response:
        self._advance()
        sql = "SELECT file FROM exports WHERE id = ? AND user = ? AND status = 'Completed'"
        found = self._store.one(sql, (call.captured["id"], call.user))
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
        sql = "SELECT id, request FROM exports WHERE status = 'Processing' AND started_at + ? <= ? ORDER BY started_at"
        due = self._store.all(sql, (self._settings.export_seconds, self._now()))
        for job_id, request in due:
            content, records = self._render(orjson.loads(request))
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

    def _render(self, request: Members) -> tuple[bytes, int]:
        """The file and its number of records, as readers see the leads now."""
        column = TIME_FILTERS[request["filter"]]
        unseen = self._past.seen(0.0)
        fields = [self._store.fields[name] for name in request["fields"]]
        selected = ", ".join(as_csv_expression(field, lead_expression(field.name)) for field in fields)
        condition = f'"{column}" BETWEEN ? AND ? AND id NOT IN {marks([*unseen])} ORDER BY id'
        window = (request["start"], request["end"])
        content = io.BytesIO()
        text = io.TextIOWrapper(content, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter=DELIMITERS[request["format"]], lineterminator="\n")
        writer.writerow([request["headers"].get(name, name) for name in request["fields"]])
        sql = f"SELECT {selected} FROM leads WHERE {condition}"
        records = 0
        for row in self._store.connection.execute(sql, (*window, *unseen)):
            writer.writerow(row)
            records += 1
        for past in unseen.values():
            if past is not None and window[0] <= past[column] <= window[1]:
                writer.writerow(self._past_row(past, request["fields"]))
                records += 1
        text.flush()
        return content.getvalue(), records

    def _past_row(self, past: Row, names: Sequence[str]) -> list[Any]:
        shown = []
        for name in names:
            value = past.get(name)
            if self._store.fields[name].type == "boolean":
                value = "true" if value else "false"
            shown.append("null" if value is None else value)
        return shown

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _job(self, job_id: str, user: str) -> Members:
        row = self._store.one(f"SELECT {_JOB} FROM exports WHERE id = ? AND user = ?", (job_id, user))
        if row is None:
            raise Refused(1013, "Export job not found")
        return _record(row)

    def _answer(self, job_id: str, user: str) -> Members:
        return {"result": [self._job(job_id, user)]}


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
