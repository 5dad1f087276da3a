"""Commands about what waits for a person: conflicts, errors, holds, retry, thaw."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from syncline.cli.beside import asked
from syncline.cli.output import console, print_json
from syncline.cli.screens.common import frame_as_dicts, some
from syncline.cli.screens.covering import covered
from syncline.cli.screens.inbox import (
    causes_lines,
    conflicts_screen,
    errors_screen,
    frozen_screen,
    holds_screen,
)
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, names_of, perform, session
from syncline.engine import inbox
from syncline.engine.breaker import frozen_fields
from syncline.engine.inbox import ends_of_links
from syncline.errors import ConfigError


def conflicts(*, limit: Annotated[int, Parameter(validator=Number(gte=0))] = 50, options: Options = DEFAULTS) -> int:
    """Show the conflict log: who won, why, and the value that lost.

    Parameters
    ----------
    limit
        How many to show: open ones first, then the newest.
    """

    async def command() -> int:
        async with session(options, read_only=True, connected=False) as (world, sync):
            rows = await inbox.conflicts(world.store, sync.name, limit=limit)
        print_json(frame_as_dicts(rows)) if options.json else conflicts_screen(console(), rows, names_of(sync))
        return OK

    return perform(options, command)


def errors(
    *, reveal: Annotated[bool, Parameter(negative=(), show_default=False)] = False, options: Options = DEFAULTS
) -> int:
    """Show what was refused and waits: which record, what the system said, what would wake it.

    Parameters
    ----------
    reveal
        Show the refused values too; without it they are masked, also where the system's words quote them.
    """

    async def command() -> int:
        async with session(options, read_only=True, connected=False) as (world, sync):
            rows = await inbox.errors(world.store, sync.name)
        if not reveal:
            rows = covered(rows)
        print_json(frame_as_dicts(rows)) if options.json else errors_screen(console(), rows, names_of(sync))
        return OK if rows.is_empty() else NOT_GREEN

    return perform(options, command)


def holds(*, options: Options = DEFAULTS) -> int:
    """Show what waits for a person: records with several candidates, actions above a ceiling, an empty side."""

    async def command() -> int:
        async with session(options, read_only=True, connected=False) as (world, sync):
            rows = await inbox.holds(world.store, sync.name)
        print_json(frame_as_dicts(rows)) if options.json else holds_screen(console(), rows)
        return OK if rows.is_empty() else NOT_GREEN

    return perform(options, command)


def retry(
    *letters: str,
    cause: Annotated[tuple[str, ...], Parameter(alias="--code", negative=())] = (),
    all_of_them: Annotated[bool, Parameter(name="--all", negative=(), show_default=False)] = False,
    options: Options = DEFAULTS,
) -> int:
    """Let refused records be tried again in the next run: all of them, or some.

    Parameters
    ----------
    letters
        Ids from `syncline errors`.
    cause
        A code as `syncline errors` shows it, the system's (DUPLICATE_VALUE) or ours (SYN-…); may be repeated.
    all_of_them
        Every refused record, whatever the cause: as with neither ids nor causes.
    """

    async def command() -> int:
        if all_of_them and (letters or cause):
            raise ConfigError("--all goes with neither ids nor causes.", code="SYN-156")
        async with session(options, read_only=True, connected=False) as (world, sync):
            chosen = await inbox.chosen_letters(world.store, sync.name, letters, cause)
        if not options.json:
            causes_lines(console(), chosen)
        ids = chosen["letter_id"].to_list()
        woken = await _woken(options, ids) if ids else 0
        if options.json:
            causes = {str(code): count for code, count in chosen["code"].value_counts(sort=True).iter_rows()}
            print_json({"woken": woken, "causes": causes})
        else:
            console().print(f"{some(woken, 'record')} woken" + ("; the next run tries again." if woken else "."))
        return OK

    return perform(options, command)


async def _woken(options: Options, letter_ids: list[str]) -> int:
    """Wake these letters, through the worker that holds the state if there is one; how many it were."""
    told = await asked(options, "retry", letter_ids=letter_ids)
    if told is not None:
        return int(told["count"])
    async with session(options, connected=False) as (world, sync):
        return await inbox.retry(world, sync, letter_ids)


def thaw(record: str | None = None, field: str | None = None, /, *, options: Options = DEFAULTS) -> int:
    """Let a field flow again that was frozen because something keeps setting it back; alone, show what is frozen.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side; none: list the frozen fields with both writers.
    field
        One field of the map; none: all frozen fields of that person.
    """

    async def command() -> int:
        if record is None:
            return await _list_frozen(options)
        async with session(options, connected=False) as (world, sync):
            thawed = await inbox.thaw(world, sync, record, field)
        if options.json:
            print_json({"thawed": thawed})
        else:
            words = f"{some(thawed, 'field')} thawed; the next run decides again."
            console().print(words if thawed else "Nothing of that person is frozen; `syncline thaw` lists what is.")
        return OK if thawed else NOT_GREEN

    return perform(options, command)


async def _list_frozen(options: Options) -> int:
    async with session(options, read_only=True, connected=False) as (world, sync):
        rows = await frozen_fields(world.store, sync)
        people = await ends_of_links(world.store, rows["link_id"].to_list())
    joined = rows.join(people, on="link_id", how="left", maintain_order="left")
    print_json(frame_as_dicts(joined)) if options.json else frozen_screen(console(), joined, names_of(sync))
    return OK if joined.is_empty() else NOT_GREEN
