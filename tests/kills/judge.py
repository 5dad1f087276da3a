"""The judge: asks both systems what became of everybody, and the state whether anything is left undone.

Lives here: the truth, and reading. Nothing that Syncline says of the people is believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from syncline.demo.sandboxes import Sandboxes
from tests.demo.witness import people_in, records_in, writes_to
from tests.kills import people as who
from tests.kills.people import TOO_LONG, email

LEAD, CONTACT = ("Lead",), ("Contact",)


@dataclass(frozen=True)
class Fate:
    """What must stand of one person: the objects in Salesforce, how many people in Marketo, and values. A pair of
    values is (Salesforce, Marketo); one value stands on both."""

    records: tuple[str, ...] = LEAD
    persons: int = 1
    title: str | tuple[str | None, str | None] | None = "Old"
    phone: str | None = None


TRUTH: Mapping[str, Fate] = {
    who.ADA: Fate(title="Director"),
    who.BEN: Fate(phone="0491 570 156"),
    who.CLEO: Fate(title="Director of Sales"),  # the loser is in the conflict log
    who.DAN: Fate(records=(), persons=0),
    who.EVA: Fate(persons=0),  # a delete in Marketo deletes no lead
    who.FAY: Fate(),
    who.FAYE: Fate(records=(), persons=0),
    who.GUS: Fate(CONTACT),
    who.HAL: Fate(title=("Old", TOO_LONG)),  # refused: a dead letter
    who.IVY: Fate(title="Partner"),
    who.MIA: Fate(records=(), persons=0),
    who.MIKE: Fate(CONTACT),
    who.NED: Fate(CONTACT, title="Chief", phone="0491 570 157"),
    who.JON: Fate(title="New"),
    who.KIM: Fate(title="New"),
    who.LIV: Fate(title=None),
}
ROWS_EVER = {"Lead": 14, "Contact": 3, "Account": 2}
"""Rows that Salesforce has ever had, deleted, merged and converted ones too: one more, and somebody was made twice."""
PEOPLE_EVER = 16
"""Marketo numbers its people: how many it has ever had."""
CONFLICT = ("title", "Director of Sales", "Sales Director")

_ASKED = {"Email": "email", "Title": "title", "Phone": "phone"}


def untrue(
    sandboxes: Sandboxes, recovered: Mapping[str, Any], changed: Mapping[str, Fate] = MappingProxyType({})
) -> list[str]:
    """What is otherwise than it must be after the last run, one sentence each. *changed*: what is true of some people
    who were edited since."""
    writes = writes_to(sandboxes)  # before the judge asks
    found = [f"the last run sent {writes} writes"] if writes else []
    return [*found, *of_people(sandboxes, changed), *_of_creates(sandboxes), *_of_state(recovered)]


def of_people(sandboxes: Sandboxes, changed: Mapping[str, Fate] = MappingProxyType({})) -> Iterator[str]:
    """What of the people is otherwise; *sandboxes* with credentials."""
    leads = records_in(sandboxes, "Lead", ["LastName", "IsConverted", *_ASKED])
    contacts = records_in(sandboxes, "Contact", ["LastName", *_ASKED])
    records = [("Lead", row) for row in leads if not row["IsConverted"]] + [("Contact", row) for row in contacts]
    persons = people_in(sandboxes, ["lastName", "synclineSfdcId", *_ASKED.values()])
    for name, fate in {**TRUTH, **changed}.items():
        own = [(kind, row) for kind, row in records if row["LastName"] == name.title()]
        twins = [row for row in persons.values() if row["lastName"] == name.title()]
        if tuple(kind for kind, _ in own) != fate.records or len(twins) != fate.persons:
            yield f"{name}: {[kind for kind, _ in own]} in salesforce, {len(twins)} in marketo"
            continue
        if own and twins and twins[0]["synclineSfdcId"] != own[0][1]["Id"]:
            yield f"{name}: marketo names {twins[0]['synclineSfdcId']}, not {own[0][1]['Id']}"
        yield from _of_values(name, fate, [row for _, row in own], twins)
    known = {name.title() for name in TRUTH}
    for stranger in {row["LastName"] for _, row in records} | {row["lastName"] for row in persons.values()}:
        if stranger not in known:
            yield f"nobody is called {stranger}"


def _of_values(name: str, fate: Fate, own: list[dict[str, Any]], twins: list[dict[str, Any]]) -> Iterator[str]:
    title = fate.title if isinstance(fate.title, tuple) else (fate.title, fate.title)
    wanted = {"Email": (email(name),) * 2, "Title": title, "Phone": (fate.phone,) * 2}
    for side, rows in enumerate((own, twins)):
        for row in rows:
            for field, values in wanted.items():
                value = row[(field, _ASKED[field])[side]]
                if (value or None) != values[side]:
                    yield f"{name}: {field} in {('salesforce', 'marketo')[side]} is {value!r}, not {values[side]!r}"


def _of_creates(sandboxes: Sandboxes) -> Iterator[str]:
    rows = sandboxes.salesforce.get("counters")["rows"]
    for kind, count in ROWS_EVER.items():
        if rows[kind] != count:
            yield f"salesforce has had {rows[kind]} rows of {kind}, not {count}"
    highest = max(int(number) for number in people_in(sandboxes, ["lastName"]))
    if highest != PEOPLE_EVER:
        yield f"marketo has had {highest} people, not {PEOPLE_EVER}"


def _of_state(recovered: Mapping[str, Any]) -> Iterator[str]:
    runs = recovered["runs"]
    for number, run in enumerate(runs):
        if not run["balanced"]:
            yield f"run {number} does not balance"
        if run["stopped"] or run["held"]:
            yield f"run {number} stopped or held: {run}"
    if runs[-1]["actions"] or runs[-1]["unknown"] or runs[-1]["links"]:
        yield f"the last run still had something to do: {runs[-1]}"
    for word in ("in_flight", "holds", "due"):
        if recovered[word]:
            yield f"left {word}: {recovered[word]}"
    if recovered["running"]:
        yield f"{recovered['running']} runs still count as running"
    letters = [(row["mapping"], row["side"]) for row in recovered["letters"]]
    if letters != [("title", "a")]:
        yield f"dead letters: {letters}"
    yield from _of_conflicts(recovered["conflicts"])


def _of_conflicts(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    logged = Counter((row["mapping"], row["value_a"], row["value_b"]) for row in rows if row["kind"] == "conflict")
    if logged != Counter([CONFLICT]):
        yield f"conflicts: {dict(logged)}"
    merged = Counter((row["link_id"], row["mapping"]) for row in rows if row["kind"] == "merged_away")
    for what, times in merged.items():
        if times > 1:
            yield f"{what} was logged {times} times as merged away"
    for mapping, value in (("email", email(who.MIA)), ("email", email(who.FAYE))):
        if not any(row["mapping"] == mapping and value in (row["value_a"], row["value_b"]) for row in rows):
            yield f"{value} was merged away and is not in the log"
