"""One worker in a process of its own: does the units of the load sync whenever it is told to, until it is told to end.

    python -m benchmarks.load.worker <state url> <socket> <name> <buckets>

A line on its standard input is the name of a cycle, the next one says that it is over; it answers with one JSON line:
seconds, records written, CPU seconds. Lives here: that loop over `engine.units`. Not here: what is edited and
measured (the benchmarks).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence

import polars as pl

from benchmarks.load.remote import RemoteConnector
from benchmarks.load.state import SIDES, load_sync
from syncline.engine.observe import meet
from syncline.engine.tenure import KEEP_EVERY_SECONDS
from syncline.engine.units import Turn, Unit, run_units, units_of
from syncline.engine.world import World
from syncline.spec.model import Sync
from syncline.store import open_store
from syncline.trees import Store
from syncline.wiring import SystemClock, SystemRandom
from tests.support.memory_world import NoExpressions

LEASE_SECONDS = 30.0
IDLE_SECONDS = 0.02
assert LEASE_SECONDS > KEEP_EVERY_SECONDS


async def remote_world(store: Store, sync: Sync, path: str) -> World:
    """The world of one worker over systems behind the socket *path*."""
    return World(
        store=store,
        connectors={name: RemoteConnector(path, name, kind) for name, kind, _ in SIDES.values()},
        clock=SystemClock(),
        random=SystemRandom(),
        syncs={sync.name: sync},
        evaluate=NoExpressions(),
        key=await store.installation_key(),
    )


async def until_told(world: World, sync: Sync, units: Sequence[Unit], turn: Turn, told: asyncio.Event) -> int:
    """Do units until *told* is set and a look at all of them finds nothing; how many records were written."""
    written = 0
    while True:
        reports = await run_units(world, sync, units, turn)
        written += sum(report.classes.filter(pl.col("class") == "written").height for report in reports)
        if any(len(report.classes) or any(capture.applied for capture in report.captures) for report in reports):
            continue
        if told.is_set():
            return written
        await asyncio.sleep(IDLE_SECONDS)


async def main(url: str, path: str, name: str, buckets: int) -> None:
    store, sync = await open_store(url, SystemClock()), load_sync()
    world = await remote_world(store, sync, path)
    met = await meet(world, sync)
    units = units_of(met, buckets)
    # Two that begin at the same place would stand in each other's way all along.
    units = units if name == "1" else (*units[: -buckets or None], *reversed(units[-buckets:]))
    loop = asyncio.get_running_loop()
    print(json.dumps({"ready": name}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        started, cpu = time.perf_counter(), time.process_time()
        turn = Turn(worker=name, cycle=line.strip(), lease_seconds=LEASE_SECONDS)
        over = asyncio.Event()
        working = asyncio.ensure_future(until_told(world, met, units, turn, over))
        await loop.run_in_executor(None, sys.stdin.readline)
        over.set()
        written = await working
        told = {
            "seconds": time.perf_counter() - started,
            "written": written,
            "cpu_seconds": time.process_time() - cpu,
        }
        print(json.dumps(told), flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
