"""The erase command: what Syncline holds of a person goes for good, after somebody confirmed it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from syncline.cli.asking import answer_to, is_somebody_there
from syncline.cli.output import console, print_json
from syncline.cli.screens.common import safe, some
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, names_of, perform, session
from syncline.engine.erase import Erasure
from syncline.engine.erase import erase as erase_person
from syncline.engine.persons import Person, find_person
from syncline.errors import ConfigError

BEYOND = (
    "What Syncline cannot reach: the connected systems themselves (`syncline delete` deletes there), copies and "
    "backups of the state, and the vendors' own logs."
)


def erase(record: str, /, *, yes: Annotated[bool, Parameter(negative=())] = False, options: Options = DEFAULTS) -> int:
    """Erase a person from Syncline's state: values, history, journal, conflicts; a keyed hash stays, so that he is
    never taken in, matched or created again. Nothing is deleted in the connected systems.

    Parameters
    ----------
    record
        An e-mail address or a record id of either side. Whoever is linked with it or has the same e-mail address is
        the same person.
    yes
        Do not ask.
    """

    async def command() -> int:
        async with session(options, connected=False) as (world, sync):
            person = await find_person(world, record)
            if person.records and not yes:
                await _confirm(person, names_of(sync), options)
            done = await erase_person(world, sync, record)
        if options.json:
            print_json(_as_dict(done))
        else:
            _screen(console(), done)
        return OK if done.is_scrubbed else NOT_GREEN

    return perform(options, command)


async def _confirm(person: Person, names: dict[str, str], options: Options) -> None:
    """Ask on the terminal; ConfigError SYN-154 if nobody is there or the answer is no."""
    if is_somebody_there(options):
        out = console(stderr=True)
        for connection, object_type, record_id in sorted(person.records):
            out.print(f"{safe(connection)} {safe(object_type)} [bold]{safe(record_id)}[/]")
        out.print(f"Nothing is deleted in {safe(names['a'])} or {safe(names['b'])}. This cannot be undone.")
        if await answer_to("Erase all that Syncline holds of this person? [y/N] ") in ("y", "yes"):
            return
    raise ConfigError(f"Nothing was erased: {some(len(person.records), 'record')} would be.", code="SYN-154")


def _as_dict(done: Erasure) -> dict[str, object]:
    return {
        "records": done.records,
        "links": done.links,
        "was_erased_before": done.was_erased,
        "bytes_are_gone": done.is_scrubbed,
        "not_reached": ["connected systems", "copies and backups of the state", "the vendors' own logs"],
    }


def _screen(out: Console, done: Erasure) -> None:
    if done.was_erased and not done.records:
        out.print("This person was erased before; nothing of him was left.")
    else:
        out.print(f"Erased: {some(done.records, 'record')}, {some(done.links, 'link')} and all that was kept of them.")
    if not done.is_scrubbed:
        out.print(
            "[yellow]Another program reads the state at this moment, so that bytes of what was removed are still in "
            "its file. Run the same command again once it has ended.[/]",
            soft_wrap=True,
        )
    out.print(BEYOND, soft_wrap=True)
