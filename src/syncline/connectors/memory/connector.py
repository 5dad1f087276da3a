"""A connector over `MemorySystem`: the whole contract in its simplest honest form.

The cursor is a position in the system's change log, re-read with an overlap, so a change may come twice.

What ends a record: a merged loser is a deleted row with the fate `merged`, a converted record a live row with the fate
`converted` (writes to either are refused as gone), a plain delete a deleted row without a fate, a purged id is in
`Page.missing` (of `read_changes` and `read_by_ids`). With `shows_deleted` off, as in a system without a recycle bin,
deleted rows come without cells and only from `read_changes`; by id they are missing and by key never found.
Changes are pushed as well where the capabilities say so (`STREAMED`), a channel per object type (`streams`).
`write` does merges, conversions (where `MemorySystem.conversions` names the type) and deletes as `endings` does them;
which of them is declared is a matter of the capabilities given (`RICH` and `POOR` declare all).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from syncline import records
from syncline.connectors.memory.streams import StreamFault, pushed
from syncline.connectors.memory.system import MemorySystem, Row, Version
from syncline.connectors.memory.writing import carry_out
from syncline.ports import Capabilities, Lane, Manifest, Stamp, Usage
from syncline.records import (
    FATE_SCHEMA,
    MOMENT_SCHEMA,
    PAGE_SCHEMA,
    EventBatch,
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
    operations=frozenset({Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.UNDELETE, Operation.MERGE}),
    losers_per_merge=2,
)
POOR = replace(RICH, has_actor=False, has_field_history=False, has_compare_and_set=False)
STREAMED = replace(
    RICH, has_field_history=False, is_streamed=True
)  # what evidence of single changes there is, is pushed


class MemoryConnector:
    """Connects to a system as *actor*. *capabilities* may be those of a poorer system."""

    def __init__(
        self, system: MemorySystem, *, actor: str = "syncline", capabilities: Capabilities = RICH, overlap: int = 5
    ) -> None:
        self.system = system
        self.actor = actor
        self.manifest = Manifest(name="memory", label="In memory", settings=(), object_types=tuple(system.schemas))
        self._capabilities = capabilities
        self.hidden: set[str] = set()  # fields the connected user may not read
        self.confirms = False  # read what was written inside the same call
        self.shows_deleted = True  # reads show what was deleted until it is purged
        self.next_batches: list[StreamFault] = []  # what happens to the batches of events that come next
        self._overlap = overlap
        self._calls = 0

    def capabilities(self, object_type: str) -> Capabilities:
        conversions = self.system.conversions
        own = conversions.get(object_type)
        return replace(
            self._capabilities,
            unique_keys=frozenset(self.system.unique),
            operations=self._capabilities.operations | (frozenset({Operation.CONVERT}) if own else frozenset()),
            converts_into=own.into if own else None,
            born_of={source: rule.named_in for source, rule in conversions.items() if rule.into == object_type},
        )

    async def check(self) -> tuple[str, list[Problem]]:
        return f"connected to {self.system.name} as {self.actor}", []

    async def own_actor(self) -> str | None:
        return self.actor if self._capabilities.has_actor else None

    async def describe(self, object_type: str) -> ObjectSchema:
        schema = self.system.schemas[object_type]
        fields = {name: field for name, field in schema.fields.items() if name not in self.hidden}
        return replace(schema, fields=fields)

    def seen_at_us(self) -> int:
        """The instant whose state a read shows: now; a replica may lag."""
        return self.system.now_us()

    async def read_all(self, object_type: str, fields: Sequence[str], *, lane: Lane = Lane.BULK) -> AsyncIterator[Page]:
        position = str(len(self._log()))
        rows = [row for row in self._visible(object_type) if not row[1].is_deleted]
        for at in range(0, max(len(rows), 1), PAGE_ROWS):
            more = at + PAGE_ROWS < len(rows)
            part = rows[at : at + PAGE_ROWS]
            yield self._page(object_type, fields, part, How.BACKFILL, position=None if more else position, more=more)

    async def read_changes(
        self, object_type: str, fields: Sequence[str], cursor: str, *, lane: Lane = Lane.LIVE
    ) -> AsyncIterator[Page]:
        log = self._log()
        changed = {record_id for _, record_id in log[max(0, int(cursor) - self._overlap) :]}
        end = str(max(len(log), int(cursor)))
        rows = [row for row in self._visible(object_type) if row[0].record_id in changed]
        gone = sorted(self._purged(object_type) & changed)
        for at in range(0, max(len(rows), 1), PAGE_ROWS):
            more = at + PAGE_ROWS < len(rows)
            part = rows[at : at + PAGE_ROWS]
            page = self._page(object_type, fields, part, How.POLL, position=None if more else end, more=more)
            yield page if more else replace(page, missing=tuple(gone))

    async def read_by_ids(
        self, object_type: str, fields: Sequence[str], ids: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        wanted = set(ids)
        found = [row for row in self._readable(object_type) if row[0].record_id in wanted]
        page = self._page(object_type, fields, found, How.READ_BACK)
        known = {row.record_id for row, _ in found}
        return replace(page, missing=tuple(record_id for record_id in ids if record_id not in known))

    async def find(
        self, object_type: str, fields: Sequence[str], key_field: str, values: Sequence[str], *, lane: Lane = Lane.LIVE
    ) -> Page:
        wanted = {value.lower() for value in values}
        rows = [row for row in self._readable(object_type) if row[1].cells[key_field].lower() in wanted]
        return self._page(object_type, list(dict.fromkeys([*fields, key_field])), rows, How.POLL)

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        self._calls += 1
        self.system.catch_up()
        return self.answer(writes, [self.write_one(write) for write in writes])

    def answer(self, writes: Sequence[Write], outcomes: Sequence[Outcome]) -> WriteAnswer:
        """The answer to *writes*, with a reading of what was written if this system confirms."""
        if not self.confirms or not writes:
            return WriteAnswer(outcomes=tuple(outcomes))
        object_type = writes[0].object_type
        ids = [out.record_id for out in outcomes if out.status is Status.WRITTEN and out.record_id]
        rows = [(self.system.rows[record_id], self.system.rows[record_id].now) for record_id in ids]
        page = self._page(object_type, list(self.system.schemas[object_type].fields), rows, How.READ_BACK)
        return WriteAnswer(outcomes=tuple(outcomes), confirmed=page)

    def write_one(self, write: Write) -> Outcome:
        """Carry out one write as the vendor would, now."""
        return carry_out(self.system, write, self.actor, self._capabilities.losers_per_merge)

    async def create_fields(self, wanted: Sequence[NewField]) -> list[Problem]:
        for new in wanted:
            schema = self.system.schemas[new.object_type]
            fields = {
                **schema.fields,
                new.name: Field(name=new.name, label=new.label, type=FieldType.TEXT, length=new.length),
            }
            self.system.schemas[new.object_type] = replace(schema, fields=fields)
        return []

    def channels(self, object_types: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return {
            name: (name,) for name in object_types if self._capabilities.is_streamed and name in self.system.schemas
        }

    def subscribe(
        self, channel: str, fields: Mapping[str, Sequence[str]], position: str | None
    ) -> AsyncGenerator[EventBatch, None]:
        shown = [name for name in fields[channel] if name not in self.hidden]
        return pushed(self.system, channel, shown, position, actor=self.actor, faults=self.next_batches)

    def usage(self) -> Usage:
        return Usage(calls_sent=self._calls)

    async def aclose(self) -> None:
        return None

    def _log(self) -> list[tuple[int, str]]:
        self.system.catch_up()
        seen_at_us = self.seen_at_us()
        return [entry for entry in self.system.log if entry[0] <= seen_at_us]

    def _visible(self, object_type: str) -> list[tuple[Row, Version]]:
        """Every record in the state a read shows now."""
        self.system.catch_up()
        seen_at_us = self.seen_at_us()
        rows = (row for row in self.system.rows.values() if row.object_type == object_type)
        seen = ((row, row.as_of(seen_at_us)) for row in rows)
        return [(row, version) for row, version in seen if version is not None and not version.is_purged]

    def _readable(self, object_type: str) -> list[tuple[Row, Version]]:
        """What reads by id and by key can show."""
        return [seen for seen in self._visible(object_type) if self.shows_deleted or not seen[1].is_deleted]

    def _purged(self, object_type: str) -> set[str]:
        self.system.catch_up()
        seen_at_us = self.seen_at_us()
        rows = (row for row in self.system.rows.values() if row.object_type == object_type)
        return {row.record_id for row in rows if (seen := row.as_of(seen_at_us)) is not None and seen.is_purged}

    def _cell(self, version: Version, name: str) -> str | None:
        return version.cells.get(name, "") if self.shows_deleted or not version.is_deleted else None

    def _fates(self, rows: Sequence[tuple[Row, Version]]) -> pl.DataFrame:
        ended = [(row, _ending(row, version)) for row, version in rows if version.heir is not None]
        who = self._capabilities.has_actor
        fates = [
            (
                row.record_id,
                at.heir.fate,
                at.heir.object_type,
                at.heir.record_id,
                at.stamp_us,
                at.actor if who else None,
            )
            for row, at in ended
            if at.heir is not None
        ]
        return pl.DataFrame(fates, schema=FATE_SCHEMA, orient="row")

    def _page(
        self,
        object_type: str,
        fields: Sequence[str],
        rows: Sequence[tuple[Row, Version]],
        how: How,
        *,
        position: str | None = None,
        more: bool = False,
    ) -> Page:
        self._calls += 1
        shown = [name for name in fields if name in self.system.schemas[object_type].fields.keys() - self.hidden]
        has_actor, has_stamp = self._capabilities.has_actor, self._capabilities.stamp is not Stamp.NONE
        frame = pl.DataFrame(
            {
                records.ID: [row.record_id for row, _ in rows],
                records.STAMP: [version.stamp_us if has_stamp else None for _, version in rows],
                records.ACTOR: [version.actor if has_actor else None for _, version in rows],
                records.CREATED: [row.created_us for row, _ in rows],
                records.DELETED: [version.is_deleted for _, version in rows],
                records.AS_OF: [self.system.now_us()] * len(rows),
                **{name: [self._cell(version, name) for _, version in rows] for name in shown},
            },
            schema={**PAGE_SCHEMA, **dict.fromkeys(shown, pl.String())},
        )
        return Page(
            object_type=object_type,
            rows=frame,
            fields=tuple(shown),
            how=how,
            next_cursor=position,
            has_more=more,
            hidden=frozenset(set(fields) - set(shown)),
            moments=self._moments([row for row, _ in rows], set(shown)),
            fates=self._fates(rows),
        )

    def _moments(self, rows: Sequence[Row], fields: set[str]) -> pl.DataFrame | None:
        if not self._capabilities.has_field_history:
            return None
        seen_at_us = self.seen_at_us()
        moments = [
            (c.record_id, c.field, c.at_us, *self._who(c.actor), c.old, c.new, self._is_person(c.actor))
            for row in rows
            for c in row.changes
            if c.field in fields and c.committed_us <= seen_at_us
        ]
        return pl.DataFrame(moments, schema=MOMENT_SCHEMA, orient="row")

    def _who(self, actor: str) -> tuple[str | None, None]:
        """Actor and transaction id of a change, as far as this system tells."""
        return (actor if self._capabilities.has_actor else None), None

    def _is_person(self, actor: str) -> bool | None:
        """In this system people are called "human" and something after it."""
        return actor.startswith("human") if self._capabilities.has_actor else None


def _ending(row: Row, version: Version) -> Version:
    """The version with which the record first had the heir it has in *version*."""
    return next(past for past in row.versions if past.heir == version.heir)
