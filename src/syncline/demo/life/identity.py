"""The first scenes: people arrive, become contacts, turn out to be one person or two.

Lives here: what is done and what must stand afterwards. How it is done and told is `director`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from syncline.demo.life.director import Director, person_of
from syncline.demo.life.standing import ADA, BEN, CLEO, DAN, EVA
from syncline.engine.life.resolve import Choice, Resolved
from syncline.engine.life.resolve import resolve as decide
from syncline.engine.world import World
from syncline.spec.model import Sync

MARKETO_TELLS_LATE = timedelta(minutes=10)
"""A merge or delete in Marketo is believed once its activities are read past it."""


@dataclass(kw_only=True)
class Ids:
    """The records by whose they are, as they come to be: Salesforce ids, and Marketo ids where a scene needs them."""

    ada: str
    ben: tuple[str, str]
    cleo_lead: str
    cleo: str
    account: str
    eva: str
    ada_person: str
    cleo_person: str
    eva_person: str
    dan: tuple[str, str] = ("", "")
    dan_person: str = ""


async def they_arrive(d: Director) -> Ids:
    d.scene(
        "They arrive",
        "Ben and Cleo are there twice, with two addresses each. No address says so: as yet they are two persons each.",
    )
    hands = d.hands
    ada = hands.type("Lead", FirstName="Ada", LastName="Quist", Company="Quist Optics", Email="ada@quist.example")
    d.did("salesforce", "Sales types Ada Quist as a lead.")
    work = hands.type("Lead", FirstName="Ben", LastName="Osei", Company="Osei Foods", Email="ben@osei.example")
    private = hands.type(
        "Lead", FirstName="Ben", LastName="Osei", Company="Self", Email="benosei@mail.example", Phone="555 0123"
    )
    d.did("salesforce", "Ben Osei is typed twice: at work, and in private with a phone number.")
    account = hands.type("Account", Name="Marsh Timber")
    cleo = hands.type(
        "Contact", FirstName="Cleo", LastName="Marsh", AccountId=account, Email="cleo@marsh.example", Title="Buyer"
    )
    lead = hands.type(
        "Lead",
        FirstName="Cleo",
        LastName="Marsh",
        Company="Marsh",
        Email="cleo.marsh@mail.example",
        Title="Guest",
        Phone="555 0177",
    )
    d.did("salesforce", "Cleo Marsh is a contact of Marsh Timber; at a fair she becomes a lead as well.")
    eva = hands.type("Lead", FirstName="Eva", LastName="Lund", Company="Lund Energy", Email="eva@lund.example")
    d.did("salesforce", "Eva Lund is a lead.")
    await d.cycle()
    people = {name: await d.look(name, "email") for name in (ADA, BEN, CLEO, EVA)}
    by_email = {one.values["email"]: one.record_id for found in people.values() for one in found if one.side == "b"}
    scores = {
        "ben@osei.example": 10,
        "benosei@mail.example": 20,
        "cleo@marsh.example": 5,
        "cleo.marsh@mail.example": 40,
    }
    for email, score in scores.items():
        hands.change(by_email[email], leadScore=score)
    d.did("marketo", "Marketing scores the four of Ben and Cleo: 10 and 20, 5 and 40.")
    await d.cycle()
    await d.stands(ADA, email="ada@quist.example")
    await d.stands(EVA, email="eva@lund.example")
    await d.stands(BEN, records=("Lead", "Lead"), people=2)
    await d.stands(CLEO, records=("Contact", "Lead"), people=2)
    return Ids(
        ada=ada,
        ben=(work, private),
        cleo=cleo,
        cleo_lead=lead,
        account=account,
        eva=eva,
        ada_person=by_email["ada@quist.example"],
        cleo_person=by_email["cleo@marsh.example"],
        eva_person=by_email["eva@lund.example"],
    )


async def a_lead_becomes_a_contact(d: Director, ids: Ids) -> None:
    d.scene(
        "A lead becomes a contact",
        "The contact takes the lead's place: the same Marketo person, nothing blanked, no second one.",
    )
    ids.ada = d.hands.convert(ids.ada)
    d.did("salesforce", "Sales converts Ada to a contact of a new account.")
    await d.cycle()
    d.hands.change(ids.ada_person, title="Head of Optics")
    d.did("marketo", "Marketing gives her a title.")
    await d.cycle()
    await d.stands(ADA, records=("Contact",), email="ada@quist.example", title="Head of Optics")


async def a_lead_ends_in_a_contact(d: Director, ids: Ids) -> None:
    d.scene(
        "A lead ends in a contact that is there",
        "Two persons were one: the two in Marketo are merged, the contact's values stay, what it lacks comes from the "
        "lead, scores are added.",
    )
    d.hands.convert(ids.cleo_lead, contact_id=ids.cleo, account_id=ids.account)
    d.did("salesforce", "Sales recognises Cleo and converts her lead into her contact.")
    await d.cycle(3)
    await d.stands(CLEO, records=("Contact",), email="cleo@marsh.example", title="Buyer", score="45")


async def leads_are_merged(d: Director, ids: Ids) -> None:
    d.scene(
        "Two leads are merged in Salesforce",
        "The winner's blank is filled from the loser, scores are added once, and the two in Marketo become one.",
    )
    winner, loser = ids.ben
    d.hands.merge_leads(winner, loser)
    d.did("salesforce", "Sales merges Ben's leads; the one from work stays. It had no phone number.")
    await d.cycle(3)
    await d.stands(BEN, email="ben@osei.example", phone="555 0123", score="30")


async def who_is_who(d: Director, ids: Ids) -> None:
    d.scene("Who is who?", "Two leads fit one person: nothing is linked or created on a guess. A person decides.")
    first, second = (
        d.hands.type(
            "Lead", FirstName="Dan", LastName="Rossi", Company="Rossi Media", Email="dan@rossi.example", Title=one
        )
        for one in ("Editor", "Publisher")
    )
    d.did("salesforce", "Sales types Dan Rossi as an editor, then once more as a publisher.")
    filled = d.hands.fill_in(firstName="Dan", lastName="Rossi", email="dan@rossi.example", company="Rossi Media")
    d.did("marketo", "He fills in the web form.")
    await d.cycle()
    await d.stands(DAN, records=("Lead", "Lead"), people=1)
    await _decide(d, Choice.LINK, first, filled)
    await d.cycle()
    d.did("the team", "The other lead must be a namesake, they think: his son?")
    await _decide(d, Choice.DIFFERENT)
    await d.cycle(2)
    found = await d.stands(DAN, records=("Lead", "Lead"), people=2, email="dan@rossi.example")
    ids.dan = (first, second)
    ids.dan_person = filled
    assert person_of(found) == filled


async def _decide(d: Director, choice: Choice, *pair: str) -> None:
    hold = await d.the_hold()
    d.answered("holds", f"{hold['kind']}, digest {hold['digest']}")

    async def action(world: World, sync: Sync, pair: tuple[str, ...]) -> Resolved:
        return await decide(world, sync, hold["digest"], choice, pair)

    line = " ".join(("resolve", hold["digest"], choice.value, *pair))
    await d.command(line, action, pair, lambda done: f"{done.kind}: {done.choice}. The next run acts on it.")


async def people_are_merged(d: Director, ids: Ids) -> None:
    d.scene(
        "Two people are merged in Marketo",
        "The merge is done in Salesforce too, once the activity log has told what was merged into whom.",
    )
    (other,) = {one.record_id for one in await d.look(DAN, "email") if one.side == "b"} - {ids.dan_person}
    d.hands.merge_people(ids.dan_person, other)
    d.did("marketo", "There is no son: marketing merges both Dan Rossi.")
    d.wait(MARKETO_TELLS_LATE)
    await d.cycle(3)
    await d.stands(DAN, email="dan@rossi.example")
