"""Commands beside a process that works: what it is asked to do instead of doing it ourselves.

A SQLite state has one writer at a time, so `syncline up` is asked through its door; with PostgreSQL a push is asked of
the workers there are, who have the budget and the leases, and everything else is done by the command itself.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from syncline.cli.output import console, print_json
from syncline.cli.screens.work import run_rows, runs_screen
from syncline.cli.session import NOT_GREEN, OK, Options, chosen_sync
from syncline.engine.world import World
from syncline.errors import ConfigError
from syncline.runtime.asking import wait_for
from syncline.runtime.door import door_of, knock
from syncline.runtime.presence import is_anybody_there
from syncline.runtime.requests import ask_for_push
from syncline.trees import Table
from syncline.wiring import load_project, open_world


async def asked(options: Options, do: str, **more: Any) -> dict[str, Any] | None:
    """What the process that holds the state answered; None if there is none to ask. Raises in its words if it refused.

    Raises ConfigError with the code and words of whatever it answered as an error.
    """
    project = load_project(options.config)
    if project.is_shared or ":memory:" in project.store_url:
        return None
    state = Path(project.store_url.removeprefix("sqlite:///"))
    told = await knock(door_of(state), {"do": do, "sync": chosen_sync(project, options.sync).name, **more})
    return None if told is None else _checked(told)


async def pushed(options: Options, record: str) -> int | None:
    """Have a worker push the record; the exit code, or None if nobody works on the state."""
    project = load_project(options.config)
    if not project.is_shared:
        answer = await asked(options, "push", subject=record, request_id=secrets.token_hex(8))
    else:
        sync = chosen_sync(project, options.sync)
        async with open_world(project, connected=False) as world:
            if not await is_anybody_there(world.store):
                return None
            request_id = secrets.token_hex(8)
            await ask_for_push(world.store, sync.name, record, request_id)
            answer = _checked(await wait_for(world, request_id))
    if answer is None:
        return None
    async with open_world(project, read_only=True, connected=False) as world:
        return await _show(world, options, answer)


async def _show(world: World, options: Options, answer: dict[str, Any]) -> int:
    found = run_rows(await world.store.rows(Table.RUN, {"run_id": answer["run_id"]}))
    if options.json:
        print_json(found[0] if found else answer)
    else:
        runs_screen(console(), found)
    return OK if found and found[0]["state"] == "succeeded" and not answer["stopped"] else NOT_GREEN


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    error = told.get("error")
    if error:
        raise ConfigError(error["message"], code=error["code"], remedy=error["remedy"] or None)
    return told
