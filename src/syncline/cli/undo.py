"""The undo command: what a run wrote is put back, after it was shown."""

from __future__ import annotations

from datetime import datetime

from syncline.cli.actions import Flag, says_yes
from syncline.cli.moments import moment_of
from syncline.cli.output import console, print_json
from syncline.cli.screens.actions import undo_as_dict, undo_screen, undone_as_dict, undone_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, names_of, perform, session
from syncline.cli.stopping import Stop
from syncline.engine.undo import Undone
from syncline.engine.undo import undo as put_back
from syncline.engine.undo_plan import plan_undo
from syncline.engine.undo_scope import What, Window
from syncline.errors import ConfigError
from syncline.values import micros


def undo(
    what: str | None = None,
    /,
    *,
    since: str | None = None,
    until: str | None = None,
    with_creates: Flag = False,
    dry_run: Flag = False,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> int:
    """Put back what a run wrote, or all runs of some time, where nobody has changed it since; bring back what they
    deleted.

    Shown first; nothing is written without a yes. What is put back is no change to be carried over: it stays until
    somebody edits the field again. A deleted record is taken out of the recycle bin, or made anew where there is none.
    What was created stays unless --with-creates asks for it; what was merged or converted is not undone, and said.
    Broken off, the same command goes on.

    Parameters
    ----------
    what
        A run's id (`syncline status` lists the last ones); or an e-mail address or record id: the newest run that wrote
        to that person. Undoing the undo writes the values again.
    since
        In place of a run: everything the sync wrote from then on, back to what was there before. An instant with its
        offset, '2026-03-02 10:00 Europe/Berlin', or 90m for that long ago.
    until
        The end of that time; now where nothing is said.
    with_creates
        Delete the records that were created too, where they are as we left them. Nothing follows from it for the
        records they were made from.
    dry_run
        Only show it.
    yes
        Do not ask.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        if dry_run and yes:
            raise ConfigError("--dry-run and --yes contradict each other.", code="SYN-156")
        async with session(options, stop=stop) as (world, sync):
            names = names_of(sync)
            target = _target(what, since, until, world.clock.now())
            if yes:
                return _show(await put_back(world, sync, target, with_creates=with_creates), options)
            plan = await plan_undo(world, sync, target, with_creates=with_creates)
            if not dry_run and await says_yes(options, lambda: undo_screen(console(), plan, names)):
                return _show(await put_back(world, sync, target, shown=plan.digest, with_creates=with_creates), options)
        if options.json:
            print_json(undo_as_dict(plan))
        else:
            undo_screen(console(), plan, names)
            if plan.does_something:
                console().print("Nothing was written yet.\n→ Repeat it with --yes.")
        return NOT_GREEN if plan.does_something or len(plan.stays) or plan.lasting else OK

    return perform(options, command, stop)


def _target(what: str | None, since: str | None, until: str | None, now: datetime) -> What:
    """What is to be undone, as the command line says it."""
    if (what is None) == (since is None):
        raise ConfigError("Name either a run or person, or a time with --since.", code="SYN-156")
    if since is None:
        if until is not None:
            raise ConfigError("--until goes with --since only.", code="SYN-156")
        return str(what)
    start, end = moment_of(since, now), now if until is None else moment_of(until, now)
    if start >= end:
        raise ConfigError(
            f"Nothing lies between {start.isoformat()} and {end.isoformat()}.", code="SYN-155", remedy="Correct either."
        )
    return Window(since_us=micros(start), until_us=micros(end))


def _show(done: Undone, options: Options) -> int:
    if options.json:
        print_json(undone_as_dict(done))
    else:
        undone_screen(console(), done)
    return OK if done.is_whole and done.stopped is None else NOT_GREEN
