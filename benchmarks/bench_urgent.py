"""How long an urgent push takes while a bulk load runs, and while nothing does: from edit to written, 95 of 100.

Workers as `syncline worker` starts them, PostgreSQL and the systems are processes of their own. One record after the
other is edited and asked for as `syncline push` asks; first while the workers have nothing else, then while a run in
the lane *bulk* carries the load over.

Once with 100 ms in every call of a vendor, which the promise is about, and once with calls that cost nothing: what the
machine's cores allow.

    python benchmarks/bench_urgent.py [--load 100000] [--links 120000] [--idle 60] [--workers 2]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import polars as pl

from benchmarks.load.remote import serve
from benchmarks.load.results import keep, plot
from benchmarks.load.server import postgres
from benchmarks.load.state import linked_world
from benchmarks.load.systems import LoadConnector, System
from syncline.ports import Lane
from syncline.runtime.requests import ask_for_push
from syncline.store import open_store
from syncline.trees import TABLES, Commit, Store, Table
from syncline.wiring import SystemClock

PROMISED = 1.5
LOOK_SECONDS = 0.002
PAUSE_SECONDS = 0.25
PATIENCE_SECONDS = 120.0
PAGE_ROWS = 2_000  # of a query
SYNC = "people"


@asynccontextmanager
async def runner(url: str, path: str, pause: str, *, is_loud: bool = True) -> AsyncIterator[Process]:
    """A worker process; what it tells is printed: all if *is_loud*, else trouble alone."""
    command = [sys.executable, "-m", "benchmarks.load.runner", url, path, pause]
    root = Path(__file__).resolve().parents[1]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=root)
    assert process.stdin is not None
    assert process.stdout is not None
    told = asyncio.ensure_future(_tell(process.stdout, is_loud))
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()
        await told


async def _tell(said: asyncio.StreamReader, is_loud: bool) -> None:
    async for line in said:
        if json.loads(line)["kind"] not in (("stopping", "stopped") if is_loud else ("stopping", "stopped", "run")):
            print("   ", line.decode().strip(), flush=True)


async def push_seconds(store: Store, left: System, right: System, number: int, word: str) -> float:
    """From the edit of one record until it is on the other side."""
    left.edit([number], word)
    started = time.perf_counter()
    await ask_for_push(store, SYNC, left.id_of(number), f"{word} {number}")
    record_id = right.id_of(number)
    while right.cells_of(record_id, "title") != word:
        if time.perf_counter() - started > PATIENCE_SECONDS:
            asked = await store.rows(Table.REQUEST, {"request_id": f"{word} {number}"})
            raise TimeoutError(f"A push is not done: {asked.to_dicts()}")
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - started


async def pushes(
    store: Store, systems: tuple[System, System], numbers: range, word: str, goes_on: Callable[[int], bool]
) -> list[float]:
    """One push after the other of records among *numbers*, as long as *goes_on* says of how many were done."""
    taken: list[float] = []
    chance = random.Random(word)
    while goes_on(len(taken)):
        taken.append(await push_seconds(store, *systems, chance.choice(numbers), f"{word} {len(taken)}"))
        await asyncio.sleep(PAUSE_SECONDS)
    return taken


async def queue_bulk_run(store: Store) -> str:
    now_us = await store.clock_us()
    row = {
        "run_id": f"load{now_us}",
        "sync": SYNC,
        "kind": "run",
        "state": "queued",
        "started_us": now_us,
        "due_us": now_us,
        "lane": Lane.BULK.value,
        "summary": json.dumps({"trigger": "schedule", "attempt": 1}),
    }
    await store.commit(Commit(add={Table.RUN: pl.DataFrame([row], schema=dict(TABLES[Table.RUN][0]))}))
    return str(row["run_id"])


async def while_loading(store: Store, systems: tuple[System, System], load: int, numbers: range) -> list[float]:
    left, right = systems
    left.edit(range(load), "loaded")
    run_id = await queue_bulk_run(store)
    started, ended = time.perf_counter(), asyncio.Event()

    async def watch() -> None:
        while not len(
            rows := await store.rows(Table.RUN, {"run_id": run_id, "state": ["succeeded", "failed", "held"]})
        ):
            await asyncio.sleep(1)
        print(f"load of {load:,}: {rows['state'][0]} after {time.perf_counter() - started:.1f} s", flush=True)
        ended.set()

    watching = asyncio.ensure_future(watch())
    while (await store.rows(Table.RUN, {"run_id": run_id}))["state"][0] == "queued":
        await asyncio.sleep(LOOK_SECONDS)
    taken = await pushes(store, systems, numbers, "busy", lambda _: not ended.is_set())
    await watching
    assert all(right.cells_of(right.id_of(number), "title") == "loaded" for number in range(load))
    return taken


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


async def measure(load: int, links: int, idle: int, workers: int, milliseconds: int) -> tuple[list[float], list[float]]:
    """The seconds of each push, while nothing else is done and during the load."""
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        url, path = server.fresh(has_tables=False), f"{folder}/systems"
        world, _, left, right = await linked_world(links, url, latency_seconds=milliseconds / 1e3)
        await world.store.close()
        store = await open_store(url, SystemClock())
        connectors = {
            name: LoadConnector(system, page_rows=PAGE_ROWS) for name, system in (("left", left), ("right", right))
        }
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(await serve(connectors, path))
            for _ in range(workers):
                await stack.enter_async_context(runner(url, path, "never"))
            numbers = range(load, links)  # people's records, none of them part of the load
            await pushes(store, (left, right), numbers, "warm", lambda done: done < 5)
            quiet = await pushes(store, (left, right), numbers, "idle", lambda done: done < idle)
            busy = await while_loading(store, (left, right), load, numbers)
        await store.close()
    return quiet, busy


async def main(load: int, links: int, idle: int, workers: int) -> float:
    kept: dict[str, object] = {"load": load, "links": links, "workers": workers, "promised": PROMISED}
    shares: dict[str, list[tuple[float, float]]] = {}
    ratios: list[float] = []
    for milliseconds in (100, 0):
        quiet, busy = await measure(load, links, idle, workers, milliseconds)
        ratios.append(p95(busy) / p95(quiet))
        for words, taken in (("idle", quiet), ("during the load", busy)):
            print(
                f"{milliseconds:>4} ms a call, {words}: {len(taken)} pushes, median {statistics.median(taken):.3f} s,"
                f" p95 {p95(taken):.3f} s"
            )
            points = list(enumerate(sorted(taken)))
            shares[f"{milliseconds} ms a call, {words}"] = [(at / len(points) * 100, y) for at, y in points]
        print(f"{milliseconds:>4} ms a call: ratio of the p95 {ratios[-1]:.2f}", flush=True)
        kept[f"{milliseconds} ms"] = {"idle": quiet, "busy": busy, "ratio": round(ratios[-1], 3)}
    print(f"promised with 100 ms: ≤ {PROMISED}")
    keep("urgent", kept)
    plot("urgent", "An urgent push, edit to written", "share of the pushes, %", "seconds", shares)
    return ratios[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    defaults = (("load", 100_000), ("links", 120_000), ("idle", 60), ("workers", 2))
    for name, default in defaults:
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    came = asyncio.run(main(wanted.load, wanted.links, wanted.idle, wanted.workers))
    raise SystemExit(came > PROMISED)
