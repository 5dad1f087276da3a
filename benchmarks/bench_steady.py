"""A steady stream of changes over many links: whether lag and memory stand still while it lasts.

Workers as `syncline worker` starts them, again and again with a short pause; PostgreSQL and the systems are processes
of their own. Every second the same number of records is edited. The lag of an edit is the time until it is on the other
side; memory is what the workers hold. Both of the last fifth of the time are compared with those of the second fifth:
of ten minutes, the last two with minutes two to four.

    python benchmarks/bench_steady.py [--links 1000000] [--changes-per-minute 50000] [--minutes 10] [--workers 2]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_urgent import runner
from benchmarks.load.remote import serve
from benchmarks.load.results import keep, plot
from benchmarks.load.server import postgres
from benchmarks.load.state import linked_world
from benchmarks.load.systems import LoadConnector, System

PROMISED = 1.1
PAGE_ROWS = 2_000  # of a query
PAUSE_SECONDS = 0.5
"""Between two runs of the sync."""

PATIENCE = 0.5
"""How much longer than the edits we wait for the last of them, as a share of the time."""


@dataclass(kw_only=True)
class Watch:
    """What is seen while the edits go on: lags by the time of the edit, memory by the time of the look, seconds from
    the start."""

    left: System
    right: System
    edited_us: dict[str, int] = field(default_factory=dict)
    lags: list[tuple[float, float]] = field(default_factory=list)
    megabytes: list[tuple[float, float]] = field(default_factory=list)
    started_us: int = 0
    _seen: int = 0

    def edit(self, numbers: Sequence[int], word: str) -> None:
        self.left.edit(numbers, word)
        for number in numbers:
            at_us, _ = self.left.stamps[self.left.id_of(number)]
            self.edited_us[self.right.id_of(number)] = at_us

    def look(self) -> None:
        """Note what has arrived since the last look."""
        arrived, self._seen = self.right.log[self._seen :], len(self.right.log)
        for record_id in arrived:
            at_us = self.edited_us.pop(record_id, None)
            if at_us is not None:
                landed_us, _ = self.right.stamps[record_id]
                self.lags.append(((at_us - self.started_us) / 1e6, (landed_us - at_us) / 1e6))

    def weigh(self, pids: Sequence[int], seconds: float) -> None:
        self.megabytes.append((seconds, sum(megabytes_of(pid) for pid in pids)))


def megabytes_of(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds_of(pid: int) -> float:
    """Of a process and its children that are gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(each) for each in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_below(pid: int) -> float:
    """Of a process and all that descend from it, alive or gone."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds_of(pid) + sum(cpu_seconds_below(int(child)) for child in below)


async def edit_steadily(watch: Watch, per_minute: int, seconds: float, pids: Sequence[int]) -> None:
    """Edit every second, round and round, and look at what has arrived; returns once the last edit has, or no more
    patience is left."""
    started, done = time.perf_counter(), 0
    watch.started_us = int(watch.left.clock.now().timestamp() * 1e6)
    for second in count():
        passed = time.perf_counter() - started
        if passed < seconds:
            wanted = int(per_minute * (passed + 1) / 60) - done
            watch.edit([(done + at) % watch.left.count for at in range(wanted)], f"second {second}")
            done += wanted
            watch.weigh(pids, passed)
        watch.look()
        if passed >= seconds and (not watch.edited_us or passed > seconds * (1 + PATIENCE)):
            return
        await asyncio.sleep(max(0.0, started + second + 1 - time.perf_counter()))


def means(points: Sequence[tuple[float, float]], seconds: float) -> tuple[float, float]:
    """Of the second fifth of the time and of the last."""
    early = [value for at, value in points if seconds / 5 <= at < seconds * 2 / 5]
    late = [value for at, value in points if seconds * 4 / 5 <= at < seconds]
    assert early, "nothing arrived early on"
    return statistics.fmean(early), statistics.fmean(late) if late else float("inf")


async def main(links: int, per_minute: int, minutes: float, workers: int) -> float:
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        url, path = server.fresh(has_tables=False), f"{folder}/systems"
        world, _, left, right = await linked_world(links, url)
        await world.store.close()
        connectors = {
            name: LoadConnector(system, page_rows=PAGE_ROWS) for name, system in (("left", left), ("right", right))
        }
        watch = Watch(left=left, right=right)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(await serve(connectors, path))
            processes = [
                await stack.enter_async_context(runner(url, path, str(PAUSE_SECONDS), is_loud=False))
                for _ in range(workers)
            ]
            pids = [process.pid for process in processes]
            before = [cpu_seconds_of(pid) for pid in pids], cpu_seconds_below(server.pid)
            await edit_steadily(watch, per_minute, minutes * 60, pids)
            cpu = sum(cpu_seconds_of(pid) for pid in pids) - sum(before[0])
            cpu_server = cpu_seconds_below(server.pid) - before[1]
            assert all(process.returncode is None for process in processes), "a worker has ended"
    return told(watch, links, per_minute, minutes, workers, cpu, cpu_server)


def told(
    watch: Watch, links: int, per_minute: int, minutes: float, workers: int, cpu: float, cpu_server: float
) -> float:
    """Print and keep what was seen; the greater of the two ratios, infinite if edits never arrived."""
    seconds, arrived = minutes * 60, len(watch.lags)
    lag, memory = means(watch.lags, seconds), means(watch.megabytes, seconds)
    ratios = {"lag": lag[1] / lag[0], "memory": memory[1] / memory[0]}
    print(f"{arrived:,} edits arrived, {len(watch.edited_us):,} did not; over {links:,} links, {workers} workers")
    print(f"lag: mean {lag[0]:.2f} s, at the end {lag[1]:.2f} s, ratio {ratios['lag']:.2f}")
    print(f"memory: {memory[0]:.0f} MB, at the end {memory[1]:.0f} MB, ratio {ratios['memory']:.2f}")
    each = {"workers": cpu / arrived * 1e3, "postgres": cpu_server / arrived * 1e3}
    print(f"CPU a change: {each['workers']:.2f} ms in the workers, {each['postgres']:.2f} ms in PostgreSQL")
    print(f"ratios promised ≤ {PROMISED}")
    kept = {"links": links, "changes_per_minute": per_minute, "minutes": minutes, "workers": workers}
    figures = {"lag_seconds": lag, "megabytes": memory, "ratios": ratios, "cpu_milliseconds_a_change": each}
    keep("steady", kept | figures | {"not_arrived": len(watch.edited_us), "promised": PROMISED})
    by_second: dict[int, list[float]] = {}
    for at, value in watch.lags:
        by_second.setdefault(int(at), []).append(value)
    mean_lags = [(float(at), statistics.fmean(values)) for at, values in sorted(by_second.items())]
    plot("steady_lag", f"Lag at {per_minute:,} changes a minute", "seconds", "seconds of lag", {"mean lag": mean_lags})
    plot("steady_memory", "Memory of the workers", "seconds", "megabytes", {"workers": watch.megabytes})
    return float("inf") if watch.edited_us else max(ratios.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, default in (("links", 1_000_000), ("changes-per-minute", 50_000), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--minutes", type=float, default=10.0)
    wanted = parser.parse_args()
    came = asyncio.run(main(wanted.links, wanted.changes_per_minute, wanted.minutes, wanted.workers))
    raise SystemExit(came > PROMISED)
