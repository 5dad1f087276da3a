"""Writing: cuts writes into calls, sends each once, and says of every row what became of it.

Up to 2,000 rows travel as Collections of 200 inside Composite requests that also read the records back; single records
guarded by If-Unmodified-Since likewise. From 2,000 rows on `bulk_write` takes over.
Facts: Salesforce, REST API Developer Guide, "sObject Collections", "Composite", "Upsert … Using an External ID".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import format_datetime
from typing import Any, TypeVar
from urllib.parse import quote

from syncline.connectors.salesforce import soql
from syncline.connectors.salesforce.cells import full_id, wire_value
from syncline.connectors.salesforce.client import URL_BYTES, Answer, Part, PartAnswer, SalesforceClient, query_path
from syncline.connectors.salesforce.errors import VendorError, is_about_values, refusal, vendor_errors
from syncline.connectors.salesforce.selection import Selection
from syncline.errors import OurBug, OutcomeUnknown, SynclineError
from syncline.ports import Lane
from syncline.records import (
    ALLOW_DUPLICATES,
    ASSIGN_BY_RULES,
    How,
    Operation,
    Outcome,
    Page,
    Status,
    Write,
    WriteAnswer,
)
from syncline.schema import ObjectSchema
from syncline.values import FieldType, instant

ROWS_PER_COLLECTION = 200
COLLECTIONS_PER_CALL = (
    2  # each with its confirming query: four of the five queries and collections a Composite may hold
)
SINGLES_PER_CALL = 20

MOST_HALVINGS = 24
"""So often a collection that one row spoils is cut in two in one write: enough to isolate three rows among 200."""

_T = TypeVar("_T")

Reading = Callable[[PartAnswer, Sequence[Write]], list[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One sub-request that writes, for which of the writes, and how its answer is read."""

    indexes: Sequence[int]
    part: Part
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class Call:
    """One Composite request: its writing steps, then the queries that read the records back."""

    steps: list[Step]
    confirming: list[str] = field(default_factory=list)
    headers: Mapping[str, str]

    @property
    def indexes(self) -> list[int]:
        return [index for step in self.steps for index in step.indexes]

    @property
    def parts(self) -> list[Part]:
        queries = [Part(method="GET", path=query_path(query, with_deleted=True)) for query in self.confirming]
        return [step.part for step in self.steps] + queries


