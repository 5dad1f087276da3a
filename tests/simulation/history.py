"""One history from beginning to end: people, workers, troubles; then rest, until nothing is left to do.

Lives here: who takes part, and coming to rest. What must hold then is said in `laws`.
"""

from __future__ import annotations

import asyncio
from functools import cache, partial
from random import Random
from typing import Any

import polars as pl

from syncline.trees import Table
from tests.simulation import crossings, marked, troubles
from tests.simulation.altering import alter
from tests.simulation.crossings import with_crossings
from tests.simulation.deeds import Hands, deed, share_an_address
from tests.simulation.ground import Ground, found
from tests.simulation.kept import Prepared, keep, kept
from tests.simulation.loop import BEGIN, VirtualTime, run, virtual_loop
from tests.simulation.operator import approve_all, operate
from tests.simulation.pool import in_pool
from tests.simulation.stage import Stage
from tests.simulation.unseen import hide_everything, look_at_all, show_everything
from tests.simulation.variant import Shape, Variant, draw, drawn
from tests.simulation.workers import cycle, turn, work

RESTS = 9
SOON_US = 3_600_000_000
PEOPLE = 4
"""At the beginning, where a first copy was made before."""
PREPARED_VALUES = 900
"""From where on the values that people enter then are counted: nobody enters the same value in a history again."""


class Unprepared(Exception):
    """Not even a first copy without any trouble comes to rest."""


@cache
def prepared(shape: Shape) -> Prepared:
    """Both systems with a few people, copied and at rest; as another process of the same sources left them, if any."""
    found = kept(shape.name)
    if found is None:
        found = _prepared_anew(shape)
        keep(shape.name, found)
    return found


def _prepared_anew(shape: Shape) -> Prepared:
    with virtual_loop() as loop:
        time = VirtualTime(loop)
        ground = found(time)
        variant = draw(Random("nothing fails"), faults=False, workers=1)
        return run(loop, _prepare(ground, variant, shape))


async def _prepare(ground: Ground, variant: Variant, shape: Shape) -> Prepared:
    from dataclasses import replace

    variant = replace(variant, shape=shape, has_low_ceilings=False, has_fight=False, skew_seconds=0.0)
    key = await ground.store().installation_key()
    stage = Stage.over(ground, 0, variant, variant.sync(), key)
    asyncio.get_running_loop().set_exception_handler(partial(_complain, stage))
    stage.ended = True
    stage.values_made = PREPARED_VALUES
    hands = Hands(stage=stage, luck=Random("prepared"), people=0)
    for person in range(1, PEOPLE + 1):
        hands.people = person
        if person != 2:
            hands.new("a", person, "Contact" if person == 3 and shape.has_contacts else "Lead")
        if person in (2, 4):
            hands.new("b", person)
    await rest(stage, hands)
    if stage.complaints:
        raise Unprepared("\n".join([*stage.complaints, *stage.story]))
    seconds = (ground.time.now() - BEGIN).total_seconds()
    return Prepared(pictures=ground.pictures(), key=key, begin_seconds=seconds)


def lived(seed: int, variant: Variant | None = None) -> Stage:
    """The history of a seed, lived to its rest; broken laws are in `Stage.complaints`."""
    return in_pool(partial(_lived, seed, variant or with_crossings(seed, drawn(seed))))


def _lived(seed: int, variant: Variant) -> Stage:
    before = None if variant.begins_empty else prepared(variant.shape)
    with virtual_loop() as loop:
        time = VirtualTime(loop)
        if before is not None:
            loop.pass_time(before.begin_seconds)
        ground = found(time, before.pictures if before else None)
        try:
            return run(loop, _live(ground, seed, variant, before))
        finally:
            ground.close()


