"""A connector over `MemorySystem`: the whole contract in its simplest honest form.

The cursor is a position in the system's change log, re-read with an overlap, so a change may come twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

import polars as pl

from syncline import records
from syncline.connectors.memory.system import MemorySystem, Row
from syncline.ports import Capabilities, Lane, Manifest, Stamp, Usage
from syncline.records import (
    MOMENT_SCHEMA,
    PAGE_SCHEMA,
    How,
    NewField,
    Operation,
    Outcome,
    Page,
    Problem,
    Status,
    Write,
    WriteAnswer,
)
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType

PAGE_ROWS = 200

RICH = Capabilities(
    stamp=Stamp.RECORD,
    has_actor=True,
    has_transaction_id=False,
    has_field_history=True,
    has_compare_and_set=True,
    unique_keys=frozenset(),
    visibility_lag_seconds=1.0,
    late_commit_seconds=60.0,
)


class MemoryConnector:
    """Connects to a system as *actor*. `capabilities_` may be replaced to play a poorer system."""

    def __init__(
        self, system: MemorySystem, *, actor: str = "syncline", capabilities: Capabilities = RICH, overlap: int = 5
    ) -> None:
        self.system = system
        self.actor = actor
        self.manifest = Manifest(name="memory", label="In memory", settings=(), object_types=tuple(system.schemas))
        self._capabilities = capabilities
        self._overlap = overlap
        self._calls = 0

    def capabilities(self, object_type: str) -> Capabilities:
        return replace(self._capabilities, unique_keys=frozenset(self.system.unique))

    async def check(self) -> tuple[str, list[Problem]]:
        return f"connected to {self.system.name} as {self.actor}", []

    async def own_actor(self) -> str | None:
        return self.actor if self._capabilities.has_actor else None

    async def describe(self, object_type: str) -> ObjectSchema:
        return self.system.schemas[object_type]

    async def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        position = str(len(self.system.log))
        rows = [r for r in self.system.rows.values() if r.object_type == object_type and not r.is_deleted]
        spans = range(0, max(len(rows), 1), PAGE_ROWS)
        for at in spans:
            more = at + PAGE_ROWS < len(rows)
            part = rows[at : at + PAGE_ROWS]
            yield self._page(object_type, fields, part, How.BACKFILL, position=None if more else position, more=more)

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        start = max(0, int(cursor) - self._overlap)
        end = len(self.system.log)
        ids = dict.fromkeys(self.system.log[start:end])
        rows = [self.system.rows[i] for i in ids if self.system.rows[i].object_type == object_type]
        for at in range(0, max(len(rows), 1), PAGE_ROWS):
            more = at + PAGE_ROWS < len(rows)
            part = rows[at : at + PAGE_ROWS]
            yield self._page(object_type, fields, part, How.POLL, position=None if more else str(end), more=more)

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        found = [self.system.rows[i] for i in ids if i in self.system.rows]
        page = self._page(object_type, fields, found, How.READ_BACK)
        return replace(page, missing=tuple(i for i in ids if i not in self.system.rows))

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        wanted = {value.lower() for value in values}
        rows = [
            r
            for r in self.system.rows.values()
            if r.object_type == object_type and r.cells[key_field].lower() in wanted
        ]
        return self._page(object_type, [*fields, key_field], rows, How.POLL)

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        self._calls += 1
        return WriteAnswer(outcomes=tuple(self._write_one(write) for write in writes))

    def _write_one(self, write: Write) -> Outcome:
        if write.operation is Operation.CREATE:
            return self._create(write)
        row = self.system.rows.get(write.record_id or "")
        if row is None or row.is_deleted:
            return Outcome(
                status=Status.REJECTED, record_id=write.record_id, code="GONE", message="no such record", is_gone=True
            )
        if refusal := self._refusal(write):
            return refusal
        if write.unmodified_since_us is not None and row.stamp_us > write.unmodified_since_us:
            return Outcome(status=Status.REJECTED, record_id=row.record_id, code="MOVED", is_stale=True)
        self.system.update(row.record_id, write.cells, self.actor)
        return Outcome(status=Status.WRITTEN, record_id=row.record_id)

    def _create(self, write: Write) -> Outcome:
        if refusal := self._refusal(write):
            return refusal
        if write.key_field and write.key and write.key_field in self.system.unique:
            holder = self.system.holder(write.object_type, write.key_field, write.key)
            if holder is not None:
                self.system.update(holder, write.cells, self.actor)
                return Outcome(status=Status.WRITTEN, record_id=holder)
        cells = {**write.cells, **({write.key_field: write.key} if write.key_field and write.key else {})}
        record_id = self.system.create(write.object_type, cells, self.actor)
        return Outcome(status=Status.WRITTEN, record_id=record_id, was_created=True)

    def _refusal(self, write: Write) -> Outcome | None:
        fields = self.system.schemas[write.object_type].fields
        too_long = [n for n, v in write.cells.items() if (f := fields.get(n)) and f.length and len(v) > f.length]
        if not too_long:
            return None
        return Outcome(
            status=Status.REJECTED,
            record_id=write.record_id,
            code="TOO_LONG",
            message=f"longer than the field: {', '.join(too_long)}",
            fields=tuple(too_long),
        )

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        for new in wanted:
            schema = self.system.schemas[new.object_type]
            fields = {
                **schema.fields,
                new.name: Field(name=new.name, label=new.label, type=FieldType.TEXT, length=new.length),
            }
            self.system.schemas[new.object_type] = replace(schema, fields=fields)
        return []

    def usage(self) -> Usage:
        return Usage(calls_sent=self._calls)

    async def aclose(self) -> None:
        return None

    def cells_of(self, row: Row) -> dict[str, str]:
        """What a read of *row* shows; a test may override it to show an older state."""
        return row.cells

    def _page(
        self,
        object_type: str,
        fields: Sequence[str],
        rows: Iterable[Row],
        how: How,
        *,
        position: str | None = None,
        more: bool = False,
    ) -> Page:
        self._calls += 1
        visible = [name for name in fields if name in self.system.schemas[object_type].fields]
        rows = list(rows)
        now_us = self.system.now_us()
        frame = pl.DataFrame(
            {
                records.ID: [r.record_id for r in rows],
                records.STAMP: [r.stamp_us for r in rows],
                records.ACTOR: [r.actor if self._capabilities.has_actor else None for r in rows],
                records.CREATED: [r.created_us for r in rows],
                records.DELETED: [r.is_deleted for r in rows],
                records.AS_OF: [now_us] * len(rows),
                **{name: [self.cells_of(r)[name] for r in rows] for name in visible},
            },
            schema={**PAGE_SCHEMA, **dict.fromkeys(visible, pl.String())},
        )
        ids = {r.record_id for r in rows}
        return Page(
            object_type=object_type,
            rows=frame,
            fields=tuple(visible),
            how=how,
            next_cursor=position,
            has_more=more,
            hidden=frozenset(set(fields) - set(visible)),
            moments=self._moments(ids),
        )

    def _moments(self, ids: set[str]) -> pl.DataFrame | None:
        if not self._capabilities.has_field_history:
            return None
        rows = [
            (c.record_id, c.field, c.at_us, c.actor, None, c.old, c.new)
            for c in self.system.changes
            if c.record_id in ids
        ]
        return pl.DataFrame(rows, schema=MOMENT_SCHEMA, orient="row")