class Writer:
    """The writing ability of one connection, for the numbers REST is meant for."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    async def write(self, writes: Sequence[Write], schema: ObjectSchema, lane: Lane) -> WriteAnswer:
        """As `ports.Connector.write`."""
        outcomes: dict[int, Outcome] = {}
        confirmed: list[Page] = []
        selection = _selection(writes, schema)
        calls = plan_calls(writes, selection)
        halvings = 0
        while calls:
            call = calls.pop(0)
            try:
                parts, answer = await self._client.composite(call.parts, lane, is_safe=False, headers=call.headers)
            except OutcomeUnknown as lost:
                outcomes |= dict.fromkeys(call.indexes, unknown(lost))
                continue
            except SynclineError as failed:
                if not outcomes:
                    raise
                break_off(outcomes, len(writes), failed)
                break
            before = halvings
            for step, part in zip(call.steps, parts, strict=False):
                if halvings < MOST_HALVINGS and _is_spoilt(step, part):
                    halvings += 1
                    calls[:0] = [half for rows in _halves(step.indexes) for half in _replanned(rows, writes, selection)]
                    continue
                own = [writes[index] for index in step.indexes]
                outcomes |= dict(zip(step.indexes, step.reading(part, own), strict=True))
            if halvings == before:  # else some rows were read that are only now going to be written
                confirmed += _read_back(parts[len(call.steps) :], answer, selection)
        page = selection.joined(confirmed, How.READ_BACK) if confirmed else None
        return WriteAnswer(outcomes=tuple(outcomes[index] for index in range(len(writes))), confirmed=page)


def _is_spoilt(step: Step, part: PartAnswer) -> bool:
    """Whether a collection was refused as a whole for what some row of it says: nothing of it was carried out."""
    if len(step.indexes) == 1 or not 400 <= part.status < 500:
        return False
    errors = vendor_errors(part.body)
    return bool(errors) and is_about_values(errors[0])


def _halves(indexes: Sequence[int]) -> list[Sequence[int]]:
    middle = len(indexes) // 2
    return [indexes[:middle], indexes[middle:]]


def _replanned(indexes: Sequence[int], writes: Sequence[Write], selection: Selection) -> list[Call]:
    """The calls for these of the writes alone."""
    calls = plan_calls([writes[index] for index in indexes], selection)
    return [
        replace(
            call,
            steps=[replace(step, indexes=[indexes[at] for at in step.indexes]) for step in call.steps],
        )
        for call in calls
    ]


def unknown(lost: SynclineError) -> Outcome:
    """The row may or may not have been applied."""
    return Outcome(status=Status.UNKNOWN, code=lost.code, message=lost.message, is_permanent=False)


def break_off(outcomes: dict[int, Outcome], count: int, failed: SynclineError) -> None:
    """Rows of the calls that were never made: certainly not applied, and not their own fault."""
    stayed = refusal([VendorError(code="not_sent", message=f"Not sent, because a call before failed: {failed}")], None)
    for index in range(count):
        outcomes.setdefault(index, stayed)


def plan_calls(writes: Sequence[Write], selection: Selection) -> list[Call]:
    """The calls for *writes* (one object, one operation), in order; *selection* is what they read back.

    Raises:
        OurBug: writes of several kinds, or one that names no record.
    """
    operation, object_type = writes[0].operation, writes[0].object_type
    if any((write.operation, write.object_type) != (operation, object_type) for write in writes):
        raise OurBug("A connector is given writes of one object type and one operation at a time.")
    if operation is not Operation.CREATE and any(write.record_id is None for write in writes):
        raise OurBug(f"A {operation} of {object_type} without the record's id.")
    calls: list[Call] = []
    for indexes, headers in _by_header(writes):
        singles = [index for index in indexes if _is_single(writes[index], len(writes))]
        for few in _cut(singles, SINGLES_PER_CALL):
            steps = [_single(index, writes[index], selection.schema) for index in few]
            calls.append(Call(steps=steps, confirming=_confirming(few, writes, selection), headers=headers))
        many = [index for index in indexes if not _is_single(writes[index], len(writes))]
        parts = [part for same_key in _by_key(many, writes) for part in _collections(same_key, writes, selection)]
        for few_parts in _cut(parts, COLLECTIONS_PER_CALL):
            steps = [_collection(part, writes, selection.schema) for part in few_parts]
            queries = [query for part in few_parts for query in _confirming(part, writes, selection)]
            calls.append(Call(steps=steps, confirming=queries, headers=headers))
    return calls


def record_of(write: Write, schema: ObjectSchema) -> dict[str, Any]:
    """The cells as JSON. A field the describe does not list is sent as text: the vendor's refusal names it."""
    fields = schema.fields
    return {
        name: wire_value(fields[name].type if name in fields else FieldType.TEXT, cell)
        for name, cell in write.cells.items()
    }


