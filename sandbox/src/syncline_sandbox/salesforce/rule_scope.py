"""On which saves a rule of the org looks: the object, the operation, changed fields, a condition.

Lives here: what validation rules and automations have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .record_condition import RecordConditions
from .save_event import SaveEvent
from .schema import SObject

OPERATIONS = ("create", "update")


@dataclass(frozen=True, kw_only=True)
class RuleScope:
    """`changed` restricts to saves that change one of these columns; empty looks at every save."""

    sobject: SObject
    condition: str | None = None
    on: tuple[str, ...] = OPERATIONS
    changed: tuple[str, ...] = ()

    def takes(self, conditions: RecordConditions, event: SaveEvent) -> bool:
        return (
            event.sobject == self.sobject.name
            and event.operation in self.on
            and (not self.changed or event.changes(self.changed))
            and conditions.holds(self.sobject, event.row, self.condition)
        )


def scope_of(conditions: RecordConditions, spec: Mapping[str, Any]) -> RuleScope:
    """The scope the keys `object`, `condition`, `on` and `changed` describe.

    Raises:
        LookupError: an object or a field that is not there.
        ValueError: a condition SOQL does not take, or an operation that is none.
    """
    condition = spec.get("condition")
    sobject = conditions.check(str(spec["object"]), condition)
    on = tuple(spec.get("on", OPERATIONS))
    if not set(on) <= set(OPERATIONS):
        raise ValueError(f"a rule looks on {', '.join(OPERATIONS)}, not {on}")
    return RuleScope(sobject=sobject, condition=condition, on=on, changed=columns_of(sobject, spec.get("changed", ())))


def columns_of(sobject: SObject, names: Any) -> tuple[str, ...]:
    """The columns of these fields. LookupError for one that stores nothing."""
    columns = []
    for name in names:
        field = sobject.field(str(name))
        if field is None or field.column is None:
            raise LookupError(f"{sobject.name} has no field {name!r} that stores a value")
        columns.append(field.column)
    return tuple(columns)
