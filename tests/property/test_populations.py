"""Thousands of random lives: a hundred people a world, two lanes, faults and deaths of our process.

People enter, edit, merge, convert, delete, undelete and purge records on both sides and swap e-mails, while runs and
pushes are under way; the worlds differ in what the systems can do and in what follows from a delete. A failing world is
printed with its seed and what happened in it. To live the whole world again:
`pytest "tests/property/test_populations.py::test_a_population_comes_to_agree[<seed>]" -n 0`; some lives of it alone:
`SYNCLINE_SEED=<seed> SYNCLINE_PEOPLE=<number,…> pytest tests/property/test_populations.py -k replay -n 0` (who swapped
e-mails with a neighbour needs him: the numbers 2n and 2n + 1 are neighbours).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import pytest

from syncline.engine.contended import SINGLE_ROWS
from tests.property.test_people_histories import judge
from tests.support.ending_laws import Rest, broken_endings
from tests.support.memory_life import GUARDED_SYSTEMS, POOR_SYSTEMS, RICH_SYSTEMS, Variant
from tests.support.population import populate
from tests.support.population_ends import DELETE_POLICIES, lively_people

PEOPLE_PER_WORLD = 100
SEEDS = (*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 50)))
VARIANTS: Sequence[Variant] = (RICH_SYSTEMS, POOR_SYSTEMS, GUARDED_SYSTEMS)


def lived(seed: int, numbers: Sequence[int]) -> None:
    """Raise what broke, with the story of the people it names."""

    async def whole() -> None:
        sync = lively_people(DELETE_POLICIES[seed // len(VARIANTS) % len(DELETE_POLICIES)])
        population = await populate(seed, numbers, VARIANTS[seed % len(VARIANTS)], sync)
        try:
            await judge(population.life, compares=len(numbers) <= SINGLE_ROWS)
            broken_laws = broken_endings(await Rest.of(population.life, population.pushes))
            assert broken_laws == [], broken_laws
        except AssertionError as broken:
            story = "\n".join(population.told[-4_000:])
            raise AssertionError(f"seed {seed}, people {list(numbers)[:5]}…: {broken}\n{story}") from broken

    asyncio.run(whole())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_population_comes_to_agree(seed: int) -> None:
    lived(seed, range(PEOPLE_PER_WORLD))


def test_replay() -> None:
    """One life of a world, alone: what a failing world is looked at with."""
    chosen = os.environ.get("SYNCLINE_PEOPLE", "7")
    lived(int(os.environ.get("SYNCLINE_SEED", "0")), [int(number) for number in chosen.split(",")])
