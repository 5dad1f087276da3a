"""Change owner: a person is given to a user or a queue, now.

Who is not yet on that side is pushed first. A queue never owns a contact: the refusal has a code of its own, and no
second lead is made for the queue's sake. What each vendor does is cited in the preset's table of actions.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncline.engine.actions.acting import Acting, Person, carry_out
from syncline.engine.actions.owners import Owner, find_owner, require_may_own
from syncline.engine.actions.results import Result
from syncline.engine.explain import Subject
from syncline.engine.observe import consult
from syncline.engine.world import World
from syncline.records import Operation, Write
from syncline.spec.model import Sync


@dataclass(frozen=True, kw_only=True)
class ChangeOwner:
    """`person`: an e-mail address or a record id of either side. `owner`: a user or queue by id, name or address."""

    person: str
    owner: str


async def change_owner(world: World, sync: Sync, wanted: ChangeOwner) -> Result:
    """Give the person to the owner.

    Ends in NOTHING if it is theirs already; REFUSED with SYN-171 (several persons), SYN-172, SYN-173 (no such owner,
    inactive), SYN-174 (a queue for a contact), SYN-178 (the system's refusal), SYN-179 (could not be pushed).
    """

    async def work(acting: Acting) -> Result:
        owner = await find_owner(acting, wanted.owner)
        person, subject = await acting.person_on(wanted.person, acting.table.side)
        return await give(acting, person, subject, owner)

    return await carry_out(world, sync, "owner", work)


async def give(acting: Acting, person: Person, subject: Subject, owner: Owner) -> Result:
    """Write the owner where it differs. Raises Refused SYN-174."""
    require_may_own(owner, subject.object_type)
    if await owner_of(acting, subject) == owner.record_id:
        return acting.already(person, subject, f"{subject.record_id} is {owner.name}'s already.")
    write = Write(
        operation=Operation.UPDATE,
        object_type=subject.object_type,
        record_id=subject.record_id,
        cells={acting.table.owner_field: owner.record_id},
    )
    outcome = await acting.perform(subject.side, write, link_id=person.link_id)
    return acting.result(person, subject, outcome, f"{subject.record_id} is now {owner.name}'s.")


async def owner_of(acting: Acting, subject: Subject) -> str | None:
    """The id of who owns a record now; None if it has none or it cannot be seen."""
    field = acting.table.owner_field
    rows = await consult(acting.world, subject.connection, subject.object_type, [field], [subject.record_id])
    return (rows[field][0] or None) if len(rows) and field in rows.columns else None
