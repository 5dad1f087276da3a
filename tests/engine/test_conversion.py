"""Converting one person: into which account and contact, with what besides, and when nothing is done at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncline.connectors.memory.endings import convert as convert_there
from syncline.connectors.memory.system import Conversion
from syncline.engine.actions.accounts import AccountBy
from syncline.engine.actions.conversion import Convert, convert
from syncline.engine.actions.results import Ended
from syncline.engine.cycle import run_cycle
from syncline.records import ConvertOption, Operation, Write
from tests.support.memory_actions import TABLE, acting_systems, employ
from tests.support.memory_world import TwoSystems

ADA = {"email": "ada@analytical.example", "first": "Ada", "last": "Byron", "company": "Analytical"}
History = Callable[["Office"], Coroutine[Any, Any, None]]


class Office:
    """A world with a lead of Ada's, what is sent there, and people to own things."""

    def __init__(self, world: TwoSystems) -> None:
        self.world, self.staff = world, employ(world.left)
        world.left.conversions = {"person": Conversion(into="member", named_in="became")}
        connector = world.world.connectors["left"]
        self.sent: list[Write] = []
        honest = connector.write

        async def write(writes: Sequence[Write], **more: Any) -> Any:
            self.sent += [one for one in writes if one.operation is Operation.CONVERT]
            return await honest(writes, **more)

        connector.write = write  # type: ignore[method-assign]

    async def lead(self, **cells: str) -> str:
        record = self.world.left.create("person", {**ADA, "owner": self.staff["Ann Seller"], **cells}, "human she")
        for _ in range(3):
            await run_cycle(self.world.world, self.world.sync)
            self.world.clock.advance(120)
        return record

    def account(self, **cells: str) -> str:
        return self.world.left.create("account", {"name": "Analytical", "website": "", **cells}, "human she")

    async def convert(self, **wanted: Any) -> Any:
        return await convert(self.world.world, self.world.sync, Convert(person=ADA["email"], **wanted))

    def options(self) -> dict[str, str]:
        (write,) = self.sent
        return dict(write.options)


def lived(history: History, **changes: object) -> None:
    async def live() -> None:
        await history(Office(await acting_systems(**changes)))

    asyncio.run(live())


def test_a_lead_becomes_a_contact() -> None:
    async def history(office: Office) -> None:
        record = await office.lead()
        result = await office.convert()
        assert (result.ended, result.record_id) == (Ended.DONE, record)
        assert office.world.left.rows[result.made["member"]].object_type == "member"
        assert office.options() == {}, "a new account, no opportunity, the owner left alone"
        again = await office.convert()
        assert (again.ended, again.code, len(office.sent)) == (Ended.NOTHING, "SYN-175", 1)

    lived(history)


def test_who_was_converted_there_is_a_contact_already() -> None:
    async def history(office: Office) -> None:
        record = await office.lead()
        convert_there(office.world.left, record, "human she")
        result = await convert(office.world.world, office.world.sync, Convert(person=record))
        assert (result.ended, result.code, office.sent) == (Ended.NOTHING, "SYN-175", [])

    lived(history)


def test_who_is_not_there_yet_is_pushed_first() -> None:
    async def history(office: Office) -> None:
        office.world.right.create("human", ADA, "human he")
        result = await office.convert(assign_to="Bob Seller")
        assert result.ended is Ended.DONE
        assert result.pushed is not None
        assert office.options() == {ConvertOption.OWNER: office.staff["Bob Seller"]}

    lived(history)


