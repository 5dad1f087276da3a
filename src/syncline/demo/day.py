"""A day of life on both sides, as a script: who does what at which minute. Syncline is not in it, but for two pushes.

Lives here: the acts. Who plays is `cast`'s business, how a hand reaches a system `hands`', and the cycles between the
acts are `play`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from syncline.demo.cast import Cast, Newcomer, Pair
from syncline.demo.hands import FLOW, FORM, Hands

Step = Callable[[], None]

_CHAPTERS = {
    0: "New people",
    15: "Edits, on one side and on both",
    30: "Consent",
    50: "Marketo rewrites what it is given",
    60: "Things break",
    100: "A field is hidden, leads leave the filter",
    120: "What the other side does not take",
}

_LONG_TITLE = "Adviser " * 18 + "at Law"
TOLD = ("title", "mobile_phone", "email_opt_out")
"""Mappings of which the day has a conflict worth telling, each decided in another way."""


@dataclass(frozen=True)
class Act:
    """Something that happens at a minute of the day; `push` names who is then synced by hand."""

    minute: float
    words: str
    steps: tuple[Step, ...] = ()
    push: tuple[str, ...] = ()

    @property
    def chapter(self) -> str:
        return [title for begins, title in _CHAPTERS.items() if begins <= self.minute][-1]


@dataclass
class Truth:
    """What the day adds to the truth: pairs that are one person, and who was made by people's hands, by side."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    salesforce_ids: set[str] = field(default_factory=set)
    marketo_ids: set[str] = field(default_factory=set)


