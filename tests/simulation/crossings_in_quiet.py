"""Lives told in quiet: nothing fails but what is told, so that they come to their end.

Lives here: crossings that need several things to happen one after the other, each in histories without other troubles,
and which histories those are, from a luck of their own. Not here: lives among troubles (`crossings_of_lives`), or what
must hold (`laws`, `sending`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

from syncline.ports import HttpRequest
from syncline.records import SIDES, Side, other
from syncline.spec.model import OnDelete
from tests.simulation.crossings_of_lives import (
    MORE_ROUNDS,
    NEWCOMERS,
    Life,
    at,
    be_converted,
    cycles,
    grown_pairs,
    merge_and_delete,
    second,
    told,
)
from tests.simulation.deeds import Hands
from tests.simulation.ports import Delay, Process
from tests.simulation.pushed_bus import STRAGGLES
from tests.simulation.troubles import give_back
from tests.simulation.variant import Variant
from tests.simulation.workers import push_one

SHARE = 0.2
"""Of the histories with crossings."""

ON_ITS_WAY_SECONDS = (35.0, 50.0)
"""Of a write that arrives just before its sender stops waiting."""

SHOWN_SECONDS = 20.0
"""After so long a reading would show our write, had it arrived."""


async def change_places(hands: Hands) -> None:
    """Our write of somebody's change to b is long on its way; meanwhile the field is changed there, and that record is
    pushed. Side a would compare, and refuse."""
    (pair,) = await grown_pairs(hands, 1)
    await _set_off(hands, "a", {"title": hands.stage.fresh("title")}, pair[0].record_id)
    await asyncio.sleep(SHOWN_SECONDS)
    hands.write(pair[1], {"title": hands.stage.fresh("title")})
    await push_one(hands.stage, pair[1], hands.luck)


async def move_within(hands: Hands) -> None:
    """Our write of somebody's street is long on its way; meanwhile the city is changed where it will arrive, and the
    street again where it came from, and both are pushed."""
    (pair,) = await grown_pairs(hands, 1)
    side: Side = hands.luck.choice(SIDES)
    near, far = pair[at(side)], pair[at(other(side))]
    for key in ("street", "city"):
        await told(hands, pair, key, hands.stage.fresh(key), side)
    await _set_off(hands, side, {"street": hands.stage.fresh("street")}, near.record_id)
    await asyncio.sleep(SHOWN_SECONDS)
    hands.write(far, {"city": hands.stage.fresh("city")})
    hands.write(near, {"street": hands.stage.fresh("street")})
    await push_one(hands.stage, far, hands.luck)


async def _set_off(hands: Hands, side: Side, cells: dict[str, str], record_id: str) -> None:
    """*cells* are entered on *side*; returns when our write of them to the other side is on its way."""
    near = hands.stage.chronicle.rows[side][record_id]
    values = [value.encode() for value in cells.values()]

    def carries(process: Process, request: HttpRequest) -> bool:
        return process.is_sending and all(value in request.body for value in values)

    delay = Delay(fits=carries, before_seconds=hands.luck.uniform(*ON_ITS_WAY_SECONDS))
    hands.stage.lines[other(side)].delays.append(delay)
    hands.write(near, cells)
    while not delay.met.is_set():
        await second(hands)


async def say_yes_again(hands: Hands) -> None:
    """Of two linked pairs of one person with one address, who said no, one says yes on a later."""
    pairs = await grown_pairs(hands, 2)
    hands.write(pairs[0][0], {"email_opt_out": "true"})
    while any(row.now.cells["email_opt_out"] != "true" for pair in pairs for row in pair):
        await second(hands)
    await cycles(hands)
    hands.write(pairs[0][0], {"email_opt_out": "false"})
    hands.stage.yeses.append(tuple(row for pair in pairs for row in pair))


async def say_yes_with_an_address(hands: Hands) -> None:
    """Who said no gets a new address on b and says yes with it: that is of the address, and nobody's yes."""
    (pair,) = await grown_pairs(hands, 1)
    await told(hands, pair, "email_opt_out", "true", hands.luck.choice(SIDES))
    hands.write(pair[1], {"email": hands.stage.fresh("email"), "email_opt_out": "false"})


