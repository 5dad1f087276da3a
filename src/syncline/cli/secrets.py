"""Commands about stored secrets: set, list, remove, rotate, and their key. No value ever stands on a command line."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from cyclopts import App

from syncline.cli.output import console, print_json
from syncline.cli.screens.common import safe, some, table_of, when
from syncline.cli.session import DEFAULTS, NOT_GREEN, OK, Options, perform
from syncline.errors import ConfigError
from syncline.trees import Store
from syncline.vault.keys import KEY_FILE, keys_from, make_key_file
from syncline.vault.stored import put_secret, remove_secret, rotate, tell_secrets
from syncline.wiring import Project, load_project, open_world, secret_setting

MOST_CHARACTERS = 100_000

app = App(name="secrets", help="Keep secrets of connections encrypted in the state.")
key = App(name="key", help="Make the key that opens stored secrets.")
app.command(key)


@asynccontextmanager
async def _state(options: Options, *, read_only: bool = False) -> AsyncIterator[tuple[Project, Store]]:
    project = load_project(options.config)
    async with open_world(project, read_only=read_only, connected=False) as world:
        yield project, world.store


@app.command(name="set")
def set_(connection: str, setting: str, /, *, options: Options = DEFAULTS) -> int:
    """Store a secret, asked for without an echo or read from standard input.

    Parameters
    ----------
    connection
        A connection of the configuration file.
    setting
        The setting that is secret, such as client_secret.
    """

    async def command() -> int:
        keys = keys_from(os.environ)
        async with _state(options) as (project, store):
            is_used = secret_setting(project, connection, setting)
            await put_secret(store, keys, connection, setting, _asked(connection, setting))
        if options.json:
            print_json({"connection": connection, "setting": setting, "key_id": keys.newest.id, "is_used": is_used})
        else:
            console().print(f"Stored {safe(setting)} of {safe(connection)}, sealed with the key {keys.newest.id}.")
            if not is_used:
                console().print(f"→ Write {safe(setting)}: stored in the configuration, so that it is used.")
        return OK

    return perform(options, command)


def _asked(connection: str, setting: str) -> str:
    if sys.stdin.isatty():
        text = getpass.getpass(f"{setting} of {connection} (not shown): ")
    else:
        text = sys.stdin.read(MOST_CHARACTERS + 1)
    secret = text.strip()
    if not secret or len(secret) > MOST_CHARACTERS:
        state = "too long for a secret" if secret else "empty"
        raise ConfigError(f"What was given for {setting!r} of {connection!r} is {state}.", code="SYN-189")
    return secret


@app.command(name="list")
def list_(*, options: Options = DEFAULTS) -> int:
    """Tell which secrets are stored, since when and under which key; never a value, and no key is needed."""

    async def command() -> int:
        async with _state(options, read_only=True) as (_, store):
            told = await tell_secrets(store)
            now_us = await store.clock_us()
        if options.json:
            print_json([{**asdict(one), "age_days": _days(now_us, one.at_us)} for one in told])
            return OK
        if not told:
            console().print("No secret is stored.")
            return OK
        table = table_of("connection", "setting", "key", "set (UTC)", "age")
        for one in told:
            age = some(_days(now_us, one.at_us), "day")
            table.add_row(safe(one.connection), safe(one.setting), one.key_id, when(one.at_us), age)
        console().print(table)
        return OK

    return perform(options, command)


def _days(now_us: int, at_us: int) -> int:
    return max(0, now_us - at_us) // 86_400_000_000


@app.command
def remove(connection: str, setting: str, /, *, options: Options = DEFAULTS) -> int:
    """Forget a stored secret.

    Parameters
    ----------
    connection
        The connection it belongs to.
    setting
        The setting it is for.
    """

    async def command() -> int:
        async with _state(options) as (_, store):
            await remove_secret(store, connection, setting)
        if options.json:
            print_json({"removed": {"connection": connection, "setting": setting}})
        else:
            console().print(f"Removed {safe(setting)} of {safe(connection)}.")
        return OK

    return perform(options, command)


@app.command(name="rotate")
def rotate_(*, options: Options = DEFAULTS) -> int:
    """Seal every stored secret with a new key; the old one opens them until that is done.

    A key file gets its new key by itself. In SYNCLINE_KEY put the new key in front of the old one, with a comma.
    Broken off anywhere, the same command finishes it.
    """

    async def command() -> int:
        keys = keys_from(os.environ)
        async with _state(options) as (_, store):
            done = await rotate(store, keys)
        if options.json:
            print_json(asdict(done))
        else:
            console().print(f"{some(done.count, 'secret')} sealed with the new key {done.key_id}.")
            if not done.is_key_gone:
                console().print("→ Take the old key out of SYNCLINE_KEY.")
            if not done.is_scrubbed:
                console().print("→ A reader kept old bytes in the state's files: repeat it once that has ended.")
        return OK if done.is_scrubbed else NOT_GREEN

    return perform(options, command)


@key.command
def new(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Make a key in a new file that only its owner can read. Keep a copy of it apart from the state's.

    Parameters
    ----------
    file
        Where the key goes; nothing is overwritten.
    """

    async def command() -> int:
        made = make_key_file(file)
        if options.json:
            print_json({"file": str(file), "key_id": made.id})
        else:
            console().print(f"Wrote the key {made.id} to {safe(file)}.")
            console().print(f"→ Set {KEY_FILE} to that path for every process, and keep a copy apart from the state.")
        return OK

    return perform(options, command)
