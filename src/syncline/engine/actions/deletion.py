"""Delete a person: on the one side that was named, on the other only if that was asked for too, and after a yes.

What goes is shown first, with what cannot be brought back. What a delete means for the other side afterwards is the
sync's `on_delete` and the structural step's business; it is said beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from syncline.engine.actions.acting import Acting, Person, carry_out, the_only
from syncline.engine.actions.results import Ended, Refused, Result
from syncline.engine.explain import Subject, find_subjects
from syncline.engine.world import World
from syncline.records import SIDES, Operation, Side, Write, other
from syncline.spec.model import OnDelete, Sync


@dataclass(frozen=True, kw_only=True)
class DeletePerson:
    """`on`: the side to delete on; None: the side whose record id `person` is. `also`: the other side too. Nothing is
    sent until `confirmed`; `shown` is what that yes was said to, and nothing else is done (None: whatever it is now).
    """

    person: str
    on: Side | None = None
    also: Side | None = None
    confirmed: bool = False
    shown: tuple[Deletion, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What a delete does: one record that goes or stays, and what a person should know of it."""

    subject: Subject
    goes: bool
    note: str


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """`steps`: a result for every record that was to go, in order. `shown` is what was or would be done."""

    result: Result
    shown: tuple[Deletion, ...] = ()
    steps: tuple[Result, ...] = ()


async def delete_person(world: World, sync: Sync, wanted: DeletePerson) -> Deleted:
    """Show what would be deleted (ASKS), or delete it if that was confirmed.

    Ends in NOTHING with SYN-175 if it is deleted already, also where its twin is still there; in REFUSED with SYN-171
    (several persons), SYN-175 (no side was named, the person is not there, or the record ended in another one), SYN-178
    (the system's refusal): what was deleted before is in `steps`.
    """
    shown: list[Deletion] = []
    steps: list[Result] = []

    async def work(acting: Acting) -> Result:
        person, sides = await _chosen(acting, wanted)
        shown.extend(_shown(acting.sync, acting, person, sides))
        if not wanted.confirmed or wanted.shown not in (None, tuple(shown)):
            return replace(_asks(acting, person), reason=_question(shown))
        for side in sides:
            steps.append(await _delete(acting, person, person.ends[side]))
            if steps[-1].ended is not Ended.DONE:
                return steps[-1]
        ids = ", ".join(step.record_id or "" for step in steps)
        return replace(steps[0], reason=f"Deleted: {ids}.")

    result = await carry_out(world, sync, "delete", work)
    return Deleted(result=result, shown=tuple(shown), steps=tuple(steps))


async def _chosen(acting: Acting, wanted: DeletePerson) -> tuple[Person, list[Side]]:
    """The person, and the sides to delete on: the other one first, so that what was named goes last."""
    person = the_only(await acting.persons(wanted.person) or _nobody(wanted), wanted.person)
    named = await _named(acting, wanted, person)
    alone = next(iter(person.ends)) if len(person.ends) == 1 else None
    on = wanted.on or named or alone
    if on is None:
        raise Refused(
            "SYN-175",
            f"{wanted.person} is on both sides: say on which one to delete.",
            candidates=[end.record_id for end in person.ends.values()],
        )
    sides = [side for side in dict.fromkeys((wanted.also, on)) if side is not None]
    for side in sides:
        if side not in person.ends:
            raise Refused("SYN-175", f"{wanted.person} is not on side {side}.")
    return person, sides


async def _named(acting: Acting, wanted: DeletePerson, person: Person) -> Side | None:
    """The side of the record that was named by its id; None if an address was. One that is gone is not taken for its
    twin or its heir."""
    found = await find_subjects(acting.world, acting.sync, wanted.person)
    sides = {one.side for one in found if one.record_id == wanted.person}
    if not sides or any(s in person.ends and person.ends[s].record_id == wanted.person for s in sides):
        return next((s for s in SIDES if s in sides and s in person.ends), None)
    heirs = [person.ends[s].record_id for s in sides if s in person.ends]
    if heirs:
        raise Refused("SYN-175", f"{wanted.person} ended in {heirs[0]}: name that one to delete it.", candidates=heirs)
    if wanted.on in (None, *sides):
        _nobody(wanted)
    return None


def _nobody(wanted: DeletePerson) -> NoReturn:
    raise Refused("SYN-175", f"{wanted.person} is deleted already.", ended=Ended.NOTHING)


def _shown(sync: Sync, acting: Acting, person: Person, sides: list[Side]) -> list[Deletion]:
    return [
        Deletion(subject=subject, goes=side in sides, note=_note(sync, acting, side, sides))
        for side, subject in sorted(person.ends.items())
    ]


def _note(sync: Sync, acting: Acting, side: Side, sides: list[Side]) -> str:
    if side in sides:
        return acting.table.losses.get(side, "")
    return _STAYS.get(sync.on_delete.get(other(side), OnDelete.FLAG), "It stays.")


_STAYS = {
    OnDelete.FLAG: "It stays, and its flag will say that the other one is deleted.",
    OnDelete.UNLINK: "It stays, and nothing flows to or from it any more.",
    OnDelete.HOLD: "It stays, and what becomes of it is held for you.",
    OnDelete.RECREATE: "It stays; its next edit makes the other one anew (the sync's on_delete says so).",
    OnDelete.DELETE: "The sync's on_delete deletes it as well, in the next run.",
}


def _question(shown: list[Deletion]) -> str:
    going = ", ".join(f"{one.subject.connection} {one.subject.record_id}" for one in shown if one.goes)
    return f"This deletes {going}. Nothing was done yet."


def _asks(acting: Acting, person: Person) -> Result:
    return Result(action=acting.name, ended=Ended.ASKS, reason="", link_id=person.link_id)


async def _delete(acting: Acting, person: Person, subject: Subject) -> Result:
    write = Write(operation=Operation.DELETE, object_type=subject.object_type, record_id=subject.record_id, cells={})
    outcome = await acting.perform(subject.side, write, link_id=person.link_id)
    return acting.result(person, subject, outcome, f"{subject.connection} {subject.record_id} is deleted.")
