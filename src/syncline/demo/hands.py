"""Other people's hands: what sales, marketing and the vendors' own flows do on either side while Syncline works.

Lives here: writes through the sandboxes' control endpoints, as somebody who is not Syncline, and the faults and rights
of the day. What is done when is `day`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncline.demo.ground import SALES
from syncline.demo.sandboxes import Sandboxes
from syncline.errors import OurBug

Values = Mapping[str, Any]

MARKETER = "marketer@acme.example"
FORM, FLOW = "Web form fill", "Marketo Flow Action"


@dataclass(frozen=True)
class Hands:
    """Everybody's hands but Syncline's. Ids are the vendors' own, as text."""

    sandboxes: Sandboxes

    def new_leads(self, records: Sequence[Values]) -> list[str]:
        """Sales types new leads; their ids."""
        return self._sales("Lead", "create", records)

    def edit_salesforce(self, types: Mapping[str, str], changes: Mapping[str, Values]) -> None:
        """Sales changes records: *changes* by id, *types* the object of each id."""
        for name in sorted({types[record_id] for record_id in changes}):
            own = [{"Id": record_id, **new} for record_id, new in changes.items() if types[record_id] == name]
            self._sales(name, "update", own)

    def new_people(self, records: Sequence[Values]) -> list[str]:
        """People fill in a form for the first time; their ids."""
        return self._marketing(records, action="createOnly", lookup="email", source=FORM, user="")

    def edit_marketo(
        self, changes: Mapping[str, Values], *, source: str = "Lead Database", user: str = MARKETER
    ) -> None:
        """Somebody changes people: a marketer by hand, or a form or flow (*source*, no *user*)."""
        records = [{"id": int(record_id), **new} for record_id, new in changes.items()]
        self._marketing(records, action="updateOnly", lookup="id", source=source, user=user)

    def hide_from_syncline(self, *fields: str) -> None:
        """An administrator takes Salesforce fields ("Lead.Phone") out of the connected user's sight."""
        self.sandboxes.salesforce.post("rights", {"hidden_fields": list(fields)})

    def normalise(self, field: str, normaliser: str) -> None:
        """Marketo rewrites every value written to *field* from now on."""
        self.sandboxes.marketo.post("fields", {"name": field, "normaliser": normaliser})

    def break_salesforce(self, fault: str, match: str, **parameters: Any) -> None:
        self.sandboxes.salesforce.post("faults", {"name": fault, "match": match, "parameters": parameters})

    def break_marketo(self, fault: str, match: str, **parameters: Any) -> None:
        self.sandboxes.marketo.post("faults", {"name": fault, "match": match, "parameters": parameters})

    def _sales(self, name: str, operation: str, records: Sequence[Values]) -> list[str]:
        body = {"as": SALES, "object": name, "operation": operation, "records": list(records)}
        ids: list[str] = self.sandboxes.salesforce.post("write", body)["ids"]
        return ids

    def _marketing(self, records: Sequence[Values], *, action: str, lookup: str, source: str, user: str) -> list[str]:
        body = {"source": source, "user": user, "action": action, "lookupField": lookup, "input": list(records)}
        results = self.sandboxes.marketo.post("people", body)
        if refused := [row for row in results if row["status"] == "skipped"]:
            raise OurBug(f"Marketo's sandbox refused a step of the demo's day: {refused[0]}", code="SYN-910")
        return [str(row["id"]) for row in results]
