"""From the JSON of one record to the columns a write stores, checked against the schema and the caller's rights.

Lives here: names, writability, types, look-ups by foreign key ("Create a Record", "Insert or Update (Upsert) a Record
Using an External ID"). Rules about the whole row (required, unique) are in `dml.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .caller import Caller
from .errors import OrgError, malformed_json
from .queues import queue_owns
from .schema import Field, Schema, SObject
from .storage import Storage
from .values import stored_value


class RowInput:
    """Reads records of requests. Looks into the database only to resolve references."""

    def __init__(self, schema: Schema, storage: Storage) -> None:
        self._schema = schema
        self._storage = storage

    def columns(self, caller: Caller, sobject: SObject, record: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
        """Column values for the fields *record* gives, `attributes` skipped.

        Raises:
            OrgError: for the first unknown field, the fields the caller may not write, or a value refused.
        """
        given: dict[str, Any] = {}
        unwritable: list[str] = []
        for name, value in record.items():
            if name == "attributes":
                continue
            if isinstance(value, dict):
                name, value = self._foreign_key(caller, sobject, name, value)
            field = sobject.field(name)
            if field is None or not caller.rights.can_read_field(sobject.name, field.name):
                raise no_such_column(sobject, name)
            if field.type == "id":
                raise OrgError("INVALID_FIELD", "The Id field should not be specified in the sobject data.", ("Id",))
            if not self._writable(caller, sobject, field, creating):
                unwritable.append(field.name)
            elif field.column is not None:
                given[field.column] = stored_value(field, value)
                if field.type == "reference" and given[field.column] is not None:
                    self._check_reference(caller, sobject, field, given[field.column])
        if unwritable:
            raise _unwritable(unwritable)
        return given

    def _writable(self, caller: Caller, sobject: SObject, field: Field, creating: bool) -> bool:
        allowed = field.createable if creating else field.updateable
        return allowed and caller.rights.can_edit_field(sobject.name, field.name)

    def _foreign_key(self, caller: Caller, sobject: SObject, name: str, value: dict[str, Any]) -> tuple[str, Any]:
        """`"Account": {"Ext__c": "X1"}` as the reference field and the id it stands for."""
        reference = next((f for f in sobject.fields() if (f.relationship_name or "").lower() == name.lower()), None)
        if reference is None:
            raise no_such_column(sobject, name)
        keys = {key: given for key, given in value.items() if key != "attributes"}
        if len(keys) != 1:
            raise malformed_json(f"Exactly one external id field is expected for {name}")
        key, given = next(iter(keys.items()))
        attributes = value.get("attributes")
        named = attributes.get("type") if isinstance(attributes, dict) else None
        parent, field = self._parent_by(reference, key, named)
        matches = self.find(parent, field, stored_value(field, given))
        if len(matches) != 1:
            text = f"Foreign key external ID: {given} not found for field {field.name} in entity {parent.name}"
            raise OrgError("INVALID_FIELD", text)
        return reference.name, matches[0]

    def _parent_by(self, reference: Field, key: str, named: str | None) -> tuple[SObject, Field]:
        """The object *reference* points to that is looked up by *key*: the one *named*, or the first that can be."""
        for name in reference.reference_to:
            parent = self._schema.sobject(name)
            field = parent.field(key) if parent is not None and named in (None, name) else None
            if parent is not None and field is not None and (field.external_id or field.id_lookup) and field.column:
                return parent, field
        of = named or "/".join(reference.reference_to)
        raise OrgError("INVALID_FIELD", f"{key} is not an External ID or indexed field for {of}")

    def find(self, sobject: SObject, field: Field, value: Any) -> list[str]:
        """Ids of the live records that hold *value* in an external id or lookup field, oldest first.

        Without case only where the field is a standard one, or unique without case; otherwise with case.
        """
        live = 'AND "IsDeleted" = 0' if sobject.soft_deletable else ""
        case = f'AND "{field.column}" = ?1 COLLATE BINARY' if field.matches_case else ""
        sql = f'SELECT "Id" FROM "{sobject.table}" WHERE "{field.column}" = ?1 {case} {live} ORDER BY "Id"'
        return [record_id for (record_id,) in self._storage.db.execute(sql, (value,))]

    def _check_reference(self, caller: Caller, sobject: SObject, field: Field, record_id: str) -> None:
        parents = [parent for name in field.reference_to if (parent := self._schema.sobject(name)) is not None]
        parent = next((parent for parent in parents if parent.key_prefix == record_id[:3]), None)
        if parent is None:
            raise OrgError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {record_id}", (field.name,))
        row = self._storage.row(parent, record_id)
        if row is None or row.get("IsDeleted"):
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (field.name,))
        if not visible(self._storage, caller, parent, record_id):
            text = f"insufficient access rights on cross-reference id: {record_id}"
            raise OrgError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text)
        if field.name == "OwnerId":
            self._check_owner(sobject, parent, row)

    def _check_owner(self, sobject: SObject, parent: SObject, owner: Mapping[str, Any]) -> None:
        if not owner.get("IsActive", 1):
            text = f"operation performed with inactive user [{owner['Id']}] as owner of {sobject.label.lower()}"
            raise OrgError("INACTIVE_OWNER_OR_USER", text, ("OwnerId",))
        if parent.name == "Group" and not queue_owns(self._storage, owner["Id"], sobject.name):
            raise OrgError("INVALID_OPERATION", "Queue not associated with this SObject type", ("OwnerId",))


def visible(storage: Storage, caller: Caller, sobject: SObject, record_id: str) -> bool:
    """True when sharing lets the caller see this record, which exists."""
    condition = caller.rights.visible_rows(sobject.name, "r")
    if condition is None:
        return True
    sql = f'SELECT 1 FROM "{sobject.table}" AS r WHERE r."Id" = ? AND {condition[0]}'
    return storage.db.execute(sql, (record_id, *condition[1])).fetchone() is not None


def no_such_column(sobject: SObject, name: str) -> OrgError:
    return OrgError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")


def _unwritable(names: list[str]) -> OrgError:
    text = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", text, tuple(names))
