"""The stored tables by name, with their columns and keys. What the columns mean is said where they are defined."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from syncline.trees.agreed import (
    AGREEMENT,
    BASE,
    CONFLICT,
    CONSIDERED,
    DEAD_LETTER,
    DIRTY,
    ERASED,
    HOLD,
    LINK,
    LINK_END,
    MARK,
    MATCH_KEY,
    MERGER,
    VERDICT,
)
from syncline.trees.columns import Columns
from syncline.trees.observed import CAPTURED, CURSOR, DESCRIBED, MIRROR, MOMENT, OWNER_KEY, RECEIPT, STREAM
from syncline.trees.running import ALLOWANCE, BUDGET, LEASE, META, REQUEST, RUN, SCHEDULE, SEAL, SECRET, WORKER
from syncline.trees.written import ENTRY, HISTORY, JOURNAL


class Table(StrEnum):
    """Names of the stored tables; `TABLES` gives their columns and keys."""

    MIRROR = "mirror"
    LINK = "link"
    LINK_END = "link_end"
    BASE = "base"
    MARK = "mark"
    DIRTY = "dirty"
    JOURNAL = "journal"
    ENTRY = "entry"
    HISTORY = "history"
    MOMENT = "moment"
    CONFLICT = "conflict"
    MERGER = "merger"
    ERASED = "erased"
    DEAD_LETTER = "dead_letter"
    HOLD = "hold"
    CURSOR = "cursor"
    RUN = "run"
    RECEIPT = "receipt"
    CAPTURED = "captured"
    CONSIDERED = "considered"
    VERDICT = "verdict"
    DESCRIBED = "described"
    MATCH_KEY = "match_key"
    OWNER_KEY = "owner_key"
    STREAM = "stream"
    AGREEMENT = "agreement"
    WORKER = "worker"
    LEASE = "lease"
    BUDGET = "budget"
    ALLOWANCE = "allowance"
    SCHEDULE = "schedule"
    REQUEST = "request"
    SEAL = "seal"
    SECRET = "secret"
    META = "meta"


_RECORD = ("connection", "object_type", "record_id")
_MARKED = ("sync", "link_id", "side", "object_type", "record_id")
_COUNTED = ("run_id", "sync", "side", "object_type", "record_id")
TABLES: dict[Table, tuple[Columns, tuple[str, ...]]] = {
    Table.MIRROR: (MIRROR, _RECORD),
    Table.LINK: (LINK, ("link_id",)),
    Table.LINK_END: (LINK_END, ("sync", "side", "object_type", "record_id")),
    Table.BASE: (BASE, ("link_id",)),
    Table.MARK: (MARK, ("link_id", "mapping", "kind")),
    Table.DIRTY: (DIRTY, _MARKED),
    Table.JOURNAL: (JOURNAL, ("batch_id",)),
    Table.ENTRY: (ENTRY, ("batch_id", "position")),
    Table.HISTORY: (HISTORY, ()),
    Table.MOMENT: (MOMENT, (*_RECORD, "field", "at_us", "new")),
    Table.CONFLICT: (CONFLICT, ("conflict_id",)),
    Table.MERGER: (MERGER, ("merger_id",)),
    Table.ERASED: (ERASED, ("sync", "kind", "print")),
    Table.DEAD_LETTER: (DEAD_LETTER, ("letter_id",)),
    Table.HOLD: (HOLD, ("hold_id",)),
    Table.CURSOR: (CURSOR, ("connection", "object_type")),
    Table.RUN: (RUN, ("run_id",)),
    Table.RECEIPT: (RECEIPT, ("run_id", "connection", "object_type", "page")),
    Table.CAPTURED: (CAPTURED, ("run_id", "connection", "object_type", "page", "verdict")),
    Table.CONSIDERED: (CONSIDERED, _COUNTED),
    Table.VERDICT: (VERDICT, _COUNTED),
    Table.DESCRIBED: (DESCRIBED, ("connection", "object_type")),
    Table.MATCH_KEY: (MATCH_KEY, ("sync", "side", "object_type", "record_id", "way")),
    Table.OWNER_KEY: (OWNER_KEY, (*_RECORD, "field")),
    Table.STREAM: (STREAM, ("connection", "channel")),
    Table.AGREEMENT: (AGREEMENT, ("sync", "bucket")),
    Table.WORKER: (WORKER, ("worker_id",)),
    Table.LEASE: (LEASE, ("name",)),
    Table.BUDGET: (BUDGET, ("connection",)),
    Table.ALLOWANCE: (ALLOWANCE, ("allowance_id",)),
    Table.SCHEDULE: (SCHEDULE, ("sync",)),
    Table.REQUEST: (REQUEST, ("request_id",)),
    Table.SEAL: (SEAL, ("digest",)),
    Table.SECRET: (SECRET, ("connection", "setting")),
    Table.META: (META, ("name",)),
}


def empty(table: Table) -> pl.DataFrame:
    """A frame of the table's columns without rows."""
    return pl.DataFrame(schema=dict(TABLES[table][0]))