@pytest.mark.parametrize(
    ("by", "account", "is_found"),
    [
        (None, {"name": "ANALYTICAL"}, True),
        (None, {"name": "Analytical Engines"}, False),
        (AccountBy.NAME, {"name": "Analytical"}, True),
        (AccountBy.NEW, {"name": "Analytical"}, False),
        (AccountBy.DOMAIN, {"name": "other", "website": "https://www.analytical.example/"}, True),
        (AccountBy.DOMAIN, {"name": "other", "website": "analytical.example"}, True),
        (AccountBy.DOMAIN, {"name": "Analytical", "website": "notanalytical.example"}, False),
    ],
)
def test_the_account_is_chosen_by_rule(by: AccountBy | None, account: dict[str, str], is_found: bool) -> None:
    async def history(office: Office) -> None:
        await office.lead()
        there = office.account(**account)
        assert (await office.convert(account=by)).ended is Ended.DONE
        assert office.options() == ({ConvertOption.ACCOUNT: there} if is_found else {})

    lived(history)


def test_a_public_mailbox_names_no_account() -> None:
    async def history(office: Office) -> None:
        office.account(name="Mail", website="gmail.com")
        await office.lead(email="ada@gmail.com")
        result = await convert(
            office.world.world, office.world.sync, Convert(person="ada@gmail.com", account=AccountBy.DOMAIN)
        )
        assert (result.ended, office.options()) == (Ended.DONE, {})

    lived(history)


def test_an_account_or_contact_that_is_named() -> None:
    async def history(office: Office) -> None:
        await office.lead()
        account = office.account(name="Colliers")
        contact = office.world.left.create("member", {"last": "Byron", "account": account}, "human she")
        lonely = office.world.left.create("member", {"last": "Lone"}, "human she")
        for wanted in ({"account_id": "L99"}, {"contact_id": "L99"}, {"contact_id": lonely}):
            assert (await office.convert(**wanted)).code == "SYN-176"
        other = office.account(name="Other")
        assert (await office.convert(account_id=other, contact_id=contact)).code == "SYN-176"
        assert office.sent == []
        assert (await office.convert(contact_id=contact)).made == {"member": contact}
        assert office.options() == {ConvertOption.ACCOUNT: account, ConvertOption.CONTACT: contact}

    lived(history)


def test_several_accounts_are_a_persons_choice() -> None:
    async def history(office: Office) -> None:
        await office.lead()
        both = {office.account(), office.account()}
        result = await office.convert()
        assert (result.ended, result.code, set(result.candidates)) == (Ended.REFUSED, "SYN-176", both)
        assert office.sent == []

    lived(history)


def test_what_is_asked_for_is_sent() -> None:
    async def history(office: Office) -> None:
        await office.lead()
        wanted = {"notify_owner": True, "status": "Closed", "opportunity": "Engine", "assign_to": "Bob Seller"}
        assert (await office.convert(**wanted)).ended is Ended.DONE
        assert office.options() == {
            ConvertOption.NOTIFY_OWNER: "true",
            ConvertOption.STATUS: "Closed",
            ConvertOption.OPPORTUNITY: "Engine",
            ConvertOption.OWNER: office.staff["Bob Seller"],
        }

    lived(history)


def test_the_table_may_ask_for_a_new_account_and_an_opportunity() -> None:
    table = replace(TABLE, converts_with_opportunity=True, converts_to_new_account=True)

    async def history(office: Office) -> None:
        await office.lead()
        office.account()
        assert (await office.convert()).ended is Ended.DONE
        assert office.options() == {ConvertOption.OPPORTUNITY: "Analytical-"}

    async def none(office: Office) -> None:
        await office.lead()
        there = office.account()
        assert (await office.convert(account=AccountBy.NAME, opportunity="")).ended is Ended.DONE
        assert office.options() == {ConvertOption.ACCOUNT: there}

    lived(history, actions=table)
    lived(none, actions=table)


@pytest.mark.parametrize(("owner", "code"), [("Hall", "SYN-174"), ("Old Seller", "SYN-173")])
def test_a_queues_or_a_former_sellers_lead_needs_a_user_first(owner: str, code: str) -> None:
    async def history(office: Office) -> None:
        await office.lead(owner=office.staff[owner])
        assert (await office.convert()).code == code
        assert (await office.convert(assign_to=owner)).code == code
        assert office.sent == []
        assert (await office.convert(assign_to="Ann Seller")).ended is Ended.DONE

    lived(history)
