"""Two systems in memory living through a history: people edit, cycles run, things fail, the process dies.

Lives here: `Life`, which plays steps (the history) and keeps what actually happened beside what the engine believes.
What must hold at the end is said in `memory_laws`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from syncline import records
from syncline.connectors.memory import FaultyConnector, MemorySystem, convert, undelete
from syncline.connectors.memory.connector import POOR, RICH
from syncline.connectors.memory.system import Flow, Row
from syncline.engine.bases import base_columns
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.world import World
from syncline.errors import ConfigError, Later
from syncline.ports import Capabilities
from syncline.records import Page, Side, Write, WriteAnswer
from syncline.spec.model import Sync
from syncline.store import open_store
from syncline.trees import Commit, Store, Table
from syncline.values import FieldType
from tests.support.memory_world import left_system, people, people_of_two_types, schema
from tests.support.virtual import SeededRandom, VirtualClock

TYPES: dict[Side, str] = {"a": "person", "b": "human"}
CONNECTIONS: dict[Side, str] = {"a": "left", "b": "right"}
EDITED = ("title", "phone", "last", "email", "opt_out")


class ProcessDied(BaseException):
    """Our process ends between two effects; what was stored stays."""


class NotEqual:
    """Evaluates the one predicate a history uses: status <> 'out'."""

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        assert expression == "status <> 'out'"
        return (cells["status"] != "out").rename("")

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        raise NotImplementedError(expression)


@dataclass(frozen=True)
class Variant:
    """What the two systems can do."""

    name: str
    capabilities: Capabilities
    has_unique_key: bool
    confirms: bool = False  # a write's answer carries what was read in the same call


RICH_SYSTEMS = Variant("rich", RICH, has_unique_key=True, confirms=True)
POOR_SYSTEMS = Variant("poor", POOR, has_unique_key=False)
GUARDED_SYSTEMS = Variant("compare-and-set only", replace(POOR, has_compare_and_set=True), has_unique_key=True)


@dataclass(frozen=True)
class Edit:
    """A person's edit, as the system kept it."""

    side: Side
    record_id: str
    field: str
    old: str
    new: str
    at_us: int


class WatchedStore:
    """Passes everything on, telling of every effect before it happens, and which bases are stored."""

    def __init__(
        self, store: Store, before: Callable[[str], Awaitable[None]], based: Callable[[pl.DataFrame], None]
    ) -> None:
        self._store, self._before, self._based = store, before, based

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        if not commit.is_empty():
            await self._before("commit")
        if (bases := commit.put.get(Table.BASE)) is not None:
            self._based(bases)
        await self._store.commit(commit)

    async def next_link_ids(self, count: int) -> int:
        await self._before("reserve")
        return await self._store.next_link_ids(count)


class WatchedConnector(FaultyConnector):
    """Tells of every call before it happens, and what it showed."""

    before: Callable[[str], Awaitable[None]]
    showed: Callable[[Page], None]
    wrote: Callable[[Sequence[Write]], None]

    async def _watch(self, pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
        await self.before("read")
        async for page in pages:
            self.showed(page)
            yield page
            await self.before("read")

    async def read_all(self, object_type: str, fields: Sequence[str], **options: Any) -> AsyncIterator[Page]:
        async for page in self._watch(super().read_all(object_type, fields, **options)):
            yield page

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, **options: Any
    ) -> AsyncIterator[Page]:
        async for page in self._watch(super().read_changes(object_type, fields, cursor, **options)):
            yield page

    async def read_by_ids(self, object_type: str, fields: Sequence[str], ids: Sequence[str], **options: Any) -> Page:
        await self.before("read")
        page = await super().read_by_ids(object_type, fields, ids, **options)
        self.showed(page)
        return page

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], **options: Any
    ) -> Page:
        await self.before("find")
        page = await super().find(object_type, fields, key_field, values, **options)
        self.showed(page)
        return page

    async def write(self, writes: Sequence[Write], **options: Any) -> WriteAnswer:
        await self.before("write")
        self.wrote(writes)
        answer = await super().write(writes, **options)
        if answer.confirmed is not None:
            self.showed(answer.confirmed)
        return answer


