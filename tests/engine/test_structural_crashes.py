"""Our process dies before each effect of a run that settles a merge, a conversion or a delete; the next runs bring
everything to the same rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from syncline.connectors.memory import convert
from syncline.engine.cycle import run_cycle
from syncline.records import Side, other
from syncline.spec.model import OnDelete
from syncline.trees import Commit
from tests.support.life_world import HUMAN, Lives
from tests.support.virtual import SeededRandom

Check = Callable[[], Awaitable[None]]
Event = Callable[[], Awaitable[tuple[Lives, Check]]]


class ProcessDied(BaseException):
    """Our process ends between two effects; what was stored stays."""


class DyingStore:
    """Passes everything on, telling of every commit before it happens."""

    def __init__(self, store: Any, before: Callable[[str], Awaitable[None]]) -> None:
        self._store, self._before = store, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        if not commit.is_empty():
            await self._before("commit")
        await self._store.commit(commit)


async def dying(lives: Lives, at: int) -> bool:
    """One run that dies before its effect number *at*; whether it had so many. Nothing of the process survives."""
    whole, sound, effects = lives.two.world, lives.two.world.connectors, 0

    async def before(_: str) -> None:
        nonlocal effects
        effects += 1
        if effects == at:
            raise ProcessDied

    def watched(connector: Any) -> Any:
        write = connector.write

        async def writes(*given: Any, **options: Any) -> Any:
            await before("write")
            answer = await write(*given, **options)
            await before("answer")
            return answer

        connector.write = writes
        return connector

    world = replace(
        whole,
        store=DyingStore(whole.store, before),
        connectors={name: watched(connector) for name, connector in sound.items()},
    )
    lives.two.clock.advance(60.0)
    try:
        await run_cycle(world, lives.two.sync)
    except ProcessDied:
        return True
    finally:
        for connector in sound.values():
            vars(connector).pop("write", None)
        lives.two.world = replace(whole, random=SeededRandom(at + 1000), schemas={}, actors={})
    return False


async def merged(side: Side, people: int) -> tuple[Lives, Check]:
    lives, far = await Lives.begin(), other(side)
    pairs = await lives.pairs(people, phone="10")
    made = pairs if side == "a" else [(b, a) for a, b in pairs]
    lives.merge(side, *(one for one, _ in made))

    async def check() -> None:
        assert (lives.alive(side), lives.alive(far)) == ([made[0][0]], [made[0][1]])
        assert await lives.twin(side, made[0][0]) == made[0][1]
        assert lives.cell(side, made[0][0], "phone") == lives.cell(far, made[0][1], "phone") == f"{people}0"

    return lives, check


async def person_and_member_merged() -> tuple[Lives, Check]:
    lives = await Lives.begin()
    _, human = await lives.pair(1, phone="10")
    member, its_human = await lives.pair(2, kind="member", phone="5")
    lives.merge("b", human, its_human)

    async def check() -> None:
        assert (lives.alive("a"), lives.alive("b")) == ([member], [human])
        assert lives.cell("a", member, "phone") == lives.cell("b", human, "phone") == "15"

    return lives, check


async def converted() -> tuple[Lives, Check]:
    lives = await Lives.begin()
    person, human = await lives.pair(title="Boss")
    member = convert(lives.two.left, person, HUMAN, set_on_heir={"title": ""})

    async def check() -> None:
        assert (lives.alive("a"), lives.alive("b")) == ([member], [human])
        assert await lives.twin("a", member) == human
        assert lives.cell("a", member, "title") == "Boss"

    return lives, check


async def deleted_and_made_anew(side: Side) -> tuple[Lives, Check]:
    lives = await Lives.begin(on_delete={side: OnDelete.RECREATE, other(side): OnDelete.UNLINK})
    a, b = await lives.pair()
    gone, twin = (a, b) if side == "a" else (b, a)
    lives.delete(side, gone)
    lives.edit(other(side), twin, title="Chief")

    async def check() -> None:
        (fresh,) = lives.alive(side)
        assert lives.cell(side, fresh, "title") == "Chief"
        assert await lives.twin(side, fresh) == twin

    return lives, check


async def deleted_on_both() -> tuple[Lives, Check]:
    lives = await Lives.begin(on_delete={"a": OnDelete.DELETE, "b": OnDelete.UNLINK})
    person, _ = await lives.pair()
    lives.delete("a", person)

    async def check() -> None:
        assert lives.alive("a") == lives.alive("b") == []

    return lives, check


@pytest.mark.parametrize(
    ("event", "least"),
    [
        pytest.param(lambda: merged("a", 3), 15, id="three merged on a"),
        pytest.param(lambda: merged("b", 2), 10, id="two merged on b"),
        pytest.param(person_and_member_merged, 10, id="person and member merged"),
        pytest.param(converted, 8, id="converted"),
        pytest.param(lambda: deleted_and_made_anew("a"), 8, id="made anew on a"),
        pytest.param(lambda: deleted_and_made_anew("b"), 8, id="made anew on b"),
        pytest.param(deleted_on_both, 8, id="deleted on both"),
    ],
)
def test_wherever_it_dies(event: Event, least: int) -> None:
    async def at(effect: int) -> bool:
        lives, check = await event()
        died = await dying(lives, effect)
        await lives.rest()
        await check()
        return died

    survived = next(n for n in count(1) if not asyncio.run(at(n)))
    assert survived > least, "a run has several effects; it died before each of them"
