"""How fast the columnar merge decides, beside the same rules read row by row.

    python benchmarks/bench_merge.py

40 text fields mapped as they are (4 of them one atomic group), 5 % of the records changed in one or two fields since
the last agreement. One JSON line per slice size: pairs a second of both, their ratio, and the best time of a merge.
The oracle reads at most 2,000 pairs; its rate does not depend on the size.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the oracle lives in tests/

from syncline.reconcile.merge import merge
from syncline.values import fingerprints
from tests.oracle.merge_cases import KEY, TYPE_A, mapping
from tests.oracle.merge_members import Times
from tests.oracle.merge_oracle import decide

FIELDS, SHARE_CHANGED = 40, 0.05
MAPS = tuple(mapping(f"field_{i}", group="address" if i < 4 else "", is_atomic=i < 4) for i in range(FIELDS))
NOW_US = 1_795_341_600_000_000
SIZES = (3, 10_000, 100_000)
MOST_ORACLE_PAIRS = 2_000


def _prints(cells: list[str]) -> pl.Series:
    return pl.Series(fingerprints(KEY, cells), dtype=pl.UInt64)


def pairs_of(count: int, seed: int = 1) -> pl.DataFrame:
    """PAIRS with all columns the engine gives; at least one record changed."""
    rng = Random(seed)
    agreed = [f"value number {i % 5_000}" for i in range(count)]
    cells = {(side, m.key): list(agreed) for side in "ab" for m in MAPS}
    for row in rng.sample(range(count), max(1, int(count * SHARE_CHANGED))):
        for _ in range(rng.choice((1, 2))):
            cells[rng.choice("ab"), rng.choice(MAPS).key][row] = f"changed {rng.random()}"
    columns: dict[str, pl.Series] = {"link_id": pl.Series(range(1, count + 1), dtype=pl.Int64)}
    base = _prints(agreed)
    for (side, key), texts in cells.items():
        columns[f"{side}.{key}"] = columns[f"t{side}.{key}"] = pl.Series(texts)
        columns[f"f{side}.{key}"] = _prints(texts)
        columns[f"x{side}.{key}"] = base
        columns[f"k{side}.{key}"] = pl.repeat(0, count, dtype=pl.UInt8, eager=True)
        columns[f"w{side}.{key}"] = pl.repeat(True, count, eager=True)
    for name in ("stamp", "prev", "asof", "prevasof"):
        for side in "ab":
            columns[f"{name}_{side}"] = pl.repeat(NOW_US - 60_000_000, count, dtype=pl.Int64, eager=True)
    return pl.DataFrame(columns)


def _best_seconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(count: int) -> dict[str, float | int]:
    pairs = pairs_of(count)
    decided = merge(pairs, MAPS, TYPE_A, now_us=NOW_US)
    columnar = _best_seconds(lambda: merge(pairs, MAPS, TYPE_A, now_us=NOW_US), 50 if count < 1_000 else 5)
    rows = pairs.head(MOST_ORACLE_PAIRS).to_dicts()
    by_rows = _best_seconds(lambda: decide(rows, MAPS, TYPE_A, times=Times(now_us=NOW_US)), 3)
    rate, oracle_rate = count / columnar, len(rows) / by_rows
    return {
        "pairs": count,
        "fields": FIELDS,
        "decisions": len(decided),
        "milliseconds": round(columnar * 1_000, 1),
        "pairs_per_second": round(rate),
        "oracle_pairs_per_second": round(oracle_rate),
        "ratio": round(rate / oracle_rate, 2),
    }


if __name__ == "__main__":
    for size in SIZES:
        print(json.dumps(measure(size)))
