"""Writing records: create, update, upsert, delete, each as one row inside the caller's transaction.

Lives here: the order of saving (overlay, flows, required, unique, assignment, stamps). What goes is in
`recycle_bin.py`, conversion and merge in `convert.py` and `merge.py`. Who may be asked and what an answer looks like
is in the resources; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncline_sandbox.core.faults import Fault, FaultPlan

from .caller import Caller
from .errors import OrgError, not_found
from .ids import IdSource, full_id
from .recycle_bin import RecycleBin
from .rights import UserRights
from .row_input import RowInput, visible
from .sales_rules import derive
from .schema import Field, Schema, SObject
from .storage import Storage
from .values import stored_value


@dataclass(kw_only=True)
class SaveEvent:
    """What a flow sees before a row is saved. `values` are the columns about to be stored; a flow may change them."""

    sobject: str
    operation: str  # "create" or "update"
    record_id: str
    user_id: str
    values: dict[str, Any]
    before: Mapping[str, Any] | None


Flow = Callable[[SaveEvent], None]


class SeveralMatches(Exception):
    """An upsert key that several records hold; `ids` are theirs."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"{len(ids)} records match")
        self.ids = ids


class Dml:
    """Row writes. `stamp` yields the stamp of the running transaction; `touched` collects what changed.

    Raises, in all operations: OrgError with the vendor's code; the row is then unchanged.
    """

    def __init__(
        self, schema: Schema, storage: Storage, ids: IdSource, faults: FaultPlan, stamp: Callable[[], str]
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._faults = faults
        self.stamp = stamp
        self._schema = schema
        self.input = RowInput(schema, storage)
        self.flows: list[Flow] = []
        self.lead_owner_id: str | None = None
        self.touched: list[tuple[SObject, str]] = []
        self.bin = RecycleBin(schema, storage, stamp, self.touched)

    def create(self, caller: Caller, sobject: SObject, record: Mapping[str, Any]) -> str:
        """Store a new record; returns its id."""
        if not sobject.createable or not caller.rights.allows("create", sobject.name):
            raise _no_access()
        given = self.input.columns(caller, sobject, record, creating=True)
        self._ignore_fields(caller, sobject, given)
        values = {**self._defaults(sobject), **given}
        if sobject.field("OwnerId") is not None and values.get("OwnerId") is None:
            values["OwnerId"] = caller.user_id
        self._assign_lead(caller, sobject, values)
        _refuse_missing(sobject, values, creating=True)
        record_id = self._ids.new(sobject.key_prefix)
        self._run_flows(caller, sobject, "create", record_id, values, None)
        self._refuse_duplicates(sobject, values, record_id)
        stamp = self.stamp()
        derive(self._storage, sobject, values, None, stamp)
        values |= {"Id": record_id, "CreatedDate": stamp, "LastModifiedDate": stamp, "SystemModstamp": stamp}
        values |= {"CreatedById": caller.user_id, "LastModifiedById": caller.user_id}
        self._storage.insert(sobject, values)
        self.touched.append((sobject, record_id))
        if sobject.name == "Opportunity" and values.get("ContactId"):
            self._add_primary_role(caller, record_id, values["ContactId"])
        return record_id

    def update(self, caller: Caller, sobject: SObject, record_id: str, record: Mapping[str, Any]) -> None:
        """Overlay the given fields on a live record the caller can see and edit."""
        before = self.existing(caller, sobject, record_id, "edit")
        if before.get("IsConverted"):
            raise OrgError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        values = self.input.columns(caller, sobject, record, creating=False)
        self._ignore_fields(caller, sobject, values)
        self._assign_lead(caller, sobject, values)
        _refuse_missing(sobject, values, creating=False)
        self._run_flows(caller, sobject, "update", before["Id"], values, before)
        self._refuse_duplicates(sobject, values, before["Id"])
        stamp = max(self.stamp(), before["SystemModstamp"])
        derive(self._storage, sobject, values, before, stamp)
        values |= {"LastModifiedDate": stamp, "SystemModstamp": stamp, "LastModifiedById": caller.user_id}
        self._storage.update(sobject, before["Id"], values)
        self.touched.append((sobject, before["Id"]))

    def upsert(
        self,
        caller: Caller,
        sobject: SObject,
        key: Field,
        key_value: Any,
        record: Mapping[str, Any],
        *,
        update_only: bool = False,
    ) -> tuple[str, bool]:
        """Update the one record that holds *key_value*, or create it; returns the id and whether it was created.

        Raises:
            SeveralMatches: more than one live record holds the key.
        """
        stored = stored_value(key, key_value)
        if stored is None:
            raise OrgError("MISSING_ARGUMENT", f"{key.name} not specified")
        matches = self.input.find(sobject, key, stored)
        if len(matches) > 1:
            raise SeveralMatches(matches)
        if matches:
            self.update(caller, sobject, matches[0], record)
            return matches[0], False
        if update_only:
            raise not_found()
        if key.type == "id":
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return self.create(caller, sobject, {**record, key.name: key_value}), True

    def delete(self, caller: Caller, sobject: SObject, record_id: str, *, hard: bool = False) -> None:
        """Move a record and the children it owns to the recycle bin; *hard* leaves no trace but the delete log."""
        if not sobject.deletable:
            raise OrgError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support delete")
        row = self.existing(caller, sobject, record_id, "delete")
        self.bin.put(sobject, row["Id"])
        if hard and sobject.soft_deletable:
            self.bin.empty(sobject, row["Id"])

    def undelete(self, caller: Caller, sobject: SObject, record_id: str) -> str:
        """Bring a record back from the recycle bin, with what its delete took along; returns its full id."""
        if not caller.rights.allows("delete", sobject.name):
            raise _no_access()
        return self.bin.restore(sobject, record_id)

    def sobject_of(self, record_id: str) -> SObject:
        """The object an id belongs to. OrgError MALFORMED_ID when it belongs to none."""
        sobject = self._schema.by_key_prefix(record_id)
        if sobject is None:
            raise OrgError("MALFORMED_ID", f"malformed id {record_id}", ("Id",))
        return sobject

    def existing(self, caller: Caller, sobject: SObject, record_id: str, right: str) -> dict[str, Any]:
        """The stored row of a live record the caller sees and has *right* on."""
        full = full_id(record_id)
        if full is None or full[:3] != sobject.key_prefix:
            raise OrgError("MALFORMED_ID", f"{sobject.name} ID: id value of incorrect type: {record_id}", ("Id",))
        row = self._storage.row(sobject, full)
        if row is None or not visible(self._storage, caller, sobject, full):
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if row.get("IsDeleted"):
            raise OrgError("ENTITY_IS_DELETED", "entity is deleted")
        if not caller.rights.allows(right, sobject.name) or self._locked(caller, sobject, full):
            raise _no_access()
        return row

    def _defaults(self, sobject: SObject) -> dict[str, Any]:
        return {
            field.column: int(field.default) if isinstance(field.default, bool) else field.default
            for field in sobject.stored_fields()
            if field.column is not None and field.default is not None
        }

    def _add_primary_role(self, caller: Caller, opportunity_id: str, contact_id: str) -> None:
        role = self._schema.sobject("OpportunityContactRole")
        assert role is not None
        given = {"OpportunityId": opportunity_id, "ContactId": contact_id, "IsPrimary": True}
        self.create(replace(caller, rights=UserRights(user_id=caller.user_id)), role, given)

    def _assign_lead(self, caller: Caller, sobject: SObject, values: dict[str, Any]) -> None:
        if sobject.name == "Lead" and self.lead_owner_id is not None and caller.auto_assign:
            values["OwnerId"] = self.lead_owner_id

    def _locked(self, caller: Caller, sobject: SObject, record_id: str) -> bool:
        predicate = caller.rights.locked_rows.get(sobject.name)
        if predicate is None:
            return False
        sql = f'SELECT 1 FROM "{sobject.table}" AS r WHERE r."Id" = ? AND ({predicate.replace("{row}", "r")})'
        return self._storage.db.execute(sql, (record_id,)).fetchone() is not None

    def _run_flows(
        self,
        caller: Caller,
        sobject: SObject,
        operation: str,
        record_id: str,
        values: dict[str, Any],
        before: Mapping[str, Any] | None,
    ) -> None:
        for fault in self._field_faults("override_field", caller, sobject):
            field = _fault_field(sobject, fault)
            if field.column in values and self._faults.strikes(fault, caller.request_line):
                values[field.column] = stored_value(field, fault.parameters.get("value"))
        if self.flows:
            event = SaveEvent(
                sobject=sobject.name,
                operation=operation,
                record_id=record_id,
                user_id=caller.user_id,
                values=values,
                before=before,
            )
            for flow in self.flows:
                flow(event)

    def _ignore_fields(self, caller: Caller, sobject: SObject, values: dict[str, Any]) -> None:
        for fault in self._field_faults("ignore_field", caller, sobject):
            field = _fault_field(sobject, fault)
            if field.column in values and self._faults.strikes(fault, caller.request_line):
                del values[field.column]

    def _field_faults(self, name: str, caller: Caller, sobject: SObject) -> list[Fault]:
        return [
            fault
            for fault in self._faults.faults
            if fault.name == name and fault.parameters.get("object", sobject.name) == sobject.name
        ]

    def _refuse_duplicates(self, sobject: SObject, values: dict[str, Any], record_id: str) -> None:
        for field in sobject.unique_fields():
            value = values.get(field.column or "")
            if value is None:
                continue
            other = next((found for found in self.input.find(sobject, field, value) if found != record_id), None)
            if other is not None:
                text = f"duplicate value found: {field.name} duplicates value on record with id: {other}"
                raise OrgError("DUPLICATE_VALUE", text, (field.name,))


def _fault_field(sobject: SObject, fault: Fault) -> Field:
    field = sobject.field(str(fault.parameters["field"]))
    if field is None:
        raise LookupError(f"the fault {fault.name} names a field {sobject.name} does not have: {fault.parameters}")
    return field


def _refuse_missing(sobject: SObject, values: dict[str, Any], *, creating: bool) -> None:
    required = (field for field in sobject.required_fields() if creating or field.column in values)
    missing = [field.name for field in required if values.get(field.column or "") is None]
    if missing:
        text = f"Required fields are missing: [{', '.join(missing)}]"
        raise OrgError("REQUIRED_FIELD_MISSING", text, tuple(missing))


def _no_access() -> OrgError:
    return OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
