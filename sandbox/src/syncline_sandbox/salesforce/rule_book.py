"""The rules an org is told by the control endpoint, kept over a restart.

Lives here: from stored JSON to installed rules, and back to none. What a rule may say is checked where its kind is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .people import People
from .save_rules import SaveRules
from .storage import Storage

_QUEUE = 'SELECT "Id" FROM "Group" WHERE "Type" = \'Queue\' AND ("Id" = ?1 OR "Name" = ?1)'
_KEPT = "rules"


class RuleBook:
    """The declared rules of one org, by kind: validation_rules, duplicate_rules, automations, lead_assignment."""

    def __init__(self, storage: Storage, people: People, rules: SaveRules) -> None:
        self._storage = storage
        self._people = people
        self._declare: dict[str, Callable[[Any], None]] = {
            "validation_rules": rules.validation.declare,
            "duplicate_rules": rules.duplicates.declare,
            "automations": lambda specs: rules.automations.declare(specs, people.user_id),
            "lead_assignment": lambda spec: rules.assignment.declare(spec, self.owner_id),
        }
        self._rules = rules

    def put(self, kind: str, spec: Any) -> None:
        """Replace the rules of a kind, inside the caller's transaction. LookupError, ValueError or KeyError."""
        self._declare[kind](spec)
        self._storage.keep(_KEPT, {**(self._storage.kept(_KEPT) or {}), kind: spec})

    def load(self) -> None:
        """Take up what an earlier process stored; without it, there are no rules."""
        kept = self._storage.kept(_KEPT) or {}
        for kind, declare in self._declare.items():
            declare(kept.get(kind, {} if kind == "lead_assignment" else []))
        self._rules.automations.forget_later()

    def owner_id(self, name: str) -> str:
        """The id of an owner: a user name, the name or id of a queue. LookupError when nobody is called that."""
        row = self._storage.db.execute(_QUEUE, (name,)).fetchone()
        return str(row[0]) if row is not None else self._people.user_id(name)
