"""Whole lists at once: many people entered or deleted on one side in a moment, which a ceiling must hold.

Lives here: crossings with lists, and which of them a history draws, from a luck of their own. Not here: the other ones
(`crossings`), or what must hold (`laws`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from syncline.records import SIDES, other
from syncline.spec.model import OnDelete
from tests.simulation.deeds import Hands, delete_row
from tests.simulation.variant import Variant

LISTED = 4
"""More than the low ceilings let through at once."""

NEWCOMERS = 3_000
"""From here on the people are numbered whom a list brings."""


async def enter_list(hands: Hands) -> None:
    """Lists of new people are entered on one side."""
    stage, luck = hands.stage, hands.luck
    number = NEWCOMERS
    while not stage.ended:
        for _ in range(LISTED):
            number += 1
            hands.new("a", number, "Lead")
        await asyncio.sleep(luck.uniform(60.0, 200.0))


async def delete_list(hands: Hands) -> None:
    """All people known on both sides are deleted at once, on the side whose deletes are repeated on the other."""
    stage, luck = hands.stage, hands.luck
    sides = [side for side in SIDES if stage.sync.on_delete.get(side) is OnDelete.DELETE]
    await asyncio.sleep(luck.uniform(0.0, 20.0))
    for side in sides:
        rows = [one for one in hands.living(side) if one.person is not None and hands.living(other(side), one.person)]
        for row in rows[:LISTED]:
            if not stage.ended:
                delete_row(hands, row)


def _has_ceilings(variant: Variant) -> bool:
    return variant.has_low_ceilings and not variant.begins_empty and variant.shape.preset != "native"


def _repeats_deletes(variant: Variant) -> bool:
    return _has_ceilings(variant) and OnDelete.DELETE in variant.on_delete


LISTS: dict[str, tuple[Callable[[Hands], Awaitable[None]], float, Callable[[Variant], bool]]] = {
    "enter a list": (enter_list, 0.5, _has_ceilings),
    "delete a list": (delete_list, 0.5, _repeats_deletes),
}
"""By name: the task, in what share of the histories it is, and in which it can be."""


def of_lists(seed: int, variant: Variant) -> list[str]:
    """The crossings with lists that the history of *seed* draws: they shift nothing of what others draw."""
    luck = Random(f"{seed}/variant lists")
    return [name for name, (_, share, fits) in LISTS.items() if luck.random() < share and fits(variant)]
