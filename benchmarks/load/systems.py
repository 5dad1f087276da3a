"""A system of any number of records that costs next to nothing, and the connector over it.

Records are a formula of their number; only what was changed is kept. So a benchmark's time and memory are the engine's.
Lives here: the system. Not here: the state that links two of them (`state`), or what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncline import records
from syncline.ports import Capabilities, Clock, Lane, Manifest, Stamp, Usage
from syncline.records import PAGE_SCHEMA, How, NewField, Outcome, Page, Problem, Status, Write, WriteAnswer
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType, micros

FIELDS = ("email", "first", "last", "title", "phone", "key", "status")
PAGE_ROWS = 10_000
US, SOMEBODY = "syncline", "human"


@dataclass(kw_only=True)
class System:
    """*count* records of one object type, named by *letter* and number. *latency_seconds* passes with every call."""

    letter: str
    object_type: str
    count: int
    clock: Clock
    latency_seconds: float = 0.0
    made_us: int = 0
    changed: dict[str, dict[str, str]] = field(default_factory=dict)
    stamps: dict[str, tuple[int, str]] = field(default_factory=dict)  # record -> stamp, and who
    log: list[str] = field(default_factory=list)  # records in the order of their changes
    calls: int = 0

    def __post_init__(self) -> None:
        self.made_us = micros(self.clock.now())

    def id_of(self, number: int) -> str:
        return f"{self.letter}{number:09d}"

    def cells_of(self, record_id: str, name: str) -> str:
        override = self.changed.get(record_id, {}).get(name)
        return _formula(int(record_id[1:]), name) if override is None else override

    def edit(self, numbers: Sequence[int], value: str, *, name: str = "title", who: str = SOMEBODY) -> None:
        """Somebody changes a field of these records now."""
        now_us = micros(self.clock.now())
        for number in numbers:
            self.put(self.id_of(number), {name: value}, now_us, who)

    def put(self, record_id: str, cells: dict[str, str], at_us: int, who: str) -> None:
        self.changed.setdefault(record_id, {}).update(cells)
        self.stamps[record_id] = (at_us, who)
        self.log.append(record_id)


def _formula(number: int, name: str) -> str:
    if name == "email":
        return f"person{number}@load.example"
    return "" if name in ("key", "status") else f"{name} {number % 1000}"


CAPABILITIES = Capabilities(
    stamp=Stamp.RECORD,
    has_actor=True,
    has_transaction_id=False,
    has_field_history=False,
    has_compare_and_set=False,
    unique_keys=frozenset({"key"}),
    visibility_lag_seconds=0.0,
    late_commit_seconds=0.0,
    stamp_step_us=1,
    read_ids_per_call=2_000,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a reading of changes stands: between *first* and *end* of the log, *at* rows in."""

    first: int
    at: int = 0
    end: int | None = None


class LoadConnector:
    """Implements `ports.Connector` over a `System`; calls of a few hundred rows, as the vendors' are."""

    def __init__(self, system: System, *, rows_per_call: int = 200, page_rows: int = PAGE_ROWS) -> None:
        self.system = system
        self.manifest = Manifest(name="load", label="Load", settings=(), object_types=(system.object_type,))
        self._rows_per_call = rows_per_call
        self.page_rows = page_rows

    def capabilities(self, object_type: str) -> Capabilities:
        return CAPABILITIES

    async def check(self) -> tuple[str, list[Problem]]:
        return "connected", []

    async def own_actor(self) -> str | None:
        return US

    async def describe(self, object_type: str) -> ObjectSchema:
        texts = {name: Field(name=name, label=name, type=FieldType.TEXT, length=80) for name in FIELDS}
        return ObjectSchema(name=object_type, label=object_type, fields=texts)

    async def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        position = str(len(self.system.log))
        for at in range(0, max(self.system.count, 1), PAGE_ROWS):
            ids = [self.system.id_of(number) for number in range(at, min(at + PAGE_ROWS, self.system.count))]
            more = at + PAGE_ROWS < self.system.count
            yield await self._page(fields, ids, How.BACKFILL, None if more else position, more)

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        place: Place | None = Place(first=int(cursor))
        while place is not None:
            page, place = await self.page_of_changes(fields, place)
            yield page

    async def page_of_changes(self, fields: Sequence[str], place: Place) -> tuple[Page, Place | None]:
        """One page, and where the next begins; None behind the last. What changes meanwhile is for the next reading."""
        end = len(self.system.log) if place.end is None else place.end
        ids = list(dict.fromkeys(self.system.log[place.first : end]))
        more = place.at + self.page_rows < len(ids)
        chosen = ids[place.at : place.at + self.page_rows]
        page = await self._page(fields, chosen, How.POLL, None if more else str(end), more)
        return page, replace(place, at=place.at + self.page_rows, end=end) if more else None

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        for _ in range(self._rows_per_call, len(ids), self._rows_per_call):
            await self._call()  # the first call is the page's own
        return await self._page(fields, ids, How.READ_BACK, None, False)

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        raise NotImplementedError("nothing is created under load")

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        for at in range(0, len(writes), self._rows_per_call):
            await self._call()
            now_us = micros(self.system.clock.now())
            for write in writes[at : at + self._rows_per_call]:
                assert write.record_id is not None
                self.system.put(write.record_id, dict(write.cells), now_us, US)
        return WriteAnswer(outcomes=tuple(Outcome(status=Status.WRITTEN, record_id=w.record_id) for w in writes))

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        return []

    def usage(self) -> Usage:
        return Usage(calls_sent=self.system.calls)

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _call(self) -> None:
        self.system.calls += 1
        if self.system.latency_seconds:
            await asyncio.sleep(self.system.latency_seconds)

    async def _page(
        self, fields: Sequence[str], ids: Sequence[str], how: How, position: str | None, more: bool
    ) -> Page:
        await self._call()
        system, now_us = self.system, micros(self.system.clock.now())
        stamps = [system.stamps.get(record_id, (system.made_us, SOMEBODY)) for record_id in ids]
        shown = [name for name in fields if name in FIELDS]
        columns = {
            records.ID: list(ids),
            records.STAMP: [at for at, _ in stamps],
            records.ACTOR: [who for _, who in stamps],
            records.CREATED: [system.made_us] * len(ids),
            records.DELETED: [False] * len(ids),
            records.AS_OF: [now_us] * len(ids),
            **{name: [system.cells_of(record_id, name) for record_id in ids] for name in shown},
        }
        rows = pl.DataFrame(columns, schema={**PAGE_SCHEMA, **dict.fromkeys(shown, pl.String())})
        return Page(
            object_type=system.object_type,
            rows=rows,
            fields=tuple(shown),
            how=how,
            next_cursor=position,
            has_more=more,
        )
