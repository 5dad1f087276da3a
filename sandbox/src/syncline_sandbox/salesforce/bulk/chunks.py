"""The rows of a load, written in chunks of 200, each a transaction of its own that stays whatever follows.

Bulk API Developer Guide, "How Requests Are Processed", "General Guidelines for Data Loads".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncline_sandbox.salesforce.repeated import RepeatedKeys

from .platform import Platform
from .row_faults import RowFaults
from .rows import Column, Outcome, RowWriter, record_of
from .swift import SwiftInsert
from .target import Target

ROWS_PER_CHUNK = 200
_ROWS_UNWATCHED = 1000


class ChunkWriter:
    """Writes the rows of one job or batch. *stamp*, if given, is what they bear instead of the time.

    *columns* are those of a CSV upload; other records bring their names along.
    """

    def __init__(
        self, platform: Platform, target: Target, stamp: str | None = None, columns: Sequence[Column] = ()
    ) -> None:
        self._platform = platform
        self._stamp = stamp
        self._columns = columns
        self._faults = RowFaults(platform.faults, target.caller.request_line)
        self._rows = RowWriter(platform.dml, target.caller, target.sobject, target.operation, target.key)
        self._swift = SwiftInsert(platform, target, columns, self._write_row) if columns else None
        self._written = 0
        self._repeated: list[RepeatedKeys] = []  # of each chunk of what is being written swiftly
        self._key = target.key
        key = target.key.name if target.key is not None else None
        named = (place for place, column in enumerate(columns) if column.relation is None and column.name == key)
        self._key_place = next(named, None)

    @property
    def rows_at_once(self) -> int:
        """How many rows to give next: a chunk, or several where nobody could tell one transaction from five."""
        watched = self._platform.dml.events.channels.entities()
        return _ROWS_UNWATCHED if self._goes_swiftly() and not watched else ROWS_PER_CHUNK

    def _goes_swiftly(self) -> bool:
        return self._swift is not None and self._faults.none and self._swift.usable

    def write_records(self, records: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Write records in one transaction; their outcomes in order."""
        repeated = self._rows.repeated(records)
        with self._platform.transaction(self._stamp):
            outcomes = [
                self._rows.write(record, self._faults.refusal(place), repeated)
                for place, record in enumerate(records, self._written)
            ]
        self._written += len(records)
        return outcomes

    def write_cells(self, rows: Sequence[Sequence[str]]) -> list[Outcome]:
        """Write CSV rows in one transaction; their outcomes in order."""
        if self._swift is None or not self._goes_swiftly():
            return self.write_records([record_of(self._columns, cells) for cells in rows])
        keys = [row[self._key_place] for row in rows] if self._key_place is not None else []
        chunks = (keys[start : start + ROWS_PER_CHUNK] for start in range(0, len(keys), ROWS_PER_CHUNK))
        self._repeated = [RepeatedKeys(self._key, chunk) for chunk in chunks]
        twice = {place for place, key in enumerate(keys) if self._repeated[place // ROWS_PER_CHUNK].has(key)}
        with self._platform.transaction(self._stamp):
            outcomes = self._swift.write(rows, twice)
        self._written += len(rows)
        return outcomes

    def _write_row(self, place: int, cells: Sequence[str]) -> Outcome:
        repeated = self._repeated[place // ROWS_PER_CHUNK] if self._repeated else None
        return self._rows.write(record_of(self._columns, cells), repeated=repeated)
