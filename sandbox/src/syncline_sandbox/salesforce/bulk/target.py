"""What a load is aimed at: the object, the operation, the key of an upsert, and who may do it.

Lives here: the checks both APIs make when a job is created. They word the codes differently (`INVALIDJOB` and
`InvalidJob`), so what is raised carries the name without case and each says it in its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.schema import Field, Schema, SObject

from .rows import OPERATIONS

# Objects with records that have no bulk query and no bulk load ("Considerations for Bulk API 2.0 and Bulk API").
UNSUPPORTED = frozenset(
    "AcceptedEventRelation CaseStatus ContractStatus DeclinedEventRelation EventWhoRelation "
    "FieldSecurityClassification OrderStatus PartnerRole RecentlyViewed SolutionStatus TaskPriority TaskStatus "
    "TaskWhoRelation UndecidedEventRelation UserRecordAccess".split()
)
HARD_DELETE = "hardDelete operation requires special user profile permission, please contact your system administrator"


class JobRefused(Exception):
    """A job that is not made; `code` in the spelling of Bulk API 1.0, e.g. `InvalidJob`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} : {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the rows of a job go. `caller` is its creator, with the rights and the headers of then."""

    sobject: SObject
    operation: str
    key: Field | None
    caller: Caller
    assignment_rule_id: str | None = None


def target_of(spec: Mapping[str, Any], schema: Schema, caller: Caller) -> Target:
    """The target a job specification names. JobRefused when it names none, or one the caller may not use."""
    operation = spec.get("operation")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise JobRefused("InvalidJob", f"Unknown operation: {operation}")
    if operation == "hardDelete" and "BulkApiHardDelete" not in caller.rights.permissions:
        raise JobRefused("FeatureNotEnabled", HARD_DELETE)
    sobject = object_of(spec.get("object"), schema, caller)
    rule = spec.get("assignmentRuleId")
    # Unlike in REST an assignment rule runs only when the job names one.
    headers = {**caller.headers, "sforce-auto-assign": "FALSE" if rule is None else "TRUE"}
    return Target(
        sobject=sobject,
        operation=operation,
        key=_key(sobject, spec.get("externalIdFieldName"), caller) if operation == "upsert" else None,
        caller=replace(caller, headers=headers),
        assignment_rule_id=None if rule is None else str(rule),
    )


def object_of(name: object, schema: Schema, caller: Caller) -> SObject:
    """The object of this name, if the caller sees it and it lives in bulk."""
    sobject = schema.sobject(name) if isinstance(name, str) else None
    if sobject is None or sobject.name in UNSUPPORTED or not caller.rights.can_read_object(sobject.name):
        raise JobRefused("InvalidEntity", f"Entity '{name}' is not supported by the Bulk API.")
    return sobject


def _key(sobject: SObject, name: object, caller: Caller) -> Field:
    if not isinstance(name, str) or not name:
        raise JobRefused("InvalidJob", f"External ID was blank for {sobject.name}. An External ID must be specified.")
    field = sobject.field(name)
    usable = field is not None and caller.rights.can_read_field(sobject.name, field.name)
    if field is None or not usable or not (field.external_id or field.id_lookup or field.type == "id"):
        raise JobRefused("InvalidJob", f"Field name provided, {name} does not match an External ID for {sobject.name}")
    return field