@dataclass(kw_only=True)
class Life:
    """The two systems, the state that survives our process, and a record of what really happened."""

    variant: Variant
    clock: VirtualClock
    systems: dict[Side, MemorySystem]
    connectors: dict[Side, WatchedConnector]
    store: Store
    key: bytes
    sync: Sync
    edits: list[Edit] = field(default_factory=list)
    shown: dict[tuple[Side, str, str, str], int] = field(default_factory=dict)  # value of a cell -> when last shown
    seen: dict[tuple[Side, str], dict[str, str]] = field(default_factory=dict)
    first_shown_us: dict[tuple[Side, str], int] = field(default_factory=dict)
    based_us: dict[tuple[int, str], int] = field(default_factory=dict)  # link, mapping -> since when it has bases
    written: list[tuple[Side, Write, int]] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    reports: list[RunReport] = field(default_factory=list)
    deaths: int = 0
    runs: int = 0
    values_made: int = 0
    flows: dict[Side, int] = field(default_factory=lambda: {"a": 0, "b": 0})
    plan: dict[int, Callable[[], None]] = field(default_factory=dict)
    effects: int = 0
    is_dead: bool = False
    beside: list[asyncio.Task[None]] = field(default_factory=list)  # what our process does beside the cycle

    @staticmethod
    async def begin(variant: Variant, sync: Sync | None = None) -> Life:
        clock = VirtualClock()
        systems: dict[Side, MemorySystem] = {
            "a": left_system(clock),
            "b": MemorySystem("R", {"human": schema("human")}, clock),
        }
        systems["b"].normalise = digits_of_phones
        if variant.has_unique_key:
            systems["b"].unique = {"key"}
        store = await open_store(":memory:", clock)
        connectors: dict[Side, WatchedConnector] = {
            side: WatchedConnector(system, capabilities=variant.capabilities) for side, system in systems.items()
        }
        sync = sync or filtered_people()
        key = await store.installation_key()
        life = Life(
            variant=variant, clock=clock, systems=systems, connectors=connectors, store=store, key=key, sync=sync
        )
        for side, system in systems.items():
            system.flow = life._flow(side)
        for side, connector in connectors.items():
            connector.confirms = variant.confirms
            connector.before = life._before
            connector.showed = life._watcher(side)
            connector.wrote = life._writer(side)
        return life

    # What people do.

    def edit(self, side: Side, record_id: str, name: str, value: str, *, late_seconds: float = 0.0) -> None:
        """A person changes one field, perhaps in a long transaction that becomes readable later."""
        system = self.systems[side]
        system.catch_up()
        began_us = system.stamp_us()

        def commit() -> None:
            if system.rows[record_id].has_ended:
                return  # a deleted, merged or converted record cannot be edited
            old = system.rows[record_id].now.cells[name]
            system.update(record_id, {name: value}, "human", stamp_us=began_us if late_seconds else None)
            new = system.rows[record_id].now.cells[name]
            if new != old:
                self.edits.append(Edit(side, record_id, name, old, new, system.now_us()))

        if late_seconds:
            system.later(late_seconds, commit)
        else:
            commit()

    def new_person(self, side: Side, number: int) -> str:
        """A person is entered by hand; the same number gives the same e-mail and name: a twin of the other side's."""
        cells = {
            "email": f"p{number}@x.test",
            "first": f"First{number}",
            "last": f"Last{number}",
            "title": self.fresh("title"),
        }
        self.systems[side].catch_up()
        return self.systems[side].create(TYPES[side], cells, "human")

    def fresh(self, name: str) -> str:
        """A value of the field that nobody used before."""
        self.values_made += 1
        n = self.values_made
        forms = {"phone": f"(555) 01-{n:04d}", "email": f"new{n}@x.test"}
        return forms.get(name, f"{name} {n}")

    def people_of(self, side: Side) -> list[str]:
        self.systems[side].catch_up()
        return [record_id for record_id, row in self.systems[side].rows.items() if not row.has_ended]

    def undelete(self, side: Side, who: int) -> None:
        """A person brings the who-th deleted record back, if there is one."""
        system = self.systems[side]
        gone = [record_id for record_id, row in system.rows.items() if row.now.is_deleted and not row.now.is_purged]
        if gone:
            undelete(system, gone[who % len(gone)], "human")

    def convert(self, who: int) -> None:
        """A person converts the who-th person of side a, if there is one."""
        system = self.systems["a"]
        people = [one for one in self.people_of("a") if system.rows[one].object_type in system.conversions]
        if people:
            convert(system, people[who % len(people)], "human")

    # What we do.

    def world(self) -> World:
        """Our process, newly started over the state that is there."""
        self.runs += 1
        return World(
            store=WatchedStore(self.store, self._before, self._bases_known),
            connectors={CONNECTIONS[side]: connector for side, connector in self.connectors.items()},
            clock=self.clock,
            random=SeededRandom(self.runs),
            syncs={self.sync.name: self.sync},
            evaluate=NotEqual(),
            key=self.key,
        )

    async def cycle(self, plan: Mapping[int, Callable[[], None]] | None = None) -> RunReport | None:
        """One run; before its n-th effect plan[n] happens. None if it died, the vendor was away, or the sync could not
        start (a field that was hidden from the beginning)."""
        self.plan, self.effects, self.is_dead = dict(plan or {}), 0, False
        try:
            report = await run_cycle(self.world(), self.sync)
            while self.beside:
                await self.beside.pop()
        except ProcessDied:
            self.deaths += 1
            return None
        except (ConfigError, Later):
            return None
        finally:
            self.plan, self.is_dead = {}, bool(self.beside)
            await asyncio.gather(*self.beside, return_exceptions=True)
            self.beside, self.is_dead = [], False
        self.reports.append(report)
        return report

    async def _before(self, what: str) -> None:
        """Every effect of our process passes here: what else happens just before it, and whose turn it is."""
        if self.is_dead:
            raise ProcessDied
        self.effects += 1
        self.clock.advance(0.05)
        try:
            if act := self.plan.pop(self.effects, None):
                act()
        except ProcessDied:
            self.is_dead = True
            raise
        if self.beside:
            await asyncio.sleep(0)

    def _bases_known(self, bases: pl.DataFrame) -> None:
        now_us = self.systems["a"].now_us()
        keys = [m.key for m in self.sync.fields]
        for row in base_columns(bases, keys).iter_rows(named=True):
            for key in keys:
                if row[f"xa.{key}"] is None or row[f"xb.{key}"] is None:
                    self.based_us.pop((row["link_id"], key), None)
                else:
                    self.based_us.setdefault((row["link_id"], key), now_us)

    def _flow(self, side: Side) -> Flow:
        """Replaces our title as often as `flows` says."""

        def flow(_: Row | None, cells: Mapping[str, str], actor: str) -> Mapping[str, str]:
            if actor != "syncline" or "title" not in cells or not self.flows[side]:
                return {}
            self.flows[side] -= 1
            return {"title": self.fresh("title by rule")}

        return flow

    def _watcher(self, side: Side) -> Callable[[Page], None]:
        def showed(page: Page) -> None:
            now_us = self.systems[side].now_us()
            for row in page.rows.iter_rows(named=True):
                self.first_shown_us.setdefault((side, row[records.ID]), self.systems[side].now_us())
                cells = {name: row[name] for name in page.fields if row[name] is not None}
                self.seen[side, row[records.ID]] = cells
                if row[records.DELETED]:
                    del self.seen[side, row[records.ID]]
                self.shown |= dict.fromkeys([(side, row[records.ID], n, value) for n, value in cells.items()], now_us)
            if page.moments is not None:
                for record_id, name, old, new in page.moments.select(records.ID, "field", "old", "new").iter_rows():
                    self.shown |= dict.fromkeys([(side, record_id, name, old), (side, record_id, name, new)], now_us)

        return showed

    def _writer(self, side: Side) -> Callable[[Sequence[Write]], None]:
        def wrote(writes: Sequence[Write]) -> None:
            now_us = self.systems[side].now_us()
            self.written += [(side, write, now_us) for write in writes]
            if side == "b":
                self.doubles += [text for write in writes if write.key and (text := self._double(write))]

        return wrote

    def _double(self, write: Write) -> str | None:
        """A create although the last reads had shown exactly one unlinked twin on either side."""
        mine = {name: write.cells.get(name, "") for name in ("email", "first", "last")}
        if not all(mine.values()):
            return None
        twins = {
            side: [
                record_id
                for (s, record_id), cells in self.seen.items()
                if s == side and all(cells.get(name, "").lower() == value.lower() for name, value in mine.items())
            ]
            for side in records.SIDES
        }
        free = [record_id for record_id in twins["b"] if not self.seen["b", record_id].get("key")]
        if len(twins["a"]) == 1 and len(twins["b"]) == 1 and free and not self.was_linked(free[0]):
            return f"{write.key}: {free[0]} was there"
        return None

    def was_linked(self, record_id: str) -> bool:
        """Whether the record of side b already carries the id of a counterpart."""
        return bool(self.systems["b"].rows[record_id].now.cells["twin_id"])


def digits_of_phones(name: str, value: str) -> str:
    return "".join(c for c in value if c.isdigit()) if name == "phone" else value


def filtered_people() -> Sync:
    """`people` with a filter on side a."""
    return _filtered(people())


def filtered_people_of_two_types() -> Sync:
    """`people_of_two_types` with the same filter on both."""
    return _filtered(people_of_two_types())


def _filtered(sync: Sync) -> Sync:
    kinds = sync.a.object_types
    side = replace(sync.a, filters=dict.fromkeys(kinds, "status <> 'out'"))
    return replace(sync, a=side, filter_fields={"a": dict.fromkeys(kinds, ("status",))})


def dies() -> None:
    raise ProcessDied