async def _live(ground: Ground, seed: int, variant: Variant, before: Prepared | None) -> Stage:
    from tests.simulation.laws import judge

    key = before.key if before else await ground.store().installation_key()
    stage = Stage.over(ground, seed, variant, variant.sync(), key)
    stage.tell(f"{variant}")
    if variant.crossings:
        stage.tell(f"who crosses: {', '.join(variant.crossings)}")
    asyncio.get_running_loop().set_exception_handler(partial(_complain, stage))
    hands = Hands(stage=stage, luck=Random(f"{seed}/people"), people=0 if before is None else PEOPLE)
    if before is None:
        for person in range(1, PEOPLE + 1):
            hands.people = person
            hands.new("a" if person % 2 else "b", person)
    if variant.has_namesakes:
        share_an_address(hands)
    for line in stage.lines.values():
        line.slow_share = 0.04 if variant.is_slow_network else 0.0
        line.lost_share = 0.02 if variant.is_slow_network else 0.0
    tasks = [asyncio.ensure_future(work(stage, number)) for number in range(variant.workers)]
    tasks.append(asyncio.ensure_future(live(hands)))
    if variant.has_streams:
        from tests.simulation.pushed import follow_channels

        tasks += [asyncio.ensure_future(follow_channels(stage, number)) for number in range(2)]
    for is_on, task in (
        (variant.has_faults, troubles.fail),
        (variant.has_admin, troubles.govern),
        (variant.has_flows, troubles.override),
        (variant.has_pushes, troubles.push_often),
        (variant.has_operator, operate),
        (variant.has_late, troubles.arrive_late),
        (variant.has_unseen, hide_everything),
        (variant.has_altering, alter),
    ):
        if is_on:
            tasks.append(asyncio.ensure_future(task(stage)))
    tasks += [asyncio.ensure_future(task) for task in crossings.begin(hands)]
    await asyncio.gather(*tasks)
    troubles.over(stage)
    show_everything(stage)
    await marked.compare(stage)
    stage.tell("rest")
    await rest(stage, hands)
    await judge(stage)
    return stage


def _complain(stage: Stage, loop: asyncio.AbstractEventLoop, met: dict[str, Any]) -> None:
    """What a callback raised, such as a system's core at a request, is nobody's answer: the history would go on."""
    if "handle" in met:
        stage.complaints.append(f"harness: {met['message']}: {met.get('exception')!r}")
    else:
        loop.default_exception_handler(met)


async def live(hands: Hands) -> None:
    """People do things, a few at once or one after a while, until everything rests."""
    while not hands.stage.ended:
        deed(hands)
        await asyncio.sleep(hands.luck.choice((0.2, 1.0, 5.0, 30.0, 120.0)) * hands.luck.uniform(0.5, 1.5))


async def rest(stage: Stage, hands: Hands) -> None:
    """Nobody edits and nothing fails; cycles follow until one has nothing to do. Only a rule that fights goes on."""
    process, world = stage.start("rest")
    for number in range(RESTS):
        await asyncio.sleep(1000.0)
        if stage.variant.has_fight and stage.variant.shape.preset == "recommended":
            troubles.set_back(hands, number)
        for side in ("a", "b"):
            stage.catch_up("a" if side == "a" else "b")
        sent = stage.writes_sent
        if stage.variant.has_unseen and not number:
            await look_at_all(stage, process, world)
        if stage.variant.workers == 1:
            has_run = await cycle(stage, process, world) is not None
        else:
            has_run = bool(await turn(stage, process, world, None))
        if await approve_all(stage):
            continue
        if has_run and stage.writes_sent == sent and await is_idle(stage):
            return
    stage.complaints.append(f"rest: after {RESTS} cycles there is still something to do")


async def is_idle(stage: Stage) -> bool:
    """Nothing is in flight, unread or marked for soon."""
    store = stage.ground.store()
    entries = await store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown", "written"]})
    dirty = await store.rows(Table.DIRTY)
    return not entries and dirty.filter(pl.col("due_us") <= stage.now_us() + SOON_US).is_empty()
