"""Where the numbers of `presets_match.LIKENESS` come from.

    python -m benchmarks.measure_likeness [--seed 7]

Prints, per column, how often cells are so alike among the true pairs of the demo's people (`same`) and among pairs of
two persons drawn at random (`strangers`), beside the number in use. The demo has no phone number on both sides.
"""

from __future__ import annotations

import argparse
import random

import duckdb
import polars as pl

from benchmarks.bench_match import sides
from syncline.demo.people import make_people
from syncline.reconcile.match_forms import in_form
from syncline.scoring.weigh import condition
from syncline.spec.model import Form, Likeness
from syncline.spec.presets_match import LIKENESS, PRIOR, by_probability

_DRAWN = 3_000_000


def shares(left: pl.Series, right: pl.Series, levels: tuple[Likeness, ...]) -> list[float]:
    """The share of pairs at each level that fit no closer one, among those with both cells known."""
    known = pl.DataFrame({"x_l": left, "x_r": right}).drop_nulls()
    if known.is_empty():
        return []
    ladder = " ".join(f"WHEN {condition('x', level)} THEN {place}" for place, level in enumerate(levels))
    found = duckdb.sql(f"SELECT CASE {ladder} END AS level, count(*) FROM known GROUP BY level").fetchall()
    counts = dict(found)
    return [counts.get(place, 0) / known.height for place in range(len(levels))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    demo = make_people(parser.parse_args().seed)
    a, b = sides(demo)
    row_of = {key: row for row, key in enumerate(a.select("object_type", "record_id").iter_rows())}
    same = [(row_of[kind, f"{one:08d}"], two) for kind, one, two in demo.true_pairs]
    dice = random.Random(1)
    strangers = [(dice.randrange(a.height), dice.randrange(b.height)) for _ in range(_DRAWN)]
    rule = by_probability(link_above=1, hold_above=1, prior=PRIOR, keys=frozenset(LIKENESS))
    for key, levels in LIKENESS.items():
        cells = [side.select(in_form(pl.col(key), rule.forms.get(key, Form.FOLDED)))[key] for side in (a, b)]
        for name, pairs in (("same", same), ("strangers", strangers)):
            found = shares(*(side.gather([pair[n] for pair in pairs]) for n, side in enumerate(cells)), levels)
            used = [getattr(level, name) for level in levels]
            print(f"{key:12s} {name:10s} measured {[round(share, 5) for share in found]}  in use {used}")


if __name__ == "__main__":
    main()
