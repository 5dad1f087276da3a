"""The cast of the demo's day: linked people, each of whom plays in one act only, and newcomers nobody knows yet."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_FIRST = "Ada Bruno Clara Dario Edith Felix Greta Henri Ines Jonas Karla Luca Mara Nils Olga Pavel Rosa Sven".split()
_LAST = "Abbott Brandt Castell Duarte Engel Fontana Grimm Hoang Ivanov Jansson Kruger Lindt Moreau Novak Okafor".split()
_TITLES = ("Buyer", "Head of Design", "Plant Manager", "Controller", "Chief Engineer", "Office Manager", "Planner")
_CITIES = (("Hobart", "TAS", "7000"), ("Darwin", "NT", "0800"), ("Perth", "WA", "6000"), ("Cairns", "QLD", "4870"))


@dataclass(frozen=True)
class Pair:
    """A linked pair: one person on both sides. `object_type` is Salesforce's, Lead or Contact."""

    salesforce_id: str
    object_type: str
    marketo_id: str

    def address_field(self, name: str) -> str:
        """How this record's object calls an address field: a contact's are its mailing address."""
        return name if self.object_type == "Lead" else f"Mailing{name}"


@dataclass(frozen=True)
class Newcomer:
    """Somebody new, with an e-mail address of his own."""

    first_name: str
    last_name: str
    email: str
    company: str

    def as_lead(self) -> dict[str, str]:
        return {
            "FirstName": self.first_name,
            "LastName": self.last_name,
            "Email": self.email,
            "Company": self.company,
        }

    def as_person(self) -> dict[str, str]:
        return {
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "company": self.company,
        }


class Cast:
    """Hands out people. *scale* multiplies every number asked for, so that a small demo has a short cast."""

    def __init__(self, pairs: Sequence[Pair], scale: float, dice: random.Random) -> None:
        self.types: Mapping[str, str] = {pair.salesforce_id: pair.object_type for pair in pairs}
        self._scale = scale
        self._dice = dice
        self._waiting = {
            name: iter([pair for pair in pairs if pair.object_type == name]) for name in ("Lead", "Contact")
        }
        self._newcomers = self._strangers()

    def people(self, count: int, *, least: int = 1) -> list[Pair]:
        """So many people nobody has seen in an act yet, half leads and half contacts, *least* in a small demo."""
        many = max(least, self._many(count))
        return self._next("Lead", many - many // 2) + self._next("Contact", many // 2)

    def leads(self, count: int, *, least: int = 1) -> list[Pair]:
        return self._next("Lead", max(least, self._many(count)))

    def newcomers(self, count: int) -> list[Newcomer]:
        return [next(self._newcomers) for _ in range(self._many(count))]

    def phone(self) -> str:
        return f"(02) {self._dice.randrange(5000, 10000)} {self._dice.randrange(10000):04d}"

    def title(self) -> str:
        return self._dice.choice(_TITLES)

    def address(self, pair: Pair) -> dict[str, str]:
        """A new address in the words of the pair's Salesforce object."""
        city, state, postcode = self._dice.choice(_CITIES)
        street = f"{self._dice.randrange(1, 200)} Station Road"
        values = {"Street": street, "City": city, "State": state, "PostalCode": postcode}
        return {pair.address_field(name): value for name, value in values.items()}

    def _many(self, count: int) -> int:
        return max(1, round(count * self._scale))

    def _next(self, object_type: str, count: int) -> list[Pair]:
        return [next(self._waiting[object_type]) for _ in range(count)]

    def _strangers(self) -> Iterator[Newcomer]:
        names = [(first, last) for first in _FIRST for last in _LAST]
        self._dice.shuffle(names)
        for number, (first, last) in enumerate(names):
            email = f"{first}.{last}@newcomer{number}.example".lower()
            yield Newcomer(first, last, email, f"{last} & {first}")
