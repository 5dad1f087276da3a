"""The rows of a load, written in chunks of 200, each a transaction of its own that stays whatever follows.

Bulk API Developer Guide, "How Requests Are Processed", "General Guidelines for Data Loads".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.salesforce.dml import Dml

from .row_faults import RowFaults
from .rows import Column, Outcome, RowWriter, record_of
from .target import Target

ROWS_PER_CHUNK = 200
Transaction = Callable[[str | None], AbstractContextManager[None]]
"""Opens a transaction of the platform; the text replaces the stamp its writes bear."""


class ChunkWriter:
    """Writes the rows of one job or batch. *stamp*, if given, is what they bear instead of the time."""

    def __init__(
        self, dml: Dml, transaction: Transaction, faults: FaultPlan, target: Target, stamp: str | None = None
    ) -> None:
        self._transaction = transaction
        self._stamp = stamp
        self._faults = RowFaults(faults, target.caller.request_line)
        self._rows = RowWriter(dml, target.caller, target.sobject, target.operation, target.key)
        self._written = 0

    def write_records(self, records: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Write up to a chunk of records; their outcomes in order."""
        with self._transaction(self._stamp):
            outcomes = [
                self._rows.write(record, self._faults.refusal(place))
                for place, record in enumerate(records, self._written)
            ]
        self._written += len(records)
        return outcomes

    def write_cells(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[Outcome]:
        """Write up to a chunk of CSV rows; their outcomes in order."""
        return self.write_records([record_of(columns, cells) for cells in rows])