class Day:
    """The script. `acts` in order of time; `truth` fills as they are played; `hidden` is the mapping of which an
    administrator hides a field."""

    hidden = "phone"

    def __init__(self, hands: Hands, cast: Cast) -> None:
        self.truth = Truth()
        self._hands = hands
        self._cast = cast
        self._emails: dict[str, str] = {}
        chapters = (
            self._newcomers(),
            self._edits(),
            self._edits_on_both(),
            self._consent(),
            self._normalised(),
            self._faults(),
            self._hidden_field(),
            self._filter(),
            self._refusals(),
        )
        self.acts = sorted((act for chapter in chapters for act in chapter), key=lambda act: act.minute)

    def _newcomers(self) -> Iterator[Act]:
        leads, strangers, twice = (self._cast.newcomers(count) for count in (6, 6, 3))
        wanted = tuple(one.email for one in strangers[:2])
        yield Act(1, f"Sales types {_some(leads, 'new lead')}.", (partial(self._type, leads),))
        yield Act(3, f"{_some(strangers, 'stranger')} came by a web form.", (partial(self._fill_in, strangers),))
        yield Act(6, f"Sales meets {_some(twice, 'person')} at a fair and types leads.", (partial(self._type, twice),))
        yield Act(8, "They fill in the web form too: nobody may exist twice.", (partial(self._fill_in, twice),))
        yield Act(12, f"Sales wants {_some(wanted, 'stranger')} as leads at once.", push=wanted)

    def _edits(self) -> Iterator[Act]:
        calls, titles, moves = (self._cast.people(count) for count in (40, 40, 12))
        numbers = {pair: {"MobilePhone": self._cast.phone()} for pair in calls}
        yield Act(16, f"Sales corrects {_some(calls, 'mobile number')}.", (self._sales(numbers),))
        given = {pair: {"title": self._cast.title()} for pair in titles}
        yield Act(17, f"Marketing sets {_some(titles, 'job title')}.", (self._marketing(given),))
        addresses = {pair: self._cast.address(pair) for pair in moves}
        yield Act(18, f"{_some(moves, 'person')} moved; sales changes addresses.", (self._sales(addresses),))

    def _edits_on_both(self) -> Iterator[Act]:
        titles, mobiles, places, scores = (self._cast.people(count) for count in (6, 6, 4, 4))
        first = self._sales(_all(titles, Title="Director of Sales"))
        yield Act(21, f"Sales changes {_some(titles, 'title')} …", (first,))
        then = self._marketing(_all(titles, title="Sales Director"))
        yield Act(23, "… and two minutes later marketing changes the same ones.", (then,))
        first = self._marketing(_all(mobiles, mobilePhone="0491 570 156"))
        yield Act(22, f"Marketing changes {_some(mobiles, 'mobile number')} …", (first,))
        then = self._sales(_all(mobiles, MobilePhone="0491 570 157"))
        yield Act(24, "… and sales the same ones, otherwise.", (then,))
        street = self._marketing(_all(places, address="7 Harbour Street"))
        postcode = self._sales({pair: {pair.address_field("PostalCode"): "2999"} for pair in places})
        yield Act(
            22.5,
            f"{_some(places, 'address', 'addresses')}: marketing changes the street, sales the postcode.",
            (street, postcode),
        )
        scored = self._sales(_all(scores, mkto71_Lead_Score__c=10))
        rescored = self._marketing(_all(scores, leadScore=85))
        yield Act(23.5, f"{_some(scores, 'lead score')} changed on both sides.", (scored, rescored))

    def _consent(self) -> Iterator[Act]:
        by_form, by_phone = (self._cast.people(count) for count in (8, 5))
        undecided = self._cast.people(4, least=2)
        robot, person = undecided[:-1], undecided[-1:]
        out = self._marketing(_all((*by_form, *undecided), unsubscribed=True), source=FORM)
        yield Act(31, f"{_some([*by_form, *undecided], 'person')} unsubscribed by the web form.", (out,))
        ticked = self._sales(_all(by_phone, HasOptedOutOfEmail=True))
        yield Act(32, f"{_some(by_phone, 'person')} said so by telephone; sales ticks the box.", (ticked,))
        again = self._marketing(_all(robot, unsubscribed=False), source=FLOW)
        yield Act(41, f"A Marketo flow subscribes {len(robot)} again. No person did: it must not travel.", (again,))
        again = self._marketing(_all(person, unsubscribed=False), source=FORM)
        yield Act(43, f"{_some(person, 'person')} did subscribe again, by the web form.", (again,))

    def _normalised(self) -> Iterator[Act]:
        faxes, titles = (self._cast.people(count) for count in (12, 12))
        rules = (
            partial(self._hands.normalise, "fax", "digits"),
            partial(self._hands.normalise, "title", "collapse_spaces"),
        )
        yield Act(51, "From now on Marketo keeps only digits of a fax, single spaces in a title.", rules)
        entered = {pair: {"Fax": self._cast.phone()} for pair in faxes}
        untidy = _all(titles, Title="Head  of   Purchasing")
        words = f"Sales enters {_some(faxes, 'fax number')} and {_some(titles, 'untidy title')}."
        yield Act(52, words, (self._sales(entered | untidy),))

    def _faults(self) -> Iterator[Act]:
        lost, refused, late = (self._cast.people(count) for count in (20, 20, 10))
        yield Act(
            61,
            f"Sales changes {_some(lost, 'title')}. Marketo's answer to that write gets lost.",
            (
                partial(self._hands.break_marketo, "lost_reply", "^POST /rest/v1/leads.json"),
                self._sales(_all(lost, Title="Partner")),
            ),
        )
        yield Act(
            71,
            f"Marketing changes {_some(refused, 'title')}. Salesforce answers that write with 503.",
            (
                partial(self._hands.break_salesforce, "server_error", "^POST .*/composite"),
                self._marketing(_all(refused, title="Partner")),
            ),
        )
        yield Act(
            91,
            f"Marketing changes {_some(late, 'title')}. Salesforce commits 5 minutes late.",
            (
                partial(self._hands.break_salesforce, "late_commit", "^POST .*/composite", delay_seconds=300),
                self._marketing(_all(late, title="Adviser")),
            ),
        )

    def _hidden_field(self) -> Iterator[Act]:
        edited = self._cast.leads(5)
        hide = partial(self._hands.hide_from_syncline, "Lead.Phone")
        yield Act(101, "An administrator hides Lead.Phone from Syncline: nothing may be blanked.", (hide,))
        numbers = {pair: {"phone": self._cast.phone()} for pair in edited}
        yield Act(
            103, f"Marketing changes {_some(edited, 'phone number')} of leads; they wait.", (self._marketing(numbers),)
        )

    def _filter(self) -> Iterator[Act]:
        closed = self._cast.leads(4, least=2)
        shut = self._sales(_all(closed, Status="Closed - Not Converted"))
        yield Act(106, f"Sales closes {_some(closed, 'lead')}: out of the filter, out of the flow.", (shut,))
        former = self._sales(_all(closed, Title="Former Buyer"))
        called = self._marketing({pair: {"mobilePhone": self._cast.phone()} for pair in closed})
        yield Act(111, "Both sides go on editing them.", (former, called))
        opened = self._sales({closed[0]: {"Status": "Working - Contacted"}})
        yield Act(116, "1 of them is reopened and catches up.", (opened,))

    def _refusals(self) -> Iterator[Act]:
        long, renamed, nameless = (self._cast.people(count) for count in (1, 3, 1))
        pasted = self._marketing(_all(long, title=_LONG_TITLE))
        yield Act(121, f"Marketing pastes a title of {len(_LONG_TITLE)} characters; Salesforce takes 128.", (pasted,))
        company = self._marketing(_all(renamed, company="Renamed Pty Ltd"))
        yield Act(
            122,
            f"Marketing renames {_some(renamed, 'company', 'companies')}; that flows one way, from sales.",
            (company,),
        )
        blanked = self._marketing(_all(nameless, lastName=None), source=FORM)
        yield Act(123, "A form blanks a last name; Salesforce demands one.", (blanked,))

    # -- steps --------------------------------------------------------------------------------------------------------

    def _type(self, people: Sequence[Newcomer]) -> None:
        ids = self._hands.new_leads([one.as_lead() for one in people])
        self.truth.salesforce_ids.update(ids)
        self._emails |= {one.email: record_id for one, record_id in zip(people, ids, strict=True)}

    def _fill_in(self, people: Sequence[Newcomer]) -> None:
        ids = self._hands.new_people([one.as_person() for one in people])
        self.truth.marketo_ids.update(ids)
        known = self._emails
        self.truth.pairs |= {
            (known[one.email], record_id) for one, record_id in zip(people, ids, strict=True) if one.email in known
        }

    def _sales(self, changes: Mapping[Pair, Mapping[str, Any]]) -> Step:
        edits = {pair.salesforce_id: new for pair, new in changes.items()}
        return partial(self._hands.edit_salesforce, self._cast.types, edits)

    def _marketing(self, changes: Mapping[Pair, Mapping[str, Any]], *, source: str | None = None) -> Step:
        """By a marketer, or by a form or flow (*source*)."""
        edits = {pair.marketo_id: new for pair, new in changes.items()}
        if source is None:
            return partial(self._hands.edit_marketo, edits)
        return partial(self._hands.edit_marketo, edits, source=source, user="")


def _all(pairs: Sequence[Pair], **new: object) -> dict[Pair, Mapping[str, Any]]:
    """The same change for each of them."""
    return dict.fromkeys(pairs, new)


def _some(things: Sequence[object], one: str, many: str | None = None) -> str:
    """ "1 title", "6 titles"."""
    words = one if len(things) == 1 else many or {"person": "people"}.get(one, f"{one}s")
    return f"{len(things)} {words}"
