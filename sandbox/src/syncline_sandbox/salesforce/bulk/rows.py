"""One row of a bulk load to one write, and its outcome in the words of the result files.

Bulk API 2.0 Developer Guide, "Prepare CSV Files" and "Get Job Failed Record Results": an empty cell leaves a field
alone, `#N/A` clears it, `Owner.Username` looks a parent up; an error reads `CODE:message:FIELD,FIELD --`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.dml import Dml
from syncline_sandbox.salesforce.errors import OrgError, without_json
from syncline_sandbox.salesforce.repeated import RepeatedKeys
from syncline_sandbox.salesforce.schema import Field, Schema, SObject

NULL_CELL = "#N/A"
_BOOLEAN_CELLS = {"1": "true", "0": "false"}


class UploadRefused(Exception):
    """An upload a job or batch cannot work with; the text becomes its errorMessage or stateMessage."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the upload: the field, or the relation and the key field of the parent it looks up.

    `reference` is the field behind the relation; `parent` names the parent's object where the header does
    (`Lead:Who.Email`).
    """

    name: str
    relation: str | None = None
    reference: str = ""
    parent: str | None = None
    boolean: bool = False


class Outcome(NamedTuple):
    """What became of a row. `refused` is None on success."""

    record_id: str
    created: bool = False
    refused: OrgError | None = None

    @property
    def error(self) -> str:
        """The text of a result file; empty on success."""
        if self.refused is None:
            return ""
        fields = f"{','.join(self.refused.fields)} " if self.refused.fields else ""
        return f"{self.refused.code}:{self.refused.message}:{fields}--"


def read_header(names: Sequence[str], schema: Schema, sobject: SObject, caller: Caller) -> list[Column]:
    """The columns of a header row. UploadRefused names the first that is no field the caller can see."""
    columns = [column_of(name.strip(), schema, sobject, caller) for name in names]
    seen: set[tuple[str | None, str]] = set()
    for column, name in zip(columns, names, strict=True):
        if (column.relation, column.name) in seen:
            raise UploadRefused(f"InvalidBatch : Duplicate column : {name.strip()}")
        seen.add((column.relation, column.name))
    return columns


def column_of(name: str, schema: Schema, sobject: SObject, caller: Caller) -> Column:
    """The column of this heading."""
    path, dot, key = name.rpartition(".")
    parent, _, relation = path.rpartition(":")
    if not dot:
        field = _readable(sobject, name, caller)
        if field is not None:
            return Column(field.name, boolean=field.type == "boolean")
    else:
        reference = next((f for f in sobject.fields() if (f.relationship_name or "").lower() == relation.lower()), None)
        targets = reference.reference_to if reference else ()
        known = {one.name.lower(): one for target in targets if (one := schema.sobject(target)) is not None}
        meant = [known[parent.lower()]] if parent.lower() in known else [] if parent else list(known.values())
        if reference is not None and any(_readable(one, key, caller) is not None for one in meant):
            return Column(key, relation, reference.name, meant[0].name if parent else None)
    raise UploadRefused(f"InvalidBatch : Field name not found : {name}")


def _readable(sobject: SObject, name: str, caller: Caller) -> Field | None:
    field = sobject.field(name)
    return field if field is not None and caller.rights.can_read_field(sobject.name, field.name) else None


def record_of(columns: Sequence[Column], cells: Sequence[str]) -> dict[str, Any]:
    """The fields a CSV row gives."""
    record: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell == "":
            continue
        value = None if cell == NULL_CELL else _BOOLEAN_CELLS.get(cell, cell) if column.boolean else cell
        if column.relation is None:
            record[column.name] = value
        elif value is None:
            record[column.reference] = None
        else:
            kind = {"attributes": {"type": column.parent}} if column.parent else {}
            record[column.relation] = {**kind, column.name: value}
    return record


class RowWriter:
    """Writes the rows of one job, each for itself."""

    def __init__(self, dml: Dml, caller: Caller, sobject: SObject, operation: str, key: Field | None) -> None:
        self._dml = dml
        self._caller = caller
        self._sobject = sobject
        self._key = key
        self._write = _WRITES[operation]
        self._keyed = operation in ("update", "upsert")

    def repeated(self, records: Iterable[Mapping[str, Any]]) -> RepeatedKeys:
        """What no two of these records, written in one transaction, may share."""
        return RepeatedKeys(self._key, (self._key_of(record) for record in records) if self._keyed else ())

    def _key_of(self, record: Mapping[str, Any]) -> Any:
        return record.get(_named(record, "Id" if self._key is None else self._key.name))

    def write(
        self, record: Mapping[str, Any], fault: OrgError | None = None, repeated: RepeatedKeys | None = None
    ) -> Outcome:
        """Write the fields of *record*, its `Id` among them, or refuse it with *fault* in place of the write."""
        fields = {name: value for name, value in record.items() if name.lower() != "id"}
        given = record.get(_named(record, "Id"))
        given_id = "" if given is None else str(given)
        try:
            if fault is not None:
                raise fault
            if repeated is not None:
                repeated.refuse(self._key_of(record))
            return self._write(self, fields, given_id)
        except OrgError as refused:
            return Outcome(given_id, refused=without_json(refused))

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
            key_value: Any = given_id
        else:
            key_value = record.pop(_named(record, self._key.name), None)
        return Outcome(*self._dml.upsert(self._caller, self._sobject, self._key, key_value, record))

    def _delete(self, record: dict[str, Any], given_id: str) -> Outcome:
        self._dml.delete(self._caller, self._sobject, given_id)
        return Outcome(given_id)

    def _hard_delete(self, record: dict[str, Any], given_id: str) -> Outcome:
        self._dml.delete(self._caller, self._sobject, given_id, hard=True)
        return Outcome(given_id)


def _named(record: Mapping[str, Any], name: str) -> str:
    """How *record* writes the name of a field; empty when it does not."""
    if name in record:
        return name
    return next((given for given in record if given.lower() == name.lower()), "")


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
