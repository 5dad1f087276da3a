"""The scenes of values: addresses that wander, consent, owners, a task, an undo."""

from __future__ import annotations

from datetime import timedelta

from syncline.demo.life.director import Director
from syncline.demo.life.identity import Ids
from syncline.demo.life.standing import ADA, BEN, CLEO, EVA
from syncline.engine.actions.ownership import ChangeOwner, change_owner
from syncline.engine.actions.results import Result
from syncline.engine.actions.tasks import CreateTask, create_task
from syncline.engine.undo import Undone, undo

A_NEW_ADDRESS_LIFTS_NOTHING = timedelta(hours=2)
"""An opt-in within an hour of a new address is no act of consent."""

HOUSE = "cleo@marsh.example"
COLLEAGUE = "tom.behr@acme.example"


async def addresses_wander(d: Director, ids: Ids) -> None:
    d.scene(
        "Addresses wander",
        "Links are by id: a new address makes nobody somebody else, not even when two are swapped.",
    )
    d.hands.edit("Contact", ids.ada, Email="ben@osei.example")
    d.hands.edit("Lead", ids.ben[0], Email="ada@quist.example")
    d.did("salesforce", "An import swaps the addresses of Ada and Ben.")
    await d.cycle(2)
    await d.stands(ADA, records=("Contact",), email="ben@osei.example")
    await d.stands(BEN, email="ada@quist.example")
    d.hands.edit("Contact", ids.ada, Email="ada@quist.example")
    d.hands.edit("Lead", ids.ben[0], Email="ben@osei.example")
    d.did("salesforce", "Sales swaps them back.")
    d.hands.change(ids.eva_person, email=HOUSE)
    d.did("marketo", "Eva moves in with Cleo: one address for both.")
    await d.cycle(2)
    await d.stands(ADA, records=("Contact",), email="ada@quist.example")
    await d.stands(BEN, email="ben@osei.example")
    await d.stands(EVA, email=HOUSE)
    await d.stands(CLEO, records=("Contact",), email=HOUSE)


async def consent(d: Director, ids: Ids) -> None:
    d.scene(
        "Consent",
        "An opt-out holds for everybody with the address, on both sides. Only a person's own later act lifts it.",
    )
    d.wait(A_NEW_ADDRESS_LIFTS_NOTHING)
    d.hands.edit("Contact", ids.cleo, HasOptedOutOfEmail=True)
    d.did("salesforce", "Cleo said on the telephone: no more mail.")
    await d.cycle(3)
    await d.stands(CLEO, records=("Contact",), opted_out="true")
    await d.stands(EVA, opted_out="true")
    d.wait(A_NEW_ADDRESS_LIFTS_NOTHING)
    d.hands.edit("Lead", ids.eva, HasOptedOutOfEmail=False)
    d.did("salesforce", "Eva asks for mail again; sales un-ticks the box on her lead.")
    await d.cycle(3)
    await d.stands(EVA, opted_out="false")
    await d.stands(CLEO, records=("Contact",), opted_out="false")


async def owners(d: Director, ids: Ids) -> None:
    d.scene(
        "Owners, and a task",
        "A queue cannot own a contact: refused, and no second lead is made for its sake. The owner shows in Marketo.",
    )
    d.hands.user(COLLEAGUE, "Tom", "Behr")
    d.hands.queue("Inbound")
    d.did("salesforce", "Tom Behr joins sales, and there is a queue now: Inbound.")
    line = f"owner {ids.ada_person} queue:Inbound"
    await d.command(line, change_owner, ChangeOwner(person=ids.ada_person, owner="queue:Inbound"), _answer)
    line = f"owner {ids.ada_person} {COLLEAGUE}"
    await d.command(line, change_owner, ChangeOwner(person=ids.ada_person, owner=COLLEAGUE), _answer)
    line = "owner ben@osei.example queue:Inbound"
    await d.command(line, change_owner, ChangeOwner(person="ben@osei.example", owner="queue:Inbound"), _answer)
    subject = "Call {{lead.First Name}} of {{company.Company Name}}"
    wanted = CreateTask(person="ada@quist.example", subject=subject)
    await d.command(f'task ada@quist.example "{subject}"', create_task, wanted, _answer)
    await d.cycle(2)
    await d.stands(ADA, records=("Contact",), owner="Behr")
    await d.stands(BEN, owner=("Inbound", ""))


async def undone(d: Director, ids: Ids) -> None:
    d.scene(
        "Undone",
        "What a run wrote is put back where nobody has changed it since. It is no change to be carried over; then the "
        "next edit flows as ever.",
    )
    d.hands.edit("Contact", ids.cleo, Title="N/A")
    d.did("salesforce", "An import writes N/A over Cleo's title.")
    report = await d.cycle()
    await d.stands(CLEO, records=("Contact",), title="N/A")
    await d.command(f"undo {report.run_id} --yes", undo, report.run_id, _put_back)
    await d.cycle()
    await d.stands(CLEO, records=("Contact",), title=("N/A", "Buyer"))
    d.hands.edit("Contact", ids.cleo, Title="Head of Buying")
    d.did("salesforce", "Sales corrects it, and promotes her.")
    await d.cycle()
    await d.stands(CLEO, records=("Contact",), title="Head of Buying")


def _answer(result: Result) -> str:
    code = f" ({result.code})" if result.code else ""
    return f"{result.ended}{code}: {result.reason}"


def _put_back(done: Undone) -> str:
    return f"{done.put_back()} value put back in run {done.run_id}." if done.put_back() == 1 else f"{done.put_back()}"
