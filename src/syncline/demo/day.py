"""A day of life on both sides, as a script: who does what at which minute. Syncline is not in it, but for two pushes.

Lives here: the acts and their cast. How a hand reaches a system is in `hands`; the cycles between the acts are
`play`'s. Every person plays in one act only, so that what came of it can be seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncline.demo.hands import FLOW, FORM, Hands

_FIRST = "Ada Bruno Clara Dario Edith Felix Greta Henri Ines Jonas Karla Luca Mara Nils Olga Pavel Rosa Sven".split()
_LAST = "Abbott Brandt Castell Duarte Engel Fontana Grimm Hoang Ivanov Jansson Krüger Lindt Moreau Novak Okafor".split()
_TITLES = ("Buyer", "Head of Design", "Plant Manager", "Controller", "Chief Engineer", "Office Manager", "Planner")
_CITIES = (("Hobart", "TAS", "7000"), ("Darwin", "NT", "0800"), ("Perth", "WA", "6000"), ("Cairns", "QLD", "4870"))


@dataclass(frozen=True)
class Pair:
    """A linked pair: one person of the first copy on both sides."""

    salesforce_id: str
    object_type: str
    marketo_id: str


@dataclass(frozen=True)
class Act:
    """Something that happens at a minute of the day. `push` names who is then synced by hand."""

    minute: float
    words: str
    do: Callable[[], None]
    push: tuple[str, ...] = ()


@dataclass
class Truth:
    """What the day adds to the truth: pairs that are one person, and who was made by people's hands, by side."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    salesforce_ids: set[str] = field(default_factory=set)
    marketo_ids: set[str] = field(default_factory=set)