async def lose_a_right(hands: Hands) -> None:
    """The right to read a field is lost for a while; what is entered in another field of the record flows on."""
    (pair,) = await grown_pairs(hands, 1)
    if hands.luck.random() < 0.5:
        hands.stage.ground.ask_org("POST", "rights", {"hidden_fields": ["Lead.Title"]})
    else:
        hands.stage.ground.ask_instance("POST", "fields", {"name": "title", "hidden": True})
    await cycles(hands)
    for row, far in (pair, pair[::-1]):
        value = hands.stage.fresh("phone")
        hands.write(row, {"phone": value})
        await cycles(hands)
        await cycles(hands)
        if far.now.cells["phone"] != value:
            hands.stage.complaints.append(f"stuck: {row.side} {row.record_id} phone {value!r} waits for a hidden title")
    give_back(hands.stage)


async def push_again(hands: Hands) -> None:
    """Somebody enters a person and has it pushed; its making over there, or the answer, is long on its way, and he has
    it pushed again."""
    stage, person = hands.stage, NEWCOMERS + hands.luck.randint(901, 999)
    hands.left_alone.add(person)
    hands.new("a", person, "Lead")
    (row,) = [one for one in stage.chronicle.rows["a"].values() if one.person == person]
    seconds, is_early = hands.luck.uniform(*ON_ITS_WAY_SECONDS), hands.luck.random() < 0.5
    delay = Delay(
        fits=lambda process, request: process.is_sending and b"createOnly" in request.body,
        before_seconds=seconds * (not is_early),
        after_seconds=seconds * is_early,
    )
    stage.lines["b"].delays.append(delay)
    pushes = [asyncio.ensure_future(push_one(stage, row, hands.luck))]
    while not delay.met.is_set():
        await second(hands)
    for _ in range(2):
        await asyncio.sleep(hands.luck.uniform(1.0, 15.0))
        pushes.append(asyncio.ensure_future(push_one(stage, row, hands.luck)))
    await asyncio.gather(*pushes)


async def change_twice(hands: Hands) -> None:
    """Somebody changes his mind within seconds, and the event of his first change is late (`pushed_bus`)."""
    (pair,) = await grown_pairs(hands, 1)
    while True:
        hands.write(pair[0], {"title": hands.stage.fresh("title")})
        await second(hands)
        hands.write(pair[0], {"title": hands.stage.fresh("title")})
        await cycles(hands)


Wants = Callable[[Variant], Variant]


def anything(variant: Variant) -> Variant:
    return variant


def wide(variant: Variant) -> Variant:
    return replace(variant, shape=replace(variant.shape, is_wide=True))


def wide_with_contacts(variant: Variant) -> Variant:
    return replace(variant, shape=replace(variant.shape, is_wide=True, has_contacts=True))


def native(variant: Variant) -> Variant:
    return replace(variant, shape=replace(variant.shape, preset="native"))


def unlinking(variant: Variant) -> Variant:
    shape = replace(variant.shape, preset="recommended")
    return replace(variant, shape=shape, on_delete=(OnDelete.UNLINK, OnDelete.UNLINK))


def streams(variant: Variant) -> Variant:
    return replace(variant, workers=2, has_streams=True, crossings=(*variant.crossings, STRAGGLES))


QUIET: dict[str, tuple[Life, Wants]] = {
    "change places": (change_places, anything),
    "move within": (move_within, wide),
    "say yes again": (say_yes_again, native),
    "say yes with an address": (say_yes_with_an_address, anything),
    "lose a right": (lose_a_right, anything),
    "push again": (push_again, anything),
    "change twice": (change_twice, streams),
    "be converted in quiet": (be_converted, wide_with_contacts),
    "merge and delete in quiet": (merge_and_delete, unlinking),
}
"""By name: the life, and what its history must be like."""


def with_quiet(seed: int, variant: Variant) -> Variant | None:
    """*variant* without troubles and with one life, and the time for it; None where none is drawn."""
    luck = Random(f"{seed}/variant quiet")
    if luck.random() >= SHARE:
        return None
    name = luck.choice(sorted(QUIET))
    calm = replace(
        variant,
        shape=replace(variant.shape, is_wide=False),
        workers=1,
        has_streams=False,
        has_faults=False,
        has_low_ceilings=False,
        has_flows=False,
        has_admin=False,
        has_operator=False,
        has_pushes=False,
        has_late=False,
        has_namesakes=False,
        has_fight=False,
        is_slow_network=False,
        begins_empty=False,
        skew_seconds=0.0,
        crash_share=0.0,
        rounds=variant.rounds + MORE_ROUNDS,
        crossings=(name,),
    )
    return QUIET[name][1](calm)