def _by_header(writes: Sequence[Write]) -> Iterator[tuple[list[int], dict[str, str]]]:
    """Writes apart by the headers they need.

    An absent `Sforce-Auto-Assign` counts as TRUE: the active assignment rule would give an updated lead, or one
    created with its owner, to somebody else ("Assignment Rule Header"). A duplicate rule that only alerts is passed by
    an update: the record exists, and refusing its new values removes no duplicate. A create is refused by it, with
    the records it names as candidates, unless `ALLOW_DUPLICATES` says otherwise ("Duplicate Rule Header").
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for index, write in enumerate(writes):
        groups.setdefault((_auto_assign(write), _allow_save(write)), []).append(index)
    for (auto_assign, allow_save), indexes in groups.items():
        headers = {"Sforce-Duplicate-Rule-Header": f"allowSave={allow_save}", "Sforce-Auto-Assign": auto_assign}
        yield indexes, headers


def _allow_save(write: Write) -> str:
    return write.options.get(ALLOW_DUPLICATES, "false") if write.operation is Operation.CREATE else "true"


def _auto_assign(write: Write) -> str:
    """A create says it; one that says nothing is assigned unless it brings its owner."""
    if write.operation is not Operation.CREATE:
        return "FALSE"
    default = "false" if write.cells.get("OwnerId") else "true"
    return write.options.get(ASSIGN_BY_RULES, default).upper()


def _by_key(indexes: Sequence[int], writes: Sequence[Write]) -> list[list[int]]:
    """Creates apart by key field, which is part of the URL; others stay together."""
    groups: dict[str | None, list[int]] = {}
    for index in indexes:
        groups.setdefault(writes[index].key_field, []).append(index)
    return list(groups.values())


def _is_single(write: Write, count: int) -> bool:
    """Compare-and-set works on single records only; one upsert alone is told which records its key fits."""
    if write.operation is Operation.UPDATE:
        return write.unmodified_since_us is not None
    return write.operation is Operation.CREATE and write.key_field is not None and count == 1


def _cut(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _collections(indexes: list[int], writes: Sequence[Write], selection: Selection) -> list[Sequence[int]]:
    """*indexes* cut so that each collection has at most 200 rows and its confirming query fits into a URL."""
    names = [writes[index].record_id or writes[index].key or "" for index in indexes]
    room = URL_BYTES - 2 * len(soql.select(selection.columns, selection.object_type))
    parts: list[Sequence[int]] = []
    start = 0
    for chunk in soql.chunks(names, most=ROWS_PER_COLLECTION, url_bytes=max(1_000, room)):
        parts.append(indexes[start : start + len(chunk)])
        start += len(chunk)
    return parts


def _collection(indexes: Sequence[int], writes: Sequence[Write], schema: ObjectSchema) -> Step:
    first = writes[indexes[0]]
    own = [writes[index] for index in indexes]
    if first.operation is Operation.DELETE:
        ids = ",".join(str(write.record_id) for write in own)
        part = Part(method="DELETE", path=f"/composite/sobjects?ids={ids}&allOrNone=false")
        return Step(indexes=indexes, part=part, reading=_rows)
    attributes = {"attributes": {"type": first.object_type}}
    records = [{**attributes, **record_of(write, schema), **_naming(write, schema)} for write in own]
    body = {"allOrNone": False, "records": records}
    if first.operation is Operation.CREATE and first.key_field:
        part = Part(method="PATCH", path=f"/composite/sobjects/{first.object_type}/{first.key_field}", body=body)
    else:
        method = "POST" if first.operation is Operation.CREATE else "PATCH"
        part = Part(method=method, path="/composite/sobjects", body=body)
    return Step(indexes=indexes, part=part, reading=_rows)


def _naming(write: Write, schema: ObjectSchema) -> dict[str, Any]:
    if write.record_id is not None:
        return {"id": write.record_id}
    if write.key_field is None:
        return {}
    field_type = schema.fields[write.key_field].type if write.key_field in schema.fields else FieldType.TEXT
    return {write.key_field: wire_value(field_type, write.key or "")}


def _single(index: int, write: Write, schema: ObjectSchema) -> Step:
    if write.operation is Operation.CREATE:
        path = f"/sobjects/{write.object_type}/{write.key_field}/{quote(write.key or '', safe='')}"
        body = {name: value for name, value in record_of(write, schema).items() if name != write.key_field}
        return Step(indexes=[index], part=Part(method="PATCH", path=path, body=body), reading=_upserted)
    headers = {}
    if write.unmodified_since_us is not None:
        since = format_datetime(instant(write.unmodified_since_us).astimezone(UTC), usegmt=True)
        headers = {"If-Unmodified-Since": since}
    path = f"/sobjects/{write.object_type}/{write.record_id}"
    part = Part(method="PATCH", path=path, body=record_of(write, schema), headers=headers)
    return Step(indexes=[index], part=part, reading=_updated)


def _rows(part: PartAnswer, writes: Sequence[Write]) -> list[Outcome]:
    """The results of a collection, positional; a refused collection refuses all its rows."""
    if part.status >= 300 or not isinstance(part.body, list) or len(part.body) != len(writes):
        return [_whole(part, write) for write in writes]
    return [_row(result, write) for result, write in zip(part.body, writes, strict=True)]


def _row(result: Mapping[str, Any], write: Write) -> Outcome:
    if not result.get("success"):
        return refusal(vendor_errors(result.get("errors") or []), write.record_id)
    is_insert = write.operation is Operation.CREATE and write.key_field is None
    return Outcome(
        status=Status.WRITTEN,
        record_id=full_id(str(result["id"])),
        was_created=bool(result.get("created", is_insert)),
    )


def _updated(part: PartAnswer, writes: Sequence[Write]) -> list[Outcome]:
    (write,) = writes
    if part.status == 412:
        moved = VendorError(code="PRECONDITION_FAILED", message="The record was changed since it was read.")
        return [refusal([moved], write.record_id)]
    if part.status < 300:
        return [Outcome(status=Status.WRITTEN, record_id=write.record_id)]
    return [_whole(part, write)]


def _upserted(part: PartAnswer, writes: Sequence[Write]) -> list[Outcome]:
    (write,) = writes
    if part.status == 300:
        ids = tuple(full_id(str(url).rpartition("/")[2]) for url in part.body or ())
        several = VendorError(code="DUPLICATE_EXTERNAL_ID", message="The key fits several records.", candidates=ids)
        return [refusal([several], None)]
    if part.status < 300 and isinstance(part.body, Mapping):
        created = bool(part.body.get("created", part.status == 201))
        return [Outcome(status=Status.WRITTEN, record_id=full_id(str(part.body["id"])), was_created=created)]
    return [_whole(part, write)]


def _whole(part: PartAnswer, write: Write) -> Outcome:
    """A sub-request that failed as a whole. After a 5xx, or an answer we cannot read, it may have been applied."""
    errors = vendor_errors(part.body)
    if part.status >= 500 or not errors:
        message = errors[0].message if errors else f"HTTP {part.status} without results"
        return Outcome(status=Status.UNKNOWN, record_id=write.record_id, message=message, is_permanent=False)
    return refusal(errors, write.record_id)


def _selection(writes: Sequence[Write], schema: ObjectSchema) -> Selection:
    """Every field any of these writes holds, as far as it can be read: what is read back of each of them."""
    names = dict.fromkeys(name for write in writes for name in (*write.cells, write.key_field) if name)
    fields = tuple(name for name in names if name in schema.fields)
    return Selection(schema=schema, object_type=schema.name, fields=fields, hidden=frozenset(names) - frozenset(fields))


def _confirming(indexes: Sequence[int], writes: Sequence[Write], selection: Selection) -> list[str]:
    """The query that reads these records back: by id, creates by key. None for creates without a key."""
    first = writes[indexes[0]]
    if first.record_id is not None:
        condition = soql.is_in("Id", [str(writes[index].record_id) for index in indexes])
    elif first.key_field is not None and first.key_field in selection.schema.fields:
        condition = soql.is_in(first.key_field, [writes[index].key or "" for index in indexes])
    else:
        return []
    return [soql.select(selection.columns, selection.object_type, condition)]


def _read_back(parts: Sequence[PartAnswer], answer: Answer, selection: Selection) -> list[Page]:
    """What a call read back. A read that failed confirms nothing: its rows stay assumed until the next reading."""
    answers = [part.body for part in parts if part.status < 300 and isinstance(part.body, Mapping)]
    return [selection.page_of_answer(replace(answer, body=body), How.READ_BACK) for body in answers]
