"""Control routes for the org's rules: validation, duplicates, assignment, automations.

Lives here: JSON in, JSON out; each route replaces the rules of its kind. What a rule may say is in the sandbox's
README and checked where its kind lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRoute, required_object

if TYPE_CHECKING:
    from .org import SalesforceOrg

_LISTED = ("validation_rules", "duplicate_rules", "automations")


class RuleControl:
    """The routes over one org."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def routes(self) -> dict[str, ControlRoute]:
        listed = {f"POST {kind}": self._put(kind) for kind in _LISTED}
        return {**listed, "POST lead_assignment": self._assign_leads}

    def _put(self, kind: str) -> ControlRoute:
        def put(body: Any) -> Any:
            specs = [required_object(spec) for spec in (body if isinstance(body, list) else [body])]
            with self._org.storage.transaction():
                self._org.rule_book.put(kind, specs)
            return {kind: len(specs)}

        return put

    def _assign_leads(self, body: Any) -> Any:
        with self._org.storage.transaction():
            self._org.rule_book.put("lead_assignment", required_object(body))
        owner_ids = self._org.dml.rules.assignment.owner_ids
        return {"owner_ids": owner_ids, "owner_id": owner_ids[0] if len(owner_ids) == 1 else None}
