"""How much more two workers do than one: with 100 ms in every call of a vendor, and with none.

Calls are as large as those of the connectors that come first: one side reads 2,000 changes a call and takes 200 writes
(Salesforce, "SOQL query" and "sObject Collections"), the other reads and takes 300 (Marketo, "Lead Database").

Systems, workers and PostgreSQL are processes of their own. Edits come as they do in life, while others are still
being carried out: whoever reads finds the next ones, as long as no more than *ahead* are on their way, so that nobody
is short of work and the calls of every share are full (of 4,000 a share has 500, and its second call is half empty).
A round lasts from the first edit until the last is written; rounds with one worker and with two take turns on the same
state. The second figure, with vendors that cost nothing, shows what the machine's cores and the shared state allow.

    python benchmarks/bench_two_workers.py [--links 40000] [--changes 40000] [--rounds 2] [--ahead 16000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.load.remote import serve
from benchmarks.load.results import keep, plot
from benchmarks.load.server import postgres
from benchmarks.load.state import linked_world
from benchmarks.load.systems import LoadConnector, Place, System
from syncline.engine.units import BUCKETS
from syncline.records import Page

PROMISED = 1.8
BURST = 800
LOOK_SECONDS = 0.01


class Feed(LoadConnector):
    """A system in which people go on editing: whoever reads it finds the next of *left*'s edits."""

    def __init__(self, left: System, right: System, ahead: int) -> None:
        super().__init__(left, rows_per_call=200, page_rows=2_000)
        self._right, self._ahead = right, ahead
        self._coming: list[int] = []
        self._word = ""
        self._edited = self._before = 0

    def begin(self, numbers: Sequence[int], word: str) -> None:
        self._coming, self._word, self._edited, self._before = list(numbers), word, 0, len(self._right.log)

    @property
    def written(self) -> int:
        return len(self._right.log) - self._before

    async def page_of_changes(self, fields: Sequence[str], place: Place) -> tuple[Page, Place | None]:
        while place.end is None and self._coming and self._edited - self.written <= self._ahead - BURST:
            now, self._coming = self._coming[:BURST], self._coming[BURST:]
            self.system.edit(now, self._word)
            self._edited += len(now)
        return await super().page_of_changes(fields, place)


@asynccontextmanager
async def worker(url: str, path: str, name: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "benchmarks.load.worker", url, path, name, str(BUCKETS)]
    root = Path(__file__).resolve().parents[1]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=root)
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


async def one_round(workers: list[Process], feed: Feed, right: System, changes: int, word: str) -> float:
    """Seconds from the first edit until the last is on the other side."""
    numbers = [at * right.count // changes for at in range(changes)]  # of all shares: a step leaves some out
    feed.begin(numbers, word)
    started = time.perf_counter()
    for process in workers:
        assert process.stdin is not None
        process.stdin.write(f"{word}\n".encode())
    ends = asyncio.gather(*(told(process) for process in workers))
    while feed.written < changes and not ends.done():
        await asyncio.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - started
    for process in workers:
        assert process.stdin is not None
        process.stdin.write(b"over\n")
    await ends
    assert all(right.cells_of(right.id_of(number), "title") == word for number in numbers)
    assert feed.written == changes, f"{feed.written} writes for {changes} edits"
    return seconds


async def measure(
    url: str, links: int, changes: int, rounds: int, ahead: int, latency_seconds: float
) -> dict[int, list[float]]:
    """By the number of workers the seconds of each round."""
    world, _, left, right = await linked_world(links, url, latency_seconds=latency_seconds)
    await world.store.close()
    taken: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/systems"
        feed = Feed(left, right, ahead)
        async with (
            await serve({"left": feed, "right": LoadConnector(right, rows_per_call=300, page_rows=300)}, path),
            worker(url, path, "1") as first,
            worker(url, path, "2") as second,
        ):
            await one_round([first, second], feed, right, changes, "warm")
            for number in range(rounds):
                for count, workers in ((1, [first]), (2, [first, second])):
                    taken[count].append(await one_round(workers, feed, right, changes, f"{count} {number}"))
    return taken


async def main(links: int, changes: int, rounds: int, ahead: int) -> float:
    kept: dict[str, object] = {
        "links": links,
        "changes": changes,
        "ahead": ahead,
        "buckets": BUCKETS,
        "promised": PROMISED,
    }
    lines: dict[str, list[tuple[float, float]]] = {}
    ratios: list[float] = []
    with postgres() as server:
        for latency_ms in (100, 0):
            taken = await measure(server.fresh(has_tables=False), links, changes, rounds, ahead, latency_ms / 1e3)
            one, two = (statistics.median(taken[count]) for count in (1, 2))
            ratios.append(one / two)
            kept[f"{latency_ms} ms"] = {"one": taken[1], "two": taken[2], "ratio": round(one / two, 3)}
            lines[f"{latency_ms} ms a call"] = [(count, changes / median) for count, median in ((1, one), (2, two))]
            print(
                f"{latency_ms:>4} ms a call: {changes} changes over {links} links, one worker {one:.1f} s,"
                f" two {two:.1f} s, ratio {one / two:.2f}",
                flush=True,
            )
    print(f"promised with 100 ms: ≥ {PROMISED}")
    keep("two_workers", kept)
    plot("two_workers", "Changes a second by workers", "workers", "changes a second", lines)
    return ratios[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, default in (("links", 40_000), ("changes", 40_000), ("rounds", 2), ("ahead", 16_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    raise SystemExit(asyncio.run(main(wanted.links, wanted.changes, wanted.rounds, wanted.ahead)) < PROMISED)
