"""The life of import jobs of every kind: the upload, the queue, the status, failure and warning files.

Source: Marketo "Bulk Import", "Bulk Lead Import", "Bulk Custom Object Import", "Bulk Program Member Import": ten jobs
in the queue (1016), two at once in order, one for a list (1019); parameters in the query or as form fields; the exact
messages; a job is known for seven days. A job takes `import_seconds` of the clock once its turn has come.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.marketo.bulk.files import CSV_TYPE
from syncline_sandbox.marketo.bulk.job_fault import Failing
from syncline_sandbox.marketo.bulk.multipart import multipart
from syncline_sandbox.marketo.bulk.request import DELIMITERS
from syncline_sandbox.marketo.bulk.targets import ImportTarget
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused, plain
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store

MAX_QUEUED, MAX_RUNNING = 10, 2
_CHUNK = 1_000
_DAY = 86_400
_TABLE = """
CREATE TABLE IF NOT EXISTS import_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, user TEXT NOT NULL, path TEXT NOT NULL,
    request_id TEXT NOT NULL, format TEXT NOT NULL, request TEXT NOT NULL, list INTEGER, starts_at REAL NOT NULL,
    ends_at REAL NOT NULL, status TEXT, processed INTEGER, message TEXT, file BLOB,
    failed INTEGER, failures BLOB, warned INTEGER, warnings BLOB
)
"""
_LEADS, _CUSTOM = "leads", "customobjects"

Members = dict[str, Any]
# Runs an action inside a transaction after so many seconds of the clock.
Later = Callable[[float, Callable[[], None]], None]


class Imports:
    """Answers the import endpoints. *targets*: by family; a call's kind is its family, with a name behind a slash."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        settings: Settings,
        later: Later,
        targets: Mapping[str, ImportTarget],
        failing: Failing,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._later = later
        self._targets = targets
        self._failing = failing
        store.connection.execute(_TABLE)
        for job_id, ends_at in store.all("SELECT id, ends_at FROM import_jobs WHERE status IS NULL ORDER BY id"):
            self._run_at(job_id, ends_at)

    # -- calls ------------------------------------------------------------------------------------------------------

    def start(self, call: Call) -> Members:
        kind = _kind(call)
        parts = multipart(call)
        content = parts.pop("file", None)
        if content is None:
            raise Refused(1002, "Missing value for the required parameter 'file'")
        for name, value in parts.items():
            call.parameters.setdefault(name.lower(), []).append(value.decode("utf-8", "replace"))
        form = (call.one("format") or "CSV").upper()  # the default of "Bulk Import"; the kinds' pages name none
        if form not in DELIMITERS:
            raise Refused(1003, f"Invalid value for 'format': '{form.lower()}'")
        request = self._target(kind).checked(call)
        starts_at, ends_at = self._turn(request.get("list"))
        if (failure := self._failing(call)) is not None:
            request["failure"] = failure
        job_id = self._store.connection.execute(
            "INSERT INTO import_jobs (kind, user, path, request_id, format, request, list, starts_at, ends_at, file) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(kind, call.user, call.path, call.request_id, form, orjson.dumps(request).decode()),
                *(request.get("list"), starts_at, ends_at, content),
            ),
        ).lastrowid
        assert job_id is not None
        self._run_at(job_id, ends_at)
        return {"result": [_started(job_id, kind)]}

    def status(self, call: Call) -> Members:
        job_id, kind, status, starts_at, ends_at, processed, failed, warned, message = self._job(
            call, "id, kind, status, starts_at, ends_at, processed, failed, warned, message"
        )
        now = self._now()
        shown = status or ("Queued" if now < starts_at else "Importing")
        counts = {"numOfRowsFailed": failed or 0, "numOfRowsWithWarning": warned or 0}
        if not kind.startswith(_CUSTOM):
            head = {"batchId": job_id, "importId": str(job_id), "status": shown}
            return {"result": [{**head, "numOfLeadsProcessed": processed or 0, **counts, "message": message or ""}]}
        name = kind.partition("/")[2]
        head = {"batchId": job_id, "operation": "import", "status": shown, "objectApiName": name}
        took = {"importTime": f"{int(ends_at - starts_at)} second(s)"} if status else {}
        result = {**head, "numOfObjectsProcessed": processed or 0, **counts, **took, "message": message or ""}
        return {"result": [result]}

    def failures(self, call: Call) -> Response:
        return self._file("failures", call)

    def warnings(self, call: Call) -> Response:
        return self._file("warnings", call)

    def _file(self, column: str, call: Call) -> Response:
        try:
            (content,) = self._job(call, column)
        except Refused:
            content = None
        if content is None:
            return plain(404, "Not found")
        return Response(headers=(CSV_TYPE,), body=content)

    def _job(self, call: Call, columns: str) -> Any:
        """A job of the kind the path names. Refused 1013 when there is none, or no more."""
        oldest = self._now() - self._settings.import_job_days * _DAY
        sql = f"SELECT {columns} FROM import_jobs WHERE id = ? AND kind = ? COLLATE NOCASE AND ends_at > ?"
        row = self._store.one(sql, (to_number(call.captured["id"]), _kind(call), oldest))
        if row is None:
            raise Refused(1013, "Object not found")
        return row

    # -- the queue --------------------------------------------------------------------------------------------------

    def _turn(self, list_id: int | None) -> tuple[float, float]:
        """When a new job starts and ends. Refused 1016 when the queue is full, 1019 when its list is imported to."""
        waiting = self._store.all("SELECT list, ends_at FROM import_jobs WHERE status IS NULL ORDER BY ends_at")
        if len(waiting) >= MAX_QUEUED:
            raise Refused(1016, "Too many imports")
        if list_id is not None and list_id in {busy for busy, _ in waiting}:
            raise Refused(1019, "Import in progress")
        starts_at = waiting[-MAX_RUNNING][1] if len(waiting) >= MAX_RUNNING else self._now()
        return starts_at, starts_at + self._settings.import_seconds

    def _run_at(self, job_id: int, ends_at: float) -> None:
        self._later(ends_at - self._now(), lambda: self._run(job_id))

    def _run(self, job_id: int) -> None:
        kind, user, path, request_id, form, request, content = self._store.one(
            "SELECT kind, user, path, request_id, format, request, file FROM import_jobs WHERE id = ?", (job_id,)
        )
        call = Call(Request(method="POST", path=path), "POST", path, {}, request_id, user=user)
        order = orjson.loads(request)
        failure = order.get("failure", {})
        count, failures, warnings = 0, list[list[str]](), list[list[str]]()
        try:
            table = _rows_of(content, DELIMITERS[form])
            header = next(table, [])
            table = islice(table, failure.get("after_rows"))
            while rows := list(islice(table, _CHUNK)):
                outcome = self._target(kind).run(call, order, header, rows)
                count += len(rows)
                failures += [[*rows[index], reason] for index, reason in sorted(outcome.failures.items())]
                warnings += [[*rows[index], reason] for index, reason in sorted(outcome.warnings.items())]
        except (Refused, csv.Error) as broken:
            self._end(job_id, "Failed", 0, str(getattr(broken, "message", broken)), {})
            return
        files = {
            "failed": len(failures),
            "failures": _told([*header, "Import Failure Reason"], failures, DELIMITERS[form]),
            "warned": len(warnings),
            "warnings": _told([*header, "Import Warning Reason"], warnings, DELIMITERS[form]),
        }
        message = failure.get("message") or _message(count, len(failures), len(warnings))
        self._end(job_id, "Failed" if failure else "Complete", count - len(failures), message, files)

    def _end(self, job_id: int, status: str, processed: int, message: str, files: Members) -> None:
        values = {"status": status, "processed": processed, "message": message, "file": None, **files}
        assignments = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE import_jobs SET {assignments} WHERE id = ?"
        self._store.connection.execute(sql, (*values.values(), job_id))

    def _target(self, kind: str) -> ImportTarget:
        return self._targets[kind.partition("/")[0]]

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _kind(call: Call) -> str:
    """leads, program, or customobjects with the name of the object."""
    family, _, rest = call.path.removeprefix("/bulk/v1/").removesuffix(".json").partition("/")
    return f"{family}/{rest.partition('/')[0]}" if family == _CUSTOM else family


def _started(job_id: int, kind: str) -> Members:
    if kind.startswith(_CUSTOM):
        return {"batchId": job_id, "status": "Queued", "objectApiName": kind.partition("/")[2]}
    return {"batchId": job_id, "importId": str(job_id), "status": "Queued"}


def _rows_of(content: bytes, delimiter: str) -> Iterator[list[str]]:
    """The rows of a file that are not empty, its header first."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", "replace", newline="")
    return filter(None, csv.reader(text, delimiter=delimiter))


def _told(header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> bytes | None:
    """A file of rows with their reasons; None without any."""
    if not rows:
        return None
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def _message(rows: int, failed: int, warned: int) -> str:
    done = rows - failed
    text = f"{done} records imported ({done} members)"
    text = f"Import completed with errors, {text}, {failed} failed" if failed else f"Import succeeded, {text}"
    return f"{text}, {warned} warning." if warned else text
