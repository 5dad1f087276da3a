"""A budget that several workers share: no limit is exceeded, whoever dies, and nobody starves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from syncline.engine.ledger import StoreLedger
from syncline.errors import Parked, QuotaExhausted
from syncline.net import spending
from syncline.net.budget import Budget
from syncline.net.limits import Limits
from syncline.net.shares import Chunk
from syncline.net.spending import Ask
from syncline.ports import Account, Lane, Ledger
from syncline.store import open_store
from tests.support.scheduler import ScheduledClock
from tests.support.spenders import MemoryLedger, System, dies, worker
from tests.support.virtual import START

LIMITS = Limits(concurrent=4, calls_per_window=10, window_seconds=20, urgent_reserve=0.25)


async def history(seed: int, ledger_of: Callable[[ScheduledClock], Ledger] = MemoryLedger) -> System:
    """Two workers with calls of all lanes; in every third history one of them dies on the way."""
    chance, clock = random.Random(seed), ScheduledClock(seed)
    system = System(LIMITS, clock, day_limit=chance.choice((15, 25, 1000)))
    ledger = ledger_of(clock)
    await ledger.revise(lambda account, now_us: spending.learn_day(account, now_us, 0, system.day_limit, None))
    workers = [worker(f"w{number}", system, ledger, f"{seed}/{number}") for number in (1, 2)]
    stories = [one.calls(chance.choice(list(Lane)), chance.randint(2, 8)) for one in workers for _ in range(3)]
    if seed % 3 == 0:
        stories.append(dies(workers[0], timedelta(seconds=chance.uniform(0, 30))))

    def ending() -> None:
        for one in workers:
            one.life.is_dead, one.life.is_over = True, True

    left = await clock.drive(*stories, until=1200.0, ending=ending)
    died = range(3) if seed % 3 == 0 else ()
    assert set(left) <= set(died), f"seed {seed}: somebody starves"
    return system


def broken(histories: int) -> list[str]:
    """What the system would have refused in so many histories, the first that is found."""
    with asyncio.Runner() as runner:
        for seed in range(histories):
            if found := runner.run(history(seed)).broken:
                return [f"seed {seed}: {one}" for one in found]
    return []


def test_two_workers_never_exceed_a_limit_in_a_thousand_histories() -> None:
    assert broken(1_000) == []


def test_nor_do_they_by_a_ledger_in_the_store() -> None:
    async def stored(seed: int) -> System:
        stores: list[Any] = [await open_store(":memory:", ScheduledClock(seed))]

        def ledger(clock: ScheduledClock) -> Ledger:
            stores[0]._clock = clock
            return StoreLedger(stores[0], "org")

        try:
            return await history(seed, ledger)
        finally:
            await stores[0].close()

    systems = [asyncio.run(stored(seed)) for seed in range(10)]
    assert [system.broken for system in systems if system.broken] == []
    alike = asyncio.run(history(7))
    assert systems[7].starts == alike.starts, "the two ledgers do not decide alike"


def _open_chunks_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "_weight", lambda one: one.spent or 0)


def _places_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "_places", lambda account, limits, wanted: (wanted.calls, None))


def _a_dead_worker_s_calls_are_forgotten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = spending.settle

    def forgetful(account: Account, now_us: int, limits: Limits, stands: Ask) -> None:
        account.allowances = {n: one for n, one in account.allowances.items() if one.expires_us > now_us}
        settle(account, now_us, limits, stands)

    monkeypatch.setattr(spending, "settle", forgetful)


def _own_calls_are_not_added_to_the_vendor_s_day(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = spending._granted

    def uncounted(account: Account, *rest: Any) -> object:
        grant = granted(account, *rest)
        account.day_ours = 0
        return grant

    monkeypatch.setattr(spending, "_granted", uncounted)


def _urgent_s_reserve_is_everybody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "share_of", lambda limits, total, lane: total)


@pytest.mark.parametrize(
    "plant",
    [
        _open_chunks_weigh_nothing,
        _places_are_not_counted,
        _a_dead_worker_s_calls_are_forgotten_at_once,
        _own_calls_are_not_added_to_the_vendor_s_day,
        _urgent_s_reserve_is_everybody_s,
    ],
)
def test_a_planted_defect_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert broken(100)


def spends(system: System, ledger: Ledger, name: str) -> Budget:
    budget = Budget(system.limits, system.clock)
    budget.share(ledger, name, alone=False)
    return budget


def system_of(**limits: Any) -> System:
    return System(Limits(**limits), ScheduledClock(1), day_limit=1_000)


async def call(budget: Budget, system: System, lane: Lane, seconds: float = 0.1, *, after: float = 0.0) -> float:
    """One call of so many seconds; how long it had to wait."""
    await system.clock.sleep(after)
    asked_at = system.clock.now()
    async with budget.slot(lane, longest_seconds=60):
        waited = system.clock.now() - asked_at
        system.begin(lane)
        await system.clock.sleep(seconds)
        system.end(lane)
    return waited.total_seconds()


@pytest.mark.parametrize(
    ("seconds", "left", "places", "may"),
    [(1.9, 1, 1, True), (2.0, 1, 1, False), (1.9, 0, 1, False), (1.9, 1, 0, False)],
)
def test_a_chunk_is_used_in_time_or_not_at_all(seconds: float, left: int, places: int, may: bool) -> None:
    chunk = Chunk(left=left, places=places, until=START + timedelta(seconds=2))
    assert chunk.take(START + timedelta(seconds=seconds), 60.0) is may


def test_what_a_dead_worker_held_comes_back() -> None:
    system = system_of(concurrent=2, urgent_reserve=0)
    ledger = MemoryLedger(system.clock)
    dead, alive = spends(system, ledger, "w1"), spends(system, ledger, "w2")

    async def dying() -> None:
        await dead._enter(Lane.LIVE, 30.0)
        await dead._enter(Lane.LIVE, 30.0)

    waited: list[float] = []

    async def waiting() -> None:
        waited.append(await call(alive, system, Lane.LIVE, after=1.0))

    asyncio.run(system.clock.drive(dying(), waiting()))
    assert 29 <= waited[0] <= 33, "as long as the dead one's calls may have been under way, and no longer"


def test_urgent_waits_at_most_one_call_beside_a_bulk_load_of_two_workers() -> None:
    system = system_of(concurrent=4, urgent_reserve=0.25, calls_per_window=40)
    ledger = MemoryLedger(system.clock)
    budgets = [spends(system, ledger, name) for name in ("w1", "w2")]
    waits: list[float] = []

    async def urgent() -> None:
        for _ in range(12):
            waits.append(await call(budgets[0], system, Lane.URGENT, 0.5, after=3.0))

    async def load(budget: Budget) -> None:
        for _ in range(30):
            await call(budget, system, Lane.BULK, 1.0)

    asyncio.run(system.clock.drive(urgent(), *(load(budget) for budget in budgets for _ in range(4))))
    assert system.broken == []
    assert max(waits) <= 1.0, "longer than one call"


def test_two_busy_workers_get_as_much_as_each_other() -> None:
    system = system_of(concurrent=4, urgent_reserve=0, calls_per_window=20)
    ledger = MemoryLedger(system.clock)
    made = {"w1": 0, "w2": 0}

    async def load(name: str, budget: Budget) -> None:
        while True:
            await call(budget, system, Lane.LIVE, 0.2)
            made[name] += 1

    async def both() -> None:
        loads = [load(name, budget) for name in made for budget in [spends(system, ledger, name)] for _ in range(8)]
        await system.clock.drive(*loads, until=400.0)

    asyncio.run(both())
    assert min(made.values()) >= 0.7 * max(made.values())
    assert sum(made.values()) >= 0.8 * 20 * 20, "most of what the window allows is used"


def test_what_one_worker_learns_holds_for_the_other() -> None:
    system = system_of()
    ledger = MemoryLedger(system.clock)
    first, second = spends(system, ledger, "w1"), spends(system, ledger, "w2")

    async def story() -> None:
        first.throttle(600, "slow down")
        await first.publish()
        with pytest.raises(Parked, match=r"slow down.*until 10:10:00"):
            await call(second, system, Lane.LIVE)
        await system.clock.sleep(600)
        first.learn_day(950, 1_000)
        await first.publish()
        with pytest.raises(QuotaExhausted):
            await call(second, system, Lane.LIVE)
        assert await call(second, system, Lane.URGENT) < 0.1

    asyncio.run(system.clock.drive(story()))


def test_a_holder_that_is_alone_writes_little_and_its_successor_knows() -> None:
    system, told = system_of(), 0
    ledger = MemoryLedger(system.clock)

    async def story() -> None:
        nonlocal told
        budget = Budget(system.limits, system.clock)
        budget.share(ledger, "w1", alone=True)
        for used in range(100):
            await call(budget, system, Lane.LIVE, 0.1)
            budget.learn_day(used, 1_000)
            told += ledger.account.day_used == used
        await budget.close()
        assert ledger.account.day_used == 99
        budget.throttle(300, "slow down")
        await budget.publish()
        later = Budget(system.limits, system.clock)
        later.share(ledger, "w2", alone=True)
        with pytest.raises(Parked):
            await call(later, system, Lane.LIVE)

    asyncio.run(system.clock.drive(story()))
    assert told <= 2, "ten seconds of calls are no reason to write a hundred times"
