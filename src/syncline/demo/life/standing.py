"""What stands on both sides: the records of one person, read from the two systems themselves.

The five have last names of their own, so that everybody's records are found by it, whoever made them. Lives here: the
reading, and comparing it with what the story says. Nothing comes from Syncline's state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncline.demo.life.hands import LifeHands
from syncline.engine.world import World
from syncline.records import DELETED, ID, Side
from syncline.spec.model import Sync

ADA, BEN, CLEO, DAN, EVA = FIVE = ("Ada Quist", "Ben Osei", "Cleo Marsh", "Dan Rossi", "Eva Lund")

FIELDS: Mapping[str, tuple[str, str]] = {
    "email": ("Email", "email"),
    "title": ("Title", "title"),
    "phone": ("Phone", "phone"),
    "score": ("mkto71_Lead_Score__c", "leadScore"),
    "opted_out": ("HasOptedOutOfEmail", "unsubscribed"),
    "owner": ("OwnerId", "synclineOwnerLastName"),
    "sfdc_deleted": ("IsDeleted", "synclineSfdcIsDeleted"),
}
"""What the story looks at, by its word for it: the field in Salesforce and in Marketo."""

_FLAGS = ("opted_out", "sfdc_deleted")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One record of a person and some of its values, by the story's words; "" where it has none."""

    side: Side
    object_type: str
    record_id: str
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the story says of a person at a moment: the objects of the Salesforce records, how many Marketo people, and
    values. A pair of values is (Salesforce, Marketo); one value stands on both."""

    records: tuple[str, ...] = ("Lead",)
    people: int = 1
    values: Mapping[str, str | tuple[str, str]]

    def untrue(self, name: str, standing: Sequence[Standing]) -> list[str]:
        """What is otherwise, one sentence each."""
        found = tuple(sorted(one.object_type for one in standing if one.side == "a"))
        people = sum(one.side == "b" for one in standing)
        out = []
        if found != tuple(sorted(self.records)):
            out.append(f"{name}: {found or 'nothing'} in salesforce, not {self.records or 'nothing'}")
        if people != self.people:
            out.append(f"{name}: {people} in marketo, not {self.people}")
        for one in standing:
            for word, value in self.values.items():
                expected = value if isinstance(value, str) else value["ab".index(one.side)]
                if one.values[word] != expected:
                    where = f"{one.object_type} {one.record_id}"
                    out.append(f"{name}: {word} of {where} is {one.values[word]!r}, not {expected!r}")
        return out


async def standing_of(world: World, sync: Sync, hands: LifeHands, name: str, words: Sequence[str]) -> list[Standing]:
    """Every record of *name* that is alive on either side, with the values of *words*."""
    last_name = name.rpartition(" ")[2]
    return await _in_salesforce(world, sync, hands, last_name, words) + _in_marketo(hands, last_name, words)


async def _in_salesforce(
    world: World, sync: Sync, hands: LifeHands, last_name: str, words: Sequence[str]
) -> list[Standing]:
    connector = world.connectors[sync.a.connection]
    out = []
    for object_type in sync.a.object_types:
        asked = [FIELDS[word][0] for word in words]
        marker = ["IsConverted"] if object_type == "Lead" else []
        page = await connector.find(object_type, [*dict.fromkeys([*asked, *marker])], "LastName", [last_name])
        for row in page.rows.sort(ID).iter_rows(named=True):
            if row[DELETED] or row.get("IsConverted") == "true":
                continue
            values = {word: hands.owners.get(text := _text(row[FIELDS[word][0]]), text) for word in words}
            out.append(Standing(side="a", object_type=object_type, record_id=row[ID], values=values))
    return out


def _in_marketo(hands: LifeHands, last_name: str, words: Sequence[str]) -> list[Standing]:
    wanted = {"field": "lastName", "values": [last_name], "fields": [FIELDS[word][1] for word in words]}
    rows: list[dict[str, Any]] = hands.sandboxes.marketo.post("people/read", wanted)
    return [
        Standing(
            side="b",
            object_type="person",
            record_id=str(row["id"]),
            values={word: _text(row[FIELDS[word][1]], is_flag=word in _FLAGS) for word in words},
        )
        for row in rows
    ]


def _text(value: object, *, is_flag: bool = False) -> str:
    """A cell as text, "" for none; Marketo's sandbox stores a flag as 0 or 1."""
    if value is None:
        return ""
    return str(bool(value)).lower() if is_flag else str(value)
