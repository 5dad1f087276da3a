"""The collection resources: up to 200 records created, updated, upserted, deleted or read in one call.

Lives here: per-row results, allOrNone, the rules on size and chunks ("sObject Collections" of the REST API Developer
Guide). A row's save is in `dml.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from syncline_sandbox.core.faults import FaultPlan

from .bulk.row_faults import injected_refusal
from .dml import Dml
from .errors import OrgError, malformed_json, rolled_back
from .ids import full_id
from .reading import Reading
from .records import key_field, saved
from .repeated import RepeatedKeys
from .schema import Field, SObject
from .storage import Storage
from .web import Answer, Call, Route

MAX_RECORDS = 200
MAX_CHUNKS = 10

_Save = Callable[[], dict[str, Any]]
_SaveRecord = Callable[[dict[str, Any]], dict[str, Any]]


class _RolledBack(Exception):
    """Ends the transaction of a collection of which one row failed under allOrNone."""


class CollectionResources:
    """Everything below `composite/sobjects`."""

    def __init__(self, reading: Reading, dml: Dml, storage: Storage, faults: FaultPlan) -> None:
        self._reading = reading
        self._dml = dml
        self._storage = storage
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            Route("POST", "composite/sobjects", self._create),
            Route("PATCH", "composite/sobjects", self._update),
            Route("DELETE", "composite/sobjects", self._delete),
            Route("GET", "composite/sobjects/{}", self._retrieve),
            Route("POST", "composite/sobjects/{}", self._retrieve),
            Route("PATCH", "composite/sobjects/{}/{}", self._upsert),
        ]

    def _create(self, call: Call) -> Answer:
        def create(record: dict[str, Any]) -> dict[str, Any]:
            sobject = self._type_of(call, record)
            return saved(self._dml.create(call.caller, sobject, record), self._dml)

        return self._save(call, create, keyed=False)

    def _update(self, call: Call) -> Answer:
        def update(record: dict[str, Any]) -> dict[str, Any]:
            sobject = self._type_of(call, record)
            record_id = _id_of(record)
            rest = {name: value for name, value in record.items() if name.lower() != "id"}
            self._dml.update(call.caller, sobject, record_id, rest)
            return saved(full_id(record_id) or record_id, self._dml)

        return self._save(call, update, keyed=True)

    def _upsert(self, call: Call) -> Answer:
        target = self._reading.object(call.caller, call.parts[0])
        key = key_field(call.caller, target, call.parts[1])

        def upsert(record: dict[str, Any]) -> dict[str, Any]:
            if self._type_of(call, record) is not target:
                raise OrgError("INVALID_TYPE", "All records must be of the type named in the URL")
            value = _value(record, key.name)
            rest = {name: given for name, given in record.items() if name.lower() != key.name.lower()}
            record_id, created = self._dml.upsert(call.caller, target, key, value, rest)
            return {**saved(record_id, self._dml), "created": created}

        return self._save(call, upsert, keyed=True, key=key)

    def _delete(self, call: Call) -> Answer:
        ids = [text for text in call.query.get("ids", "").split(",") if text]
        if len(ids) > MAX_RECORDS:
            raise _too_many()

        def delete(record_id: str) -> Callable[[], dict[str, Any]]:
            def run() -> dict[str, Any]:
                sobject = self._dml.sobject_of(record_id)
                self._dml.delete(call.caller, sobject, record_id)
                return saved(full_id(record_id) or record_id, self._dml)

            return run

        all_or_none = call.query.get("allOrNone", "").lower() == "true"
        return Answer(body=self._run(call, [delete(record_id) for record_id in ids], all_or_none))

    def _retrieve(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        if call.method == "POST":
            ids, names = call.texts("ids"), call.texts("fields")
        else:
            ids, names = call.query.get("ids", "").split(","), call.query.get("fields", "").split(",")
        fields = self._reading.fields(call.caller, sobject, names)
        full = [full_id(record_id) or "" for record_id in ids]
        found = self._reading.records(call.caller, sobject, full, fields)
        return Answer(body=[found.get(record_id) for record_id in full])

    def _save(self, call: Call, save: _SaveRecord, *, keyed: bool, key: Field | None = None) -> Answer:
        body = call.json_object()
        records = body.get("records")
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise malformed_json("The property 'records' is required to be a list of records.")
        _check_size(records)
        name = "id" if key is None else key.name
        repeated = RepeatedKeys(key, (_value(record, name) for record in records) if keyed else ())

        def row(record: dict[str, Any]) -> _Save:
            def run() -> dict[str, Any]:
                repeated.refuse(_value(record, name))
                return save(record)

            return run

        all_or_none = body.get("allOrNone") is True
        return Answer(body=self._run(call, [row(record) for record in records], all_or_none))

    def _run(self, call: Call, saves: list[_Save], all_or_none: bool) -> list[dict[str, Any]]:
        fault = self._faults.strike("partial_failure", call.caller.request_line)
        results: list[dict[str, Any]] = []
        try:
            with self._storage.savepoint():
                for place, save in enumerate(saves):
                    failing = fault is not None and place == int(fault.parameters.get("index", 0))
                    error = injected_refusal(fault.parameters) if fault is not None and failing else None
                    results.append(self._row(save, error))
                if all_or_none and not all(result["success"] for result in results):
                    raise _RolledBack
        except _RolledBack:
            return [_rolled_back() if result["success"] else result for result in results]
        return results

    def _row(self, save: _Save, fault: OrgError | None) -> dict[str, Any]:
        try:
            if fault is not None:
                raise fault
            # A refused save leaves nothing behind: the row needs no roll-back of its own.
            return save()
        except OrgError as refused:
            if refused.code == "JSON_PARSER_ERROR":
                raise  # the whole body could not be read
            return _failed(refused)

    def _type_of(self, call: Call, record: dict[str, Any]) -> SObject:
        name = _type_name(record)
        if name is None:
            raise OrgError("INVALID_TYPE", "The record has no attributes.type")
        try:
            return self._reading.object(call.caller, name)
        except OrgError as missing:
            raise OrgError("INVALID_TYPE", f"sObject type '{name}' is not supported.") from missing


def _type_name(record: dict[str, Any]) -> str | None:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    return name if isinstance(name, str) else None


def _failed(refused: OrgError) -> dict[str, Any]:
    return {"success": False, "errors": [refused.as_row_error()]}


def _rolled_back() -> dict[str, Any]:
    return _failed(rolled_back())


def _check_size(records: list[dict[str, Any]]) -> None:
    if len(records) > MAX_RECORDS:
        raise _too_many()
    types = ((_type_name(record) or "").lower() for record in records)
    if sum(1 for _ in groupby(types)) > MAX_CHUNKS:
        text = f"Cannot have more than {MAX_CHUNKS} chunks in a single operation"
        raise OrgError("TOO_MANY_CHUNKS", text)


def _too_many() -> OrgError:
    text = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
    return OrgError("EXCEEDED_ID_LIMIT", text)


def _id_of(record: dict[str, Any]) -> str:
    record_id = _value(record, "id")
    if not isinstance(record_id, str):
        raise OrgError("MISSING_ARGUMENT", "Id not specified in an update call")
    return record_id


def _value(record: dict[str, Any], name: str) -> Any:
    """The value of a field whatever its casing."""
    return next((given for key, given in record.items() if key.lower() == name.lower()), None)
