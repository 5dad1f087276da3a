"""What people do with whole records: type one, convert, merge, delete and bring it back, give it away.

Lives here: writes through the sandboxes' control endpoints, as somebody who is not Syncline. Edits of many records in a
day are `demo.hands`'; what is done when is `scenes`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncline.demo.ground import SALES
from syncline.demo.hands import FORM, MARKETER
from syncline.demo.sandboxes import Sandboxes
from syncline.errors import OurBug

ADMIN = "admin@sandbox.example"


@dataclass(frozen=True)
class LifeHands:
    """Sales, marketing and people at a web form. Ids are the vendors' own, as text. `owners`: the last names
    of users and the names of queues, by Salesforce id."""

    sandboxes: Sandboxes
    owners: dict[str, str] = field(default_factory=dict)

    # -- in Salesforce ------------------------------------------------------------------------------------------------

    def user(self, username: str, first_name: str, last_name: str) -> None:
        body = {"username": username, "FirstName": first_name, "LastName": last_name, "Email": username}
        self.owners[str(self.sandboxes.salesforce.post("users", body)["id"])] = last_name

    def queue(self, name: str) -> None:
        self.owners[str(self.sandboxes.salesforce.post("queues", {"name": name})["id"])] = name

    def type(self, object_type: str, **values: Any) -> str:
        """Type a new record; its id."""
        return self._write(object_type, "create", values)

    def edit(self, object_type: str, record_id: str, **values: Any) -> None:
        self._write(object_type, "update", {"Id": record_id, **values})

    def delete(self, object_type: str, record_id: str) -> None:
        self._write(object_type, "delete", {"Id": record_id})

    def undelete(self, object_type: str, record_id: str) -> None:
        """Bring a record back from the recycle bin."""
        self._write(object_type, "undelete", {"Id": record_id})

    def convert(self, lead: str, **into: str) -> str:
        """Convert a lead as the Convert page does, into a new contact or the one given; the contact's id."""
        body = {"as": ADMIN, "lead_id": lead, "do_not_create_opportunity": True, **into}
        return str(self.sandboxes.salesforce.post("convert", body)["contact_id"])

    def merge_leads(self, winner: str, *losers: str) -> None:
        body = {"as": ADMIN, "object": "Lead", "master": winner, "losers": list(losers)}
        self.sandboxes.salesforce.post("merge", body)

    def _write(self, object_type: str, operation: str, values: dict[str, Any]) -> str:
        body = {"as": SALES, "object": object_type, "operation": operation, "records": [values]}
        return str(self.sandboxes.salesforce.post("write", body)["ids"][0])

    # -- in Marketo ---------------------------------------------------------------------------------------------------

    def fill_in(self, **values: Any) -> str:
        """Somebody fills in a web form for the first time; the new person's id."""
        return self._people("createOnly", "email", values, source=FORM, user="")

    def say_by_form(self, person: str, **values: Any) -> None:
        """A known person fills in a web form."""
        self._people("updateOnly", "id", {"id": int(person), **values}, source=FORM, user="")

    def change(self, person: str, **values: Any) -> None:
        """A marketer edits a person."""
        self._people("updateOnly", "id", {"id": int(person), **values}, source="Lead Database", user=MARKETER)

    def delete_person(self, person: str) -> None:
        body = {"input": [{"id": int(person)}], "source": "Lead Database", "user": MARKETER}
        self.sandboxes.marketo.delete("people", body)

    def merge_people(self, winner: str, *losers: str) -> None:
        body = {"id": int(winner), "leadIds": [int(one) for one in losers], "user": MARKETER}
        self.sandboxes.marketo.post("people/merge", body)

    def _people(self, action: str, lookup: str, values: dict[str, Any], *, source: str, user: str) -> str:
        body = {"source": source, "user": user, "action": action, "lookupField": lookup, "input": [values]}
        (result,) = self.sandboxes.marketo.post("people", body)
        if result["status"] == "skipped":
            raise OurBug(f"Marketo's sandbox refused a step of the story: {result}", code="SYN-910")
        return str(result["id"])
