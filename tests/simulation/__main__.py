"""`make simulate`: any number of histories on all cores, going on where it stopped; or one, with its story.

    python -m tests.simulation --histories 10000         lives histories 0 … 9999, those that are not lived yet
    python -m tests.simulation --seed 417                lives one and tells it
    python -m tests.simulation --histories 1000 --calm   without faults and deaths: nothing at all may be lost

What was lived is kept in .cache/simulation, by a digest of the sources: other sources begin anew.
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # tiny frames: handing them to threads costs more than the work

from tests.simulation.many import live, live_share, many


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--histories", type=int, default=1000)
    ask.add_argument("--seed", type=int)
    ask.add_argument("--share", type=int, nargs=2, metavar=("FIRST", "END"))
    ask.add_argument("--calm", action="store_true")
    ask.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = ask.parse_args()
    if given.share is not None:
        live_share(range(*given.share), given.calm)
        return 0
    if given.seed is None:
        return min(1, many(given.histories, given.calm, given.processes))
    outcome, story = live(given.seed, given.calm)
    print("\n".join(story))
    print("\n".join(outcome.complaints) or "every law holds")
    return bool(outcome.complaints)


if __name__ == "__main__":
    sys.exit(main())
