"""net.budget: the window, the lanes and their reserve, the vendor's day, the forecast."""

from __future__ import annotations

import asyncio

from syncline.errors import QuotaExhausted
from syncline.net.budget import Budget, Limits, Wait
from syncline.ports import Lane, Usage
from tests.support.virtual import VirtualClock


async def calls(budget: Budget, lane: Lane, number: int) -> None:
    for _ in range(number):
        async with budget.slot(lane):
            pass


def test_the_window_is_never_overrun_and_the_wait_says_why() -> None:
    clock, waits = VirtualClock(), list[Wait]()
    start = clock.now()
    budget = Budget(Limits(calls_per_window=10, urgent_reserve=0), clock, on_wait=waits.append)
    asyncio.run(calls(budget, Lane.LIVE, 25))
    assert clock.sleeps == [20, 20]
    assert (clock.now() - start).total_seconds() == 40
    assert "window" in waits[0].reason
    assert waits[0].lane is Lane.LIVE


def test_urgent_finds_a_place_in_a_window_others_have_filled() -> None:
    clock = VirtualClock()
    budget = Budget(Limits(calls_per_window=10, urgent_reserve=0.2), clock)
    asyncio.run(calls(budget, Lane.BULK, 8))
    asyncio.run(calls(budget, Lane.URGENT, 2))
    assert clock.sleeps == []
    asyncio.run(calls(budget, Lane.BULK, 1))
    assert clock.sleeps == [20]


def test_concurrency_is_bounded_and_higher_lanes_go_first() -> None:
    order: list[Lane] = []
    running = peak = 0

    async def one(budget: Budget, lane: Lane) -> None:
        nonlocal running, peak
        async with budget.slot(lane):
            order.append(lane)
            running += 1
            peak = max(peak, running)
            for _ in range(5):
                await asyncio.sleep(0)
            running -= 1

    async def crowd() -> None:
        budget = Budget(Limits(concurrent=1, urgent_reserve=0), VirtualClock())
        first = [asyncio.create_task(one(budget, Lane.AUDIT)) for _ in range(1)]
        await asyncio.sleep(0)
        rest = [asyncio.create_task(one(budget, lane)) for lane in (Lane.AUDIT, Lane.BULK, Lane.LIVE, Lane.URGENT)]
        await asyncio.gather(*first, *rest)

    asyncio.run(crowd())
    assert peak == 1
    assert order == [Lane.AUDIT, Lane.URGENT, Lane.LIVE, Lane.BULK, Lane.AUDIT]


def test_lanes_stop_one_after_the_other_as_the_day_is_used_up() -> None:
    budget = Budget(Limits(), VirtualClock())
    allowed = {}
    for used in (600, 750, 900, 960, 1000):
        budget.learn_day(used, 1000)
        allowed[used] = [lane.value for lane in Lane if passes(budget, lane)]
    assert allowed == {
        600: ["urgent", "live", "bulk", "audit"],
        750: ["urgent", "live", "bulk"],
        900: ["urgent", "live"],
        960: ["urgent"],
        1000: [],
    }


def passes(budget: Budget, lane: Lane) -> bool:
    try:
        asyncio.run(calls(budget, lane, 1))
    except QuotaExhausted:
        return False
    return True


def test_a_used_up_day_is_probed_every_few_minutes_until_it_has_moved_on() -> None:
    clock = VirtualClock()
    budget = Budget(Limits(), clock)
    budget.learn_day(1000, 1000)
    assert not passes(budget, Lane.LIVE)
    clock.advance(301)
    assert passes(budget, Lane.LIVE)
    assert not passes(budget, Lane.LIVE)
    clock.advance(301)
    budget.learn_day(400, 1000)
    assert passes(budget, Lane.LIVE)


def test_answers_that_overtake_each_other_do_not_count_backwards() -> None:
    budget = Budget(Limits(), VirtualClock())
    for used in (10, 12, 11):
        budget.learn_day(used, 100)
    assert budget.usage() == Usage(calls_sent=0, day_used=12, day_limit=100)


def test_a_waiter_that_gives_up_does_not_block_those_behind_it() -> None:
    async def story() -> None:
        clock = VirtualClock()
        budget = Budget(Limits(concurrent=1), clock)
        async with budget.slot(Lane.LIVE):
            urgent = asyncio.create_task(calls(budget, Lane.URGENT, 1))
            audit = asyncio.create_task(calls(budget, Lane.AUDIT, 1))
            await asyncio.sleep(0)
        urgent.cancel()
        await asyncio.wait_for(audit, timeout=5)

    asyncio.run(story())
