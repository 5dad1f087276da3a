"""The undo command: what a run wrote is put back, after it was shown."""

from __future__ import annotations

from syncline.cli.actions import Flag, says_yes
from syncline.cli.output import console, print_json
from syncline.cli.screens.actions import undo_as_dict, undo_screen, undone_as_dict, undone_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, names_of, perform, session
from syncline.cli.stopping import Stop
from syncline.engine.undo import Undone, plan_undo
from syncline.engine.undo import undo as put_back


def undo(what: str, /, *, yes: Flag = False, options: Options = DEFAULTS) -> int:
    """Put back the field values that a run wrote, where nobody has changed them since.

    Shown first; nothing is written without a yes. What is put back is no change to be carried over: it stays until
    somebody edits the field again. What was created, deleted, merged or converted is not undone, and said.

    Parameters
    ----------
    what
        A run's id (`syncline status` lists the last ones); or an e-mail address or record id: the newest run that wrote
        to that person. Undoing the undo writes the values again.
    yes
        Do not ask.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        async with session(options, stop=stop) as (world, sync):
            names = names_of(sync)
            if yes:
                return _show(await put_back(world, sync, what), options)
            plan = await plan_undo(world, sync, what)
            if says_yes(options, lambda: undo_screen(console(), plan, names)):
                return _show(await put_back(world, sync, what, shown=plan.digest), options)
        if options.json:
            print_json(undo_as_dict(plan))
        else:
            undo_screen(console(), plan, names)
            if len(plan.actions):
                console().print("Nothing was written yet.\n→ Repeat it with --yes.")
        return NOT_GREEN if len(plan.actions) or len(plan.stays) or plan.lasting else OK

    return perform(options, command, stop)


def _show(done: Undone, options: Options) -> int:
    if options.json:
        print_json(undone_as_dict(done))
    else:
        undone_screen(console(), done)
    is_whole = done.put_back() == len(done.plan.actions) and not len(done.plan.stays) and not done.plan.lasting
    return OK if is_whole and done.stopped is None else NOT_GREEN
