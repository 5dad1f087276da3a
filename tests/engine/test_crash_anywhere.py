"""Our process dies before each effect of a run in turn; the next runs bring everything to the same rest."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from tests.property.test_people_histories import Both, Change, Dies, New, Run, Step, judge, play
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Variant

FIRST_COPY: list[Step] = [New("b", twin=False)]
BUSY_DAY: list[Step] = [
    Run(),
    New("a", twin=False),
    Change("a", 0, "title"),
    Change("b", 0, "phone"),
    Both(1, "title", 3.0),
    Change("b", 1, "email", "blank"),
]


async def _dying_at(before: list[Step], effect: int, variant: Variant) -> bool:
    """Whether the run had so many effects."""
    life = await play([*before, Run(during=((effect, Dies()),))], variant)
    await judge(life)
    return life.deaths == 1


@pytest.mark.parametrize(
    ("before", "variant"),
    [
        pytest.param(FIRST_COPY, POOR_SYSTEMS, id="first copy"),
        pytest.param(BUSY_DAY, POOR_SYSTEMS, id="busy day, poor evidence", marks=pytest.mark.slow),
        pytest.param(BUSY_DAY, RICH_SYSTEMS, id="busy day, rich evidence"),
    ],
)
def test_wherever_it_dies(before: list[Step], variant: Variant) -> None:
    survived = next(n for n in count(1) if not asyncio.run(_dying_at(before, n, variant)))
    assert survived > 8, "a run has several effects; it died before each of them"
