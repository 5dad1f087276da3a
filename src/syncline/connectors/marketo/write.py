"""Writing people: 300 a call, updates and deletes by id, creates by our key; floods of updates go as files
(bulk_import.py), merges one by one (merge.py).

A create is `createOnly` with our key field as `lookupField`: a person who already has the key is refused (1005) and
never written over. Results come in the order of the input. Source: the vendor's page "Leads" (Sync Leads, Delete
Leads).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from syncline.connectors.marketo.bulk_import import Importer, flood_files
from syncline.connectors.marketo.client import Envelope, MarketoApi, parts
from syncline.connectors.marketo.describe import LeadFields
from syncline.connectors.marketo.errors import COMPANY_REFUSED, Declined, rejected
from syncline.connectors.marketo.manifest import COMPANY_FIELDS, ROWS_PER_CALL
from syncline.connectors.marketo.moments import OwnTraces
from syncline.connectors.marketo.poison import Poison
from syncline.connectors.marketo.read import LeadReader
from syncline.errors import OutcomeUnknown, SynclineError
from syncline.ports import Lane, Random
from syncline.records import Operation, Outcome, Status, Write, WriteAnswer
from syncline.values import EMPTY, FieldType

_CALL_BYTES = 900_000  # the vendor takes 1 MB
_PATH = "/rest/v1/leads.json"
_DELETE_PATH = "/rest/v1/leads/delete.json"
NOT_SENT = "not_sent"


def _boolean(cell: str) -> bool:
    return cell == "true"


# Cells that are not text to the vendor. A cell that does not fit is sent as it is and refused with the vendor's words.
_FORMS: Mapping[FieldType, Callable[[str], Any]] = {
    FieldType.BOOLEAN: _boolean,
    FieldType.INTEGER: int,
    FieldType.NUMBER: float,
}


@dataclass(frozen=True)
class _Call:
    """One call to be sent: the rows it holds, its body and where it goes."""

    rows: tuple[int, ...]
    body: bytes
    path: str = _PATH


class LeadWriter:
    """Writes through one connection."""

    def __init__(self, api: MarketoApi, reader: LeadReader, traces: OwnTraces, random: Random) -> None:
        self._api = api
        self._reader = reader
        self._traces = traces
        self._importer = Importer(api, random)

    async def write(self, writes: Sequence[Write], *, lane: Lane) -> WriteAnswer:
        """As `ports.Connector.write`. `origin` is the request id if one call took all rows, else None."""
        known = await self._reader.known(lane=lane)
        outcomes = {row: refused for row, write in enumerate(writes) if (refused := _unsendable(write)) is not None}
        origins: list[str] = []
        rest = await self._import_floods(writes, known.by_label, outcomes, origins, lane)
        await self._send(writes, known, list(_calls(writes, rest, known)), outcomes, origins, lane)
        return WriteAnswer(
            outcomes=tuple(outcomes[row] for row in range(len(writes))),
            origin=origins[0] if len(origins) == 1 else None,
        )

    async def _import_floods(
        self,
        writes: Sequence[Write],
        by_label: Mapping[str, str],
        outcomes: dict[int, Outcome],
        origins: list[str],
        lane: Lane,
    ) -> list[int]:
        """Import what is many enough; returns the rows that are left for calls."""
        open_rows = [row for row in range(len(writes)) if row not in outcomes]
        updates = [row for row in open_rows if writes[row].operation is Operation.UPDATE]
        for file in flood_files(writes, updates, self._api.options.bulk_import_from):
            try:
                answered, origin = await self._importer.send(file, by_label, lane=lane)
            except SynclineError:
                break  # not taken (queue full, not permitted …): calls can do the same, and will say what is wrong
            outcomes.update(answered)
            if origin is not None:
                self._traces.sent(origin)
                origins.append(origin)
        return [row for row in open_rows if row not in outcomes]

    async def _send(
        self,
        writes: Sequence[Write],
        known: LeadFields,
        calls: Sequence[_Call],
        outcomes: dict[int, Outcome],
        origins: list[str],
        lane: Lane,
    ) -> None:
        """Send call after call. The first failure without effect ends it: raised if nothing was sent before.

        A call that one of its rows spoils is halved until the row is alone (`Poison`).
        """
        sent_any = bool(origins)
        was_lost = False
        poison = Poison()
        calls = list(calls)
        while calls:
            call = calls.pop(0)
            try:
                reply = await self._api.post(call.path, call.body, lane=lane)
            except Declined as refused:
                halves = poison.halves(call.rows, refused)
                if halves is None:
                    if not sent_any:
                        raise
                    _leave_out([call, *calls], outcomes, refused)
                    return
                if len(call.rows) == 1:
                    outcomes[call.rows[0]] = rejected(refused.vendor_code, refused.text)
                calls[:0] = [part for half in halves for part in _calls(writes, half, known)]
                continue
            except OutcomeUnknown as lost:
                unknown = Outcome(status=Status.UNKNOWN, message=lost.message)
                outcomes.update(dict.fromkeys(call.rows, unknown))
                if was_lost:  # twice in a row: the line is down
                    _leave_out(calls, outcomes, lost)
                    return
                sent_any = was_lost = True
                continue
            except SynclineError as failed:
                if not sent_any:
                    raise
                _leave_out([call, *calls], outcomes, failed)
                return
            sent_any, was_lost = True, False
            poison.a_call_succeeded()
            self._traces.sent(reply.requestId)
            origins.append(reply.requestId)
            outcomes.update(_outcomes(call, reply, writes))


def _unsendable(write: Write) -> Outcome | None:
    """Why a write is not even tried; None if it is."""
    if write.operation is not Operation.CREATE and write.record_id is None:
        return rejected("no_id", f"{write.operation.value.capitalize()} needs the person's id.")
    if write.operation is Operation.CREATE and not (write.key_field and write.key):
        # Marketo enforces no key: without one a lost answer could never be settled.
        return rejected("no_key", "A create needs our key field and its value.")
    return None


def _calls(writes: Sequence[Write], rows: Sequence[int], known: LeadFields) -> Iterator[_Call]:
    deletes = [row for row in rows if writes[row].operation is Operation.DELETE]
    for few in parts(deletes, ROWS_PER_CALL):
        body = msgspec.json.encode({"input": [{"id": _id(writes[row])} for row in few]})
        yield _Call(tuple(few), body, _DELETE_PATH)
    rows = [row for row in rows if writes[row].operation is not Operation.DELETE]
    by_order: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for row in rows:
        is_create = writes[row].operation is Operation.CREATE
        by_order[is_create, writes[row].key_field or "" if is_create else "id"].append(row)
    for (is_create, lookup), group in by_order.items():
        head = {"action": "createOnly" if is_create else "updateOnly", "lookupField": lookup}
        records = [msgspec.json.encode(_record(writes[row], known)) for row in group]
        for start, end in _cuts(records):
            body = msgspec.json.encode({**head, "input": [msgspec.Raw(record) for record in records[start:end]]})
            yield _Call(tuple(group[start:end]), body)


def _cuts(records: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Stretches of at most 300 records and 900 KB."""
    start = size = 0
    for at, record in enumerate(records):
        if at > start and (at - start == ROWS_PER_CALL or size + len(record) > _CALL_BYTES):
            yield start, at
            start, size = at, 0
        size += len(record) + 1
    if records:
        yield start, len(records)


