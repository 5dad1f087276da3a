"""Automations: what the org sets on a record after somebody's write, at once or later, in its own name.

"Triggers and Order of Execution" of the Apex Developer Guide: a record may end with values its writer did not send.
Lives here: rules from JSON and hooks in Python, and the changes that are still to come. Flows inside a save are in
`save_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncline_sandbox.core.clock import SandboxClock, seconds_of

from .record_condition import RecordConditions
from .rule_scope import RuleScope, columns_of, scope_of
from .save_event import AfterWrite, SaveEvent

_KEYS = frozenset({"object", "condition", "on", "changed", "set", "as", "delay_seconds"})


@dataclass(frozen=True, kw_only=True)
class Automation:
    """Sets `changes` on what its scope takes; *user_id* None is whoever wrote. A value `{"field": name}` is copied."""

    scope: RuleScope
    changes: Mapping[str, Any]
    user_id: str | None = None
    delay_seconds: float = 0


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Values to be set on a record by a user."""

    sobject: str
    record_id: str
    changes: Mapping[str, Any]
    user_id: str
    due_at: datetime


class Automations:
    """The automations of one org. What they set is not looked at by automations again."""

    def __init__(self, conditions: RecordConditions, clock: SandboxClock) -> None:
        self._conditions = conditions
        self._clock = clock
        self._declared: list[Automation] = []
        self._hooks: list[tuple[str, AfterWrite]] = []
        self._later: list[FollowUp] = []

    def declare(self, specs: Sequence[Mapping[str, Any]], user_id_of: Callable[[str], str]) -> None:
        """Replace the declared automations. LookupError, ValueError or KeyError for what makes none."""
        self._declared = [self._automation(spec, user_id_of) for spec in specs]

    def install(self, sobject_name: str, hook: AfterWrite) -> None:
        """Call *hook* after every write of this object; it stays until the process ends."""
        self._hooks.append((self._conditions.check(sobject_name, None).name, hook))

    @property
    def idle(self) -> bool:
        """True when nothing looks at a write."""
        return not (self._declared or self._hooks)

    def forget_later(self) -> None:
        """Drop what is still to come."""
        self._later.clear()

    def after(self, event: SaveEvent) -> list[FollowUp]:
        """What is to be set now that *event* is stored; what comes later is kept for `due`."""
        now = self._clock.now()
        found: list[FollowUp] = []
        for hook in [hook for name, hook in self._hooks if name == event.sobject]:
            if changes := hook(event):
                found.append(_follow_up(event, changes, event.user_id, now))
        for rule in self._declared:
            if rule.scope.takes(self._conditions, event):
                changes = {name: _value(given, event) for name, given in rule.changes.items()}
                due_at = now + timedelta(seconds=rule.delay_seconds)
                found.append(_follow_up(event, changes, rule.user_id or event.user_id, due_at))
        self._later += [one for one in found if one.due_at > now]
        return [one for one in found if one.due_at <= now]

    def due(self) -> list[FollowUp]:
        """What has come due since it was last asked, oldest first."""
        now = self._clock.now()
        due = sorted((one for one in self._later if one.due_at <= now), key=lambda one: one.due_at)
        self._later = [one for one in self._later if one.due_at > now]
        return due

    def _automation(self, spec: Mapping[str, Any], user_id_of: Callable[[str], str]) -> Automation:
        if unknown := spec.keys() - _KEYS:
            raise ValueError(f"an automation has no {', '.join(sorted(unknown))}; it has {sorted(_KEYS)}")
        scope = scope_of(self._conditions, spec)
        columns_of(scope.sobject, spec["set"])
        return Automation(
            scope=scope,
            changes=dict(spec["set"]),
            user_id=user_id_of(str(spec["as"])) if "as" in spec else None,
            delay_seconds=seconds_of(spec.get("delay_seconds", 0)),
        )


def _follow_up(event: SaveEvent, changes: Mapping[str, Any], user_id: str, due_at: datetime) -> FollowUp:
    return FollowUp(sobject=event.sobject, record_id=event.record_id, changes=changes, user_id=user_id, due_at=due_at)


def _value(given: Any, event: SaveEvent) -> Any:
    return event.row.get(str(given["field"])) if isinstance(given, dict) else given
