"""Batches: actions cut into what one call of a connector takes, and their journal entry before it is sent.

Lives here: `Row` (one record to write) and `Batch`. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.journal import pack
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.plan import ACTIONS
from syncline.reconcile.settle import SEGMENT
from syncline.records import SIDES, Operation, Side, Write, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record's write. `cells` are per field what the journal keeps (ACTIONS values)."""

    action: str
    write: Write
    link_id: int
    source_side: Side
    source_type: str
    source_id: str
    cells: Mapping[str, Mapping[str, object]]  # target field -> ACTIONS row
    is_second_try: bool = False

    @property
    def slot(self) -> str:
        """What may be in flight once only: the record, or a create's key."""
        return self.write.record_id or self.write.key or ""

    def without(self, fields: set[str]) -> Row:
        """The same write without the fields it was refused for."""
        cells = {name: cell for name, cell in self.cells.items() if name not in fields}
        sent = {name: value for name, value in self.write.cells.items() if name not in fields}
        return replace(self, cells=cells, write=replace(self.write, cells=sent), is_second_try=True)


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


def calls_to_write(world: World, sync: Sync, actions: pl.DataFrame) -> dict[str, int]:
    """By connection, how many API calls carrying out *actions* takes at most, retries apart; bulk jobs take fewer."""
    out = {sync.side(side).connection: 0 for side in SIDES}
    for batch in batches_of(world, sync, actions):
        per_call = world.capabilities(batch.connection, batch.object_type).write_rows_per_call
        out[batch.connection] += -(-len(batch.rows) // per_call)
    return out


def batches_of(world: World, sync: Sync, actions: pl.DataFrame) -> list[Batch]:
    """Cut *actions* into batches, creates after updates, in the order of their records."""
    out: list[Batch] = []
    groups = actions.partition_by("kind", "side", "object_type", maintain_order=True, as_dict=True)
    for (kind, side_name, object_type), part in sorted(
        groups.items(), key=lambda item: (item[0][0] != "update", item[0])
    ):
        side: Side = "a" if side_name == "a" else "b"
        connection = sync.side(side).connection
        rows = _rows_of(sync, side, str(object_type), part)
        size = world.capabilities(connection, str(object_type)).write_rows_per_batch
        for at in range(0, len(rows), size):
            out.append(
                Batch(
                    batch_id=world.random.token(8),
                    side=side,
                    connection=connection,
                    object_type=str(object_type),
                    operation=Operation(str(kind)),
                    rows=tuple(rows[at : at + size]),
                )
            )
    return out


def _rows_of(sync: Sync, side: Side, object_type: str, part: pl.DataFrame) -> list[Row]:
    key_field = sync.side(side).key_fields.get(object_type)
    cells: dict[str, dict[str, Mapping[str, object]]] = {}
    for row in part.iter_rows(named=True):
        cells.setdefault(row["action"], {})[row["field"]] = row
    return [_row(sync, side, object_type, key_field, action, own) for action, own in cells.items()]


def _row(
    sync: Sync,
    side: Side,
    object_type: str,
    key_field: str | None,
    action: str,
    cells: Mapping[str, Mapping[str, object]],
) -> Row:
    first = next(iter(cells.values()))
    source = other(side)
    source_type, source_id = str(first["source_type"]), str(first["source_id"])
    is_create = first["kind"] == "create"
    sent = {name: str(cell["after"]) for name, cell in cells.items()}
    key = our_key(sync, source, source_type, source_id) if is_create and key_field else None
    record_id = first["record_id"]
    write = Write(
        operation=Operation(str(first["kind"])),
        object_type=object_type,
        cells=sent,
        record_id=str(record_id) if record_id is not None else None,
        key_field=key_field if is_create else None,
        key=key,
    )
    link_id = first["link_id"]
    return Row(
        action=action,
        write=write,
        link_id=link_id if isinstance(link_id, int) else 0,
        source_side=source,
        source_type=source_type,
        source_id=source_id,
        cells=cells,
    )


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
        "fence": 0,
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
    columns: dict[str, list[object]] = {name: [] for name in SEGMENT}
    for position, row in enumerate(batch.rows):
        for cell in row.cells.values():
            columns["position"].append(position)
            columns["link_id"].append(row.link_id)
            columns["expected"].append(cell["after"])
            columns["pre_image"].append(cell["before"])
            for name in _COPIED:
                columns[name].append(cell[name])
    return pl.DataFrame(columns, schema=SEGMENT)


_COPIED = [name for name in SEGMENT if name in ACTIONS and name not in {"position", "link_id"}]
