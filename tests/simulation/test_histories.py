"""Hundreds of histories of people, workers and troubles, each in the order its seed draws; some in which nothing fails.

A failing one is printed with its seed, the laws it breaks and its story. Alone, with its story: `make simulate SEED=…`;
more of them: `make simulate N=10000`, or SYNCLINE_HISTORIES=100 for fewer of these tests.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.history import lived
from tests.simulation.variant import calm_draw

HISTORIES, SHARE = int(os.environ.get("SYNCLINE_HISTORIES", "700")), 25
LINES = 300
"""Of a failing history's story that are printed: its end."""


def _lived_well(seed: int, *, calm: bool = False) -> int:
    stage = lived(seed, calm_draw(seed) if calm else None)
    story = "\n".join(stage.story[-LINES:])
    assert stage.complaints == [], f"history {seed} breaks {stage.complaints}\n{story}"
    return stage.window_losses


@pytest.mark.parametrize("first", range(0, HISTORIES, SHARE))
def test_every_law_holds(first: int) -> None:
    for seed in range(first, first + SHARE):
        _lived_well(seed)


@pytest.mark.parametrize("first", range(0, 20, 10))
def test_nothing_is_lost_where_nothing_fails(first: int) -> None:
    for seed in range(first, first + 10):
        _lived_well(seed, calm=True)


def test_a_history_is_the_same_each_time_it_is_lived() -> None:
    assert lived(3).story == lived(3).story
