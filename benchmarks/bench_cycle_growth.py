"""What a cycle costs when k records changed, over few links and over many: it must be the same.

Both worlds are linked state files; the cycles take turns, so that whatever else the machine does falls on both. The
first cycle over each must find nothing to do: the state is what a first copy leaves.

    python benchmarks/bench_cycle_growth.py [--changes 100] [--few 10000] [--many 1000000] [--rounds 15]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.load.results import keep, plot
from benchmarks.load.state import linked_world
from benchmarks.load.systems import System
from syncline.engine.cycle import run_cycle
from syncline.engine.world import World
from syncline.spec.model import Sync

PROMISED = 1.2
_Linked = tuple[World, Sync, System, System]


async def cycle_seconds(linked: _Linked, changes: int, word: str) -> float:
    """The seconds of one cycle after *changes* records were edited; it must write them all and prove it."""
    world, sync, left, _ = linked
    step = max(1, left.count // max(changes, 1))  # spread over the whole, as people's edits are
    left.edit(range(0, step * changes, step), word)
    started = time.perf_counter()
    report = await run_cycle(world, sync)
    seconds = time.perf_counter() - started
    assert report.is_green, report.balances
    assert report.counts("b") == ({"written": changes} if changes else {}), report.counts("b")
    return seconds


async def main(changes: int, few: int, many: int, rounds: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        worlds = {
            count: await linked_world(count, f"sqlite:///{Path(folder) / str(count)}.db") for count in (few, many)
        }
        for count, linked in worlds.items():
            print(f"{count:>9,} links: a cycle of nothing takes {await cycle_seconds(linked, 0, ''):.3f} s")
        taken: dict[int, list[float]] = {count: [] for count in worlds}
        for number in range(rounds + 1):
            for count, linked in worlds.items():
                seconds = await cycle_seconds(linked, changes, f"edit {number}")
                if number:  # the first fills the caches
                    taken[count].append(seconds)
        for world, *_ in worlds.values():
            await world.store.close()
    middle = {count: statistics.median(seconds) for count, seconds in taken.items()}
    for count, seconds in middle.items():
        print(f"{count:>9,} links: {changes} changes in {seconds:.3f} s (least {min(taken[count]):.3f})")
    ratio = middle[many] / middle[few]
    print(f"ratio of the medians {ratio:.2f} (promised ≤ {PROMISED})")
    seconds_of = {f"{count:,} links": taken[count] for count in taken}
    keep("cycle_growth", {"changes": changes, **seconds_of, "ratio": round(ratio, 3), "promised": PROMISED})
    lines = {words: [(float(at), each) for at, each in enumerate(seconds)] for words, seconds in seconds_of.items()}
    plot("cycle_growth", f"A cycle of {changes} changes", "round", "seconds", lines)
    return ratio


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, default in (("changes", 100), ("few", 10_000), ("many", 1_000_000), ("rounds", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    ratio = asyncio.run(main(wanted.changes, wanted.few, wanted.many, wanted.rounds))
    raise SystemExit(ratio > PROMISED)
