"""The recommended match rules on the demo's people: precision, recall and pairs left apart, as promised; and on the
FEBRL sets, what docs/reference/matching-quality.md says of them."""

from __future__ import annotations

import pytest

from benchmarks.bench_match import score, sides, timed
from benchmarks.bench_match_quality import CONTENDERS, PAGE, row
from benchmarks.febrl import settings
from syncline.demo.people import make_people


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_recommended_rules_on_misspelt_twins(seed):
    demo = make_people(seed)
    result, _ = timed(*sides(demo))
    found = score(demo, result)
    assert found.precision >= 0.995
    assert found.recall >= 0.85
    assert found.apart_share <= 0.02


OURS = ("recommended rules", "the same and probability")


def test_the_page_says_what_the_rules_do() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for setting in settings():
        for name in OURS:
            line = row(setting, name, CONTENDERS[name](setting))
            without_seconds = line[: line.rindex("|", 0, -1)]
            assert without_seconds in page, "run: python -m benchmarks.bench_match_quality --write"
