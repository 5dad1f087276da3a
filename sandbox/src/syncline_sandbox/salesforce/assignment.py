"""The active lead assignment rule: who owns a lead that comes in.

"Assignment Rules" of Salesforce Help: entries are tried in order, the first whose criteria hold names the owner, a
user or a queue. Whether the rule runs at all is the caller's word ("Assignment Rule Header").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .record_condition import RecordConditions

Resolve = Callable[[str], str]


@dataclass(frozen=True)
class AssignmentEntry:
    """Leads for which *criteria* holds (None: every lead) go to *owner_id*."""

    criteria: str | None
    owner_id: str


class LeadAssignment:
    """The active rule of one org: no entries, no rule."""

    def __init__(self, conditions: RecordConditions) -> None:
        self._conditions = conditions
        self._entries: list[AssignmentEntry] = []

    def declare(self, spec: Mapping[str, Any], resolve: Resolve) -> None:
        """Replace the rule: `{"entries": [{"criteria": …, "owner": …}]}`, or `{"owner": …}` for every lead.

        *resolve* turns a user name, the name of a queue, or an id into an owner's id. LookupError or ValueError for
        what makes no rule.
        """
        entries = spec.get("entries")
        if entries is None:
            entries = [{"owner": spec["owner"]}] if spec.get("owner") else []
        made = [AssignmentEntry(entry.get("criteria"), resolve(str(entry["owner"]))) for entry in entries]
        for entry in made:
            self._conditions.check("Lead", entry.criteria)
        self._entries = made

    @property
    def owner_ids(self) -> list[str]:
        return [entry.owner_id for entry in self._entries]

    def owner_of(self, row: Mapping[str, Any]) -> str | None:
        """The owner of a lead with these columns; None when no entry takes it."""
        if not self._entries:
            return None
        lead = self._conditions.check("Lead", None)
        holds = self._conditions.holds
        return next((entry.owner_id for entry in self._entries if holds(lead, row, entry.criteria)), None)
