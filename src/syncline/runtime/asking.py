"""What other commands may ask of a process that works: by name, each with what it answers.

Lives here: the table of acts. They change our state and call no system, but for a push, which is queued for the urgent
loop and answered when it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from syncline.engine import inbox
from syncline.engine.world import World
from syncline.errors import SynclineError
from syncline.runtime import schedules
from syncline.runtime.requests import ANSWER_SECONDS, answer_to, ask_for_push
from syncline.spec.model import Sync

Act = Callable[[World, Sync, Mapping[str, Any], str], Awaitable[dict[str, Any]]]


async def _push(world: World, sync: Sync, asked: Mapping[str, Any], worker_id: str) -> dict[str, Any]:
    request_id = str(asked["request_id"])
    await ask_for_push(world.store, sync.name, str(asked["subject"]), request_id)
    return await wait_for(world, request_id)


async def wait_for(world: World, request_id: str) -> dict[str, Any]:
    """The answer to a request, as soon as some worker has given it."""
    while (answer := await answer_to(world.store, request_id)) is None:
        await asyncio.sleep(ANSWER_SECONDS)
    return answer


async def _pause(world: World, sync: Sync, asked: Mapping[str, Any], worker_id: str) -> dict[str, Any]:
    return {"changed": await schedules.pause(world.store, sync, worker_id)}


async def _resume(world: World, sync: Sync, asked: Mapping[str, Any], worker_id: str) -> dict[str, Any]:
    return {"changed": await schedules.resume(world.store, sync, worker_id)}


async def _enable(world: World, sync: Sync, asked: Mapping[str, Any], worker_id: str) -> dict[str, Any]:
    await inbox.set_enabled(world.store, sync.name, bool(asked["enabled"]))
    return {}


async def _retry(world: World, sync: Sync, asked: Mapping[str, Any], worker_id: str) -> dict[str, Any]:
    return {"count": await inbox.retry(world, sync, asked["letter_ids"])}


ACTS: Mapping[str, Act] = {
    "push": _push,
    "pause": _pause,
    "resume": _resume,
    "enable": _enable,
    "retry": _retry,
}


async def act(world: World, worker_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked for; `{"error": …}` in our words if it cannot be done."""
    do, sync = ACTS.get(str(asked.get("do"))), world.syncs.get(str(asked.get("sync")))
    if do is None or sync is None:
        return _refused("SYN-160", "The process that holds the state cannot do that.")
    try:
        return await do(world, sync, asked, worker_id)
    except SynclineError as error:
        return _refused(error.code, error.message, error.remedy)


def _refused(code: str, message: str, remedy: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "remedy": remedy}}
