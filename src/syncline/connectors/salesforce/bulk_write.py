"""Writing in bulk: rows into CSV jobs, and the three result files back onto the writes they came from.

Result rows come in any order and without a number of ours, so each is recognised by what it echoes: the record id,
the key, or (inserts without a key) all it holds. Facts: Bulk API 2.0 Developer Guide, "Prepare CSV Files", "Get Job
Successful Record Results". Assignment rules do not run here: a job names a rule by id or runs none.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from syncline.connectors.salesforce.bulk import (
    JOB_BYTES,
    JOB_ROWS,
    BulkIngest,
    IngestResult,
    NotUploaded,
    write_table,
)
from syncline.connectors.salesforce.cells import full_id
from syncline.connectors.salesforce.errors import VendorError, bulk_error, refusal
from syncline.connectors.salesforce.write import break_off, unknown
from syncline.errors import OutcomeUnknown, SynclineError, Unavailable
from syncline.ports import Lane
from syncline.records import Operation, Outcome, Status, Write, WriteAnswer
from syncline.values import EMPTY

# "From 2,000 records on use Bulk API 2.0" ("API Usage: Bulk or Synchronous").
BULK_FROM_WRITES = 2_000

CLEARED = "#N/A"  # an empty cell leaves the field as it is

Ended = Callable[[Mapping[str, str], Write], Outcome]


class BulkWriter:
    """The writing ability of one connection, for large numbers. Nothing is read back: the next poll does that."""

    def __init__(self, ingest: BulkIngest) -> None:
        self._ingest = ingest

    async def write(self, writes: Sequence[Write], lane: Lane) -> WriteAnswer:
        """As `ports.Connector.write`; `origin` names the jobs."""
        outcomes: dict[int, Outcome] = {}
        jobs: list[str] = []
        for spec, columns, indexes, table in _cut_into_jobs(writes):
            try:
                result = await self._ingest.run(spec, table, lane)
            except NotUploaded as failed:
                if not outcomes:
                    raise _as_later(failed.cause) from failed.cause
                break_off(outcomes, len(writes), failed.cause)
                break
            except SynclineError as lost:
                outcomes |= dict.fromkeys(indexes, unknown(lost))
                break_off(outcomes, len(writes), lost)
                break
            jobs.append(result.job.id)
            own = [writes[index] for index in indexes]
            outcomes |= dict(zip(indexes, outcomes_of(own, columns, result), strict=True))
        return WriteAnswer(
            outcomes=tuple(outcomes[index] for index in range(len(writes))), origin=",".join(jobs) or None
        )


def outcomes_of(writes: Sequence[Write], columns: Sequence[str], result: IngestResult) -> list[Outcome]:
    """One outcome for each write. A row no result file mentions may have been applied."""
    names = _echoed(writes[0], columns)
    waiting: dict[tuple[str, ...], deque[int]] = defaultdict(deque)
    for index, write in enumerate(writes):
        waiting[_cells(write, names)].append(index)
    outcomes: dict[int, Outcome] = {}
    for table, ended in ((result.succeeded, _succeeded), (result.failed, _failed), (result.unprocessed, _unprocessed)):
        for row in _rows(table):
            if indexes := waiting.get(tuple(row.get(name, EMPTY) for name in names)):
                index = indexes.popleft()
                outcomes[index] = ended(row, writes[index])
    forgotten = Outcome(
        status=Status.UNKNOWN,
        message=f"Bulk job {result.job.id} ended as {result.job.state} and names the row in no result.",
        is_permanent=False,
    )
    return [outcomes.get(index, forgotten) for index in range(len(writes))]


def _cut_into_jobs(writes: Sequence[Write]) -> Iterator[tuple[dict[str, Any], list[str], list[int], bytes]]:
    """Job spec, columns, indexes of the writes and CSV, job by job, inside the limits of rows and bytes."""
    groups: dict[str | None, list[int]] = defaultdict(list)
    for index, write in enumerate(writes):
        groups[write.key_field if write.operation is Operation.CREATE else None].append(index)
    for indexes in groups.values():
        for start in range(0, len(indexes), JOB_ROWS):
            yield from _jobs_of(indexes[start : start + JOB_ROWS], writes)


def _jobs_of(
    indexes: list[int], writes: Sequence[Write]
) -> Iterator[tuple[dict[str, Any], list[str], list[int], bytes]]:
    own = [writes[index] for index in indexes]
    columns = _columns(own)
    table = write_table(columns, (_cells(write, columns) for write in own))
    if len(table) > JOB_BYTES and len(own) > 1:
        middle = len(indexes) // 2
        yield from _jobs_of(indexes[:middle], writes)
        yield from _jobs_of(indexes[middle:], writes)
    else:
        yield _spec(own[0]), columns, indexes, table


def _spec(write: Write) -> dict[str, Any]:
    if write.operation is Operation.CREATE and write.key_field is not None:
        return {"object": write.object_type, "operation": "upsert", "externalIdFieldName": write.key_field}
    names = {Operation.CREATE: "insert", Operation.UPDATE: "update", Operation.DELETE: "delete"}
    return {"object": write.object_type, "operation": names[write.operation]}


def _columns(writes: Sequence[Write]) -> list[str]:
    """The union of the fields written: a job has one column set, and an empty cell leaves the field alone."""
    first = writes[0]
    naming = [] if first.operation is Operation.CREATE else ["Id"]
    if first.operation is Operation.DELETE:
        return naming
    key = [first.key_field] if first.key_field and first.operation is Operation.CREATE else []
    return list(dict.fromkeys([*naming, *key, *(name for write in writes for name in write.cells)]))


def _echoed(write: Write, columns: Sequence[str]) -> list[str]:
    if write.operation is not Operation.CREATE:
        return ["Id"]
    return [write.key_field] if write.key_field else list(columns)


def _cells(write: Write, columns: Sequence[str]) -> tuple[str, ...]:
    named = {"Id": write.record_id, write.key_field: write.key} if write.key_field else {"Id": write.record_id}
    return tuple(_cell(write, name, named) for name in columns)


def _cell(write: Write, name: str, named: Mapping[str, str | None]) -> str:
    if (own := named.get(name)) is not None:
        return own
    cell = write.cells.get(name)
    return EMPTY if cell is None else cell or CLEARED


def _rows(table: pl.DataFrame) -> Iterator[dict[str, str]]:
    return table.with_columns(pl.all().fill_null(EMPTY)).iter_rows(named=True)


def _succeeded(row: Mapping[str, str], _write: Write) -> Outcome:
    return Outcome(
        status=Status.WRITTEN, record_id=full_id(row["sf__Id"]), was_created=row["sf__Created"].lower() == "true"
    )


def _failed(row: Mapping[str, str], write: Write) -> Outcome:
    return refusal([bulk_error(row["sf__Error"])], write.record_id)


def _unprocessed(_row: Mapping[str, str], write: Write) -> Outcome:
    return refusal([VendorError(code="unprocessed", message="The job ended before this row.")], write.record_id)


def _as_later(cause: SynclineError) -> SynclineError:
    """A lost answer during the upload is no unknown outcome: a job that was never closed applies nothing."""
    return Unavailable(cause.message, evidence=cause.evidence) if isinstance(cause, OutcomeUnknown) else cause
