"""Commands about plans: plan, approve, apply."""

from __future__ import annotations

import getpass
import os
from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from syncline.cli.actions import Flag
from syncline.cli.output import console, print_json
from syncline.cli.plan_files import load, opened, require_new, write_new
from syncline.cli.screens.common import some
from syncline.cli.screens.plan import plan_as_dict, plan_screen
from syncline.cli.screens.run import empty_side_lines
from syncline.cli.screens.sealed import (
    applied_as_dict,
    applied_screen,
    approval_as_dict,
    approval_screen,
    header_as_dict,
    lines_screen,
    sealed_screen,
)
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, names_of, perform, preview, session
from syncline.cli.stopping import Stop
from syncline.cli.unit_in_hand import in_hand
from syncline.engine import inbox
from syncline.engine.batches import calls_to_write
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.sealed import approval
from syncline.engine.sealed.apply import apply_plan
from syncline.engine.sealed.paper import Plan
from syncline.engine.sealed.results import Applied
from syncline.engine.sealed.seal import Sealed, seal
from syncline.errors import ConfigError

MayBeFile = Annotated[Path | None, Parameter(show_default=False)]


def plan(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=0))] = 20,
    out: MayBeFile = None,
    with_held: Flag = False,
    show: MayBeFile = None,
    options: Options = DEFAULTS,
) -> int:
    """Show what a run would do, before and after per field. Writes nothing anywhere but the file you ask for.

    Parameters
    ----------
    limit
        How many records to show field by field.
    out
        Seal the plan into this new file: `syncline approve FILE`, then `syncline apply FILE` does exactly that. It
        holds personal data.
    with_held
        Seal what the ceilings hold as well: whoever approves the plan approves that too.
    show
        Show a sealed plan instead. Needs neither the state nor the systems.
    """

    async def command() -> int:
        if show is not None:
            if out is not None or with_held:
                raise ConfigError("--show goes with neither --out nor --with-held.", code="SYN-156")
            return _show_file(show, limit, options)
        if out is None:
            if with_held:
                raise ConfigError("--with-held needs --out.", code="SYN-156", remedy="Say --out FILE too.")
            return await _preview(limit, options)
        require_new(out)
        async with preview(options) as (world, sync):
            made = await seal(world, sync, with_held=with_held)
        write_new(out, made.content)
        return _show_sealed(made, out, options)

    return perform(options, command)


async def _preview(limit: int, options: Options) -> int:
    async with preview(options) as (world, sync):
        report = await run_cycle(world, sync, writes=False)
        calls = calls_to_write(world, sync, report.sheets)
    if options.json:
        print_json(plan_as_dict(report, calls))
    else:
        plan_screen(console(), report, calls, names_of(sync), limit)
    return _code_of(report)


def _code_of(report: RunReport) -> int:
    return NOT_GREEN if report.held or any(c.is_empty_side for c in report.captures) else OK


def _show_sealed(made: Sealed, path: Path, options: Options) -> int:
    if options.json:
        print_json({**header_as_dict(made.header), "file": str(path)})
    else:
        sealed_screen(console(), made.header, path)
        empty_side_lines(console(), made.report)
    return _code_of(made.report)


def _show_file(path: Path, limit: int, options: Options) -> int:
    header = load(path).header
    with opened(path) as lines:
        next(lines)
        if options.json:
            print_json({**header_as_dict(header), "actions": lines_screen(None, lines, header.sides)})
            return OK
        lines_screen(console(), islice(lines, limit), header.sides)
    sealed_screen(console(), header, path)
    return OK


def approve(
    what: str, /, *, by: Annotated[str | None, Parameter(show_default=False)] = None, options: Options = DEFAULTS
) -> int:
    """Say yes to a sealed plan, or let a held set of actions through in the next run: exactly that and nothing else.

    Parameters
    ----------
    what
        A plan's file or its digest; or the digest of a held set, shown by `syncline holds` and `syncline plan`.
    by
        Who says yes; you, if it is not said.
    """

    async def command() -> int:
        if not _is_file(what) and len(what) != approval.DIGEST_CHARACTERS:
            return await _approve_held(what, options)
        sealed = load(Path(what)) if _is_file(what) else None
        digest = sealed.header.digest if sealed else what
        async with session(options, connected=False) as (world, sync):
            given = await approval.approve(world, sync, digest, by or _whoami(), sealed.header if sealed else None)
        if options.json:
            print_json(approval_as_dict(given))
        else:
            approval_screen(console(), given)
        return OK

    return perform(options, command)


def _is_file(what: str) -> bool:
    return Path(what).is_file()


def _whoami() -> str:
    """The name of whoever is logged in; its number where the system knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # which of them depends on Python's release
        return f"user {os.getuid()}"


async def _approve_held(digest: str, options: Options) -> int:
    async with session(options, connected=False) as (world, sync):
        approved = await inbox.approve(world.store, sync.name, digest)
    if options.json:
        print_json({"approved": approved})
    else:
        words = f"{some(approved, 'held set')} approved: the next run carries it out."
        console().print(
            words
            if approved
            else f"No open hold has the digest {digest!r}, or nobody of it is left; see `syncline holds`."
        )
    return OK if approved else NOT_GREEN


def apply(file: Path, /, *, yes: Flag = False, options: Options = DEFAULTS) -> int:
    """Do exactly what an approved plan says. Records that changed since it was sealed are left for the next plan.

    A plan is applied once. If this is cut off, the same command goes on with what is left; nothing is written twice.

    Parameters
    ----------
    file
        What `syncline plan --out` wrote.
    yes
        Approve it with the same command.
    """
    stop = Stop(finishes_batch=True)

    async def command() -> int:
        sealed = load(file)
        async with session(options, stop=stop) as (world, sync):
            if yes:
                await approval.approve(world, sync, sealed.header.digest, _whoami(), sealed.header)
            async with in_hand(world, f"identity:{sync.name}") as own:  # matching is one job per sync
                done = await apply_plan(own, sync, sealed)
        return _show_applied(done, sealed, options)

    return perform(options, command, stop)


def _show_applied(done: Applied, sealed: Plan, options: Options) -> int:
    if options.json:
        print_json(applied_as_dict(done))
    else:
        applied_screen(console(), done, sealed.header.sides)
        if done.report is not None:
            empty_side_lines(console(), done.report)
    is_all_done = done.is_whole and not done.moved and not done.refused
    return OK if is_all_done and (done.report is None or done.report.is_balanced) else NOT_GREEN
