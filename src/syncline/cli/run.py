"""Commands that write: run, push, enable, disable."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter

from syncline.cli.beside import asked
from syncline.cli.beside import pushed as pushed_beside
from syncline.cli.edited import settled_edit
from syncline.cli.output import console, print_json, show_error
from syncline.cli.screens.actions import result_as_dict, result_screen
from syncline.cli.screens.run import run_as_dict, run_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, chosen_sync, exit_code, names_of, perform, session
from syncline.cli.stopping import Stop
from syncline.engine import inbox
from syncline.engine.actions.pushing import Push, Pushed, push_person
from syncline.engine.background import run_background
from syncline.engine.cycle import RunReport
from syncline.engine.push import push as push_record
from syncline.errors import Later, OutcomeUnknown, PositionLost, Stale, StateError, StopRequested, SynclineError
from syncline.spec.durations import seconds_of
from syncline.spec.model import Sync
from syncline.wiring import load_project

_HELD_BY_ANOTHER = "SYN-701"


def run(
    *,
    every: Annotated[str | None, Parameter(help="Run again after this pause: 30s, 5m, 2h.")] = None,
    sweep: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Also find new results of formulas, which move no stamp.")
    ] = False,
    options: Options = DEFAULTS,
) -> int:
    """Bring both sides into agreement once, or again and again with a pause after each cycle.

    Ctrl-C and SIGTERM end it at once while it reads, else after the present batch; a second one ends it at once. With
    --every the state is free during the pause, so that approve, retry, push, enable and disable work meanwhile; a
    system that cannot be reached or is at its limit is shown and tried again in the next cycle, everything else that
    stops a run ends it.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        if every is None:
            code, _ = await _one_run(options, stop, sweep=sweep)
            return code
        return await _again_and_again(options, stop, seconds_of(every), sweep=sweep)

    return perform(options, command, stop)


async def _again_and_again(options: Options, stop: Stop, pause_seconds: float, *, sweep: bool) -> int:
    has_run = False
    try:
        while True:
            try:
                code, stopped = await _one_run(options, stop, sweep=sweep)
                has_run = True
                if stopped is not None and not _passes(stopped, has_run):
                    return code
                if not options.json:
                    console(stderr=True).print(f"The next run begins in {pause_seconds:g} s.")
            except SynclineError as error:
                if not _passes(error, has_run):
                    raise
                show_error(error, as_json=options.json, one_line=True)
                if not options.json:
                    console(stderr=True).print(f"Trying again in {pause_seconds:g} s.")
            await stop.pause(pause_seconds)
    except (StopRequested, asyncio.CancelledError):
        return stop.exit_code_of_service


def _passes(error: SynclineError, has_run: bool) -> bool:
    """Whether the next cycle deals with it. Another holder of the state passes only for a loop that had it before."""
    if isinstance(error, StateError):
        return has_run and error.code == _HELD_BY_ANOTHER
    return isinstance(error, (Later, OutcomeUnknown, Stale, PositionLost))


async def _one_run(options: Options, stop: Stop, *, sweep: bool) -> tuple[int, SynclineError | None]:
    """The exit code of one run, and the error that ended its writing early, already shown."""
    async with session(options, stop=stop) as (world, sync):
        sync = await settled_edit(world, sync, options, stop)
        report = await run_background(world, sync, sweep=sweep)
    if report is None:
        message = f"The sync {sync.name!r} is disabled; `syncline enable` starts it again. Push still works."
        if options.json:
            print_json({"sync": sync.name, "state": "disabled"}, one_line=True)
        else:
            console().print(message)
        return OK, None
    _show_run(report, sync, options)
    return _code(report), report.stopped


def _show_run(report: RunReport, sync: Sync, options: Options) -> None:
    if options.json:
        print_json(run_as_dict(report), one_line=True)
    else:
        run_screen(console(), report, names_of(sync))


def _code(report: RunReport) -> int:
    if report.stopped is not None:
        return exit_code(report.stopped)
    is_refused = any("dead" in report.counts(side) for side in ("a", "b"))
    return OK if report.is_green and not is_refused else NOT_GREEN


def push(record: str, /, *, assign_to: str | None = None, options: Options = DEFAULTS) -> int:
    """Sync one record now: explicit, also while the sync is disabled; it may create on the other side.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side.
    assign_to
        Who gets the person: a user or queue by id, name or address. Where nothing is said, the system's assignment
        rules choose the owner of what is created, and an owner that is there is left alone.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        if assign_to is None and (code := await pushed_beside(options, record)) is not None:
            return code
        async with session(options, stop=stop) as (world, sync):
            if assign_to is not None:
                pushed = await push_person(world, sync, Push(person=record, assign_to=assign_to))
                return _show_pushed(pushed, sync, options)
            report = await push_record(world, sync, record)
        _show_run(report, sync, options)
        return _code(report)

    return perform(options, command, stop)


def _show_pushed(pushed: Pushed, sync: Sync, options: Options) -> int:
    report = pushed.report
    if options.json:
        run = run_as_dict(report) if report else None
        print_json({"run": run, "assignment": result_as_dict(pushed.result)})
    else:
        if report is not None:
            run_screen(console(), report, names_of(sync))
        result_screen(console(), pushed.result)
    if not pushed.result.is_settled:
        return NOT_GREEN
    return _code(report) if report is not None else OK


def enable(*, options: Options = DEFAULTS) -> int:
    """Let background runs of the sync go on; the next run catches up."""
    return _switch(options, True)


def disable(*, options: Options = DEFAULTS) -> int:
    """Stop background runs of the sync. Push still works, and nothing is forgotten."""
    return _switch(options, False)


def _switch(options: Options, enabled: bool) -> int:
    async def command() -> int:
        name = chosen_sync(load_project(options.config), options.sync).name
        if await asked(options, "enable", enabled=enabled) is None:
            async with session(options, connected=False) as (world, sync):
                await inbox.set_enabled(world.store, sync.name, enabled)
        state = "enabled" if enabled else "disabled"
        if options.json:
            print_json({"sync": name, "state": state})
        else:
            console().print(f"The sync {name!r} is {state}.")
        return OK

    return perform(options, command)