class Day:
    """The script over a cast. `acts` in order of time; `truth` fills as they are played; `hidden` is the mapping that
    an administrator hides."""

    hidden = "phone"

    def __init__(self, hands: Hands, cast: Sequence[Pair], scale: float, dice: random.Random) -> None:
        self.truth = Truth()
        self._hands = hands
        self._scale = scale
        self._dice = dice
        self._leads = iter([pair for pair in cast if pair.object_type == "Lead"])
        self._contacts = iter([pair for pair in cast if pair.object_type == "Contact"])
        self._types = {pair.salesforce_id: pair.object_type for pair in cast}
        self._newcomers = self._new_names()
        self.acts = sorted(self._script(), key=lambda act: act.minute)

    # -- the script -------------------------------------------------------------------------------------------------

    def _script(self) -> Iterator[Act]:
        yield from self._newcomers_come()
        yield from self._edits()
        yield from self._both_edit()
        yield from self._consent()
        yield from self._normalised()
        yield from self._faults()
        yield from self._hidden()
        yield from self._filtered()
        yield from self._oddities()

    def _newcomers_come(self) -> Iterator[Act]:
        leads = [next(self._newcomers) for _ in range(self._many(6))]
        people = [next(self._newcomers) for _ in range(self._many(6))]
        twice = [next(self._newcomers) for _ in range(self._many(3))]
        wanted = tuple(person["email"] for person in people[:2])
        met: dict[str, list[str]] = {}

        def type_leads() -> None:
            self._add_leads(leads)

        def fill_forms() -> None:
            self.truth.marketo_ids.update(self._hands.new_people([_person(one) for one in people]))

        def type_twice() -> None:
            met["a"] = self._add_leads(twice)

        def fill_twice() -> None:
            ids = self._hands.new_people([_person(one) for one in twice])
            self.truth.marketo_ids.update(ids)
            self.truth.pairs.update(zip(met["a"], ids, strict=True))

        yield Act(1, f"Sales types {len(leads)} new leads.", type_leads)
        yield Act(3, f"{len(people)} strangers fill in a web form.", fill_forms)
        yield Act(6, f"Sales meets {len(twice)} people at a fair and types them as leads.", type_twice)
        yield Act(8, f"The same {len(twice)} fill in the web form: nobody may exist twice.", fill_twice)
        yield Act(12, f"Sales asks for {len(wanted)} of the strangers by hand: syncline push.", lambda: None, push=wanted)

    def _edits(self) -> Iterator[Act]:
        calls, titles, moves = self._cast(40), self._cast(40), self._cast(12)
        yield Act(
            16,
            f"Sales corrects {len(calls)} mobile numbers.",
            lambda: self._sales({pair: {"MobilePhone": self._phone()} for pair in calls}),
        )
        yield Act(
            17,
            f"Marketing sets {len(titles)} job titles.",
            lambda: self._marketing({pair: {"title": self._dice.choice(_TITLES)} for pair in titles}),
        )
        yield Act(
            18,
            f"{len(moves)} people move; sales changes the whole address.",
            lambda: self._sales({pair: self._move(pair) for pair in moves}),
        )

    def _both_edit(self) -> Iterator[Act]:
        titles, mobiles, places, scores = self._cast(6), self._cast(6), self._cast(4), self._cast(4)
        yield Act(
            21,
            f"Sales changes the title of {len(titles)} people …",
            lambda: self._sales({pair: {"Title": "Director of Sales"} for pair in titles}),
        )
        yield Act(
            23,
            "… and two minutes later marketing changes the same titles to something else.",
            lambda: self._marketing({pair: {"title": "Sales Director"} for pair in titles}),
        )
        yield Act(
            22,
            f"Marketing changes the mobile number of {len(mobiles)} people …",
            lambda: self._marketing({pair: {"mobilePhone": "0491 570 156"} for pair in mobiles}),
        )
        yield Act(
            24,
            "… and sales the same ones, to other numbers.",
            lambda: self._sales({pair: {"MobilePhone": "0491 570 157"} for pair in mobiles}),
        )
        yield Act(
            22.5,
            f"{len(places)} addresses: marketing corrects the street, sales the postcode.",
            lambda: (
                self._marketing({pair: {"address": "7 Harbour Street"} for pair in places}),
                self._sales({pair: {_FIELDS[pair.object_type]["PostalCode"]: "2999"} for pair in places}),
            )[0],
        )
        yield Act(
            23.5,
            f"{len(scores)} lead scores are changed on both sides.",
            lambda: (
                self._sales({pair: {"mkto71_Lead_Score__c": 10} for pair in scores}),
                self._marketing({pair: {"leadScore": 85} for pair in scores}),
            )[0],
        )

    def _consent(self) -> Iterator[Act]:
        by_form, by_sales, back = self._cast(8), self._cast(5), self._cast(3)
        robot, person = back[: max(1, len(back) - 1)], back[-1:]
        yield Act(
            31,
            f"{len(by_form) + len(back)} people unsubscribe by the web form.",
            lambda: self._marketing({pair: {"unsubscribed": True} for pair in (*by_form, *back)}, source=FORM),
        )
        yield Act(
            32,
            f"{len(by_sales)} more say so on the telephone; sales ticks the box.",
            lambda: self._sales({pair: {"HasOptedOutOfEmail": True} for pair in by_sales}),
        )
        yield Act(
            41,
            f"A Marketo flow opts {len(robot)} of them in again. It is not a person: that must not travel.",
            lambda: self._marketing({pair: {"unsubscribed": False} for pair in robot}, source=FLOW),
        )
        yield Act(
            43,
            f"{len(person)} of them subscribes again by the web form: a person's own act.",
            lambda: self._marketing({pair: {"unsubscribed": False} for pair in person}, source=FORM),
        )

    def _normalised(self) -> Iterator[Act]:
        faxes, titles = self._cast(12), self._cast(12)

        def rules() -> None:
            self._hands.normalise("fax", "digits")
            self._hands.normalise("title", "collapse_spaces")

        yield Act(51, "Marketing switches on data cleaning: fax numbers to digits, single spaces in titles.", rules)
        yield Act(
            52,
            f"Sales enters {len(faxes)} fax numbers and {len(titles)} untidy titles.",
            lambda: self._sales(
                {pair: {"Fax": self._phone()} for pair in faxes}
                | {pair: {"Title": "Head  of   Purchasing "} for pair in titles}
            ),
        )

    def _faults(self) -> Iterator[Act]:
        lost, refused, late = self._cast(20), self._cast(20), self._cast(10)
        yield Act(
            61,
            f"Sales changes {len(lost)} titles. Marketo will take them, and its answer will be lost on the way.",
            lambda: (
                self._hands.break_marketo("lost_reply", "^POST /rest/v1/leads.json"),
                self._sales({pair: {"Title": "Partner"} for pair in lost}),
            )[1],
        )
        yield Act(
            71,
            f"Marketing changes {len(refused)} titles. Salesforce will answer the write with 503.",
            lambda: (
                self._hands.break_salesforce("server_error", "^POST .*/composite"),
                self._marketing({pair: {"title": "Partner"} for pair in refused}),
            )[1],
        )
        yield Act(
            81,
            f"Marketing changes {len(late)} titles. Salesforce will say yes and commit five minutes later.",
            lambda: (
                self._hands.break_salesforce("late_commit", "^POST .*/composite", delay_seconds=300),
                self._marketing({pair: {"title": "Adviser"} for pair in late}),
            )[1],
        )

    def _hidden(self) -> Iterator[Act]:
        edited = self._cast_of(self._leads, 5)
        yield Act(
            91,
            "An administrator hides Lead.Phone from Syncline's user: no number may be blanked.",
            lambda: self._hands.hide_from_syncline("Lead.Phone"),
        )
        yield Act(
            93,
            f"Marketing changes the phone of {len(edited)} leads meanwhile: that waits.",
            lambda: self._marketing({pair: {"phone": self._phone()} for pair in edited}),
        )

    def _filtered(self) -> Iterator[Act]:
        closed = self._cast_of(self._leads, 4)
        back = closed[:1]
        yield Act(
            96,
            f"Sales closes {len(closed)} leads: they leave the filter and flow no more.",
            lambda: self._sales({pair: {"Status": "Closed - Not Converted"} for pair in closed}),
        )
        yield Act(
            102,
            "Both sides go on editing them.",
            lambda: (
                self._sales({pair: {"Title": "Former Buyer"} for pair in closed}),
                self._marketing({pair: {"mobilePhone": self._phone()} for pair in closed}),
            )[0],
        )
        yield Act(
            107,
            f"{len(back)} of them is reopened: it catches up.",
            lambda: self._sales({pair: {"Status": "Working - Contacted"} for pair in back}),
        )

    def _oddities(self) -> Iterator[Act]:
        long, company, nameless = self._cast(1), self._cast(3), self._cast(1)
        yield Act(
            111,
            f"Marketing pastes a title of 150 characters into {len(long)} person; Salesforce takes 128.",
            lambda: self._marketing({pair: {"title": "Adviser " * 18 + "at Law"} for pair in long}),
        )
        yield Act(
            112,
            f"Marketing renames the company of {len(company)} people; that field flows the other way.",
            lambda: self._marketing({pair: {"company": "Renamed Pty Ltd"} for pair in company}),
        )
        yield Act(
            113,
            f"A form blanks the last name of {len(nameless)} person; Salesforce demands one.",
            lambda: self._marketing({pair: {"lastName": None} for pair in nameless}, source=FORM),
        )

    # -- the cast ---------------------------------------------------------------------------------------------------

    def _many(self, count: int) -> int:
        return max(1, round(count * self._scale))

    def _cast(self, count: int) -> list[Pair]:
        """So many people nobody has played with yet, half leads and half contacts."""
        many = self._many(count)
        return self._cast_of(self._leads, 0, many - many // 2) + self._cast_of(self._contacts, 0, many // 2)

    def _cast_of(self, waiting: Iterator[Pair], count: int, exactly: int | None = None) -> list[Pair]:
        many = self._many(count) if exactly is None else exactly
        return [next(waiting) for _ in range(many)]

    def _new_names(self) -> Iterator[dict[str, str]]:
        names = [(first, last) for first in _FIRST for last in _LAST]
        self._dice.shuffle(names)
        for number, (first, last) in enumerate(names):
            yield {
                "first": first,
                "last": last,
                "email": f"{first}.{last}@newcomer{number}.example".lower().replace("ü", "ue"),
                "company": f"{last} & {first}",
            }

    def _add_leads(self, people: Sequence[Mapping[str, str]]) -> list[str]:
        ids = self._hands.new_leads([_lead(one) for one in people])
        self.truth.salesforce_ids.update(ids)
        return ids

    def _sales(self, changes: Mapping[Pair, Mapping[str, Any]]) -> None:
        self._hands.edit_salesforce(self._types, {pair.salesforce_id: new for pair, new in changes.items()})

    def _marketing(
        self, changes: Mapping[Pair, Mapping[str, Any]], *, source: str | None = None
    ) -> None:
        edits = {pair.marketo_id: new for pair, new in changes.items()}
        if source is None:
            self._hands.edit_marketo(edits)
        else:
            self._hands.edit_marketo(edits, source=source, user="")

    def _phone(self) -> str:
        return f"(02) {self._dice.randrange(5000, 10000)} {self._dice.randrange(10000):04d}"

    def _move(self, pair: Pair) -> dict[str, str]:
        city, state, postcode = self._dice.choice(_CITIES)
        names = _FIELDS[pair.object_type]
        return {
            names["Street"]: f"{self._dice.randrange(1, 200)} Station Road",
            names["City"]: city,
            names["State"]: state,
            names["PostalCode"]: postcode,
        }


_FIELDS = {
    "Lead": {name: name for name in ("Street", "City", "State", "PostalCode")},
    "Contact": {name: f"Mailing{name}" for name in ("Street", "City", "State", "PostalCode")},
}


def _lead(one: Mapping[str, str]) -> dict[str, str]:
    return {"FirstName": one["first"], "LastName": one["last"], "Email": one["email"], "Company": one["company"]}


def _person(one: Mapping[str, str]) -> dict[str, str]:
    return {"firstName": one["first"], "lastName": one["last"], "email": one["email"], "company": one["company"]}
