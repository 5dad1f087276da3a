"""`make simulate-defects`: which history finds each planted defect, and by which law.

    python -m tests.simulation.defects                      all that are not in the book yet and not beyond it
    python -m tests.simulation.defects "blind resend" …     these, anew
    MOST=60 python -m tests.simulation.defects              living no more than so many histories for each

A history counts only if it breaks no law without the defect. The findings are kept in tests/simulation/found.json as
they come, from which docs/explanation/planted-defects.md takes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.mutants.planted import MUTANTS
from tests.simulation.beyond import BEYOND
from tests.simulation.crossings import ASKED

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).with_name("found.json")
MOST = 1_000


class Unsound(Exception):
    """A hunt that says nothing of its defect."""


def hunted(name: str, most: int = MOST) -> dict[str, Any] | None:
    """The first history that finds the defect, and the law it broke; None if none of *most* does. One that breaks a law
    without the defect as well says nothing, and is passed over.

    Raises:
        Unsound: the hunt itself failed.
    """
    first = 0
    while first < most:
        ran = _ran(["tests.simulation.hunt", "--first", str(first), "--most", str(most)], SYNCLINE_MUTANT=name)
        if ran.returncode:
            raise Unsound(f"{name}: the hunt itself failed:\n{ran.stderr[-2_000:]}")
        found: dict[str, Any] | None = json.loads(ran.stdout.splitlines()[-1])
        if found is None:
            break
        if _ran(["tests.simulation", "--seed", str(found["seed"])]).returncode == 0:
            return {"seed": found["seed"], "law": found["law"]}
        first = found["seed"] + 1
    return None


def _ran(words: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, ASKED: "1", "POLARS_MAX_THREADS": "1", **environ}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def main() -> int:
    most = int(os.environ.get("MOST", MOST))
    book: dict[str, Any] = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    names = sys.argv[1:] or [one.name for one in MUTANTS if one.name not in BEYOND and book.get(one.name) is None]
    missed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hunts = {pool.submit(hunted, name, most): name for name in names}
        for hunt in as_completed(hunts):
            name = hunts[hunt]
            try:
                found = hunt.result()
            except Unsound as broken:
                print(broken, flush=True)
                missed += 1
                continue
            print(f"{name}: {found or f'not found within {most}'}", flush=True)
            missed += found is None
            if found is not None or most == MOST:
                book[name] = found
                FOUND.write_text(json.dumps(book, indent=1, sort_keys=True) + "\n")
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main()))
