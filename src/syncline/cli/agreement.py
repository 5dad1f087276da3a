"""The agreement command: what rolling verification claims, and a look at the next pairs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from syncline.cli.output import console, print_json
from syncline.cli.screens.agreement import agreement_screen, looked_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, perform, session
from syncline.cli.stopping import Stop
from syncline.cli.unit_in_hand import in_hand
from syncline.engine.agreement import Looked, agreement_of, as_dict, verify_next
from syncline.engine.world import World
from syncline.spec.model import Sync


def agreement(
    *,
    look: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    calls: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    options: Options = DEFAULTS,
) -> int:
    """Show how many pairs agreed when they were last looked at, and how old the oldest look is.

    Workers look at some pairs all the time, within the sync's audit_share of the day's calls: both records are read
    anew and compared as a run would. A pair that differs goes to the next plan; nothing is written from here.

    Parameters
    ----------
    look
        Look at the next pairs now, those first whose last look is longest ago.
    calls
        How many API calls a look may take.
    """
    stop = Stop()

    async def command() -> int:
        looked: Looked | None = None
        if look:
            async with session(options, stop=stop) as (world, sync):
                async with in_hand(world, f"audit:{sync.name}") as own:
                    looked = await verify_next(own, sync, calls=calls)
                return await _show(world, sync, looked, options)
        async with session(options, read_only=True, connected=False) as (world, sync):
            return await _show(world, sync, looked, options)

    return perform(options, command, stop)


async def _show(world: World, sync: Sync, looked: Looked | None, options: Options) -> int:
    told = as_dict(await agreement_of(world.store, sync.name), world.now_us())
    if options.json:
        print_json({"sync": sync.name, **told, "looked": None if looked is None else asdict(looked)})
    else:
        if looked is not None:
            looked_screen(console(), looked)
        agreement_screen(console(), told)
    return NOT_GREEN if told["differing"] else OK
