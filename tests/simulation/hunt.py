"""One planted defect against the simulation: histories are lived until one breaks a law.

`SYNCLINE_MUTANT=<name> python -m tests.simulation.hunt --most 1000` prints a line of JSON: which history found it, and
by which law; null for none. Histories whose draw cannot show the defect (`needs`) are passed over, and count.
`defects` does so for all of them, with crossings.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import tests.mutants.plant  # noqa: F401  # before anything of ours is imported


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--most", type=int, default=1000)
    ask.add_argument("--first", type=int, default=0)
    given = ask.parse_args()
    from tests.simulation.crossings import with_crossings
    from tests.simulation.history import Unprepared
    from tests.simulation.many import live
    from tests.simulation.needs import NEEDS, anything
    from tests.simulation.variant import drawn

    is_needed = NEEDS.get(os.environ["SYNCLINE_MUTANT"], anything)
    for seed in range(given.first, given.most):
        if not is_needed(with_crossings(seed, drawn(seed))):
            continue
        try:
            outcome, _ = live(seed)
        except Unprepared as broken:
            print(json.dumps({"seed": seed, "law": "the first copy", "text": str(broken)[:300]}))
            return 0
        except Exception as broken:  # noqa: BLE001  # whatever it raises, it is found
            print(json.dumps({"seed": seed, "law": type(broken).__name__, "text": str(broken)[:300]}))
            return 0
        if outcome.complaints:
            law, _, text = outcome.complaints[0].partition(": ")
            print(json.dumps({"seed": seed, "law": law, "text": text[:300]}))
            return 0
    print("null")
    return 0


if __name__ == "__main__":
    sys.exit(main())
