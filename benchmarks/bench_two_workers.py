"""How much faster two workers are than one: with 100 ms in every call of a vendor, and with none.

Systems, workers and PostgreSQL are processes of their own. Rounds with one worker and with two take turns on the same
state; each edits the same number of records and ends when both have found nothing left to do. The second figure, with
vendors that cost nothing, shows what the machine's cores and the shared state allow.

    python benchmarks/bench_two_workers.py [--links 20000] [--changes 8000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.load.remote import serve
from benchmarks.load.server import postgres
from benchmarks.load.state import linked_world
from benchmarks.load.systems import LoadConnector, System

PROMISED = 1.8
BUCKETS = 16


@asynccontextmanager
async def worker(url: str, path: str, name: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "benchmarks.load.worker", url, path, name, str(BUCKETS)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    await told(process)
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def told(process: Process) -> dict[str, float]:
    assert process.stdout is not None
    answer: dict[str, float] = json.loads(await process.stdout.readline())
    return answer


async def one_round(workers: list[Process], left: System, right: System, changes: int, word: str) -> float:
    """Seconds until everything that was edited is on the other side and read back."""
    step = left.count // changes
    numbers = range(0, step * changes, step)
    left.edit(numbers, word)
    for process in workers:
        assert process.stdin is not None
        process.stdin.write(f"{word}\n".encode())
    answers = await asyncio.gather(*(told(process) for process in workers))
    assert all(right.cells_of(right.id_of(number), "title") == word for number in numbers)
    return max(answer["seconds"] for answer in answers)


async def measure(url: str, links: int, changes: int, rounds: int, latency_seconds: float) -> float:
    world, _, left, right = await linked_world(links, url, latency_seconds=latency_seconds)
    await world.store.close()
    taken: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/systems"
        connectors = {"left": LoadConnector(left), "right": LoadConnector(right)}
        async with (
            await serve(connectors, path),
            worker(url, path, "1") as first,
            worker(url, path, "2") as second,
        ):
            await one_round([first, second], left, right, changes, "warm")
            for number in range(rounds):
                for count, workers in ((1, [first]), (2, [first, second])):
                    taken[count].append(await one_round(workers, left, right, changes, f"{count} {number}"))
    one, two = (statistics.median(taken[count]) for count in (1, 2))
    print(
        f"{latency_seconds * 1e3:>4.0f} ms a call: {changes} changes over {links} links, one worker {one:.1f} s,"
        f" two {two:.1f} s, ratio {one / two:.2f}"
    )
    return one / two


async def main(links: int, changes: int, rounds: int) -> float:
    with postgres() as server:
        ratio = await measure(server.fresh(has_tables=False), links, changes, rounds, 0.1)
        await measure(server.fresh(has_tables=False), links, changes, rounds, 0.0)
    print(f"promised with 100 ms: ≥ {PROMISED}")
    return ratio


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, default in (("links", 20_000), ("changes", 8_000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    raise SystemExit(asyncio.run(main(wanted.links, wanted.changes, wanted.rounds)) < PROMISED)
