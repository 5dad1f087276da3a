"""The trees and the journal as tables: their columns, and the Store's contract over them.

Lives here: frame schemas of everything that is stored, the `Commit` in which changes to them travel, and the protocol
`Store`. How they are kept is `store/`'s business; what they mean is explained in docs/explanation/architecture.md.

Every `*_us` is an instant in microseconds since 1970 UTC. JSON columns are text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, Protocol

import polars as pl

_TEXT, _INT, _BYTES = pl.String(), pl.Int64(), pl.Binary()
Columns = Mapping[str, pl.DataType]

# What each connected system held when we last looked. Key: connection, object_type, record_id.
MIRROR: Columns = {
    "connection": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "cells": _TEXT,  # JSON object field -> canonical text ("" empty); a missing key is unread
    "flags": _TEXT,  # null, or JSON object field -> sync that wrote this cell and has not read it back (assumed)
    "stamp_us": _INT,  # the vendor's version stamp; null if unknown
    "previous_stamp_us": _INT,  # the stamp at the look before: the start of the evidence interval; null if first
    "actor": _TEXT,  # vendor's id of who changed it last; null if unknown
    "created_us": _INT,
    "is_deleted": pl.Boolean(),
    "fate": _TEXT,  # records.Fate: it ended in another record; null: it is itself, or was deleted without an heir
    "heir_type": _TEXT,
    "heir_id": _TEXT,
    "fate_us": _INT,  # when it ended so, or was deleted, as the vendor says; null if it does not
    "as_of_us": _INT,  # when the newest observation was asked for
    "previous_as_of_us": _INT,
    "how": _TEXT,  # records.How
}

# Which record of side a is which of side b, per sync. Outlives conversion, merge, delete and key changes.
LINK: Columns = {
    "link_id": _INT,
    "sync": _TEXT,
    "state": _TEXT,  # live | tombstone (a record of it was deleted, or its person lives on in another link)
    "rule": _TEXT,  # which rule or person decided it
    "decided_us": _INT,
    "evidence": _TEXT,  # JSON: what was compared
    "member_a": pl.Boolean(),  # passes side a's filter; null undecided: last membership stays
    "member_b": pl.Boolean(),
    "visible_a": pl.Boolean(),  # false: the record left our sight without a proven delete
    "visible_b": pl.Boolean(),
}

# The records of a link. Key: sync, side, object_type, record_id. Aliases (converted, merged away) stay.
LINK_END: Columns = {
    "sync": _TEXT,
    "side": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "link_id": _INT,
    "role": _TEXT,  # current | alias
}

# What each side held when they last agreed: one packed row per link. Key: link_id.
BASE: Columns = {
    "link_id": _INT,
    "sync": _TEXT,
    "revision": _INT,  # of the mapping list the prints are ordered by
    "canonicaliser": _INT,
    "prints_a": _BYTES,  # little-endian u64 per mapping in the revision's order; 0 = unknown
    "prints_b": _BYTES,
}

# Sparse facts about one mapping of one link. Key: link_id, mapping, kind.
MARK: Columns = {
    "link_id": _INT,
    "mapping": _TEXT,
    "kind": _TEXT,  # ended | owner | normalised | apart | drift | held | blocked | not_taken | dead | frozen | thawed
    "detail": _TEXT,  # JSON
    "at_us": _INT,
}

# Where to look. Key: sync, link_id, side, object_type, record_id; link_id 0 for unlinked records.
DIRTY: Columns = {
    "sync": _TEXT,
    "link_id": _INT,
    "side": _TEXT,  # "" for links
    "object_type": _TEXT,
    "record_id": _TEXT,
    "seq": _INT,  # store sequence when set
    "due_us": _INT,  # not before; 0 at once
}

# One row per call's worth of writes, prepared before it is sent. Key: batch_id.
JOURNAL: Columns = {
    "batch_id": _TEXT,
    "sync": _TEXT,
    "run_id": _TEXT,
    "side": _TEXT,
    "connection": _TEXT,
    "object_type": _TEXT,
    "operation": _TEXT,
    "state": _TEXT,  # prepared | sent | answered
    "prepared_us": _INT,
    "sent_us": _INT,
    "answered_us": _INT,
    "origin": _TEXT,  # the vendor's request id of the call; null if none
    "fence": _INT,
    "segment": _BYTES,  # compressed Arrow of engine.journal.SEGMENT: per record and field, what we expect back
}

# One narrow row per record in a batch. In flight = prepared, sent or unknown: at most one per record, and per key.
ENTRY: Columns = {
    "batch_id": _TEXT,
    "position": _INT,
    "connection": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,  # null for a create until its outcome is known
    "match_key": _TEXT,  # our key of a create; null for updates
    "link_id": _INT,  # 0 for a create until linked
    "state": _TEXT,  # prepared | sent | unknown | written | settled | rejected | abandoned
    "at_us": _INT,
}

# Append-only: every observed change and every write, changed cells only, newest base values kept for ever.
HISTORY: Columns = {
    "day": _TEXT,  # "2026-11-22": the partition
    "connection": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "at_us": _INT,
    "cause": _TEXT,  # observed | written | deleted | undeleted | linked | base
    "actor": _TEXT,
    "run_id": _TEXT,
    "cells": _TEXT,  # JSON object field -> [before, after]
}

# Evidence of single changes. Key: connection, object_type, record_id, field, at_us, new.
MOMENT: Columns = {
    "connection": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "field": _TEXT,
    "at_us": _INT,
    "actor": _TEXT,
    "origin": _TEXT,
    "old": _TEXT,
    "new": _TEXT,
    "is_person": pl.Boolean(),
}

# Values that lost, restorable. Key: conflict_id (of link, mapping and both fingerprints).
CONFLICT: Columns = {
    "conflict_id": _TEXT,
    "sync": _TEXT,
    "link_id": _INT,
    "mapping": _TEXT,
    "kind": _TEXT,  # conflict | first_link | drift | overwritten_in_flight | overridden | window | merged_away
    "state": _TEXT,  # logged | open
    "policy": _TEXT,
    "reason": _TEXT,  # one sentence: which evidence decided
    "winner_side": _TEXT,  # null while open
    "value_a": _TEXT,
    "value_b": _TEXT,
    "at_us": _INT,
    "run_id": _TEXT,
}

# Two persons of one side that are one since their counterparts were merged or converted into each other on the other
# side: the merge that is due, its cells computed once, so that a repeat adds nothing. Key: merger_id.
MERGER: Columns = {
    "merger_id": _TEXT,
    "sync": _TEXT,
    "side": _TEXT,  # where the merge is due
    "object_type": _TEXT,
    "winner_link": _INT,
    "loser_link": _INT,
    "winner_id": _TEXT,
    "loser_id": _TEXT,
    "cells": _TEXT,  # JSON object field -> cell the winner shall hold besides what the vendor's merge leaves
    "state": _TEXT,  # due | held | done | local (nothing to merge over there) | refused | apart | moot (two again)
    "reason": _TEXT,
    "at_us": _INT,
    "run_id": _TEXT,
}

# Who must not come back: keyed hashes of an erased person's keys, nothing else of him. Key: sync, kind, print.
ERASED: Columns = {
    "sync": _TEXT,
    "kind": _TEXT,  # email | id:<side>:<object type> | a match rule's key
    "print": _TEXT,  # hex HMAC under the installation's key
    "at_us": _INT,
}

# Actions or fields that were refused and wait for something. Key: letter_id.
DEAD_LETTER: Columns = {
    "letter_id": _TEXT,
    "sync": _TEXT,
    "link_id": _INT,
    "side": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "mapping": _TEXT,  # null: the whole record
    "operation": _TEXT,
    "code": _TEXT,
    "message": _TEXT,
    "sent": _TEXT,  # JSON: the cells that were refused
    "attempts": _INT,
    "wakes_on": _TEXT,  # value | person | schema
    "wake_print": _INT,  # fingerprint of the refused values: another value wakes it
    "at_us": _INT,
    "state": _TEXT,  # dead | retried | resolved
}

# What waits for a person. Key: hold_id.
HOLD: Columns = {
    "hold_id": _TEXT,
    "sync": _TEXT,
    "kind": _TEXT,  # ambiguous | linked | ceiling | conflict | empty_side | delete | edited_and_deleted | merge | gone
    "subject": _TEXT,  # JSON: the records or the action kind
    "evidence": _TEXT,  # JSON
    "digest": _TEXT,  # hash of the held set; an approval names it
    "state": _TEXT,  # open | replaced (its set changed since) | approved | resolved
    "at_us": _INT,
    "run_id": _TEXT,
}

# How far each capture has read. Key: connection, object_type.
CURSOR: Columns = {
    "connection": _TEXT,
    "object_type": _TEXT,
    "position": _TEXT,
    "fields": _TEXT,  # JSON list: the fields captured so far; another one needs a back-fill
    "rows_seen": _INT,  # of the last complete count: an empty side is recognised by it
    "at_us": _INT,
}

# One row per run. Key: run_id.
RUN: Columns = {
    "run_id": _TEXT,
    "sync": _TEXT,
    "kind": _TEXT,  # run | push | verify | undo | owner | task | convert | delete
    "state": _TEXT,  # running | succeeded | held | failed
    "started_us": _INT,
    "ended_us": _INT,
    "summary": _TEXT,  # JSON
}

# Capture law, left side: one row per page received. Key: run_id, connection, object_type, page.
RECEIPT: Columns = {
    "run_id": _TEXT,
    "connection": _TEXT,
    "object_type": _TEXT,
    "page": _INT,
    "ids": _BYTES,  # zlib of JSON list: every row as received, repeats included
}

# Capture law, right side: what became of the rows. Key: run_id, connection, object_type, page, verdict.
CAPTURED: Columns = {
    "run_id": _TEXT,
    "connection": _TEXT,
    "object_type": _TEXT,
    "page": _INT,
    "verdict": _TEXT,  # applied | identical | stale | unordered | duplicate | unreadable
    "ids": _BYTES,
}

# Sync law, left side: the dirty marks a run took. Key: run_id, sync, side, object_type, record_id.
CONSIDERED: Columns = {
    "run_id": _TEXT,
    "sync": _TEXT,
    "side": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "link_id": _INT,
    "seq": _INT,
}

# Sync law, right side: what became of each, the gravest class of its fields. Same key.
VERDICT: Columns = {
    "run_id": _TEXT,
    "sync": _TEXT,
    "side": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "class": _TEXT,
    "reason": _TEXT,
}

# The fields of an object that were ever visible: one that no longer is counts as hidden. Key: connection, object_type.
DESCRIBED: Columns = {"connection": _TEXT, "object_type": _TEXT, "fields": _TEXT, "at_us": _INT}

# By what a record could match others: one row per way of a sync's match rules to agree. Key: all but value.
MATCH_KEY: Columns = {
    "sync": _TEXT,
    "side": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "way": _INT,
    "value": _TEXT,  # the compared cells in their compared forms
}

# Who owns the values that records have in common: by which record, of which owner. Key: all but print.
OWNER_KEY: Columns = {
    "connection": _TEXT,
    "object_type": _TEXT,
    "record_id": _TEXT,
    "field": _TEXT,  # the field that names the owner
    "print": _INT,  # fingerprint of what it says, case folded; a blank has no row
}

# Facts about syncs and the installation. Key: name.
META: Columns = {"name": _TEXT, "value": _TEXT}


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
    Table.META: (META, ("name",)),
}


@dataclass(kw_only=True)
class Commit:
    """Changes that become durable together or not at all.

    `put` rows replace rows of the same key (all columns given); `add` rows must be new and raise `AlreadyThere` if one
    is not (in-flight rows: two writers of one record); `drop` rows name keys to delete (key columns only);
    `clean` drops dirty marks whose stored `seq` is not newer than the given one. `touch` sets dirty marks with a fresh
    store sequence (columns of DIRTY without `seq`); a mark that is there becomes due sooner by it, never later.
    `amend` updates some columns by key; a key that is not there is passed over. `wipe` deletes every row that equals
    some row of a frame in the frame's columns, whatever the table's key: for what must not stay anywhere.

    They act in the order wipe, drop, clean, put, amend, add, touch: one commit may free a key or an in-flight slot and
    take it again. A put or amend into a taken in-flight slot raises `AlreadyThere` as well.
    """

    put: dict[Table, pl.DataFrame] = field(default_factory=dict)
    add: dict[Table, pl.DataFrame] = field(default_factory=dict)
    amend: dict[Table, list[pl.DataFrame]] = field(default_factory=dict)
    drop: dict[Table, pl.DataFrame] = field(default_factory=dict)
    touch: list[pl.DataFrame] = field(default_factory=list)
    clean: pl.DataFrame | None = None
    wipe: dict[Table, list[pl.DataFrame]] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether it holds no row at all; such a commit touches no disk."""
        frames = [
            *self.put.values(),
            *self.add.values(),
            *self.drop.values(),
            *chain(*self.amend.values()),
            *chain(*self.wipe.values()),
            *self.touch,
        ]
        return not any(frame.height for frame in frames) and (self.clean is None or not self.clean.height)


