"""Bulk import of leads: the multipart upload, batch status, failure and warning files.

Source: Marketo "Bulk Import" and "Bulk Lead Import": upsert by lookupField (id: update only), 10 MB, 10 in the queue,
parameters in the query or as form fields, a missing final boundary is tolerated. The vendor does not say what a
blank cell does; here it is left out unless `import_blank_clears`. An import never clears the durable unsubscribe.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Response
from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.export_request import DELIMITERS
from syncline_sandbox.marketo.exports import CSV_TYPE
from syncline_sandbox.marketo.record import WriteOrder
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.sync import Writes

MAX_QUEUED = 10
_CHUNK = 300

Members = dict[str, Any]
# Runs an action inside a transaction after so many seconds of the clock.
Later = Callable[[float, Callable[[], None]], None]


class Imports:
    """Answers the lead import endpoints."""

    def __init__(self, store: Store, writes: Writes, clock: SandboxClock, settings: Settings, later: Later) -> None:
        self._store = store
        self._writes = writes
        self._clock = clock
        self._settings = settings
        self._later = later

    def start(self, call: Call) -> Members:
        parts = multipart(call)
        content = parts.pop("file", None)
        if content is None:
            raise Refused(1002, "Missing required parameter 'file'")
        for name, value in parts.items():
            call.parameters.setdefault(name.lower(), []).append(value.decode())
        form = (call.one("format") or "").upper()
        if form not in DELIMITERS:
            raise Refused(1003, f"Invalid value for 'format': '{form.lower()}'")
        lookup = self._store.fields.lookup(call.one("lookupField") or "email")
        (waiting,) = self._store.one("SELECT count(*) FROM imports WHERE status = 'Queued'")
        if waiting >= MAX_QUEUED:
            raise Refused(1016, "Too many imports")
        request = orjson.dumps({"format": form, "lookup": lookup.name}).decode()
        batch_id = self._store.connection.execute(
            "INSERT INTO imports (user, status, request, queued_at, file) VALUES (?, 'Queued', ?, ?, ?)",
            (call.user, request, self._clock.now().timestamp(), content),
        ).lastrowid
        assert batch_id is not None
        self._later(self._settings.import_seconds, lambda: self._run(batch_id, call))
        return {"result": [{"batchId": batch_id, "importId": str(batch_id), "status": "Queued"}]}

    def status(self, call: Call) -> Members:
        sql = "SELECT id, status, processed, failed, warned, message FROM imports WHERE id = ?"
        row = self._store.one(sql, (to_number(call.captured["id"]),))
        if row is None:
            raise Refused(1013, "Batch not found")
        batch_id, status, processed, failed, warned, message = row
        counts = {
            "numOfLeadsProcessed": processed or 0,
            "numOfRowsFailed": failed or 0,
            "numOfRowsWithWarning": warned or 0,
            "message": message or "",
        }
        return {"result": [{"batchId": batch_id, "importId": str(batch_id), "status": _shown(status), **counts}]}

    def failures(self, call: Call) -> Response:
        return self._file("failures", call)

    def warnings(self, call: Call) -> Response:
        return self._file("warnings", call)

    def _file(self, column: str, call: Call) -> Response:
        row = self._store.one(f"SELECT {column} FROM imports WHERE id = ?", (to_number(call.captured["id"]),))
        if row is None or row[0] is None:
            return Response(status=404, headers=(("Content-Type", "text/plain"),), body=b"Not found")
        return Response(headers=(CSV_TYPE,), body=row[0])

    def _run(self, batch_id: int, call: Call) -> None:
        request, content = self._store.one("SELECT request, file FROM imports WHERE id = ?", (batch_id,))
        wanted = orjson.loads(request)
        delimiter = DELIMITERS[wanted["format"]]
        header, *rows = [row for row in csv.reader(_lines(content), delimiter=delimiter) if row] or [[]]
        order = self._order(wanted["lookup"], call)
        failed: list[list[str]] = []
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            results = self._writes.write(call, [self._record(header, row) for row in chunk], order)
            failed += [
                [*row, result["reasons"][0]["message"]]
                for row, result in zip(chunk, results, strict=True)
                if result["status"] == "skipped"
            ]
        failures = _table([[*header, "Import Failure Reason"], *failed], delimiter) if failed else None
        self._store.connection.execute(
            "UPDATE imports SET status = 'Complete', processed = ?, failed = ?, warned = 0, message = ?, failures = ?, "
            "file = NULL WHERE id = ?",
            (len(rows) - len(failed), len(failed), _message(len(rows), len(failed)), failures, batch_id),
        )

    def _order(self, lookup: str, call: Call) -> WriteOrder:
        cause = Cause(source="List import", api_method="importLead", user=call.user, request_id=call.request_id)
        action = "updateOnly" if lookup == "id" else "createOrUpdate"
        return WriteOrder(
            cause=cause,
            lookup=self._store.fields[lookup],
            action=action,
            may_resubscribe=False,
        )

    def _record(self, header: list[str], row: list[str]) -> Members:
        cells = dict(zip(header, row, strict=False))
        if self._settings.import_blank_clears:
            return cells
        return {name: cell for name, cell in cells.items() if cell != ""}


def multipart(call: Call) -> dict[str, bytes]:
    """The parts of a multipart body by name. Refused 612 for another content type, 613 when it cannot be read."""
    if call.content_type != "multipart/form-data":
        raise Refused(612, "Invalid Content Type")
    found = re.search(r'boundary="?([^";]+)"?', call.request.headers["content-type"])
    if found is None:
        raise Refused(613, "Invalid Multipart Request")
    parts: dict[str, bytes] = {}
    for piece in (b"\r\n" + call.request.body).split(b"\r\n--" + found[1].encode())[1:]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="?([^";\r\n]+)"?', head)
        if blank and name is not None:
            parts[name[1].decode()] = content
    if not parts:
        raise Refused(613, "Invalid Multipart Request")
    return parts


def _lines(content: bytes) -> io.StringIO:
    return io.StringIO(content.decode("utf-8-sig", "replace"), newline="")


def _table(rows: list[list[str]], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _message(rows: int, failed: int) -> str:
    done = rows - failed
    if failed:
        return f"Import completed with errors, {done} records imported ({done} members), {failed} failed"
    return f"Import succeeded, {done} records imported ({done} members)"


def _shown(status: str) -> str:
    return "Importing" if status == "Queued" else status
