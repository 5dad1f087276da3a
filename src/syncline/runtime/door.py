"""The door of a process that holds a SQLite state: other commands of the same user ask it to do what they may not do
beside it.

Lives here: a Unix socket beside the state, one JSON line in, one out. Whoever may write the state's file may open it
(mode 0600). Not here: what is asked for (`asking`); with PostgreSQL nobody needs a door, for everybody may come in.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

Handle = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_LONGEST_LINE = 1 << 20
_LONGEST_PATH = 100  # an address of a Unix socket has 108 bytes
_KNOCK_SECONDS = 5.0


def door_of(state: Path) -> Path:
    return state.with_name(state.name + ".door")


@asynccontextmanager
async def opened(path: Path, handle: Handle) -> AsyncIterator[None]:
    """Answer at *path* while the body runs. What a dead process left there is replaced: the claim is ours."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            told = await handle(asked)
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
        except (ValueError, ConnectionError):
            return  # whoever asked is gone, or does not speak our language
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    with _short(path) as address:
        server = await asyncio.start_unix_server(answer, address, limit=_LONGEST_LINE)
        path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def knock(path: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Ask whoever holds the state; None if there is no door, or nobody behind it."""
    try:
        with _short(path) as address:
            reader, writer = await asyncio.wait_for(
                asyncio.open_unix_connection(address, limit=_LONGEST_LINE), _KNOCK_SECONDS
            )
    except (OSError, TimeoutError):
        return None
    try:
        writer.write(json.dumps(asked).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
    except ConnectionError:
        return None
    finally:
        writer.close()
    told: dict[str, Any] | None = json.loads(line) if line else None
    return told


@contextmanager
def _short(path: Path) -> Any:
    """The address of a socket, also where its folder has a long name."""
    if len(str(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
