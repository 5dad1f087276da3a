"""The rules between a write and the stored row, in the order of saving.

"Triggers and Order of Execution" of the Apex Developer Guide. Lives here: field faults, flows, validation, unique
fields, duplicate rules, assignment, and what follows a save. The kinds of rules are in modules of their own, the save
itself in `dml.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import Fault, FaultPlan

from .assignment import LeadAssignment
from .automation import Automations, FollowUp
from .caller import Caller
from .duplicates import DuplicateRules
from .errors import OrgError
from .record_condition import RecordConditions
from .row_input import RowInput
from .save_event import Flow, SaveEvent
from .schema import Field, Schema, SObject
from .storage import Storage
from .validation import ValidationRules
from .values import stored_value


class SaveRules:
    """The rules of one org. A rule that refuses raises OrgError; nothing is written yet."""

    def __init__(
        self, schema: Schema, storage: Storage, clock: SandboxClock, faults: FaultPlan, row_input: RowInput
    ) -> None:
        conditions = RecordConditions(schema, storage, clock)
        self._faults = faults
        self._input = row_input
        self.flows: list[Flow] = []
        self.validation = ValidationRules(conditions)
        self.duplicates = DuplicateRules(schema, storage)
        self.assignment = LeadAssignment(conditions)
        self.automations = Automations(conditions, clock)

    def idle(self, caller: Caller, sobject: SObject) -> bool:
        """True when a save of this object meets no rule but that unique fields are unique."""
        assigned = sobject.name == "Lead" and caller.auto_assign and bool(self.assignment.owner_ids)
        faulty = self._field_faults("ignore_field", sobject) or self._field_faults("override_field", sobject)
        ruled = not (self.validation.idle and self.duplicates.idle and self.automations.idle)
        return not (self.flows or assigned or faulty or ruled)

    def assign(self, caller: Caller, sobject: SObject, values: dict[str, Any], before: Mapping[str, Any]) -> None:
        """Give a lead the owner the active rule names, unless the caller does not want it."""
        if sobject.name == "Lead" and caller.auto_assign:
            owner_id = self.assignment.owner_of({**before, **values})
            if owner_id is not None:
                values["OwnerId"] = owner_id

    def before(self, caller: Caller, sobject: SObject, event: SaveEvent) -> None:
        """Run what may change the row, then what may refuse it."""
        self._override_fields(caller, sobject, event.values)
        for flow in self.flows:
            flow(event)
        self.validation.refuse(event)
        self._refuse_taken(sobject, event)
        self.duplicates.refuse(caller, event)

    def after(self, event: SaveEvent) -> list[FollowUp]:
        """What is to be set on the record now that it is stored."""
        return self.automations.after(event)

    def ignore_fields(self, caller: Caller, sobject: SObject, values: dict[str, Any]) -> None:
        """Drop the columns an `ignore_field` fault hits."""
        for fault in self._field_faults("ignore_field", sobject):
            field = _fault_field(sobject, fault)
            if field.column in values and self._faults.strikes(fault, caller.request_line):
                del values[field.column]

    def _override_fields(self, caller: Caller, sobject: SObject, values: dict[str, Any]) -> None:
        for fault in self._field_faults("override_field", sobject):
            field = _fault_field(sobject, fault)
            if field.column in values and self._faults.strikes(fault, caller.request_line):
                values[field.column] = stored_value(field, fault.parameters.get("value"))

    def _field_faults(self, name: str, sobject: SObject) -> list[Fault]:
        return [
            fault
            for fault in self._faults.faults
            if fault.name == name and fault.parameters.get("object", sobject.name) == sobject.name
        ]

    def _refuse_taken(self, sobject: SObject, event: SaveEvent) -> None:
        for field in sobject.unique_fields():
            value = event.values.get(field.column or "")
            if value is None:
                continue
            found = self._input.find(sobject, field, value)
            other = next((record_id for record_id in found if record_id != event.record_id), None)
            if other is not None:
                text = f"duplicate value found: {field.name} duplicates value on record with id: {other[:15]}"
                raise OrgError("DUPLICATE_VALUE", text, (field.name,))


def _fault_field(sobject: SObject, fault: Fault) -> Field:
    field = sobject.field(str(fault.parameters["field"]))
    if field is None:
        raise LookupError(f"the fault {fault.name} names a field {sobject.name} does not have: {fault.parameters}")
    return field
