"""Commands about who is whom: resolve."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from syncline.cli.output import console, print_json
from syncline.cli.screens.common import safe
from syncline.cli.session import DEFAULTS, OK, Options, perform, session
from syncline.engine.life.resolve import Choice
from syncline.engine.life.resolve import resolve as decide


def resolve(
    hold: str,
    choice: Choice,
    /,
    *records: Annotated[str, Parameter(allow_leading_hyphen=False)],
    options: Options = DEFAULTS,
) -> int:
    """Decide a hold: who is whom, whether two persons are merged, what becomes of a deleted record's twin.

    Parameters
    ----------
    hold
        The digest shown by `syncline holds`, or the hold's id.
    choice
        Several candidates: link (name both records) or different. A merge: merge or apart. A delete: restore, delete
        or keep.
    records
        For link: the ids of the two records, one of each side.
    """

    async def command() -> int:
        async with session(options, connected=False) as (world, sync):
            done = await decide(world, sync, hold, choice, records)
        if options.json:
            print_json({"hold_id": done.hold_id, "kind": done.kind, "choice": done.choice})
        else:
            words = f"{done.kind.replace('_', ' ')}: {done.choice}"
            console().print(f"{safe(words)}. The next run acts on it.", soft_wrap=True)
        return OK

    return perform(options, command)
