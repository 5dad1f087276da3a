"""Record types: kinds of records of one object, each with its own values of restricted picklists.

Object Reference: RecordType; "RecordType" of the Metadata API; `recordTypeInfos` of a describe. An object has the field
`RecordTypeId` once it has a record type. Lives here: making them, and what they ask of a record about to be saved.
They stay over a reset, as custom fields do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import OrgError
from .ids import IdSource
from .schema import Field, RecordTypeInfo, Schema, SObject
from .storage import Storage

_KEYS = frozenset("object name developer_name description active default picklists".split())
_BARRED = frozenset({"User", "RecordType"})


class RecordTypes:
    """The record types of one org."""

    def __init__(self, schema: Schema, storage: Storage, ids: IdSource, stamp: Callable[[], str]) -> None:
        self._schema = schema
        self._storage = storage
        self._ids = ids
        self._stamp = stamp

    def add(self, spec: dict[str, Any]) -> str:
        """Make a record type; returns its id. ValueError or LookupError when it makes no sense.

        Keys: object, name, developer_name, description, active, default (for records that name none), picklists
        (the values of this record type by field; of a field that is not named all are allowed).
        """
        sobject = self._schema.sobject(str(spec.get("object", "")))
        name = str(spec.get("name", ""))
        if sobject is None or sobject.name in _BARRED:
            raise LookupError(f"no object {spec.get('object')!r} that takes record types")
        unknown = spec.keys() - _KEYS
        if not name or unknown:
            raise ValueError(f"a record type has a name and {', '.join(sorted(_KEYS))}; unknown: {sorted(unknown)}")
        developer_name = str(spec.get("developer_name", name.replace(" ", "_")))
        if any(info.developer_name == developer_name for info in sobject.record_types):
            raise ValueError(f"{sobject.name} already has a record type {developer_name}")
        for field_name in spec.get("picklists", {}):
            if sobject.field(field_name) is None:
                raise LookupError(f"{sobject.name} has no field {field_name!r}")
        record_id = self._ids.new("012")
        while self._storage.db.execute('SELECT 1 FROM "RecordType" WHERE "Id" = ?', (record_id,)).fetchone():
            record_id = self._ids.new("012")
        kept = {**spec, "object": sobject.name, "developer_name": developer_name, "id": record_id}
        with self._storage.savepoint():
            if sobject.field("RecordTypeId") is None:
                self._storage.add_column(sobject, _FIELD)
            self._put(sobject, kept)
            self._insert(kept)
            self._storage.keep("record_types", [*(self._storage.kept("record_types") or []), kept])
            self._storage.keep("serials", self._ids.serials)
        return record_id

    def take_up(self) -> None:
        """Put into the schema what an earlier process added."""
        for kept in self._storage.kept("record_types") or []:
            sobject = self._schema.sobject(kept["object"])
            assert sobject is not None
            if all(info.id != kept["id"] for info in sobject.record_types):
                self._put(sobject, kept)

    def restore(self) -> None:
        """Insert the rows of record types that a reset swept away."""
        for kept in self._storage.kept("record_types") or []:
            if self._storage.db.execute('SELECT 1 FROM "RecordType" WHERE "Id" = ?', (kept["id"],)).fetchone() is None:
                self._insert(kept)

    def _put(self, sobject: SObject, kept: Mapping[str, Any]) -> None:
        if sobject.field("RecordTypeId") is None:
            sobject.put_field(_FIELD)
        info = RecordTypeInfo(
            id=kept["id"],
            name=kept["name"],
            developer_name=kept["developer_name"],
            active=bool(kept.get("active", True)),
            default=bool(kept.get("default", False)),
            picklists={name: tuple(values) for name, values in kept.get("picklists", {}).items()},
        )
        sobject.record_types = (*sobject.record_types, info)

    def _insert(self, kept: Mapping[str, Any]) -> None:
        sobject = self._schema.sobject("RecordType")
        assert sobject is not None
        stamp = self._stamp()
        by = self._storage.db.execute('SELECT "Id" FROM "User" ORDER BY "Id" LIMIT 1').fetchone()
        row = {
            "Id": kept["id"],
            "Name": kept["name"],
            "DeveloperName": kept["developer_name"],
            "Description": kept.get("description"),
            "SobjectType": kept["object"],
            "IsActive": int(kept.get("active", True)),
            **dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp),
            **dict.fromkeys(("CreatedById", "LastModifiedById"), by[0] if by else None),
        }
        self._storage.insert(sobject, row)


def take_record_type(sobject: SObject, values: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    """Give a record about to be saved its record type, and refuse what that does not allow.

    Raises:
        OrgError: a record type of another object or an inactive one, or a picklist value it does not have.
    """
    if not sobject.record_types:
        return
    if before is None and values.get("RecordTypeId") is None:
        values["RecordTypeId"] = next((info.id for info in sobject.record_types if info.default), None)
    asked = values.get("RecordTypeId")
    known = {info.id: info for info in sobject.record_types}
    if asked is not None and (asked not in known or not known[asked].active):
        text = f"Record Type ID: this ID value isn't valid for the user: {asked}"
        raise OrgError("INVALID_CROSS_REFERENCE_KEY", text, ("RecordTypeId",))
    info = known.get(str({**(before or {}), **values}.get("RecordTypeId")))
    for name, allowed in (info.picklists if info is not None else {}).items():
        _check_value(sobject, name, allowed, values)


def _check_value(sobject: SObject, name: str, allowed: tuple[str, ...], values: Mapping[str, Any]) -> None:
    field = sobject.field(name)
    if field is None or not field.restricted_picklist or values.get(field.column or "") is None:
        return
    value = str(values[field.column or ""])
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    if not set(allowed).issuperset(chosen):
        text = f"{field.label}: bad value for restricted picklist field: {value}"
        raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, (field.name,))


_FIELD = Field(
    name="RecordTypeId",
    type="reference",
    label="Record Type ID",
    sql='{row}."RecordTypeId"',
    column="RecordTypeId",
    length=18,
    createable=True,
    updateable=True,
    defaulted_on_create=True,
    case_sensitive=True,
    reference_to=("RecordType",),
    relationship_name="RecordType",
)