def _record(write: Write, known: LeadFields) -> dict[str, Any]:
    cells = {name: _sendable(cell, known.type_of(name)) for name, cell in write.cells.items()}
    if write.operation is Operation.CREATE:
        return cells | {str(write.key_field): write.key}
    return cells | {"id": _id(write)}


def _id(write: Write) -> int | str:
    record_id = str(write.record_id)
    return int(record_id) if record_id.isdigit() else record_id


def _sendable(cell: str, kind: FieldType) -> Any:
    """The JSON value of a cell; null clears."""
    if cell == EMPTY:
        return None
    try:
        return _FORMS[kind](cell) if kind in _FORMS else cell
    except ValueError:
        return cell


def _outcomes(call: _Call, reply: Envelope, writes: Sequence[Write]) -> dict[int, Outcome]:
    if len(reply.result) != len(call.rows):
        said = f"Marketo answered {len(call.rows)} rows with {len(reply.result)} results."
        return dict.fromkeys(call.rows, Outcome(status=Status.UNKNOWN, message=said))
    return {row: _outcome(result, writes[row]) for row, result in zip(call.rows, reply.result, strict=True)}


def _outcome(result: Mapping[str, Any], write: Write) -> Outcome:
    record_id = str(result["id"]) if result.get("id") is not None else None
    status = result.get("status")
    if status in ("created", "updated", "deleted") and record_id is not None:
        return Outcome(status=Status.WRITTEN, record_id=record_id, was_created=status == "created")
    if status != "skipped":
        return Outcome(status=Status.UNKNOWN, record_id=record_id, message=f"Marketo answered a row with {result!r}.")
    reason = (result.get("reasons") or [{}])[0]
    code = str(reason.get("code", ""))
    # The company keeps these fields, and the refusal does not name which of them it met.
    fields = tuple(name for name in write.cells if name in COMPANY_FIELDS) if code == COMPANY_REFUSED else ()
    return rejected(code, str(reason.get("message", "")), record_id=record_id, fields=fields)


def _leave_out(calls: Sequence[_Call], outcomes: dict[int, Outcome], why: SynclineError) -> None:
    """These calls changed nothing: not sent, or refused as a whole."""
    left = Outcome(status=Status.REJECTED, code=NOT_SENT, message=why.message, is_permanent=False)
    for call in calls:
        outcomes.update(dict.fromkeys(call.rows, left))
