"""Commands about what waits for a person: conflicts, errors, holds, retry, approve."""

from __future__ import annotations

from syncline.cli.screens import conflicts_screen, errors_screen, frame_as_dicts, holds_screen
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, console, perform, print_json, session
from syncline.engine import inbox


def conflicts(*, limit: int = 50, options: Options = DEFAULTS) -> int:
    """Show the conflict log: who won, why, and the value that lost."""

    async def command() -> int:
        async with session(options, read_only=True) as (world, sync):
            rows = await inbox.conflicts(world.store, sync.name, limit=limit)
        print_json(frame_as_dicts(rows)) if options.json else conflicts_screen(console(), rows)
        return OK

    return perform(options, command)


def errors(*, options: Options = DEFAULTS) -> int:
    """Show what was refused and waits: which record, what the system said, what would wake it."""

    async def command() -> int:
        async with session(options, read_only=True) as (world, sync):
            rows = await inbox.errors(world.store, sync.name)
        print_json(frame_as_dicts(rows)) if options.json else errors_screen(console(), rows)
        return OK if rows.is_empty() else NOT_GREEN

    return perform(options, command)


def holds(*, options: Options = DEFAULTS) -> int:
    """Show what waits for a person: records with several candidates, actions above a ceiling, an empty side."""

    async def command() -> int:
        async with session(options, read_only=True) as (world, sync):
            rows = await inbox.holds(world.store, sync.name)
        print_json(frame_as_dicts(rows)) if options.json else holds_screen(console(), rows)
        return OK if rows.is_empty() else NOT_GREEN

    return perform(options, command)


def retry(*letters: str, options: Options = DEFAULTS) -> int:
    """Let refused records be tried again in the next run.

    Parameters
    ----------
    letters
        Ids from `syncline errors`; none: all of them.
    """

    async def command() -> int:
        async with session(options) as (world, sync):
            woken = await inbox.retry(world, sync, list(letters) or None)
        if options.json:
            print_json({"woken": woken})
        else:
            console().print(f"{woken} woken; the next run tries them again.")
        return OK

    return perform(options, command)


def approve(digest: str, /, *, options: Options = DEFAULTS) -> int:
    """Let a held set of actions through in the next run: exactly that set and nothing else.

    Parameters
    ----------
    digest
        The digest shown by `syncline holds` or `syncline plan`.
    """

    async def command() -> int:
        async with session(options) as (world, sync):
            approved = await inbox.approve(world.store, sync.name, digest)
        if options.json:
            print_json({"approved": approved})
        else:
            console().print(f"{approved} held sets approved." if approved else f"No open hold has digest {digest}.")
        return OK if approved else NOT_GREEN

    return perform(options, command)
