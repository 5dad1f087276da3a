"""The recommended match rules on the demo's people: precision, recall and pairs left apart, as promised."""

from __future__ import annotations

import pytest

from benchmarks.bench_match import score, sides, timed
from syncline.demo.people import make_people


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_recommended_rules_on_misspelt_twins(seed):
    demo = make_people(seed)
    result, _ = timed(*sides(demo))
    found = score(demo, result)
    assert found.precision >= 0.995
    assert found.recall >= 0.85
    assert found.apart_share <= 0.02
