"""A small world of rows as plain Python values, and the same world as the org is told it.

Lives here: accounts that have parent accounts, contacts and opportunities of them, with custom fields of every kind, a
quarter of the values missing. `fields` is what a statement may ask of each object.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)  # a Wednesday
PICKLIST = ("Warm", "Cold", "Hot", "Ärger")  # in the order of their definition, not of the alphabet
COLOURS = ("red", "green", "blue", "Deep Blue")
TEXTS = ("abc", "ABC", "aBd", "x%y", "x_y", "xzy", "O'Hara", "back\\slash", "50", "Ulm", "ulm am see", "zz")

WORDS = ("alpha", "Beta", "gamma", "ALPHA", "beta", "Delta", "deltas")

Row = dict[str, Any]

CUSTOM: Mapping[str, Mapping[str, Any]] = {
    "Rank__c": {"type": "int", "digits": 9},
    "Text__c": {"type": "string", "length": 80},
    "Word__c": {"type": "string", "length": 80},
    "Whole__c": {"type": "int", "digits": 9},
    "Number__c": {"type": "double", "precision": 16, "scale": 2},
    "Flag__c": {"type": "boolean"},
    "Day__c": {"type": "date"},
    "Moment__c": {"type": "datetime"},
    "Pick__c": {"type": "picklist", "values": list(PICKLIST)},
    "Many__c": {"type": "multipicklist", "values": list(COLOURS)},
}
KINDS = {name: str(spec["type"]) for name, spec in CUSTOM.items()}
PARENTS = {
    "Account": {"Parent": ("ParentId", "Account")},
    "Contact": {"Account": ("AccountId", "Account"), "ReportsTo": ("ReportsToId", "Contact")},
    "Opportunity": {"Account": ("AccountId", "Account")},
}
CHILDREN = {
    "Account": {
        "Contacts": ("Contact", "AccountId"),
        "Opportunities": ("Opportunity", "AccountId"),
        "ChildAccounts": ("Account", "ParentId"),
    },
    "Contact": {},
    "Opportunity": {},
}
NAMES = {"Account": "Name", "Contact": "LastName", "Opportunity": "Name"}
_SIZES = {"Account": 24, "Contact": 70, "Opportunity": 30}


@dataclass(frozen=True)
class Rows:
    """Live rows of each object by id; `deleted` are those in the recycle bin."""

    live: Mapping[str, Mapping[str, Row]]
    deleted: Mapping[str, Mapping[str, Row]]

    def of(self, source: str, *, deleted_too: bool) -> list[Row]:
        return [*self.live[source].values(), *(self.deleted[source].values() if deleted_too else ())]


def made_up(dice: random.Random) -> dict[str, list[Row]]:
    """Rows without ids, by object; look-ups are places in the list of the parents, None for none."""
    rows = {source: [_row(dice, source, number) for number in range(size)] for source, size in _SIZES.items()}
    for number, account in enumerate(rows["Account"]):
        account["ParentId"] = dice.randrange(number) if number and dice.random() < 0.6 else None
    for source in ("Contact", "Opportunity"):
        for number, row in enumerate(rows[source]):
            row["AccountId"] = dice.randrange(_SIZES["Account"]) if dice.random() < 0.75 else None
            if source == "Contact":
                row["ReportsToId"] = dice.randrange(number) if number and dice.random() < 0.5 else None
    return rows


def _row(dice: random.Random, source: str, number: int) -> Row:
    values: Row = {name: value if dice.random() < 0.75 else None for name, value in _values(dice).items()}
    needed: Row = {"StageName": "Prospecting", "CloseDate": "2026-05-01"} if source == "Opportunity" else {}
    return {
        NAMES[source]: dice.choice(TEXTS) + f" {number}",
        **needed,
        **values,
        "Rank__c": number,
        "Flag__c": dice.random() < 0.5,
    }


def _values(dice: random.Random) -> Row:
    return {
        "Text__c": dice.choice(TEXTS),
        "Word__c": dice.choice(WORDS),
        "Whole__c": dice.randrange(-3, 6),
        "Number__c": dice.choice((-2.5, 0, 0.25, 1, 3.14, 100, 12345.67)),
        "Day__c": some_day(dice),
        "Moment__c": some_moment(dice),
        "Pick__c": dice.choice(PICKLIST),
        "Many__c": tuple(colour for colour in COLOURS if dice.random() < 0.4) or None,
    }


def some_day(dice: random.Random) -> date:
    """A day near today, or within two years."""
    return NOW.date() + timedelta(days=dice.randrange(-9, 10) if dice.random() < 0.5 else dice.randrange(-700, 700))


def some_moment(dice: random.Random) -> datetime:
    """A full second of such a day, often its first or last, but never later today: up to where today's ranges reach is
    not told."""
    day = some_day(dice)
    second = dice.choice((0, 86399, dice.randrange(86400)))
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    return min(moment, NOW) if day == NOW.date() else moment


def wire(value: Any) -> Any:
    """A value as REST JSON carries it."""
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        case date():
            return value.isoformat()
        case tuple():
            return ";".join(value)
        case _:
            return value
