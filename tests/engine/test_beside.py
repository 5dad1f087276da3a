"""Workers at different shares beside each other and beside readings: whatever the order, no edit is lost or made up.

Three workers never rest, people edit one field on each side, and every call takes a drawn time, so that sections of
shares overlap and readings come in between. A field is edited on one side alone: so both sides end with the last edit,
and whatever is logged as a conflict was somebody's misreading of a half-done step.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from syncline.connectors.memory import MemoryConnector, MemorySystem
from syncline.connectors.memory.connector import POOR, RICH
from syncline.engine.cycle import run_cycle
from syncline.engine.observe import meet
from syncline.engine.units import Turn, run_unit, units_of
from syncline.engine.world import World
from syncline.trees import Table
from tests.simulation.ground import found
from tests.simulation.loop import VirtualTime, run, virtual_loop
from tests.simulation.ports import Hold, Process, ProcessStore, Section
from tests.support.memory_world import NoExpressions, left_system, people, schema
from tests.support.virtual import SeededRandom

LINKS, SHARES, WORKERS, TURNS = 6, 4, 3, 4
VENDOR_SECONDS = 0.02


class _Counted(Section):
    """Counts how often somebody came beside somebody else."""

    beside = 0

    async def take(self, process: Process, *, is_shared: bool = False) -> Hold:
        hold = await super().take(process, is_shared=is_shared)
        self.beside += len(self._holds) > 1
        return hold


class _Nobody:
    """Is told of leases and commits, and keeps it to itself."""

    def before_taking(self, name: str) -> None: ...

    def taken(self, *told: object) -> None: ...

    def given_back(self, process: Process) -> None: ...

    def committed(self, *told: object) -> None: ...

    def failed(self, *told: object) -> None: ...


class _Distant:
    """A connector whose calls take a while."""

    def __init__(self, own: MemoryConnector, process: Process) -> None:
        self._own, self._process = own, process
        self.read_all, self.capabilities, self.usage = own.read_all, own.capabilities, own.usage

    async def read_changes(self, *asked: Any, **options: Any) -> Any:
        async for page in self._own.read_changes(*asked, **options):
            await self._process.step(VENDOR_SECONDS)
            yield page

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._own, name)

        async def distant(*asked: Any, **options: Any) -> Any:
            await self._process.step(VENDOR_SECONDS / 2)
            answer = await method(*asked, **options)
            await self._process.step(VENDOR_SECONDS / 2)
            return answer

        return distant


@dataclass(kw_only=True)
class _Office:
    """The two systems, the state's disk, and who works there."""

    seed: int
    time: VirtualTime
    ground: Any
    left: MemorySystem
    right: MemorySystem
    key: bytes
    section: _Counted = field(default_factory=_Counted)
    is_over: bool = False

    def worker(self, number: int) -> World:
        process = Process(name=f"{number}", time=self.time, luck=Random(f"{self.seed}/{number}"), section=self.section)
        nobody: Any = _Nobody()
        store: Any = ProcessStore(self.ground.store(), process, nobody, nobody)
        able = replace((RICH, POOR)[self.seed % 2], has_compare_and_set=False, late_commit_seconds=5.0)
        made = {"left": self.left, "right": self.right}
        connectors: Any = {n: _Distant(MemoryConnector(one, capabilities=able), process) for n, one in made.items()}
        sync = people()
        return World(
            store=store,
            connectors=connectors,
            clock=self.time,
            random=SeededRandom(self.seed * 10 + number),
            syncs={sync.name: sync},
            evaluate=NoExpressions(),
            key=self.key,
        )

    async def work(self, number: int) -> None:
        world, luck = self.worker(number), Random(f"{self.seed}/order {number}")
        sync = await meet(world, people())
        units = list(units_of(sync, SHARES))
        for turn in range(TURNS):
            luck.shuffle(units)
            for unit in units:
                own = Turn(worker=f"{number}", cycle=f"{number} {turn}", lease_seconds=600.0)
                await run_unit(world, sync, unit, own)
        self.is_over = True

    async def edit(self, ids: list[str], twins: list[str]) -> dict[str, str]:
        """People enter new titles on the left and new numbers on the right; the last ones by record."""
        luck, entered = Random(f"{self.seed}/people"), dict[str, str]()
        while not self.is_over:
            await asyncio.sleep(luck.uniform(0.05, 1.0) * VENDOR_SECONDS)
            at, word = luck.randrange(LINKS), f"{len(entered)} {luck.random()}"
            system, record_id, name = luck.choice(((self.left, ids[at], "title"), (self.right, twins[at], "phone")))
            system.update(record_id, {name: word}, "human")
            entered[record_id] = word
        return entered


async def _day(seed: int, time: VirtualTime) -> tuple[_Office, list[str]]:
    """Live one; what was wrong at its end."""
    ground: Any = found(time)
    clock: Any = time
    right = MemorySystem("R", {"human": schema("human")}, clock)
    key = await ground.store().installation_key()
    office = _Office(seed=seed, time=time, ground=ground, left=left_system(clock), right=right, key=key)
    ids = [office.left.create("person", {"email": f"p{n}@x.test", "last": f"L{n}"}, "human") for n in range(LINKS)]
    last = office.worker(9)
    for _ in range(4):
        await run_cycle(last, people())
        await asyncio.sleep(120)
    twins = {row.now.cells["email"]: record_id for record_id, row in office.right.rows.items()}
    pairs = [twins[f"p{n}@x.test"] for n in range(LINKS)]
    working = [asyncio.ensure_future(office.work(number)) for number in range(WORKERS)]
    entered = await office.edit(ids, pairs)
    await asyncio.gather(*working)
    for _ in range(6):
        await run_cycle(last, people())
        await asyncio.sleep(120)
    return office, [*_lost(office, ids, pairs, entered), *await _made_up(last)]


def _lost(office: _Office, ids: list[str], twins: list[str], entered: dict[str, str]) -> list[str]:
    left = {record_id: row.now.cells for record_id, row in office.left.rows.items()}
    right = {record_id: row.now.cells for record_id, row in office.right.rows.items()}
    wrong = []
    for one, two in zip(ids, twins, strict=True):
        for name, record_id in (("title", one), ("phone", two)):
            told = {left[one].get(name, ""), right[two].get(name, "")}
            if told != {entered.get(record_id, "")}:
                wrong.append(f"{name} of {one} and {two}: {told}, entered {entered.get(record_id)!r}")
    return wrong


async def _made_up(world: World) -> list[str]:
    conflicts = await world.store.rows(Table.CONFLICT)
    return [f"a conflict that nobody made: {row}" for row in conflicts.iter_rows(named=True)]


def day(seed: int) -> tuple[_Office, list[str]]:
    with virtual_loop() as loop:
        return run(loop, _day(seed, VirtualTime(loop)))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_made_up_where_shares_are_worked_on_side_by_side(seed: int) -> None:
    office, wrong = day(seed)
    assert wrong == []
    assert office.section.beside > 4, "they did come beside each other"
