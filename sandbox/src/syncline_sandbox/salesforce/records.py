"""The resources of single records: create, read, update, delete, upsert, and their by-external-id forms.

Lives here: statuses and bodies ("sObject Basic Information", "sObject Rows", "sObject Rows by External ID" of the
REST API Developer Guide). What a save does is in `dml.py`.
"""

from __future__ import annotations

from typing import Any

from .caller import Caller
from .dml import Dml, SeveralMatches
from .errors import OrgError, not_found
from .ids import full_id
from .reading import Reading
from .schema import Field, SObject
from .stamps import http_date, moment_of, parse_http_date
from .values import stored_value
from .web import Answer, Call, Route


class RecordResources:
    """`sobjects/{type}` with POST, and everything below `sobjects/{type}/{id}`."""

    def __init__(self, reading: Reading, dml: Dml) -> None:
        self._reading = reading
        self._dml = dml

    def routes(self) -> list[Route]:
        return [
            Route("POST", "sobjects/{}", self._create),
            Route("GET", "sobjects/{}/{}", self._read),
            Route("PATCH", "sobjects/{}/{}", self._update),
            Route("DELETE", "sobjects/{}/{}", self._delete),
            Route("POST", "sobjects/{}/Id", self._create),
            Route("GET", "sobjects/{}/{}/{*}", self._read_by_key),
            Route("PATCH", "sobjects/{}/{}/{*}", self._upsert),
            Route("DELETE", "sobjects/{}/{}/{*}", self._delete_by_key),
        ]

    def _create(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        record_id = self._dml.create(call.caller, sobject, call.json_object())
        location = f"{call.data_url}/sobjects/{sobject.name}/{record_id}"
        return Answer(status=201, body=saved(record_id, self._dml), headers=(("Location", location),))

    def _read(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        _check_form(call)
        return self._record(call, sobject, self._full_id(sobject, call.parts[1]))

    def _read_by_key(self, call: Call) -> Answer:
        sobject, key = self._key(call)
        matches = self._dml.input.find(sobject, key, stored_value(key, call.parts[2]))
        if len(matches) > 1:
            return several(call, sobject, matches)
        if not matches:
            raise not_found()
        return self._record(call, sobject, matches[0])

    def _record(self, call: Call, sobject: SObject, record_id: str) -> Answer:
        listed = call.query.get("fields")
        fields = self._reading.fields(call.caller, sobject, listed.split(",") if listed else None)
        record = self._reading.records(call.caller, sobject, [record_id], fields).get(record_id)
        if record is None:
            # Says ENTITY_IS_DELETED where the record is in the recycle bin.
            self._existing(call, sobject, record_id)
            raise not_found()
        changed = self._reading.records(call.caller, sobject, [record_id], [_modified(sobject)])[record_id]
        moment = moment_of(changed["LastModifiedDate"])
        since = parse_http_date(call.caller.headers.get("if-modified-since", ""))
        stamp = (("Last-Modified", http_date(moment)),)
        if since is not None and moment <= since:
            return Answer(status=304, headers=stamp)
        return Answer(body=record, headers=stamp)

    def _update(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        _check_form(call)
        row = self._existing(call, sobject, call.parts[1])
        self._check_unmodified(call, row)
        self._dml.update(call.caller, sobject, row["Id"], call.json_object())
        return Answer(status=204)

    def _delete(self, call: Call) -> Answer:
        sobject = self._reading.object(call.caller, call.parts[0])
        _check_form(call)
        row = self._existing(call, sobject, call.parts[1])
        self._check_unmodified(call, row)
        self._dml.delete(call.caller, sobject, row["Id"])
        return Answer(status=204)

    def _check_unmodified(self, call: Call, row: dict[str, Any]) -> None:
        """What is modified after the transaction's own time does not count: late commits were judged when answered."""
        limit = parse_http_date(call.caller.headers.get("if-unmodified-since", ""))
        modified = moment_of(row["LastModifiedDate"])
        if limit is not None and limit < modified <= moment_of(self._dml.stamp()):
            raise OrgError("PRECONDITION_FAILED", "The record has been modified since the given time.", status=412)

    def _delete_by_key(self, call: Call) -> Answer:
        sobject, key = self._key(call)
        matches = self._dml.input.find(sobject, key, stored_value(key, call.parts[2]))
        if len(matches) > 1:
            return several(call, sobject, matches)
        if not matches:
            raise not_found()
        self._dml.delete(call.caller, sobject, matches[0])
        return Answer(status=204)

    def _upsert(self, call: Call) -> Answer:
        sobject, key = self._key(call)
        record = call.json_object()
        if any(name.lower() == key.name.lower() for name in record):
            text = f"The {key.name} field should not be specified in the sobject data."
            raise OrgError("INVALID_FIELD", text, (key.name,))
        only = call.query.get("updateOnly", "").lower() == "true"
        try:
            record_id, created = self._dml.upsert(call.caller, sobject, key, call.parts[2], record, update_only=only)
        except SeveralMatches as matches:
            return several(call, sobject, matches.ids)
        if not created and float(call.caller.version) < 46.0:
            return Answer(status=204)
        return Answer(status=201 if created else 200, body={**saved(record_id, self._dml), "created": created})

    def _key(self, call: Call) -> tuple[SObject, Field]:
        sobject = self._reading.object(call.caller, call.parts[0])
        return sobject, key_field(call.caller, sobject, call.parts[1])

    def _existing(self, call: Call, sobject: SObject, record_id: str) -> dict[str, Any]:
        try:
            return self._dml.existing(call.caller, sobject, record_id, "read")
        except OrgError as refused:
            if refused.code in ("INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"):
                raise not_found() from refused
            raise

    def _full_id(self, sobject: SObject, text: str) -> str:
        record_id = full_id(text)
        if record_id is None or record_id[:3] != sobject.key_prefix:
            raise not_found()
        return record_id


def saved(record_id: str, dml: Dml) -> dict[str, Any]:
    """The result of a save that succeeded; of a platform event with word that it was enqueued."""
    return {"id": record_id, "success": True, "errors": dml.events.enqueued(record_id)}


def key_field(caller: Caller, sobject: SObject, name: str) -> Field:
    """The external id or lookup field of this name. OrgError NOT_FOUND when it is none, or hidden from the caller."""
    field = sobject.field(name)
    usable = field is not None and (field.external_id or field.id_lookup) and field.column is not None
    if field is None or not usable or not caller.rights.can_read_field(sobject.name, field.name):
        raise no_such_key(name)
    return field


def no_such_key(name: str) -> OrgError:
    return not_found(f"Provided external ID field does not exist or is not accessible: {name}")


def several(call: Call, sobject: SObject, ids: list[str]) -> Answer:
    """The 300 answer: the URLs of the records a key matches."""
    return Answer(status=300, body=[f"{call.data_url}/sobjects/{sobject.name}/{found}" for found in ids])


def _modified(sobject: SObject) -> Field:
    field = sobject.field("LastModifiedDate")
    assert field is not None
    return field


def _check_form(call: Call) -> None:
    """What stands where an id belongs and has not the form of one is taken for a key field."""
    if full_id(call.parts[1]) is None:
        raise no_such_key(call.parts[1])
