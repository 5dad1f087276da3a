"""The files of export jobs, kept in parts so that neither writing nor reading a range needs the whole in memory.

Source: Marketo "Bulk Extract" (Range of RFC 7233, 206, file size, SHA-256 checksum; 404 in plain text).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from itertools import count, islice
from operator import itemgetter
from typing import Any, NamedTuple

from syncline_sandbox.core.wire import Response
from syncline_sandbox.marketo.bulk.request import DELIMITERS
from syncline_sandbox.marketo.store import Store

CSV_TYPE = ("Content-Type", "text/csv;charset=UTF-8")
_PARTS = """
CREATE TABLE IF NOT EXISTS export_parts (
    job TEXT NOT NULL, start INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (job, start)
)
"""

Row = Sequence[Any]
# Rows between two parts of a file.
_PART_ROWS = 5_000


class Written(NamedTuple):
    """What became of a job's rows."""

    records: int
    size: int
    checksum: str


class ExportFiles:
    """Writes and serves files by job id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.connection.execute(_PARTS)

    def write(self, job: str, form: str, header: Sequence[str], rows: Iterable[Row]) -> Written:
        """Store the header row and all *rows*. None in a cell must have become a word before.

        Rows go straight from the database's cursor into the writer, counted on the way: a list of them would have the
        garbage collector look at every cell.
        """
        text, records = io.StringIO(newline=""), count()
        writer = csv.writer(text, delimiter=DELIMITERS[form], lineterminator="\n")
        counted = map(itemgetter(0), zip(rows, records, strict=False))
        digest, size = hashlib.sha256(), 0
        writer.writerow(header)
        while stored := self._keep(job, size, text, digest):
            size += stored
            writer.writerows(islice(counted, _PART_ROWS))
        return Written(next(records), size, f"sha256:{digest.hexdigest()}")

    def _keep(self, job: str, start: int, text: io.StringIO, digest: Any) -> int:
        content = text.getvalue().encode()
        if content:
            digest.update(content)
            self._store.connection.execute("INSERT INTO export_parts VALUES (?, ?, ?)", (job, start, content))
            text.seek(0)
            text.truncate()
        return len(content)

    def serve(self, job: str, size: int, checksum: str, wanted: str) -> Response:
        """The whole file, or the part a Range header asks for: 206, or 416 beyond its end."""
        always = (CSV_TYPE, ("Accept-Ranges", "bytes"), ("ETag", f'"{checksum.removeprefix("sha256:")}"'))
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted.strip())
        if match is None:
            return Response(headers=always, body=self._read(job, 0, size))
        first, end = int(match[1]), min(int(match[2] or size) + 1, size)
        if first >= end:
            return Response(status=416, headers=(("Content-Range", f"bytes */{size}"),))
        headers = (*always, ("Content-Range", f"bytes {first}-{end - 1}/{size}"))
        return Response(status=206, headers=headers, body=self._read(job, first, end))

    def _read(self, job: str, first: int, end: int) -> bytes:
        parts = self._store.connection.execute(
            "SELECT start, content FROM export_parts WHERE job = ? AND start < ? AND start + length(content) > ? "
            "ORDER BY start",
            (job, end, first),
        )
        file = io.BytesIO()
        for start, content in parts:
            file.write(content[max(0, first - start) : end - start])
        return file.getvalue()

    def drop(self, job: str) -> None:
        self._store.connection.execute("DELETE FROM export_parts WHERE job = ?", (job,))
