"""Convert a person: what stands for them becomes a contact of an account, now.

Who is not on that side yet is pushed first. A contact, or who was converted before, ends in NOTHING. What becomes of
the link afterwards is the structural step's business. Account and opportunity are as asked; where nothing is said, the
preset's table of actions says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncline.engine.actions.accounts import AccountBy, account_by_id, account_by_rule, account_of_contact
from syncline.engine.actions.acting import Acting, Person, carry_out
from syncline.engine.actions.owners import find_owner, require_may_own
from syncline.engine.actions.ownership import owner_of
from syncline.engine.actions.results import Ended, Refused, Result, nothing
from syncline.engine.actions.tokens import cell_of
from syncline.engine.explain import Subject
from syncline.engine.world import World
from syncline.records import ConvertOption, Operation, Write
from syncline.spec.model import Sync


@dataclass(frozen=True, kw_only=True)
class Convert:
    """`assign_to`: who owns what is made, by id, name or address; None: the person's owner. `status`: the converted
    status; None: the system's first.

    `account_id` names the account, `contact_id` the contact the person ends in (of its own account); else `account`
    says how to choose, None as the preset says. `opportunity`: the name of one to make, "" for none, None as the
    preset says.
    """

    person: str
    assign_to: str | None = None
    notify_owner: bool = False
    status: str | None = None
    account: AccountBy | None = None
    account_id: str | None = None
    contact_id: str | None = None
    opportunity: str | None = None


async def convert(world: World, sync: Sync, wanted: Convert) -> Result:
    """Convert the person; `Result.made` names contact, account and opportunity.

    Ends in NOTHING with SYN-175 for a contact or a converted one; in REFUSED with SYN-171 (several persons), SYN-172
    to SYN-174 (owner), SYN-176 (account or contact), SYN-178 (the system's refusal), SYN-179 (could not be pushed).
    """

    async def work(acting: Acting) -> Result:
        options = await _owner(acting, wanted)
        person, subject = await acting.person_on(wanted.person, acting.table.side)
        into = acting.world.capabilities(subject.connection, subject.object_type).converts_into
        if into is None:
            raise nothing("SYN-175", f"{subject.record_id} is a {subject.object_type} already: nothing was converted.")
        if ConvertOption.OWNER not in options:
            await _require_user(acting, subject, into)
        options |= await _account(acting, wanted, person)
        options |= await _opportunity(acting, wanted, person)
        if wanted.status:
            options[ConvertOption.STATUS] = wanted.status
        write = Write(
            operation=Operation.CONVERT,
            object_type=subject.object_type,
            record_id=subject.record_id,
            cells={},
            options={str(name): value for name, value in options.items()},
        )
        outcome = await acting.perform(subject.side, write, link_id=person.link_id)
        result = acting.result(person, subject, outcome, "")
        made = ", ".join(f"{kind} {made}" for kind, made in sorted(outcome.made.items()))
        return replace(result, reason=f"Converted into {made}.") if result.ended is Ended.DONE else result

    return await carry_out(world, sync, "convert", work)


async def _owner(acting: Acting, wanted: Convert) -> dict[ConvertOption, str]:
    options = {ConvertOption.NOTIFY_OWNER: "true"} if wanted.notify_owner else {}
    if wanted.assign_to is None:
        return options
    owner = await find_owner(acting, wanted.assign_to)
    require_may_own(owner, acting.table.account.contact_type)
    return {**options, ConvertOption.OWNER: owner.record_id}


async def _require_user(acting: Acting, subject: Subject, into: str) -> None:
    """Nobody said who shall own what is made: the present owner must be able to."""
    owner = await owner_of(acting, subject)
    if owner is not None:
        require_may_own(await find_owner(acting, owner), into)


async def _account(acting: Acting, wanted: Convert, person: Person) -> dict[ConvertOption, str]:
    """The account and the contact to end in, as far as they are there."""
    account = await account_by_id(acting, wanted.account_id) if wanted.account_id else None
    if wanted.contact_id:
        contact, own = await account_of_contact(acting, wanted.contact_id)
        if account not in (None, own):
            raise Refused("SYN-176", f"The contact {contact} belongs to another account.", candidates=[own])
        return {ConvertOption.ACCOUNT: own, ConvertOption.CONTACT: contact}
    by = AccountBy.NEW if acting.table.converts_to_new_account else AccountBy.NAME
    account = account or await account_by_rule(acting, person, wanted.account or by)
    return {ConvertOption.ACCOUNT: account} if account else {}


async def _opportunity(acting: Acting, wanted: Convert, person: Person) -> dict[ConvertOption, str]:
    name = wanted.opportunity
    if name is None and acting.table.converts_with_opportunity:
        name = f"{await cell_of(acting, person, acting.table.company)}-"
    return {ConvertOption.OPPORTUNITY: name} if name else {}
