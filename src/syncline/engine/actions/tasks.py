"""Create task: an open task for somebody, on the person's record, now.

Who is not on that side yet is pushed first. Subject and description may hold tokens (`tokens`). When it is due where
nothing is said, its status and its priority are the preset's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from syncline.engine.actions.acting import Acting, Person, carry_out
from syncline.engine.actions.owners import find_owner, require_may_own
from syncline.engine.actions.ownership import owner_of
from syncline.engine.actions.results import Ended, Refused, Result
from syncline.engine.actions.tokens import resolve_tokens
from syncline.engine.explain import Subject
from syncline.engine.world import World
from syncline.records import Operation, Write
from syncline.spec.model import Sync
from syncline.values import FieldType, canonical


@dataclass(frozen=True, kw_only=True)
class CreateTask:
    """`due_in_days` None: the table's default; whole days from today, UTC. `assignee` None: the person's owner.
    `reminder_at` is aware; None: no reminder. Status and priority None: the table's."""

    person: str
    subject: str
    description: str = ""
    due_in_days: int | None = None
    assignee: str | None = None
    priority: str | None = None
    status: str | None = None
    reminder_at: datetime | None = None


async def create_task(world: World, sync: Sync, wanted: CreateTask) -> Result:
    """Make the task; its id is in `Result.made`.

    Ends in REFUSED with SYN-171 (several persons), SYN-172 and SYN-173 (assignee), SYN-174 (a queue as assignee),
    SYN-175 (no subject, due in the past), SYN-177 (token), SYN-178 (the system's refusal), SYN-179 (could not be
    pushed); in UNKNOWN if the answer was lost: a task carries no key by which it could be found.
    """

    async def work(acting: Acting) -> Result:
        _require_sense(wanted)
        assignee = await find_owner(acting, wanted.assignee) if wanted.assignee else None
        if assignee is not None:
            require_may_own(assignee, acting.table.task.object_type)
        person, subject = await acting.person_on(wanted.person, acting.table.side)
        return await _make(acting, wanted, person, subject, assignee.record_id if assignee else None)

    return await carry_out(world, sync, "task", work)


def _require_sense(wanted: CreateTask) -> None:
    if not wanted.subject.strip():
        raise Refused("SYN-175", "A task needs a subject.")
    if wanted.due_in_days is not None and wanted.due_in_days < 0:
        raise Refused("SYN-175", f"A task cannot be due in {wanted.due_in_days} days.")


async def _make(acting: Acting, wanted: CreateTask, person: Person, subject: Subject, assignee: str | None) -> Result:
    shape = acting.table.task
    title, description = await resolve_tokens(acting, person, wanted.subject, wanted.description)
    days = shape.due_in_days if wanted.due_in_days is None else wanted.due_in_days
    due = (acting.world.clock.now().astimezone(UTC) + timedelta(days=days)).date()
    cells = {
        **shape.defaults,
        shape.person: subject.record_id,
        shape.subject: title,
        shape.due: due.isoformat(),
        **({shape.description: description} if description else {}),
        **({shape.status: wanted.status} if wanted.status else {}),
        **({shape.priority: wanted.priority} if wanted.priority else {}),
        **_reminder(acting, wanted),
    }
    owner = assignee or await _own_owner(acting, subject)
    if owner is not None:
        cells[shape.owner] = owner
    write = Write(operation=Operation.CREATE, object_type=shape.object_type, cells=cells)
    outcome = await acting.perform(subject.side, write, link_id=person.link_id)
    result = acting.result(person, subject, outcome, f"The task {title!r} is due on {due.isoformat()}.")
    made = {shape.object_type: outcome.record_id} if result.ended is Ended.DONE and outcome.record_id else {}
    return replace(result, made=made)


def _reminder(acting: Acting, wanted: CreateTask) -> dict[str, str]:
    if wanted.reminder_at is None:
        return {}
    shape = acting.table.task
    return {shape.has_reminder: "true", shape.reminder_at: canonical(FieldType.DATETIME, wanted.reminder_at)}


async def _own_owner(acting: Acting, subject: Subject) -> str | None:
    """The person's owner if it may have tasks (a queue may not); else None, and the task is the connected user's."""
    owner = await owner_of(acting, subject)
    if owner is None:
        return None
    found = await find_owner(acting, owner)
    return owner if acting.table.task.object_type in found.kind.owns else None
