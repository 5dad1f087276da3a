"""The demo world: a small business whose people are in both sandboxes, agreeing mostly.

Lives here: 40 accounts, 200 contacts, 300 leads and 60 opportunities in the org; 420 people in the instance, 320 of
them the org's by e-mail address. Of those some differ in a way real data does: another spelling of a phone number, a
later title, a missing country. Every call gives the same world; nobody in it exists.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

_FIRST = "Ada Ben Carla Dimitri Elena Farid Grace Hiro Ines Jonas Kofi Lena Mateo Nora Omar Priya Quinn Rosa Sven Tara"
_LAST = "Abbott Berg Castro Dietz Ekman Fischer Gomez Haas Ivanov Jansen Keller Lindt Moreau Novak Okafor Petrov Quist"
_FIRM = "Alder Birch Cedar Elm Fir Hazel Juniper Larch Maple Oak Pine Rowan Spruce Willow Yew Aspen Beech Holly Laurel"
_KINDS = ("Logistics", "Foods", "Systems", "Labs")
_PLACES = (("Ulm", "Germany"), ("Leeds", "United Kingdom"), ("Lyon", "France"), ("Austin", "United States"))
_TITLES = ("Buyer", "Head of Sales", "Engineer", "Managing Director", "Analyst")
_STAGES = ("Prospecting", "Qualification", "Negotiation/Review", "Closed Won", "Closed Lost")

ACCOUNTS, CONTACTS, LEADS, OPPORTUNITIES = 40, 200, 300, 60
IN_BOTH, ONLY_MARKETO = 320, 100


def demo_world() -> dict[str, Any]:
    """The world as control calls; see `worlds`."""
    dice = random.Random(1)
    accounts = [_account(number) for number in range(ACCOUNTS)]
    people = [_person(dice, number) for number in range(CONTACTS + LEADS + ONLY_MARKETO)]
    contacts = [
        {**_in_the_org(person), "AccountId": dice.choice(accounts)["Id"], "Id": _id("003", number)}
        for number, person in enumerate(people[:CONTACTS])
    ]
    leads = [
        {**_in_the_org(person), "Company": _firm(dice.randrange(ACCOUNTS)), "Status": "Open - Not Contacted"}
        for person in people[CONTACTS : CONTACTS + LEADS]
    ]
    shared = dice.sample(people[: CONTACTS + LEADS], IN_BOTH)
    marketo = [_differing(dice, person) for person in shared] + people[CONTACTS + LEADS :]
    sales = {"Opportunity": [_opportunity(dice, number, contacts) for number in range(OPPORTUNITIES)]}
    return {
        "salesforce": [{"seed": {"Account": accounts, "Contact": contacts, "Lead": leads}}, {"seed": sales}],
        "marketo": [{"seed": {"people": marketo}}],
    }


def _id(prefix: str, number: int) -> str:
    """A record id in the vendor's 15 characters, apart from those the org gives itself."""
    return f"{prefix}9D{number:010d}"


def _firm(number: int) -> str:
    names = _FIRM.split()
    return f"{names[number % len(names)]} {_KINDS[number // len(names) % len(_KINDS)]}"


def _account(number: int) -> dict[str, Any]:
    city, country = _PLACES[number % len(_PLACES)]
    return {"Id": _id("001", number), "Name": _firm(number), "BillingCity": city, "BillingCountry": country}


def _person(dice: random.Random, number: int) -> dict[str, Any]:
    first, last = dice.choice(_FIRST.split()), dice.choice(_LAST.split())
    city, country = dice.choice(_PLACES)
    return {
        "firstName": first,
        "lastName": last,
        "email": f"{first}.{last}.{number}@example.com".lower(),
        "phone": f"+1 555 01{number % 100:02d}",
        "title": dice.choice(_TITLES),
        "city": city,
        "country": country,
    }


def _in_the_org(person: Mapping[str, Any]) -> dict[str, Any]:
    names = {"firstName": "FirstName", "lastName": "LastName", "email": "Email", "phone": "Phone", "title": "Title"}
    return {theirs: person[ours] for ours, theirs in names.items()}


def _differing(dice: random.Random, person: Mapping[str, Any]) -> dict[str, Any]:
    """The person as the other system has them: one in four differs."""
    spelt = {**person, "phone": person["phone"].replace(" ", "-")}
    promoted = {**person, "title": "Vice President"}
    unplaced = {name: value for name, value in person.items() if name != "country"}
    return dice.choice([dict(person)] * 9 + [spelt, promoted, unplaced])


def _opportunity(dice: random.Random, number: int, contacts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Name": f"Order {number + 1}",
        "AccountId": dice.choice(contacts)["AccountId"],
        "StageName": dice.choice(_STAGES),
        "Amount": dice.randrange(1, 200) * 500,
        "CloseDate": f"2026-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}",
    }
