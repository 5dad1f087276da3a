"""Commands that carry the state elsewhere: backup, restore, migrate. Each shows what it carried, table by table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from syncline.cli.output import console, print_json
from syncline.cli.screens.common import safe, some, table_of
from syncline.cli.session import DEFAULTS, OK, Options, perform
from syncline.wiring import SystemClock, load_project, moving

HOLDS = (
    "It holds values of people and the key of this installation's fingerprints; stored secrets are in it as they are "
    "in the state, sealed. Keep it as you keep the state."
)


def backup(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Write the whole state, as it is at this moment, into a new file; whatever runs goes on.

    Parameters
    ----------
    file
        Where to; it must not exist. It is readable by its owner only.
    """

    async def command() -> int:
        url = load_project(options.config).store_url
        _tell(await moving.backup(url, file, SystemClock()), options, "Written to", HOLDS)
        return OK

    return perform(options, command)


def restore(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Make the configured state from a backup file. There must be none yet: nothing is written over.

    Parameters
    ----------
    file
        A file that `syncline backup` wrote, on this or an older release, from either kind of database.
    """

    async def command() -> int:
        url = load_project(options.config).store_url
        after = "What happened since the backup is read again from both systems by the next run."
        _tell(await moving.restore(file, url, SystemClock()), options, "Restored to", after)
        return OK

    return perform(options, command)


def migrate(*, to: Annotated[str, Parameter(help="The URL of the new state.")], options: Options = DEFAULTS) -> int:
    """Carry the state into another database, SQLite or PostgreSQL. Nothing may be using it, and none may be there yet.

    Parameters
    ----------
    to
        sqlite:///path/to/state.db or postgresql://user@host/database.
    """

    async def command() -> int:
        url = load_project(options.config).store_url
        after = f"Now write the new address after `state:` in {options.config}. The old state was left as it is."
        _tell(await moving.migrate(url, to, SystemClock()), options, "Carried to", after)
        return OK

    return perform(options, command)


def _tell(carried: moving.Carried, options: Options, verb: str, after: str) -> None:
    if options.json:
        tables = {name: asdict(content) for name, content in carried.tables.items()}
        print_json({"where": carried.where, "tables": tables, "compared": True})
        return
    out = console()
    shown = table_of("table", "rows", "digest")
    held = {name: content for name, content in carried.tables.items() if content.rows}
    for name, content in held.items():
        shown.add_row(name, f"{content.rows:,}", content.digest)
    out.print(shown)
    rows = some(sum(content.rows for content in held.values()), "row")
    out.print(f"{verb} {safe(carried.where)}: {rows} in {some(len(held), 'table')}, read again and found the same.")
    out.print(after, soft_wrap=True)
