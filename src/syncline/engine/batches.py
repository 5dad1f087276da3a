"""Batches: actions cut into what one call of a connector takes, and their journal entry before it is sent.

Lives here: `Row` (one record to write) and `Batch`. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import polars as pl

from syncline.engine.journal import pack
from syncline.engine.settlement import add_rows
from syncline.engine.sheets import Sheets, cut
from syncline.engine.world import World
from syncline.reconcile.settle import SEGMENT
from syncline.records import ASSIGN_BY_RULES, SIDES, Operation, Side, Write, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record's write. What the journal keeps of its fields are the ACTIONS rows of *sheet* from *first* on.

    `besides` are cells that are no part of the plan (a new record's owner, a no said anew): sent, never expected back.
    """

    action: str
    write: Write
    link_id: int
    source_side: Side
    source_type: str
    source_id: str
    sheet: pl.DataFrame
    first: int
    count: int
    is_second_try: bool = False
    besides: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> Write:
        """The write as it leaves."""
        return replace(self.write, cells={**self.write.cells, **self.besides}) if self.besides else self.write

    @property
    def slot(self) -> str:
        """What may be in flight once only: the record, or a create's key."""
        return self.write.record_id or self.write.key or ""

    @property
    def lines(self) -> pl.DataFrame:
        """This row's ACTIONS rows, one per field."""
        return self.sheet.slice(self.first, self.count)

    @property
    def cells(self) -> dict[str, dict[str, Any]]:
        """`lines` by target field. For single rows: whoever needs all rows of a batch asks `Batch.lines`."""
        return {line["field"]: line for line in self.lines.iter_rows(named=True)}

    def without(self, fields: set[str]) -> Row:
        """The same write without the fields it was refused for."""
        kept = self.lines.filter(~pl.col("field").is_in(list(fields)))
        sent = {name: value for name, value in self.write.cells.items() if name not in fields}
        write = replace(self.write, cells=sent)
        return replace(self, sheet=kept, first=0, count=len(kept), write=write, is_second_try=True)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows of one operation on one object of one connection, with the id of their journal entry."""

    batch_id: str
    side: Side
    connection: str
    object_type: str
    operation: Operation
    rows: tuple[Row, ...]

    @staticmethod
    def like(batch: Batch, rows: Sequence[Row], world: World) -> Batch:
        """A new batch (a new journal entry) for other rows of the same kind."""
        return replace(batch, batch_id=world.random.token(8), rows=tuple(rows))

    def lines(self) -> pl.DataFrame:
        """The ACTIONS rows of all rows, in their order, with the `position` of the row."""
        parts: list[pl.DataFrame] = []
        for _, run in groupby(enumerate(self.rows), key=lambda numbered: id(numbered[1].sheet)):
            numbered = list(run)
            places = pl.DataFrame(
                [(position, row.first, row.first + row.count) for position, row in numbered],
                schema={"position": pl.Int64, "first": pl.Int64, "end": pl.Int64},
                orient="row",
            ).select("position", pl.int_ranges("first", "end").alias("at"))
            flat = places.explode("at").drop_nulls("at")
            parts.append(numbered[0][1].sheet[flat["at"]].with_columns(flat["position"]))
        return pl.concat(parts)

    def entry_states(self, states: Sequence[str], record_ids: Sequence[str | None] | None = None) -> pl.DataFrame:
        """Amendments of this batch's ENTRY rows, in order."""
        columns: dict[str, object] = {
            "batch_id": [self.batch_id] * len(self.rows),
            "position": list(range(len(self.rows))),
            "state": list(states),
        }
        if record_ids is not None:
            columns["record_id"] = list(record_ids)
        return pl.DataFrame(columns, schema_overrides={"position": pl.Int64, "record_id": pl.String})

    def answered(self, world: World, origin: str | None) -> pl.DataFrame:
        """The amendment that says the call was answered now."""
        return pl.DataFrame(
            {"batch_id": [self.batch_id], "state": ["answered"], "answered_us": [world.now_us()], "origin": [origin]},
            schema_overrides={"origin": pl.String},
        )


def our_key(sync: Sync, side: Side, object_type: str, record_id: str) -> str:
    """The key a create carries so that it can be found again: it names the record it was made from."""
    return f"{sync.name}.{side}.{object_type}.{record_id}".lower()


def _key_of(sync: Sync, side: Side, object_type: str, record_id: str, action: str) -> str:
    """Our key of a create. A record made anew for a tombstone has its number behind it, as its action has: the key of
    the one that ended may still stand on that."""
    _, mark, number = action.rpartition(GENERATION)
    return our_key(sync, side, object_type, record_id) + (mark + number if number.isdigit() else "")


GENERATION = "~"
"""Between our key, or an action's name, and the number of a record that is not the first of its link."""


