"""Commands of durable work: up, worker, workers, runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from syncline.cli.edited import settled_edit
from syncline.cli.output import console, print_json
from syncline.cli.screens.common import safe
from syncline.cli.screens.work import run_rows, runs_screen, worker_rows, workers_screen
from syncline.cli.session import DEFAULTS, OK, Options, chosen_sync, perform
from syncline.cli.stopping import Stop
from syncline.engine.world import Progress
from syncline.errors import ConfigError, StopRequested
from syncline.trees import Table
from syncline.wiring import Project, load_project, new_worker_id, open_world, worker_of


def up(*, options: Options = DEFAULTS) -> int:
    """Run every sync of the file by its schedule, all in this one process, until it is stopped.

    Ctrl-C and SIGTERM let it finish the slice in hand, give its leases back and leave; a second one ends it at once.
    """
    return _work(options, shared_only=False)


def worker(*, options: Options = DEFAULTS) -> int:
    """Take part in the work on a state in PostgreSQL: any number of these, on any machines.

    Ctrl-C and SIGTERM let it finish the slice in hand, give its leases back and leave; a second one ends it at once.
    """
    return _work(options, shared_only=True)


def _work(options: Options, *, shared_only: bool) -> int:
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        project = load_project(options.config)
        if shared_only and not project.is_shared:
            raise ConfigError(
                "Only one process may write a SQLite state, so it can have no workers beside each other.",
                code="SYN-159",
                remedy="Use `syncline up`, or set `state` to a PostgreSQL URL.",
            )
        return await _until_stopped(project, options, stop)

    return perform(options, command, stop)


async def _until_stopped(project: Project, options: Options, stop: Stop) -> int:
    stopping = asyncio.Event()

    def safe_point(_: Progress) -> None:
        if stopping.is_set():
            raise StopRequested

    def tell(kind: str, words: str) -> None:
        if options.json:
            print_json({"event": kind, "text": words}, one_line=True)
        else:
            console(stderr=True).print(safe(words), soft_wrap=True)

    worker_id = new_worker_id()
    async with open_world(project, report=safe_point, worker=worker_id) as world:
        syncs = {name: await settled_edit(world, sync, options, stop) for name, sync in world.syncs.items()}
        world = replace(world, syncs=syncs)
        working = asyncio.ensure_future(worker_of(project, world, worker_id, stopping=stopping, tell=tell).work())
        wish = asyncio.ensure_future(_wish_of(stop))
        try:
            await asyncio.wait({working, wish}, return_when=asyncio.FIRST_COMPLETED)
            stopping.set()
            await working
        finally:
            wish.cancel()
            working.cancel()
            await asyncio.gather(wish, working, return_exceptions=True)
    return stop.exit_code_of_service if stop.by is not None else OK


async def _wish_of(stop: Stop) -> None:
    """Return once somebody wishes to stop."""
    try:
        while True:
            await stop.pause(3600)
    except StopRequested:
        return


def workers(*, options: Options = DEFAULTS) -> int:
    """Show who works on the state, on what, since when, and the last sign of life; lost ones too."""

    async def command() -> int:
        project = load_project(options.config)
        async with open_world(project, read_only=True, connected=False) as world:
            found = worker_rows(await world.store.rows(Table.WORKER), await world.store.clock_us())
        if options.json:
            print_json(found)
        else:
            workers_screen(console(), found)
        return OK

    return perform(options, command)


def runs(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    units: Annotated[bool, Parameter(negative=(), show_default=False, help="Also the units of each run.")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Show the history of runs, newest first: when due, when run, by whom, and what came of it.

    Parameters
    ----------
    limit
        How many to show.
    """

    async def command() -> int:
        project = load_project(options.config)
        where: dict[str, Any] = {} if units else {"kind": _WHOLE}
        if options.sync is not None:
            where["sync"] = chosen_sync(project, options.sync).name
        async with open_world(project, read_only=True, connected=False) as world:
            rows = await world.store.rows(Table.RUN, where, limit=limit, newest_first=True)
        found = run_rows(rows.sort("started_us", descending=True))
        if options.json:
            print_json(found)
        else:
            runs_screen(console(), found)
        return OK

    return perform(options, command)


_WHOLE = ["run", "push", "verify", "undo", "owner", "task", "convert", "delete"]
