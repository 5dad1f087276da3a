"""Many histories on all cores, going on where the last time stopped.

Lives here: living a share of the histories, the processes that do so, and what is kept of them. The command is in
`__main__`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARE = 100
"""Histories a process lives at most: what was lived is written down when it ends."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one history ended."""

    seed: int
    complaints: list[str]
    window_losses: int
    deaths: int
    writes: int


def live(seed: int, calm: bool = False) -> tuple[Outcome, list[str]]:
    """Live one history; what broke its laws, and its story."""
    from tests.simulation.history import lived
    from tests.simulation.variant import calm_draw

    stage = lived(seed, calm_draw(seed) if calm else None)
    outcome = Outcome(
        seed=seed,
        complaints=stage.complaints,
        window_losses=stage.window_losses,
        deaths=stage.deaths,
        writes=stage.writes_sent,
    )
    return outcome, stage.story


def live_share(seeds: range, calm: bool) -> None:
    """Live *seeds* and print how each ended, a line of JSON each; what raises has broken a law too."""
    for seed in seeds:
        try:
            outcome, _ = live(seed, calm)
        except Exception as broken:  # noqa: BLE001  # one history's end is not the others'
            text = f"{type(broken).__name__}: {broken}"
            outcome = Outcome(seed=seed, complaints=[text], window_losses=0, deaths=0, writes=0)
        print(json.dumps(asdict(outcome)), flush=True)


def sources() -> str:
    """A digest of everything a history depends on, as it lies where it is imported from."""
    digest = blake2b(digest_size=8)
    for package in ("syncline", "syncline_sandbox", "tests.simulation"):
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations
        for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def many(count: int, calm: bool, processes: int) -> int:
    """Live what is missing of the first *count* histories; how many broke a law."""
    place = ROOT / ".cache" / "simulation" / f"{sources()}{'-calm' if calm else ''}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    known = _known(place)
    lived = len([seed for seed in known if seed < count])
    print(f"{lived} of {count} histories were lived before; {count - lived} to go", flush=True)
    began = time.monotonic()
    size = min(SHARE, max(1, -(-count // processes)))
    chunks = [range(at, min(at + size, count)) for at in range(0, count, size)]
    waiting = [chunk for chunk in chunks if not all(seed in known for seed in chunk)]
    running: list[tuple[range, subprocess.Popen[str]]] = []
    while waiting or running:
        while waiting and len(running) < processes:
            chunk = waiting.pop(0)
            running.append((chunk, _share(chunk, calm)))
        chunk, child = running.pop(0)
        said, _ = child.communicate()
        for line in said.splitlines():
            outcome = json.loads(line)
            known[outcome["seed"]] = outcome
            if outcome["complaints"]:
                print(f"seed {outcome['seed']}: {outcome['complaints']}", flush=True)
        with place.open("a") as book:
            book.write(said)
        if child.returncode:
            print(f"the process of the histories {chunk} ended with {child.returncode}", flush=True)
    return _told([known[seed] for seed in range(count) if seed in known], count, time.monotonic() - began)


def _known(place: Path) -> dict[int, dict[str, Any]]:
    lines = place.read_text().splitlines() if place.exists() else []
    return {outcome["seed"]: outcome for outcome in map(json.loads, lines)}


def _share(chunk: range, calm: bool) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.simulation", "--share", str(chunk.start), str(chunk.stop)]
    environ = {**os.environ, "POLARS_MAX_THREADS": "1"}
    return subprocess.Popen(
        [*words, *(["--calm"] if calm else [])],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _told(lived: list[dict[str, Any]], count: int, seconds: float) -> int:
    broken = [outcome for outcome in lived if outcome["complaints"]]
    total = {name: sum(one[name] for one in lived) for name in ("window_losses", "deaths", "writes")}
    print(
        f"{len(lived)} of {count} histories lived, {len(broken)} broke a law; {total['writes']} writes, "
        f"{total['deaths']} deaths, {total['window_losses']} edits overwritten that nobody could have seen; "
        f"{seconds:.0f} s"
    )
    for outcome in broken[:20]:
        print(f"  make simulate SEED={outcome['seed']}   {str(outcome['complaints'])[:200]}")
    return len(broken) + count - len(lived)
