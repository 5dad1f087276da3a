"""The CSV of Bulk API 2.0: delimiters and line endings by name, and files of rows that can be read by page.

Bulk API 2.0 Developer Guide, "Prepare CSV Files": RFC 4180 quoting, UTF-8, a header row, every written cell quoted.
"""

from __future__ import annotations

import csv
import io
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
CONTENT_TYPE = "text/csv;charset=UTF-8"
_SPOOLED_BYTES = 1 << 20
_ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How one job's CSV is written: the names the job was created with."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"

    def lines(self, rows: Iterable[Sequence[Any]]) -> list[bytes]:
        """Each row as one encoded record, all cells quoted, None as an empty cell."""
        written = _Lines()
        csv.writer(
            written,
            delimiter=DELIMITERS[self.delimiter],
            lineterminator=LINE_ENDINGS[self.line_ending],
            quoting=csv.QUOTE_ALL,
        ).writerows(rows)
        return [line.encode() for line in written.lines]

    def read(self, content: bytes) -> Iterator[list[str]]:
        """The rows of an upload, header first. csv.Error or UnicodeDecodeError where it is no CSV."""
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
        return csv.reader(text, delimiter=DELIMITERS[self.delimiter], strict=True)

    def agrees_with(self, content: bytes) -> bool:
        """True when the header line of an upload ends as the job says."""
        header, found, _ = content.partition(b"\n")
        return not found or header.endswith(b"\r") == (self.line_ending == "CRLF")


class _Lines:
    """A file to csv.writer, which writes one record a call."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> int:
        self.lines.append(line)
        return len(line)


class CsvSpool:
    """Rows written once and read by page, in a temporary file that vanishes with the job. One header for all pages."""

    def __init__(self, form: CsvForm, header: Sequence[str]) -> None:
        self._form = form
        self._header = b"".join(form.lines([header]))
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115  closed with the spool
        weakref.finalize(self, self._file.close)
        self._starts = array("Q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def append(self, rows: Sequence[Sequence[Any]]) -> None:
        at = self._starts[-1]
        self._file.seek(at)
        lines = self._form.lines(rows)
        for line in lines:
            at += len(line)
            self._starts.append(at)
        self._file.write(b"".join(lines))

    def append_all(self, rows: Any) -> None:
        """Drain a database cursor, a few thousand rows in memory at a time."""
        while chunk := rows.fetchmany(_ROWS_AT_ONCE):
            self.append(chunk)

    def page(self, first: int, count: int) -> tuple[bytes, int]:
        """The header and up to *count* rows from row *first*; also how many rows that is."""
        last = min(first + count, len(self))
        self._file.seek(self._starts[first])
        return self._header + self._file.read(self._starts[last] - self._starts[first]), last - first

    def whole(self) -> bytes:
        return self.page(0, len(self))[0]

    def close(self) -> None:
        self._file.close()
