"""Push with an owner: sync one person now, and say who gets it.

the person is        rules                       a user                a queue
not there            created, the rules choose   created as theirs     created in the queue
a lead               updated, owner left alone   updated, then theirs  updated, then in the queue
a contact            updated                     updated, then theirs  refused, nothing sent
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.actions.acting import Acting, carry_out
from syncline.engine.actions.owners import find_owner, require_may_own
from syncline.engine.actions.ownership import give
from syncline.engine.actions.results import Ended, Refused, Result
from syncline.engine.cycle import RunReport
from syncline.engine.push import push
from syncline.engine.world import World
from syncline.spec.model import Sync


@dataclass(frozen=True, kw_only=True)
class Push:
    """`assign_to`: a user or queue by id, name or address. None: the system's assignment rules choose the owner of what
    is created, and an owner that is there is left alone."""

    person: str
    assign_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """`report` tells of the push; None if it was refused before. `result` of the assignment."""

    result: Result
    report: RunReport | None = None


async def push_person(world: World, sync: Sync, wanted: Push) -> Pushed:
    """Push the person and give it to whom it was asked to be given.

    Ends in REFUSED with SYN-171 to SYN-174 before anything is sent, SYN-178 (the system's refusal of the owner) and
    SYN-179 (the push brought it not there).
    """
    reports: list[RunReport] = []

    async def work(acting: Acting) -> Result:
        if wanted.assign_to is None:
            reports.append(await push(world, acting.sync, wanted.person))
            return _as_rules_say(acting, reports[0])
        owner = await find_owner(acting, wanted.assign_to)
        side = acting.table.side
        for person in await acting.persons(wanted.person):
            if side in person.ends:
                require_may_own(owner, person.ends[side].object_type)
        reports.append(await push(world, acting.sync, wanted.person, owner=owner.record_id))
        if reports[0].stopped is not None:
            raise reports[0].stopped
        there = [person for person in await acting.persons(wanted.person) if side in person.ends]
        if not there:
            raise Refused("SYN-179", f"{wanted.person} is not on side {side}: {_why(reports[0])}")
        ends = [await give(acting, person, person.ends[side], owner) for person in there]
        if len(ends) == 1 and ends[0].ended is Ended.NOTHING:
            return replace(ends[0], ended=Ended.DONE)
        return next((end for end in ends if not end.is_settled), ends[0])

    result = await carry_out(world, sync, "push", work)
    return Pushed(result=result, report=reports[0] if reports else None)


def _as_rules_say(acting: Acting, report: RunReport) -> Result:
    return Result(action=acting.name, ended=Ended.DONE, reason=f"Pushed in run {report.run_id}.")


def _why(report: RunReport) -> str:
    told = report.classes.filter(pl.col("class") != "written")["reason"].unique(maintain_order=True)
    return "; ".join(told) or "the push did not put it there"
