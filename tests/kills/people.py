"""The people of these tests: who is there, what is done to them before the day and on it.

A story of seventeen persons with one of each thing that a cycle does. Lives here: the hands. What must come of it, and
reading that, is `judge`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncline.demo.life.hands import LifeHands
from syncline.demo.sandboxes import Sandboxes

ADA, BEN, CLEO, DAN, EVA, FAY, FAYE, GUS, HAL, IVY, MIA, MIKE, NED = FIRST = (
    "ada", "ben", "cleo", "dan", "eva", "fay", "faye", "gus", "hal", "ivy", "mia", "mike", "ned",
)  # fmt: skip
"""Who is there at the first copy."""
JON, KIM, LIV, OTTO = "jon", "kim", "liv", "otto"
CONTACTS = (NED, MIKE)
TOO_LONG = "Adviser " * 18 + "at Law"
"""A title that Marketo takes and Salesforce does not."""


def email(name: str) -> str:
    return f"{name}@x.example"


@dataclass
class People:
    """The hands, and the ids of everybody's records as they came to be, by name."""

    hands: LifeHands
    leads: dict[str, str] = field(default_factory=dict)  # or contacts
    persons: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sandboxes: Sandboxes) -> People:
        return cls(LifeHands(sandboxes))

    def arrive(self) -> None:
        """Everybody of `FIRST` stands in Salesforce, half of them in Marketo too."""
        org, instance = self.hands.sandboxes.both()
        instance.post("settings", {"enforce_limits": False})
        org.post("users", {"username": "anna.keller@acme.example", "FirstName": "Anna", "LastName": "Keller"})
        (account,) = org.post("seed", {"Account": [{"Name": "Acme Ltd"}]})["Account"]
        for kind, names in (("Contact", CONTACTS), ("Lead", [name for name in FIRST if name not in CONTACTS])):
            where = {"AccountId": account} if kind == "Contact" else {"Company": "Acme Ltd"}
            rows = [{**_names(name), "Email": email(name), "Title": "Old", **where} for name in names]
            self.leads |= dict(zip(names, org.post("seed", {kind: rows})[kind], strict=True))
        both = FIRST[::2]
        people = [{"email": email(name), "firstName": "Pat", "lastName": name.title(), "title": "Old"} for name in both]
        instance.post("seed", {"people": people})

    def learn(self) -> None:
        """Ask Marketo for everybody's ids."""
        wanted = {"field": "leadPartitionId", "values": [1], "fields": ["id", "email"]}
        rows = self.hands.sandboxes.marketo.post("people/read", wanted)
        self.persons = {row["email"].partition("@")[0]: str(row["id"]) for row in rows}

    def before(self) -> None:
        """The run before the day loses two answers: of an update, and of a create."""
        self.hands.edit("Lead", self.leads[IVY], Title="Partner")
        self.hands.sandboxes.marketo.post("faults", {"name": "lost_reply", "match": _PEOPLE_ARE_WRITTEN, "times": 2})
        self.leads[JON] = self._lead(JON)

    def on_the_day(self) -> None:
        """One of each: everything the run must carry over at once."""
        do = self.hands
        do.edit("Lead", self.leads[ADA], Title="Director")
        do.change(self.persons[BEN], phone="0491 570 156")
        do.edit("Lead", self.leads[CLEO], Title="Director of Sales")
        do.change(self.persons[CLEO], title="Sales Director")
        do.delete("Lead", self.leads[DAN])
        do.delete_person(self.persons[EVA])
        do.merge_leads(self.leads[FAY], self.leads[FAYE])
        self.leads[GUS] = do.convert(self.leads[GUS])
        do.change(self.persons[HAL], title=TOO_LONG)
        do.merge_people(self.persons[MIA], self.persons[MIKE])
        do.edit("Contact", self.leads[NED], Title="Chief")
        do.change(self.persons[NED], phone="0491 570 157")
        self.leads[KIM] = self._lead(KIM)
        self.persons[LIV] = do.fill_in(**self._person(LIV))

    def _lead(self, name: str) -> str:
        return self.hands.type("Lead", **_names(name), Email=email(name), Company="Acme Ltd", Title="New")

    def _person(self, name: str) -> dict[str, Any]:
        return {"email": email(name), "firstName": "Pat", "lastName": name.title(), "company": "Acme Ltd"}


_PEOPLE_ARE_WRITTEN = "^POST /rest/v1/leads.json"


def _names(name: str) -> dict[str, str]:
    return {"FirstName": "Pat", "LastName": name.title()}