class AlreadyThere(Exception):
    """An `add` met a row with the same key or in-flight slot; nothing of the commit was stored."""


class Store(Protocol):
    """Keeps the trees. Every method is one transaction; reads see the last commit.

    Raises StateError when the state cannot be read or written (damage, disk full, another process holds it): nothing
    of the commit was stored.
    """

    async def commit(self, commit: Commit) -> None: ...

    async def rows(
        self,
        table: Table,
        where: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> pl.DataFrame:
        """Rows whose columns equal the given values (a list: any of them; None: is null), in key order.

        A table without key keeps the order of appending. *newest_first* goes by the table's instant (`at_us`,
        `started_us`, …), then by key backwards.
        Always has all columns of the table with their types, also when there is no row.
        """
        ...

    def slices(self, table: Table, where: Mapping[str, Any] | None = None, *, size: int) -> AsyncIterator[pl.DataFrame]:
        """What `rows` gives of a table whose key is never null, *size* rows at a time, none twice.

        Each is read when it is asked for: what was committed meanwhile behind the last one is in it.
        """
        ...

    async def by_keys(self, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
        """Rows whose columns equal those of some row of *keys* (a subset of the table's columns): bulk look-up.

        Null equals null; each row comes once, in key order.
        """
        ...

    async def count(self, table: Table, where: Mapping[str, Any] | None = None) -> int: ...

    async def take_dirty(self, sync: str, *, now_us: int, linked: bool, limit: int) -> pl.DataFrame:
        """Up to *limit* due dirty marks of a sync in order of `seq`: of links, or of unlinked records."""
        ...

    async def links_of(self, connection: str, object_type: str, record_ids: Sequence[str]) -> pl.DataFrame:
        """LINK_END rows (aliases too) of these records in every sync whose side is bound to that connection.

        The binding of (sync, side) to a connection is told by `bind`.
        """
        ...

    async def unlinked(self, sync: str, side: str, connection: str, object_types: Sequence[str]) -> pl.DataFrame:
        """MIRROR rows of a side that are in no link of the sync (deleted ones included)."""
        ...

    async def bind(self, sync: str, side: str, connection: str) -> None:
        """Remember which connection a sync's side uses; needed by `links_of`."""
        ...

    async def next_link_ids(self, count: int) -> int:
        """Reserve *count* link ids; the first of them."""
        ...

    async def installation_key(self) -> bytes:
        """The key of this installation's fingerprints, 32 bytes, made at first use."""
        ...

    async def copy(self) -> Store:
        """A private copy of everything, discarded on close: a plan runs on it and writes nothing."""
        ...

    async def scrub(self) -> bool:
        """Rewrite what is stored so that no byte of deleted or replaced rows is left in any file of it.

        False if a reader beside us kept the old bytes in place: the same again, once it is gone, removes them.
        """
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """A section between whose reads and commits no other lane of this process comes.

        Short, and never around a call of a vendor; a section inside one of the same task is part of it.
        """
        ...

    async def close(self) -> None: ...


def empty(table: Table) -> pl.DataFrame:
    """A frame of the table's columns without rows."""
    return pl.DataFrame(schema=dict(TABLES[table][0]))
