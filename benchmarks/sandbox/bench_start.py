"""From the command to the first answer: `syncline-sandbox up`, both sandboxes, beside an interpreter that only imports
the web server.

Run as ``python benchmarks/sandbox/bench_start.py``. Every figure is the best of five; the aim is 1.5 seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request

ROUNDS = 5
UP = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--json", "--salesforce-port", "0", "--marketo-port", "0"]


def bare() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import uvicorn, orjson, httptools, sqlite3"], check=True)
    return time.perf_counter() - started


def up(*more: str) -> float:
    """Seconds until both answered a call."""
    started = time.perf_counter()
    with subprocess.Popen([*UP, *more, "--until-stdin-ends"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for place in json.loads(process.stdout.readline())["sandboxes"]:
            if place["control"]:
                with urllib.request.urlopen(f"{place['control']}clock", timeout=30) as answer:
                    answer.read()
        taken = time.perf_counter() - started
        process.stdin.close()
        process.wait()
    return taken


def main() -> None:
    floor = min(bare() for _ in range(ROUNDS))
    for seed in ("empty", "demo"):
        taken = min(up("--seed", seed) for _ in range(ROUNDS))
        print(json.dumps({"seed": seed, "start_seconds": round(taken, 2), "times_the_floor": round(taken / floor, 1)}))
    print(json.dumps({"floor_seconds": round(floor, 2)}))


if __name__ == "__main__":
    main()
