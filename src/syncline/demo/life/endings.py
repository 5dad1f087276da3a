"""The scenes of endings: deleted here or there, edited meanwhile, brought back, pushed through a tombstone, erased."""

from __future__ import annotations

from syncline.demo.life.director import Director
from syncline.demo.life.identity import MARKETO_TELLS_LATE, Ids
from syncline.demo.life.standing import DAN, EVA
from syncline.engine.actions.deletion import DeletePerson, delete_person
from syncline.engine.erase import erase


async def deleted_and_brought_back(d: Director, ids: Ids) -> None:
    d.scene(
        "Deleted, edited, brought back",
        "A delete is a flag on the other side, no more. Back from the recycle bin it is the same link, and what "
        "happened meanwhile flows.",
    )
    d.hands.delete("Lead", ids.eva)
    d.did("salesforce", "Sales deletes Eva's lead.")
    await d.cycle()
    d.hands.change(ids.eva_person, title="Grid Planner")
    d.did("marketo", "Marketing gives her a title.")
    await d.cycle()
    await d.stands(EVA, records=(), title="Grid Planner", sfdc_deleted="true")
    d.hands.undelete("Lead", ids.eva)
    d.did("salesforce", "That was a mistake: she is back from the recycle bin.")
    await d.cycle(2)
    await d.stands(EVA, title="Grid Planner", sfdc_deleted="false")


async def deleted_in_marketo(d: Director, ids: Ids) -> None:
    d.scene(
        "Deleted in Marketo",
        "A tombstone stands: no edit makes him again behind marketing's back. A person may, by a push.",
    )
    d.hands.delete_person(ids.dan_person)
    d.did("marketo", "Marketing deletes Dan.")
    d.wait(MARKETO_TELLS_LATE)
    await d.cycle()
    d.hands.edit("Lead", ids.dan[0], Title="Editor in Chief")
    d.did("salesforce", "Sales promotes his lead.")
    await d.cycle()
    await d.stands(DAN, people=0, title="Editor in Chief")
    await d.push(ids.dan[0])
    await d.cycle()
    await d.stands(DAN, title="Editor in Chief")


async def erased(d: Director, _: Ids) -> None:
    d.scene(
        "Forgotten on request",
        "He is deleted in both systems, then erased from Syncline. A keyed hash is left: whoever types him again, he "
        "is not carried over.",
    )
    wanted = DeletePerson(person="dan@rossi.example", on="b", also="a", confirmed=True)
    line = "delete dan@rossi.example --on b --also a --yes"
    await d.command(line, delete_person, wanted, lambda done: f"{done.result.ended}: {done.result.reason}")
    await d.cycle(2)
    await d.stands(DAN, records=(), people=0)
    await d.command(
        "erase dan@rossi.example --yes",
        erase,
        "dan@rossi.example",
        lambda done: f"{done.records} records, {done.links} links and all that was kept of them.",
    )
    d.hands.type("Lead", FirstName="Dan", LastName="Rossi", Company="Rossi Media", Email="dan@rossi.example")
    d.did("salesforce", "An old spreadsheet is imported, with him in it.")
    await d.cycle(2)
    await d.stands(DAN, people=0)
