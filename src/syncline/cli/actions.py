"""Commands that act on one person: owner, task, convert, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from syncline.cli.asking import answer_to, is_somebody_there
from syncline.cli.output import console, print_json
from syncline.cli.screens.actions import deletion_as_dict, deletion_screen, result_as_dict, result_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, perform, session
from syncline.cli.stopping import Stop
from syncline.engine.actions.accounts import AccountBy
from syncline.engine.actions.conversion import Convert
from syncline.engine.actions.conversion import convert as convert_person
from syncline.engine.actions.deletion import Deleted, DeletePerson, delete_person
from syncline.engine.actions.ownership import ChangeOwner, change_owner
from syncline.engine.actions.results import Ended, Result
from syncline.engine.actions.tasks import CreateTask, create_task
from syncline.errors import ConfigError
from syncline.values import parse_instant

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
_SideName = Literal["a", "b"]


def owner(record: str, to: str, /, *, options: Options = DEFAULTS) -> int:
    """Give a person to a user or a queue, now. Who is not on that side yet is pushed first.

    A queue may own a lead, never a contact: that is refused, and no second lead is made.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side.
    to
        A user or queue by id, name or address; `user:NAME` and `queue:NAME` say which.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        async with session(options, stop=stop) as (world, sync):
            result = await change_owner(world, sync, ChangeOwner(person=record, owner=to))
        return _show(result, options)

    return perform(options, command, stop)


def task(
    record: str,
    subject: str,
    /,
    *,
    description: str = "",
    due_in_days: Annotated[int | None, Parameter(validator=Number(gte=0), show_default=False)] = None,
    assign_to: str | None = None,
    priority: str | None = None,
    status: str | None = None,
    remind_at: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Create an open task on a person's record, now. Who is not on that side yet is pushed first.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side.
    subject
        What is to be done. Tokens such as {{lead.First Name}} or {{company.Company Name:default=your company}} are
        replaced by what the person holds, {{system.date}} by today.
    description
        More words; tokens too.
    due_in_days
        Whole days from today (UTC); 5 where nothing is said.
    assign_to
        A user by id, name or address; the person's owner where nothing is said.
    priority
        As the system names it; Normal where nothing is said.
    status
        As the system names it; Not Started where nothing is said.
    remind_at
        When to remind, with a zone: 2026-03-02T09:00Z.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        wanted = CreateTask(
            person=record,
            subject=subject,
            description=description,
            due_in_days=due_in_days,
            assignee=assign_to,
            priority=priority,
            status=status,
            reminder_at=_instant(remind_at) if remind_at else None,
        )
        async with session(options, stop=stop) as (world, sync):
            result = await create_task(world, sync, wanted)
        return _show(result, options)

    return perform(options, command, stop)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no instant with a zone.", code="SYN-155") from error


def convert(
    record: str,
    /,
    *,
    assign_to: str | None = None,
    notify_owner: Flag = False,
    status: str | None = None,
    account: str | None = None,
    contact: str | None = None,
    opportunity: str | None = None,
    without_opportunity: Flag = False,
    options: Options = DEFAULTS,
) -> int:
    """Convert a person's lead into a contact, now. Who is not on that side yet is pushed first.

    Without --account and --opportunity: `recommended` takes the account of exactly the person's company name, or a new
    one, and makes no opportunity; `native` always makes both anew.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side.
    assign_to
        Who owns what is made: a user by id, name or address; the lead's owner where nothing is said.
    notify_owner
        Mail that user.
    status
        The converted status; the system's first where nothing is said.
    account
        An account's id, or `name`, `domain` (the website, or what follows the @ of the address) or `new`.
    contact
        The id of an existing contact the lead ends in, with that contact's account.
    opportunity
        The name of an opportunity to make.
    without_opportunity
        Make none, whatever the preset says.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        if without_opportunity and opportunity is not None:
            raise ConfigError("--opportunity and --without-opportunity contradict each other.", code="SYN-156")
        wanted = Convert(
            person=record,
            assign_to=assign_to,
            notify_owner=notify_owner,
            status=status,
            contact_id=contact,
            opportunity="" if without_opportunity else opportunity,
        )
        if account is not None:
            is_rule = account in set(AccountBy)
            wanted = replace(wanted, **({"account": AccountBy(account)} if is_rule else {"account_id": account}))
        async with session(options, stop=stop) as (world, sync):
            result = await convert_person(world, sync, wanted)
        return _show(result, options)

    return perform(options, command, stop)


def delete(
    record: str,
    /,
    *,
    on: _SideName | None = None,
    also: _SideName | None = None,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> int:
    """Delete a person on one side, after a yes. The other side is left alone unless --also names it.

    Shows first what goes, what stays and what cannot be brought back.

    Parameters
    ----------
    record
        A record id: that record goes. An e-mail address needs --on if both sides have the person.
    on
        The side to delete on.
    also
        The other side, to be deleted as well.
    yes
        Do not ask.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        if on is not None and on == also:
            raise ConfigError(f"--on and --also both say {on}.", code="SYN-156", remedy="--also names the other side.")
        wanted = DeletePerson(person=record, on=on, also=also, confirmed=yes)
        async with session(options, stop=stop) as (world, sync):
            done = await delete_person(world, sync, wanted)
            if done.result.ended is Ended.ASKS and await says_yes(options, lambda: _show_deleted(done, options)):
                done = await delete_person(world, sync, replace(wanted, confirmed=True, shown=done.shown))
        return _show_deleted(done, options)

    return perform(options, command, stop)


async def says_yes(options: Options, show: Callable[[], object]) -> bool:
    """Whether somebody at the terminal agrees to what *show* prints; nobody is asked where nobody watches."""
    if not is_somebody_there(options):
        return False
    show()
    return await answer_to("Do it? [y/N] ") in ("y", "yes")


def _show_deleted(done: Deleted, options: Options) -> int:
    if options.json:
        steps = [result_as_dict(step) for step in done.steps]
        print_json({**result_as_dict(done.result), "records": deletion_as_dict(done.shown), "steps": steps})
    else:
        if done.result.ended is Ended.ASKS:
            deletion_screen(console(), done.shown)
        result_screen(console(), done.result)
        if done.result.ended is Ended.ASKS:
            console().print("→ Repeat it with --yes.")
    return OK if done.result.is_settled else NOT_GREEN


def _show(result: Result, options: Options) -> int:
    if options.json:
        print_json(result_as_dict(result))
    else:
        result_screen(console(), result)
    return OK if result.is_settled else NOT_GREEN
