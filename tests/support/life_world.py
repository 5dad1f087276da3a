"""Two systems in memory and what happens to people in them: helpers for tests of the structural step.

Side a has persons and members (a person may become a member), side b humans. Lives here: making pairs, running, asking
for links. Not here: what must hold (the tests).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import polars as pl

from syncline.connectors.memory import MemorySystem
from syncline.connectors.memory import merge as merge_records
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.push import push
from syncline.records import Side, other
from syncline.spec.model import AT_DELETED, Combine, Direction, End, FieldMap, OnDelete, Policy, Sync
from syncline.trees import Table
from syncline.values import FieldType
from tests.support.memory_world import TwoSystems, people_of_two_types, two_systems

HUMAN, US = "human", "syncline"


def lively(**changes: Any) -> Sync:
    """Persons and members against humans: a score that is summed, and a fact that says who was deleted."""
    base = people_of_two_types()
    end = {"a": End(inputs=("phone",), field="phone"), "b": End(inputs=("phone",), field="phone")}
    score = FieldMap(
        key="phone",
        a={"person": end["a"], "member": end["a"]},
        b={"human": end["b"]},
        on_merge=Combine.SUM,
        policies={"*": Policy.B},
    )
    gone = End(inputs=(AT_DELETED,), field=None, type=FieldType.BOOLEAN)
    fact = FieldMap(
        key="gone",
        a={"person": gone, "member": gone},
        b={"human": End(inputs=("status",), field="status")},
        direction=Direction.A_TO_B,
        policies={"*": Policy.A},
    )
    fields = (*(score if m.key == "phone" else m for m in base.fields), fact)
    options = {"on_delete": {"a": OnDelete.FLAG, "b": OnDelete.UNLINK}, "fields": fields}
    return replace(base, **{**options, **changes})


@dataclass(kw_only=True)
class Lives:
    """A world in which things happen to people."""

    two: TwoSystems
    runs: int = 0

    @staticmethod
    async def begin(sync: Sync | None = None, **changes: Any) -> Lives:
        return Lives(two=await two_systems(sync or lively(**changes)))

    @property
    def store(self) -> Any:
        return self.two.world.store

    def system(self, side: Side) -> MemorySystem:
        return self.two.left if side == "a" else self.two.right

    async def run(self) -> RunReport:
        """One cycle, a minute later; its laws balance."""
        self.two.clock.advance(60.0)
        report = await run_cycle(self.two.world, self.two.sync)
        assert report.is_balanced, [law for law in report.balances if not law.is_balanced]
        self.two.clock.advance(60.0)
        return report

    async def rest(self) -> None:
        """Runs until one writes nothing and plans nothing, which must come soon."""
        for _ in range(6):
            before = self._written()
            report = await self.run()
            if before == self._written() and not len(report.sheets.outline()):
                return
        raise AssertionError("the sixth run still wrote something")

    def _written(self) -> list[int]:
        return [len(row.versions) for side in ("a", "b") for row in self.system(side).rows.values()]

    async def push(self, text: str) -> RunReport:
        self.two.clock.advance(60.0)
        report = await push(self.two.world, self.two.sync, text)
        self.two.clock.advance(60.0)
        return report

    async def pair(self, number: int = 1, *, kind: str = "person", **cells: str) -> tuple[str, str]:
        """A linked pair: the ids on a and b."""
        given = {"email": f"p{number}@x.test", "first": f"First{number}", "last": f"Last{number}", **cells}
        one = self.two.left.create(kind, given, HUMAN)
        await self.run()
        await self.run()
        return one, await self.twin("a", one)

    async def pairs(self, count: int, **cells: str) -> list[tuple[str, str]]:
        """So many linked pairs, made in one go."""
        given = [{"email": f"p{n}@x.test", "first": f"First{n}", "last": f"Last{n}", **cells} for n in range(count)]
        ones = [self.two.left.create("person", each, HUMAN) for each in given]
        await self.run()
        await self.run()
        return [(one, await self.twin("a", one)) for one in ones]

    async def twin(self, side: Side, record_id: str) -> str:
        """The current record on the other side of the link that *record_id* is in."""
        ends = await self.store.rows(Table.LINK_END, {"record_id": record_id, "side": side})
        assert len(ends) == 1, f"{record_id} is in {len(ends)} links"
        far = await self.store.rows(
            Table.LINK_END, {"link_id": ends["link_id"][0], "side": other(side), "role": "current"}
        )
        assert len(far) == 1
        return str(far["record_id"][0])

    async def link(self, side: Side, record_id: str) -> dict[str, Any]:
        """The LINK row of a record, with its `role`."""
        end = (await self.store.rows(Table.LINK_END, {"record_id": record_id, "side": side})).row(0, named=True)
        link = (await self.store.rows(Table.LINK, {"link_id": end["link_id"]})).row(0, named=True)
        return {**link, "role": end["role"]}

    def edit(self, side: Side, record_id: str, **cells: str) -> None:
        self.two.clock.advance(5.0)
        self.system(side).update(record_id, cells, HUMAN)
        self.two.clock.advance(5.0)

    def delete(self, side: Side, record_id: str) -> None:
        self.two.clock.advance(5.0)
        self.system(side).delete(record_id, HUMAN)
        self.two.clock.advance(5.0)

    def merge(self, side: Side, winner: str, *losers: str, cells: Mapping[str, str] | None = None) -> None:
        self.two.clock.advance(5.0)
        merge_records(self.system(side), winner, losers, HUMAN, cells=cells)
        self.two.clock.advance(5.0)

    def cell(self, side: Side, record_id: str, name: str) -> str:
        return str(self.system(side).rows[record_id].now.cells[name])

    def is_gone(self, side: Side, record_id: str) -> bool:
        return self.system(side).rows[record_id].now.is_deleted

    def alive(self, side: Side) -> list[str]:
        """Records that are there and have not ended in another one."""
        rows = self.system(side).rows.values()
        return [row.record_id for row in rows if not row.now.is_deleted and row.now.heir is None]

    async def holds(self, *kinds: str) -> pl.DataFrame:
        where = {"state": "open", **({"kind": list(kinds)} if kinds else {})}
        rows: pl.DataFrame = await self.store.rows(Table.HOLD, where)
        return rows

    async def conflicts(self, kind: str) -> list[dict[str, Any]]:
        return list((await self.store.rows(Table.CONFLICT, {"kind": kind})).iter_rows(named=True))


def lived(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an asynchronous test."""

    @wraps(test)
    def run(*args: Any, **options: Any) -> None:
        asyncio.run(test(*args, **options))

    return run
