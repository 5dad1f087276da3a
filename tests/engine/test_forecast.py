"""When the day's calls end at the present rate, and what is parked until when."""

from __future__ import annotations

import asyncio
from io import StringIO

from rich.console import Console

from syncline.cli.screens.limits import limits_lines
from syncline.engine.forecast import Outlook, as_dict, outlook
from syncline.engine.ledger import StoreLedger
from syncline.errors import Later
from syncline.net.budget import Budget, Limits
from syncline.ports import Lane
from syncline.store import open_store
from syncline.values import instant, micros
from tests.support.virtual import START, VirtualClock

HOUR = 3600


async def spent(
    clock: VirtualClock, *, per_call: int = 10, calls: int = 61, limit: int = 10_000
) -> tuple[Outlook, str]:
    """An hour of one call a minute, each followed by the vendor's number, which others move too."""
    store = await open_store(":memory:", clock)
    budget = Budget(Limits(), clock)
    budget.share(StoreLedger(store, "org"), "w1", alone=True)
    try:
        for number in range(calls):
            budget.learn_day(1_000 + number * per_call, limit)
            async with budget.slot(Lane.LIVE):
                clock.advance(60)
    except Later:
        clock.advance(0)
    await budget.close()
    found = await outlook(store, "org", micros(clock.now()))
    await store.close()
    text = StringIO()
    limits_lines(Console(file=text, width=200), [as_dict(found)])
    return found, text.getvalue()


def ends(found: Outlook) -> dict[Lane, float | None]:
    return {
        one.lane: None if one.ends_us is None else (one.ends_us - micros(START)) / 1e6 / HOUR for one in found.lanes
    }


def test_every_lane_has_its_end_at_the_present_rate() -> None:
    found, text = asyncio.run(spent(VirtualClock()))
    assert found.per_hour is not None
    assert 590 <= found.per_hour <= 610
    hours = ends(found)
    # 1,600 are used after the hour; the lanes stop at 7,000, 8,000, 9,500 and 10,000.
    assert [round(hours[lane] or 0) for lane in (Lane.AUDIT, Lane.BULK, Lane.LIVE, Lane.URGENT)] == [10, 12, 14, 15]
    assert found.lanes[1].calls_last_hour in (59, 60, 61)
    assert "1600 of the day's 10000 calls are used, 600 an hour; at this rate audit stops at 2026-11-22 20:" in text


def test_a_day_that_others_use_up_parks_the_lanes_one_by_one() -> None:
    found, text = asyncio.run(spent(VirtualClock(), per_call=100, limit=10_000, calls=75))
    assert found.parked(Lane.BULK) is not None
    assert found.parked(Lane.LIVE) is None
    assert "parked org, bulk lane: 8400 of the day's 10000 calls are used; it stops at 80%" in text


def test_a_connection_that_was_never_called_is_not_parked() -> None:
    async def story() -> Outlook:
        return await outlook(await open_store(":memory:", VirtualClock()), "org", micros(START))

    found = asyncio.run(story())
    assert (found.day_used, found.per_hour, found.breaker) == (None, None, "closed")
    assert [found.parked(lane) for lane in Lane] == [None] * 4


def test_a_hold_is_shown_with_its_reason_and_ends_by_itself() -> None:
    async def story() -> tuple[Outlook, Outlook]:
        clock = VirtualClock()
        store = await open_store(":memory:", clock)
        budget = Budget(Limits(), clock)
        budget.share(StoreLedger(store, "org"), "w1", alone=True)
        async with budget.slot(Lane.LIVE):
            budget.throttle(600, "slow down")
        held = await outlook(store, "org", micros(clock.now()))
        return held, await outlook(store, "org", micros(clock.now()) + 600_000_000)

    held, later = asyncio.run(story())
    assert held.parked(Lane.URGENT) == (micros(START) + 600_000_000, "slow down")
    assert instant(held.parked_until_us or 0).hour == 10
    assert later.parked(Lane.URGENT) is None
