"""The heart of a worker: it stops also when the loop's executor, which is DBOS's, has left before it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from syncline.errors import StateError
from syncline.runtime.heart import Heart
from syncline.runtime.presence import Me
from syncline.trees import Store


async def _away() -> Store:
    raise StateError("The server is away.", code="SYN-705")


def test_a_heart_stops_after_the_loops_executor_has_gone() -> None:
    async def life() -> bool:
        executor = ThreadPoolExecutor(max_workers=1)
        asyncio.get_running_loop().set_default_executor(executor)
        heart = Heart(_away, Me(worker_id="w", host="h", pid=1, version="0"), 0, lambda: ("working", []))
        heart.start()
        executor.shutdown()
        await heart.stop()
        return heart.is_beating

    assert not asyncio.run(life())
