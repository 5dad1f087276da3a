"""One CSV row of a Bulk 2.0 ingest job to one write, and its outcome to the words of the result files.

Bulk API 2.0 Developer Guide, "Prepare CSV Files" and "Get Job Failed Record Results": an empty cell leaves a field
alone, `#N/A` clears it, `Owner.Username` looks a parent up; an error reads `CODE:message:FIELD,FIELD --`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.dml import Dml, SeveralMatches
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.schema import Field, Schema, SObject

NULL_CELL = "#N/A"
_BOOLEAN_CELLS = {"1": "true", "0": "false"}


class UploadRefused(Exception):
    """An upload the job cannot work with; the text becomes the job's errorMessage."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the upload: the field, or the relation and the key field of the parent it looks up."""

    name: str
    relation: str | None = None
    boolean: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row. `error` is None on success."""

    record_id: str
    created: bool = False
    error: str | None = None


def read_header(names: Sequence[str], schema: Schema, sobject: SObject, caller: Caller) -> list[Column]:
    """The columns of a header row. UploadRefused names the first that is no field the caller can see."""
    return [_column(name.strip(), schema, sobject, caller) for name in names]


def _column(name: str, schema: Schema, sobject: SObject, caller: Caller) -> Column:
    relation, dot, key = name.rpartition(".")
    relation = relation.rpartition(":")[2]
    if not dot:
        field = _readable(sobject, name, caller)
        if field is not None:
            return Column(field.name, boolean=field.type == "boolean")
    else:
        reference = next((f for f in sobject.fields() if (f.relationship_name or "").lower() == relation.lower()), None)
        parents = [schema.sobject(parent) for parent in (reference.reference_to if reference else ())]
        if any(parent is not None and _readable(parent, key, caller) is not None for parent in parents):
            return Column(key, relation)
    raise UploadRefused(f"InvalidBatch : Field name not found : {name}")


def _readable(sobject: SObject, name: str, caller: Caller) -> Field | None:
    field = sobject.field(name)
    return field if field is not None and caller.rights.can_read_field(sobject.name, field.name) else None


class RowWriter:
    """Writes the rows of one job, each for itself."""

    def __init__(
        self, dml: Dml, caller: Caller, sobject: SObject, operation: str, columns: list[Column], key: Field | None
    ) -> None:
        self._dml = dml
        self._caller = caller
        self._sobject = sobject
        self._columns = columns
        self._key = key
        self._write = _WRITES[operation]

    def write(self, cells: Sequence[str], fault: OrgError | None = None) -> Outcome:
        """Write a row, or refuse it with *fault* in place of the write."""
        record = self._record(cells)
        given_id = record.pop("Id", None) or ""
        try:
            if fault is not None:
                raise fault
            return self._write(self, record, given_id)
        except SeveralMatches as several:
            assert self._key is not None
            text = f"{self._key.name}: more than one record found for external id field: [{', '.join(several.ids)}]"
            return Outcome("", error=f"DUPLICATE_EXTERNAL_ID:{text}:{self._key.name} --")
        except OrgError as refused:
            return Outcome(given_id, error=_error_text(refused))

    def _record(self, cells: Sequence[str]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for column, cell in zip(self._columns, cells, strict=True):
            if cell == "":
                continue
            value = None if cell == NULL_CELL else _BOOLEAN_CELLS.get(cell, cell) if column.boolean else cell
            if column.relation is None:
                record[column.name] = value
            else:
                record[column.relation] = {column.name: value}
        return record

    def _insert(self, record: dict[str, Any], given_id: str) -> Outcome:
        if given_id:
            raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))
        return Outcome(self._dml.create(self._caller, self._sobject, record), created=True)

    def _update(self, record: dict[str, Any], given_id: str) -> Outcome:
        if not given_id:
            raise OrgError("MISSING_ARGUMENT", "Id not specified in an update call")
        self._dml.update(self._caller, self._sobject, given_id, record)
        return Outcome(given_id)

    def _upsert(self, record: dict[str, Any], given_id: str) -> Outcome:
        assert self._key is not None
        if self._key.type == "id":
            return self._update(record, given_id) if given_id else self._insert(record, "")
        key_value = record.pop(self._key.name, None)
        return Outcome(*self._dml.upsert(self._caller, self._sobject, self._key, key_value, record))

    def _delete(self, record: dict[str, Any], given_id: str) -> Outcome:
        self._dml.delete(self._caller, self._sobject, given_id)
        return Outcome(given_id)

    def _hard_delete(self, record: dict[str, Any], given_id: str) -> Outcome:
        self._dml.delete(self._caller, self._sobject, given_id, hard=True)
        return Outcome(given_id)


def _error_text(refused: OrgError) -> str:
    # The JSON parser's refusal of a value has another name where there is no JSON.
    code = "INVALID_TYPE_ON_FIELD_IN_RECORD" if refused.code == "JSON_PARSER_ERROR" else refused.code
    fields = f"{','.join(refused.fields)} " if refused.fields else ""
    return f"{code}:{refused.message}:{fields}--"


def injected_refusal(parameters: Mapping[str, Any]) -> OrgError:
    """The row error a `partial_failure` fault asks for."""
    code = str(parameters.get("code", "UNABLE_TO_LOCK_ROW"))
    text = str(parameters.get("message", "unable to obtain exclusive access to this record"))
    return OrgError(code, text, tuple(parameters.get("fields", ())))


_Write = Callable[[RowWriter, dict[str, Any], str], Outcome]
_WRITES: dict[str, _Write] = {
    "insert": RowWriter._insert,
    "update": RowWriter._update,
    "upsert": RowWriter._upsert,
    "delete": RowWriter._delete,
    "hardDelete": RowWriter._hard_delete,
}
OPERATIONS = frozenset(_WRITES)
DELETES = frozenset({"delete", "hardDelete"})
