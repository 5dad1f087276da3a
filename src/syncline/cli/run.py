"""Commands that plan and write: plan, run, push, enable, disable."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from syncline.cli.screens import plan_as_dict, plan_screen, run_as_dict, run_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, console, perform, print_json, session
from syncline.engine import inbox
from syncline.engine.background import run_background
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.push import push as push_record
from syncline.engine.world import World
from syncline.spec.durations import seconds_of
from syncline.spec.model import Sync


def plan(*, limit: int = 20, options: Options = DEFAULTS) -> int:
    """Show what a run would do, before and after per field. Writes nothing anywhere.

    Parameters
    ----------
    limit
        How many actions to show field by field.
    """

    async def command() -> int:
        async with session(options) as (world, sync):
            scratch = await world.store.copy()
            try:
                report = await run_cycle(replace(world, store=scratch), sync, writes=False)
            finally:
                await scratch.close()
        if options.json:
            print_json(plan_as_dict(report))
        else:
            plan_screen(console(), report, limit)
        return OK if not report.held else NOT_GREEN

    return perform(options, command)


def run(
    *,
    every: Annotated[str | None, Parameter(help="Run again after this pause: 30s, 5m, 2h.")] = None,
    sweep: Annotated[
        bool, Parameter(negative=(), help="Also find new results of formulas, which move no stamp.")
    ] = False,
    options: Options = DEFAULTS,
) -> int:
    """Bring both sides into agreement once, or again and again with a pause after each cycle."""

    async def command() -> int:
        pause_seconds = None if every is None else seconds_of(every)
        async with session(options) as (world, sync):
            while True:
                code = await _one_run(world, sync, options, sweep=sweep)
                if pause_seconds is None:
                    return code
                await world.clock.sleep(pause_seconds)
                world = replace(world, schemas={}, actors={})

    return perform(options, command)


async def _one_run(world: World, sync: Sync, options: Options, *, sweep: bool) -> int:
    report = await run_background(world, sync, sweep=sweep)
    if report is None:
        message = f"The sync {sync.name!r} is disabled; `syncline enable` starts it again. Push still works."
        print_json({"sync": sync.name, "state": "disabled"}) if options.json else console().print(message)
        return OK
    _show_run(report, options)
    return _code(report)


def _show_run(report: RunReport, options: Options) -> None:
    if options.json:
        print_json(run_as_dict(report))
    else:
        run_screen(console(), report)


def _code(report: RunReport) -> int:
    waits = report.held or any("dead" in report.counts(side) for side in ("a", "b"))
    return OK if report.is_green and not waits else NOT_GREEN


def push(record: str, /, *, options: Options = DEFAULTS) -> int:
    """Sync one record now: explicit, also while the sync is disabled; it may create on the other side.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side.
    """

    async def command() -> int:
        async with session(options) as (world, sync):
            report = await push_record(world, sync, record)
        _show_run(report, options)
        return _code(report)

    return perform(options, command)


def enable(*, options: Options = DEFAULTS) -> int:
    """Let background runs of the sync go on; the next run catches up."""
    return _switch(options, True)


def disable(*, options: Options = DEFAULTS) -> int:
    """Stop background runs of the sync. Push still works, and nothing is forgotten."""
    return _switch(options, False)


def _switch(options: Options, enabled: bool) -> int:
    async def command() -> int:
        async with session(options) as (world, sync):
            await inbox.set_enabled(world.store, sync.name, enabled)
        state = "enabled" if enabled else "disabled"
        if options.json:
            print_json({"sync": sync.name, "state": state})
        else:
            console().print(f"The sync {sync.name!r} is {state}.")
        return OK

    return perform(options, command)
