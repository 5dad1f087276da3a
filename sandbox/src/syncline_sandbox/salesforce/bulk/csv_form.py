"""The CSV of Bulk API 2.0: delimiters and line endings by name, and files of rows that can be read by page.

Bulk API 2.0 Developer Guide, "Prepare CSV Files": RFC 4180 quoting, UTF-8, a header row, every written cell quoted.
"""

from __future__ import annotations

import csv
import io
import tempfile
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
CONTENT_TYPE = "text/csv;charset=UTF-8"
_SPOOLED_BYTES = 1 << 20
_ROWS_A_BLOCK = 1000


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How one job's CSV is written: the names the job was created with."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"

    def text(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """The rows as encoded records, all cells quoted, None as an empty cell."""
        written = io.StringIO(newline="")
        csv.writer(
            written,
            delimiter=DELIMITERS[self.delimiter],
            lineterminator=LINE_ENDINGS[self.line_ending],
            quoting=csv.QUOTE_ALL,
        ).writerows(rows)
        return written.getvalue().encode()

    def read(self, content: bytes) -> Iterator[list[str]]:
        """The rows of an upload, header first. csv.Error or UnicodeDecodeError where it is no CSV."""
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
        return csv.reader(text, delimiter=DELIMITERS[self.delimiter], strict=True)

    def agrees_with(self, content: bytes) -> bool:
        """True when the header line of an upload ends as the job says."""
        header, found, _ = content.partition(b"\n")
        return not found or header.endswith(b"\r") == (self.line_ending == "CRLF")


class CsvSpool:
    """Rows written once and read by page, in a temporary file that vanishes with the job. One header for all pages.

    Where rows begin is known for every block of rows that was appended; a page that begins or ends inside a block
    has the block read again.
    """

    def __init__(self, form: CsvForm, header: Sequence[str]) -> None:
        self._form = form
        self._header = form.text([header])
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115  closed with the spool
        weakref.finalize(self, self._file.close)
        self._bytes = array("Q", [0])
        self._rows = array("Q", [0])

    def __len__(self) -> int:
        return self._rows[-1]

    @property
    def size(self) -> int:
        """The bytes of all rows."""
        return self._bytes[-1]

    def append(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add a block of rows."""
        if not rows:
            return
        text = self._form.text(rows)
        self._file.seek(self._bytes[-1])
        self._file.write(text)
        self._bytes.append(self._bytes[-1] + len(text))
        self._rows.append(self._rows[-1] + len(rows))

    def append_all(self, rows: Any) -> None:
        """Drain a database cursor, a block in memory at a time."""
        while chunk := rows.fetchmany(_ROWS_A_BLOCK):
            self.append(chunk)

    def page(self, first: int, count: int) -> tuple[bytes, int]:
        """The header and up to *count* rows from row *first*; also how many rows that is."""
        last = min(first + count, len(self))
        return self._header + b"".join(self._between(first, last)), last - first

    def whole(self) -> bytes:
        return self.page(0, len(self))[0]

    def close(self) -> None:
        self._file.close()

    def _between(self, first: int, last: int) -> Iterator[bytes]:
        while first < last:
            block = bisect_right(self._rows, first) - 1
            whole = bisect_right(self._rows, last) - 1
            if first == self._rows[block] and whole > block:
                yield self._read(block, whole)
                first = self._rows[whole]
                continue
            start = self._rows[block]
            end = min(last, self._rows[block + 1])
            yield self._form.text(list(self._form.read(self._read(block, block + 1)))[first - start : end - start])
            first = end

    def _read(self, block: int, end: int) -> bytes:
        self._file.seek(self._bytes[block])
        return self._file.read(self._bytes[end] - self._bytes[block])
