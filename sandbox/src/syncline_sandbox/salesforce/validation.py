"""Validation rules: what must not be saved, said in the admin's words.

"Validation Rules" of Salesforce Help: a rule whose condition is true refuses the row with its message, at the field
it is placed on. Lives here: the rules of one org, from JSON or as Python callables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import OrgError
from .record_condition import RecordConditions
from .rule_scope import RuleScope, scope_of
from .save_event import SaveEvent

Invalid = Callable[[SaveEvent], bool]
_KEYS = frozenset({"object", "condition", "on", "changed", "message", "field"})


@dataclass(frozen=True, kw_only=True)
class ValidationRule:
    """Refuses what its scope takes and *invalid*, if given, says True of."""

    scope: RuleScope
    message: str
    field: str | None = None
    invalid: Invalid | None = None


class ValidationRules:
    """The rules of one org, in the order they were made."""

    def __init__(self, conditions: RecordConditions) -> None:
        self._conditions = conditions
        self._declared: list[ValidationRule] = []
        self._installed: list[ValidationRule] = []

    def declare(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Replace the declared rules. LookupError, ValueError or KeyError for what makes no rule."""
        self._declared = [self._rule(spec) for spec in specs]

    @property
    def idle(self) -> bool:
        """True when there is no rule."""
        return not (self._declared or self._installed)

    def install(self, sobject_name: str, invalid: Invalid, message: str, field: str | None = None) -> None:
        """Add a rule that asks a callable; it stays until the process ends."""
        scope = scope_of(self._conditions, {"object": sobject_name})
        self._installed.append(ValidationRule(scope=scope, message=message, field=field, invalid=invalid))

    def refuse(self, event: SaveEvent) -> None:
        """Raise OrgError FIELD_CUSTOM_VALIDATION_EXCEPTION with the text of the first rule that is broken."""
        for rule in (*self._declared, *self._installed):
            if rule.scope.takes(self._conditions, event) and (rule.invalid is None or rule.invalid(event)):
                fields = (rule.field,) if rule.field else ()
                raise OrgError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, fields)

    def _rule(self, spec: Mapping[str, Any]) -> ValidationRule:
        if unknown := spec.keys() - _KEYS:
            raise ValueError(f"a validation rule has no {', '.join(sorted(unknown))}; it has {sorted(_KEYS)}")
        scope = scope_of(self._conditions, spec)
        field = spec.get("field")
        if field is not None and scope.sobject.field(field) is None:
            raise LookupError(f"{scope.sobject.name} has no field {field!r}")
        return ValidationRule(scope=scope, message=str(spec["message"]), field=field)
