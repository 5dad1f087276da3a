"""A worker as `syncline worker` runs it, over the load systems: lanes, urgent loop, signs of life and all.

    python -m benchmarks.load.runner <state url> <socket> <pause seconds, or "never">

Runs by a schedule with that pause, or only what is queued for it. Ends when its standard input does. Lives here: that
process. Not here: what is edited and measured (the benchmarks).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import datetime

from benchmarks.load.state import load_sync
from benchmarks.load.worker import remote_world
from syncline.runtime.durable import runtime_url
from syncline.runtime.presence import Me
from syncline.runtime.retention import Retention
from syncline.runtime.worker import Worker
from syncline.spec.schedule import Continuous, Once, Schedule
from syncline.store import open_store
from syncline.wiring import SystemClock, new_worker_id

NEVER = Once(at=datetime(2999, 1, 1))  # noqa: DTZ001  (a local time of the schedule's zone)
RETENTION_DAYS = 1


async def main(url: str, path: str, pause: str) -> None:
    clock, stopping, worker_id = SystemClock(), asyncio.Event(), new_worker_id()
    rule = NEVER if pause == "never" else Continuous(pause_seconds=float(pause))
    sync = replace(load_sync(), schedule=Schedule(rule=rule))
    store = await open_store(url, clock)
    worker = Worker(
        await remote_world(store, sync, path),
        Me(worker_id=worker_id, host="load", pid=os.getpid(), version="load"),
        url=runtime_url(url),
        door_path=None,
        open_store=lambda: open_store(url, clock),
        retention=Retention(runs=RETENTION_DAYS, parts=RETENTION_DAYS),
        stopping=stopping,
        tell=lambda kind, words: print(json.dumps({"kind": kind, "words": words}), flush=True),
    )
    working = asyncio.ensure_future(worker.work())
    asyncio.get_running_loop().run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: stopping.set())
    await working
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))