def calls_to_write(world: World, sync: Sync, sheets: Sheets) -> dict[str, int]:
    """By connection, how many API calls carrying out a plan takes at most, retries apart; bulk jobs take fewer."""
    out = {sync.side(side).connection: 0 for side in SIDES}
    for (side_name, object_type, _), part in sheets.outline().group_by("side", "object_type", "kind"):
        connection = sync.side("a" if side_name == "a" else "b").connection
        able = world.capabilities(connection, str(object_type))
        full, rest = divmod(len(part), able.write_rows_per_batch)
        for rows, batches in ((able.write_rows_per_batch, full), (rest, 1)):
            out[connection] += batches * -(-rows // able.write_rows_per_call)
    return out


def batches_of(world: World, sync: Sync, sheets: Sheets, owner: str | None = None) -> Iterator[Batch]:
    """Cut planned actions into batches, creates after updates, in the order of their records. Made one at a time:
    only the one at hand is in memory as rows. *owner* is who gets what is created where people have owners; None: the
    system's own rules say."""
    for (kind, side, object_type), parts in sheets.by_kind():
        connection = sync.side(side).connection
        if kind is Operation.DELETE:
            continue  # single deeds: `life.deletes`
        size = world.capabilities(connection, object_type).write_rows_per_batch
        for sheet in cut(parts, size):
            yield Batch(
                batch_id=world.random.token(8),
                side=side,
                connection=connection,
                object_type=object_type,
                operation=kind,
                rows=tuple(_rows_of(sync, side, object_type, sheet, owner)),
            )


def _rows_of(sync: Sync, side: Side, object_type: str, sheet: pl.DataFrame, owner: str | None) -> Iterator[Row]:
    """The rows of a sheet: ACTIONS rows of one operation, those of one action together."""
    key_field, source = sync.side(side).key_fields.get(object_type), other(side)
    given, options = _assignment(sync, side, object_type, owner)
    names, afters = sheet["field"].to_list(), sheet["after"].to_list()
    firsts = (
        sheet.with_row_index("_at")
        .group_by("action", maintain_order=True)
        .agg(pl.col("_at").first(), pl.len().alias("_count"), *(pl.col(name).first() for name in _OF_ACTION))
    )
    for action, at, count, kind, record_id, link_id, source_type, source_id in firsts.iter_rows():
        is_create = kind == Operation.CREATE
        write = Write(
            operation=Operation(kind),
            object_type=object_type,
            cells=dict(zip(names[at : at + count], afters[at : at + count], strict=True)),
            record_id=record_id,
            key_field=key_field if is_create else None,
            key=_key_of(sync, source, source_type, source_id, action) if is_create and key_field else None,
            options=options if is_create else {},
        )
        yield Row(
            action=action,
            write=write,
            link_id=link_id or 0,
            source_side=source,
            source_type=source_type,
            source_id=source_id,
            sheet=sheet,
            first=at,
            count=count,
            besides=given if is_create else {},
        )


def _assignment(
    sync: Sync, side: Side, object_type: str, owner: str | None
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Cells and options by which records created there get their owner."""
    table = sync.actions
    if table is None or table.side != side:
        return {}, {}
    if owner is not None:
        return {table.owner_field: owner}, {}
    return {}, {ASSIGN_BY_RULES: "true"} if object_type in table.assigned_by_rules else {}


_OF_ACTION = ("kind", "record_id", "link_id", "source_type", "source_id")


def prepared(world: World, sync: Sync, run_id: str, batch: Batch, conflicts: pl.DataFrame) -> Commit:
    """The commit that precedes sending: journal, in-flight rows, and the losers of conflicts this batch decides."""
    now_us = world.now_us()
    commit = Commit()
    journal = {
        "batch_id": batch.batch_id,
        "sync": sync.name,
        "run_id": run_id,
        "side": batch.side,
        "connection": batch.connection,
        "object_type": batch.object_type,
        "operation": batch.operation.value,
        "state": "sent",
        "prepared_us": now_us,
        "sent_us": now_us,
        "answered_us": None,
        "origin": None,
        "fence": world.fence,
        "segment": pack(_segment(batch)),
    }
    commit.add[Table.JOURNAL] = pl.DataFrame([journal], schema=dict(TABLES[Table.JOURNAL][0]))
    entries = {
        "batch_id": [batch.batch_id] * len(batch.rows),
        "position": list(range(len(batch.rows))),
        "connection": [batch.connection] * len(batch.rows),
        "object_type": [batch.object_type] * len(batch.rows),
        "record_id": [row.write.record_id for row in batch.rows],
        "match_key": [row.write.key for row in batch.rows],
        "link_id": [row.link_id for row in batch.rows],
        "state": ["sent"] * len(batch.rows),
        "at_us": [now_us] * len(batch.rows),
    }
    commit.add[Table.ENTRY] = pl.DataFrame(entries, schema=dict(TABLES[Table.ENTRY][0]))
    links = [row.link_id for row in batch.rows if row.link_id]
    losers = conflicts.filter(pl.col("link_id").is_in(links))
    if len(losers):
        add_rows(commit, Table.CONFLICT, losers)
    return commit


def _segment(batch: Batch) -> pl.DataFrame:
    renamed = {"expected": "after", "pre_image": "before"}
    columns = [pl.col(renamed.get(name, name)).cast(kind).alias(name) for name, kind in SEGMENT.items()]
    return batch.lines().select(columns)
