"""`make simulate-defects`: which history finds each planted defect, and by which law.

    python -m tests.simulation.defects                      all of them, those known since the sources changed left out
    python -m tests.simulation.defects "blind resend" …     these

The findings are kept in tests/simulation/found.json, from which docs/explanation/planted-defects.md takes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.mutants.planted import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).with_name("found.json")
MOST = 1_000


def hunted(name: str, most: int = MOST) -> dict[str, Any] | None:
    """The first history that finds the defect, counted from 1, and the law it broke; None if none of *most* does."""
    environ = {**os.environ, "SYNCLINE_MUTANT": name, "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "tests.simulation.hunt", "--most", str(most)]
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{name}: the hunt itself failed:\n{ran.stderr[-2_000:]}")
    found: dict[str, Any] | None = json.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> int:
    most = int(os.environ.get("MOST", MOST))
    names = sys.argv[1:] or [mutant.name for mutant in MUTANTS]
    book: dict[str, Any] = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, found in zip(names, pool.map(lambda one: hunted(one, most), names), strict=True):
            print(f"{name}: {found or f'not found within {most}'}", flush=True)
            if found is not None or most == MOST:
                book[name] = found
                FOUND.write_text(json.dumps(book, indent=1, sort_keys=True) + "\n")
    return sum(book.get(name) is None for name in names)


if __name__ == "__main__":
    sys.exit(min(1, main()))
