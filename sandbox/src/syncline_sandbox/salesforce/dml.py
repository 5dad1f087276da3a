"""Writing records: create, update, upsert, delete, each as one row inside the caller's transaction.

Lives here: one save (overlay, required fields, stamps). The rules it passes are in `save_rules.py`, what goes is in
`recycle_bin.py`, conversion and merge in `convert.py` and `merge.py`. Who may be asked and what an answer looks like
is in the resources; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan

from .automation import FollowUp
from .caller import Caller
from .campaign_rules import first_statuses, refuse_delete
from .errors import OrgError, not_found
from .events import EVENT_SUFFIX
from .grants import GRANTING, check_grant
from .ids import IdSource, full_id
from .mixed_dml import MixedDml
from .numbering import number
from .record_types import take_record_type
from .recycle_bin import RecycleBin
from .rights import UserRights
from .row_input import RowInput, visible
from .sales_rules import derive, derives
from .save_event import SaveEvent
from .save_rules import SaveRules
from .saving import Saving
from .schema import Field, Schema, SObject
from .storage import Storage
from .transactions import Transactions
from .values import stored_value

_PLAIN = frozenset({"Account", "Contact", "Lead"})


class SeveralMatches(OrgError):
    """An upsert key that several records hold; `ids` are theirs. A row is refused, a single upsert answers 300."""

    def __init__(self, key: Field, ids: list[str]) -> None:
        text = f"{key.name}: more than one record found for external id field: [{', '.join(ids)}]"
        super().__init__("DUPLICATE_EXTERNAL_ID", text, (key.name,))
        self.ids = ids


class Dml:
    """Row writes. `stamp` yields the stamp of the running transaction; `touched` collects what changed.

    Raises, in all operations: OrgError with the vendor's code; the row is then unchanged.
    """

    def __init__(
        self,
        schema: Schema,
        storage: Storage,
        ids: IdSource,
        faults: FaultPlan,
        clock: SandboxClock,
        transactions: Transactions,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self.stamp = transactions.stamp
        self._schema = schema
        self.input = RowInput(schema, storage)
        self.rules = SaveRules(schema, storage, clock, faults, self.input)
        self.touched = transactions.touched
        self.events = transactions.events
        self._mixed = MixedDml(self.touched)
        self.bin = RecycleBin(schema, storage, self.stamp, self.touched)

    def create(self, caller: Caller, sobject: SObject, record: Mapping[str, Any]) -> str:
        """Store a new record; returns its id. A platform event is published instead."""
        self.events.acting(caller)
        self._mixed.refuse(caller, sobject, record)
        with self._storage.savepoint():
            return self._create(caller, sobject, record)

    def _create(self, caller: Caller, sobject: SObject, record: Mapping[str, Any]) -> str:
        if not sobject.createable or not caller.rights.allows("create", sobject.name):
            raise _no_access()
        given = self.input.columns(caller, sobject, record, creating=True)
        self.rules.ignore_fields(caller, sobject, given)
        values = {**self._defaults(sobject), **given}
        if sobject.field("OwnerId") is not None and values.get("OwnerId") is None:
            values["OwnerId"] = caller.user_id
        self.rules.assign(caller, sobject, values, {})
        _refuse_missing(sobject, values, creating=True)
        record_id = self._ids.new(sobject.key_prefix)
        number(self._ids, sobject, values, record_id)
        take_record_type(sobject, values, None)
        event = self._save_event(caller, sobject, record_id, values, None)
        if sobject.name.endswith(EVENT_SUFFIX):
            self.events.publish_row(caller, sobject, record_id, values)
            return record_id
        stamp = self.stamp()
        if sobject.name in GRANTING:
            check_grant(self._schema, sobject.name, values)
        derive(sobject.name, self._saving(values, None, stamp))
        values |= {"Id": record_id, "CreatedDate": stamp, "LastModifiedDate": stamp, "SystemModstamp": stamp}
        values |= {"CreatedById": caller.user_id, "LastModifiedById": caller.user_id}
        self._storage.insert(sobject, values)
        self.touched.append((sobject, record_id))
        if sobject.name == "Opportunity" and values.get("ContactId"):
            self._add_primary_role(caller, record_id, values["ContactId"])
        if sobject.name == "Campaign":
            self.add_rows(caller, first_statuses(record_id))
        self._follow(self.rules.after(event))
        return record_id

    def creates_plainly(self, caller: Caller, sobject: SObject) -> bool:
        """True when `create` does nothing for this object but look at its fields, required and unique ones among them.

        Bulk loads then store many rows at once: see `bulk/swift.py`. Whatever `_create` learns must be asked here.
        """
        plain = sobject.name in _PLAIN and not derives(sobject.name) and not sobject.numbered_fields()
        allowed = sobject.createable and caller.rights.allows("create", sobject.name)
        return plain and allowed and self.rules.idle(caller, sobject)

    def update(self, caller: Caller, sobject: SObject, record_id: str, record: Mapping[str, Any]) -> None:
        """Overlay the given fields on a live record the caller can see and edit."""
        self.events.acting(caller)
        self._mixed.refuse(caller, sobject, record, updating=True)
        with self._storage.savepoint():
            self._update(caller, sobject, record_id, record)

    def _update(self, caller: Caller, sobject: SObject, record_id: str, record: Mapping[str, Any]) -> None:
        before = self.existing(caller, sobject, record_id, "edit")
        if before.get("IsConverted"):
            raise OrgError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        values = self.input.columns(caller, sobject, record, creating=False)
        _refuse_transfer(caller, values, before)
        self.rules.ignore_fields(caller, sobject, values)
        self.rules.assign(caller, sobject, values, before)
        _refuse_missing(sobject, values, creating=False)
        take_record_type(sobject, values, before)
        event = self._save_event(caller, sobject, before["Id"], values, before)
        stamp = max(self.stamp(), before["SystemModstamp"])
        derive(sobject.name, self._saving(values, before, stamp))
        values |= {"LastModifiedDate": stamp, "SystemModstamp": stamp, "LastModifiedById": caller.user_id}
        self._storage.update(sobject, before["Id"], values)
        self.touched.append((sobject, before["Id"]))
        self._follow(self.rules.after(event))

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

        Without an id an upsert by id creates, as orgs were recorded to do.

        Raises:
            SeveralMatches: more than one live record holds the key.
        """
        stored = stored_value(key, key_value)
        if stored is None and key.type == "id" and not update_only:
            return self.create(caller, sobject, record), True
        if stored is None:
            raise OrgError("MISSING_ARGUMENT", f"{key.name} not specified")
        matches = self.input.find(sobject, key, stored)
        if len(matches) > 1:
            raise SeveralMatches(key, matches)
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
        self.events.acting(caller)
        if not sobject.deletable:
            raise OrgError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support delete")
        self._mixed.refuse(caller, sobject, {})
        row = self.existing(caller, sobject, record_id, "delete")
        if sobject.name == "CampaignMemberStatus":
            refuse_delete(self._storage, row)
        self.bin.put(sobject, row["Id"])
        if hard and sobject.soft_deletable:
            self.bin.empty(sobject, row["Id"])

    def undelete(self, caller: Caller, sobject: SObject, record_id: str) -> str:
        """Bring a record back from the recycle bin, with what its delete took along; returns its full id."""
        self.events.acting(caller)
        if not caller.rights.allows("delete", sobject.name):
            raise _no_access()
        return self.bin.restore(sobject, record_id)

    def follow_up(self, follow_up: FollowUp) -> None:
        """Set what an automation sets, on a record that may be gone by now."""
        sobject = self._schema.sobject(follow_up.sobject)
        assert sobject is not None
        row = self._storage.row(sobject, follow_up.record_id)
        if row is None or row.get("IsDeleted") or row.get("IsConverted"):
            return
        values: dict[str, Any] = {}
        for name, value in follow_up.changes.items():
            field = sobject.field(name)
            if field is None or field.column is None:
                raise LookupError(f"an automation sets {name!r}, which {sobject.name} does not store")
            values[field.column] = stored_value(field, value)
        stamp = max(self.stamp(), row["SystemModstamp"])
        values |= {"LastModifiedDate": stamp, "SystemModstamp": stamp, "LastModifiedById": follow_up.user_id}
        self._storage.update(sobject, follow_up.record_id, values)
        self.touched.append((sobject, follow_up.record_id))

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
        if not caller.rights.allows(right, sobject.name) or self._locked(caller, sobject, full, right):
            raise _no_access()
        return row

    def _defaults(self, sobject: SObject) -> dict[str, Any]:
        return {
            field.column: int(field.default) if isinstance(field.default, bool) else field.default
            for field in sobject.stored_fields()
            if field.column is not None and field.default is not None
        }

    def _follow(self, follow_ups: list[FollowUp]) -> None:
        for follow_up in follow_ups:
            self.follow_up(follow_up)

    def _add_primary_role(self, caller: Caller, opportunity_id: str, contact_id: str) -> None:
        role = self._schema.sobject("OpportunityContactRole")
        assert role is not None
        given = {"OpportunityId": opportunity_id, "ContactId": contact_id, "IsPrimary": True}
        self.create(replace(caller, rights=UserRights(user_id=caller.user_id)), role, given)

    def add_rows(self, caller: Caller, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Insert what the platform makes by itself beside a record, past rights and rules."""
        stamp = self.stamp()
        for name, given in rows:
            sobject = self._schema.sobject(name)
            assert sobject is not None
            record_id = self._ids.new(sobject.key_prefix)
            audit = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp)
            audit |= dict.fromkeys(("CreatedById", "LastModifiedById"), caller.user_id)
            self._storage.insert(sobject, {**self._defaults(sobject), **audit, "Id": record_id, **given})
            self.touched.append((sobject, record_id))

    def _saving(self, values: dict[str, Any], before: dict[str, Any] | None, stamp: str) -> Saving:
        return Saving(storage=self._storage, values=values, before=before, stamp=stamp, touch=self.touch)

    def touch(self, name: str, record_id: str) -> None:
        """Note that a record of this object was changed in the running transaction, by whatever hand."""
        sobject = self._schema.sobject(name)
        assert sobject is not None
        self.touched.append((sobject, record_id))

    def _locked(self, caller: Caller, sobject: SObject, record_id: str, right: str) -> bool:
        reach = caller.rights.reach(sobject.name, "r", right)
        if reach is not None:
            sql = f'SELECT 1 FROM "{sobject.table}" AS r WHERE r."Id" = ? AND ({reach[0]})'
            if self._storage.db.execute(sql, (record_id, *reach[1])).fetchone() is None:
                return True
        predicate = caller.rights.locked_rows.get(sobject.name)
        if predicate is None:
            return False
        sql = f'SELECT 1 FROM "{sobject.table}" AS r WHERE r."Id" = ? AND ({predicate.replace("{row}", "r")})'
        return self._storage.db.execute(sql, (record_id,)).fetchone() is not None

    def _save_event(
        self, caller: Caller, sobject: SObject, record_id: str, values: dict[str, Any], before: dict[str, Any] | None
    ) -> SaveEvent:
        event = SaveEvent(
            sobject=sobject.name,
            operation="create" if before is None else "update",
            record_id=record_id,
            user_id=caller.user_id,
            values=values,
            before=before,
        )
        self.rules.before(caller, sobject, event)
        return event


def _refuse_transfer(caller: Caller, values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """A record of somebody else is given away by who may transfer records."""
    owner_id = values.get("OwnerId")
    given_away = owner_id is not None and owner_id != before["OwnerId"] and before["OwnerId"] != caller.user_id
    if given_away and "TransferRecords" not in caller.rights.permissions:
        text = f"insufficient access rights on cross-reference id: {owner_id}"
        raise OrgError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text)


def _refuse_missing(sobject: SObject, values: dict[str, Any], *, creating: bool) -> None:
    required = (field for field in sobject.required_fields() if creating or field.column in values)
    missing = [field.name for field in required if values.get(field.column or "") is None]
    if missing:
        text = f"Required fields are missing: [{', '.join(missing)}]"
        raise OrgError("REQUIRED_FIELD_MISSING", text, tuple(missing))


def _no_access() -> OrgError:
    return OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
