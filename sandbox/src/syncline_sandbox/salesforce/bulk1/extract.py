"""Working on a batch of a query: the rows in the job's content type, or, with PK chunking, the batches of its parts.

Bulk API Developer Guide, "Bulk Query": CSV without a row says so in words, JSON rows carry `attributes` and times in
milliseconds since 1970, XML rows their type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from time import perf_counter
from typing import Any

import orjson

from syncline_sandbox.salesforce.bulk.csv_form import CsvForm
from syncline_sandbox.salesforce.bulk.platform import Platform
from syncline_sandbox.salesforce.bulk.row_faults import Death
from syncline_sandbox.salesforce.bulk.rows import UploadRefused
from syncline_sandbox.salesforce.bulk.stash import Stash
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.query_runs import not_too_complicated
from syncline_sandbox.salesforce.soql import CompiledQuery, RowShaper, Style
from syncline_sandbox.salesforce.soql.compiled import Cell, Node

from .jobs import COMPLETED, FAILED, NOT_PROCESSED, AsyncJob, Batch
from .notation import NAMESPACE, XSI, text_of
from .pk_chunks import can_be_cut, cut, predicate, ranges

EMPTY_CSV = b"Records not found for this query\n"
_RESULT = "752"
_ROWS_AT_ONCE = 5_000
AddBatch = Callable[[AsyncJob, bytes], Batch]


class BatchQuery:
    """Reads batches. *add_batch* queues the part of a query that was cut."""

    def __init__(self, platform: Platform, add_batch: AddBatch) -> None:
        self._platform = platform
        self._add_batch = add_batch

    def work(self, job: AsyncJob, batch: Batch) -> None:
        """Bring a due batch to its end."""
        began = perf_counter()
        try:
            with not_too_complicated():
                self._read(job, batch)
        except UploadRefused as refused:
            batch.move(FAILED, self._platform.clock.now(), str(refused))
        except OrgError as refused:
            # What Bulk 2.0 calls an API_ERROR is a thing that is not enabled here.
            code = "FUNCTIONALITY_NOT_ENABLED" if refused.code == "API_ERROR" else refused.code
            told = f"InvalidBatch : Failed to process query: {code}: {refused.message}"
            batch.move(FAILED, self._platform.clock.now(), told)
        batch.milliseconds = round((perf_counter() - began) * 1000)

    def _read(self, job: AsyncJob, batch: Batch) -> None:
        soql = batch.source or batch.body.whole().decode("utf-8", errors="replace").strip()
        also = None if batch.bounds is None else predicate(batch.bounds)
        style: Style = "csv" if job.content_type == "CSV" else "bulk"
        deleted = job.operation == "queryAll"
        compiled = self._platform.queries.compile(job.caller, soql, include_deleted=deleted, style=style, also=also)
        if compiled.sobject != job.sobject:
            raise OrgError("INVALID_TYPE", f"Query is on {compiled.sobject}, the job is on {job.sobject}")
        if job.chunking is not None and batch.bounds is None and can_be_cut(soql):
            self._cut(job, batch, soql)
            return
        death = Death(self._platform.faults, job.caller.request_line, 0)
        if death.rows is not None:
            raise UploadRefused(death.message)
        stash = Stash()
        for rows, piece in _FORMS[job.content_type](compiled, self._chunks(job, compiled), job.caller.version):
            batch.processed = rows
            stash.write(piece)
        batch.result, batch.result_id = stash, self._platform.ids.new(_RESULT)
        batch.move(COMPLETED, self._platform.clock.now())

    def _cut(self, job: AsyncJob, batch: Batch, soql: str) -> None:
        assert job.chunking is not None
        sobject = self._platform.schema.sobject(job.sobject)
        assert sobject is not None
        parts = ranges(self._platform.reading.connection(job.caller), sobject, job.chunking)
        if not self._platform.allowances.batches.spend(len(parts)):
            raise UploadRefused("ExceededQuota : The daily allowance of Bulk API batches is used up")
        for bounds in parts:
            part = self._add_batch(job, cut(soql, bounds).encode())
            part.bounds, part.source = bounds, soql
        batch.move(NOT_PROCESSED, self._platform.clock.now())

    def _chunks(self, job: AsyncJob, compiled: CompiledQuery) -> Iterator[list[Any]]:
        rows = self._platform.reading.connection(job.caller).execute(compiled.sql, compiled.parameters)
        while chunk := rows.fetchmany(_ROWS_AT_ONCE):
            yield chunk


_Pieces = Iterator[tuple[int, bytes]]
"""How many rows there are so far, and the next bytes of the file."""


def _csv(compiled: CompiledQuery, chunks: Iterator[list[Any]], _version: str) -> _Pieces:
    form, count = CsvForm(), 0
    for chunk in chunks:
        if not count:
            yield 0, form.text([compiled.column_names])
        count += len(chunk)
        yield count, form.text(chunk)
    if not count:
        yield 0, EMPTY_CSV


def _json(compiled: CompiledQuery, chunks: Iterator[list[Any]], version: str) -> _Pieces:
    shaper, times = RowShaper(compiled, f"/services/data/v{version}"), list(_times(compiled.root))
    count, opening = 0, b"["
    for chunk in chunks:
        records = [shaper.record(_in_milliseconds(row, times)) for row in chunk]
        count += len(records)
        yield count, opening + orjson.dumps(records)[1:-1]
        opening = b","
    yield count, b"[]" if not count else b"]"


def _xml(compiled: CompiledQuery, chunks: Iterator[list[Any]], version: str) -> _Pieces:
    shaper, times = RowShaper(compiled, f"/services/data/v{version}"), list(_times(compiled.root))
    count = 0
    yield 0, f'<?xml version="1.0" encoding="UTF-8"?><queryResult xmlns="{NAMESPACE}" xmlns:xsi="{XSI}">'.encode()
    for chunk in chunks:
        count += len(chunk)
        records = (shaper.record(_in_words(row, times)) for row in chunk)
        yield count, "".join(_xml_record("records", record) for record in records).encode()
    yield count, b"</queryResult>"


_FORMS: dict[str, Callable[[CompiledQuery, Iterator[list[Any]], str], _Pieces]] = {
    "CSV": _csv,
    "JSON": _json,
    "XML": _xml,
}


def _times(node: Node) -> Iterator[int]:
    """The SQL columns that hold dates and times."""
    for entry in node.entries:
        if isinstance(entry, Cell):
            if entry.type in ("datetime", "date"):
                yield entry.index
        elif isinstance(entry, Node):
            yield from _times(entry)


def _in_milliseconds(row: Sequence[Any], times: list[int]) -> list[Any]:
    values = list(row)
    for index in times:
        text = values[index]
        if text is not None:
            moment = datetime.fromisoformat(text if "T" in text else f"{date.fromisoformat(text)}T00:00:00+00:00")
            values[index] = round(moment.timestamp() * 1000)
    return values


def _in_words(row: Sequence[Any], times: list[int]) -> list[Any]:
    values = list(row)
    for index in times:
        if values[index] is not None:
            values[index] = values[index].replace("+0000", "Z")
    return values


def _xml_record(name: str, record: dict[str, Any]) -> str:
    fields = "".join(_xml_field(key, value) for key, value in record.items() if key != "attributes")
    return f'<{name} xsi:type="sObject"><type>{record["attributes"]["type"]}</type>{fields}</{name}>'


def _xml_field(name: str, value: Any) -> str:
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if isinstance(value, dict):
        return _xml_record(name, value)
    return f"<{name}>{text_of(value)}</{name}>"
