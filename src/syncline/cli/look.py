"""Commands that only look: status, explain, verify."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from syncline.cli.output import console, print_json
from syncline.cli.screens.common import when
from syncline.cli.screens.state import explain_as_dict, explain_screen, status_screen, verify_as_dict, verify_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, names_of, perform, session
from syncline.engine.erased import erased_us
from syncline.engine.explain import explain as gather
from syncline.engine.explain import find_subjects
from syncline.engine.observe import meet
from syncline.engine.status import status as status_of
from syncline.engine.verify import verify as verify_sync
from syncline.errors import ConfigError


def status(*, options: Options = DEFAULTS) -> int:
    """Show links, backlog, lag, what waits for a person, and the last runs. Works beside a running process."""

    async def command() -> int:
        async with session(options, read_only=True, connected=False) as (world, sync):
            found = await status_of(world, sync)
        if options.json:
            print_json(found)
        else:
            status_screen(console(), found)
        return OK

    return perform(options, command)


def explain(record: str, /, *, options: Options = DEFAULTS) -> int:
    """Show one person: both sides, what was agreed, the history, and the rule behind each decision.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side.
    """

    async def command() -> int:
        async with session(options, read_only=True) as (world, sync):
            subjects = await find_subjects(world, sync, record)
            at_us = None if subjects else await erased_us(world, sync, record)
            if at_us is not None:
                _say_erased(at_us, as_json=options.json)
                return OK
            if not subjects:
                raise ConfigError(
                    f"No record {record!r} has been seen on either side.",
                    code="SYN-150",
                    remedy="Give an e-mail address or a record id; `syncline push` reads one that is new.",
                )
            sync = await meet(world, sync, remember=False)
            found, shown = [], set()
            for subject in subjects:
                explanation = await gather(world, sync, subject)
                link_id = explanation.link["link_id"] if explanation.link else subject
                if link_id not in shown:
                    shown.add(link_id)
                    found.append(explanation)
        if options.json:
            print_json([explain_as_dict(one) for one in found])
        else:
            for one in found:
                explain_screen(console(), one, names_of(sync))
        return OK

    return perform(options, command)


def _say_erased(at_us: int, *, as_json: bool) -> None:
    if as_json:
        print_json([{"erased": True, "at_us": at_us}])
    else:
        console().print(f"A person who was erased on request, at {when(at_us)} UTC. Nothing else is known of him.")


def verify(*, limit: Annotated[int, Parameter(validator=Number(gte=0))] = 20, options: Options = DEFAULTS) -> int:
    """Read both systems whole and prove that they agree, field by field; every difference is explained or shown.

    Parameters
    ----------
    limit
        How many unexplained differences to show.
    """

    async def command() -> int:
        async with session(options, read_only=True) as (world, sync):
            report = await verify_sync(world, sync)
        if options.json:
            print_json(verify_as_dict(report, limit))
        else:
            verify_screen(console(), report, names_of(sync), limit)
        return OK if report.is_converged else NOT_GREEN

    return perform(options, command)
