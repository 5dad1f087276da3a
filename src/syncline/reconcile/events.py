"""Observing: what the events of one batch say of the records of one object type. Pure.

Lives here: the order of events against what is known (docs/reference/rules.md, "What we know of a cell"), which of them
are certain news, and which records have to be read. Not here: laying the news over the mirror (`absorb`), what a change
means after a write of ours (`settle`), and any I/O.

An event is an observation of the fields that changed, as of its commit. Against a read it is news or old as the stamps
say; within one stamp, as it was committed after or before the reading by more than a read may lag. Between two events
only the later one is news: the older may be of a field whose last value came with neither, so nothing is
concluded from it. What cannot be ordered, what an event does not carry and every end of a record is read by id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from syncline import records
from syncline.reconcile.absorb import Clockwork
from syncline.reconcile.cells import decode_objects
from syncline.records import MOMENT_SCHEMA, PAGE_SCHEMA, Event, EventKind, How, Unreadable

NOBODY = "*"
"""Stands in the ledgers for the record of an event that names none."""

Moment = tuple[str, str, int, str]
"""Record id, field, instant and value of one recorded change."""


@dataclass(frozen=True, kw_only=True)
class Folded:
    """`rows` (columns of a page) has at most one row a record and in it only certain news; `moments` (MOMENT_SCHEMA) is
    the evidence, `ours` the cells that a call of ours set. `verdicts` are record id and verdict of everything received,
    in order; None: as the record's row is judged. `suspects` are to be read by id, all of the object if `is_overflown`.
    """

    rows: pl.DataFrame
    moments: pl.DataFrame
    ours: frozenset[tuple[str, str]]
    verdicts: tuple[tuple[str, str | None], ...]
    suspects: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    is_overflown: bool


def fold(
    known: pl.DataFrame,
    events: Sequence[Event],
    fields: Sequence[str],
    clockwork: Clockwork,
    told: Collection[Moment],
) -> Folded:
    """Judge *events* of one object type against the *known* mirror rows of their records (MIRROR columns).

    *told* are recorded changes of these records: an event of which every change is among them came before.
    """
    folding = _Folding(fields, clockwork, frozenset(told), _known_records(known))
    for at in sorted(range(len(events)), key=lambda n: (events[n].committed_us, events[n].sequence, n)):
        folding.take(at, events[at])
    return folding.folded()


@dataclass
class _Record:
    """One record while events are laid over it. `row` holds what they changed; None: nothing is news so far."""

    is_known: bool = False
    has_ended: bool = False
    is_deleted: bool = False
    is_from_event: bool = False
    stamp_us: int | None = None
    created_us: int | None = None
    as_of_us: int = 0
    cells: dict[str, str | None] = field(default_factory=dict)
    row: dict[str, Any] | None = None


def _known_records(known: pl.DataFrame) -> dict[str, _Record]:
    cells = decode_objects(known["cells"])
    return {
        row["record_id"]: _Record(
            is_known=True,
            has_ended=row["is_deleted"] or row["fate"] is not None,
            is_deleted=row["is_deleted"],
            is_from_event=row["how"] == How.EVENT,
            stamp_us=row["stamp_us"],
            created_us=row["created_us"],
            as_of_us=row["as_of_us"],
            cells=held,
        )
        for row, held in zip(known.iter_rows(named=True), cells, strict=True)
    }


class _Folding:
    def __init__(
        self, fields: Sequence[str], clockwork: Clockwork, told: frozenset[Moment], known: Mapping[str, _Record]
    ) -> None:
        self._fields = tuple(fields)
        self._clockwork = clockwork
        self._told = told
        self._records = dict(known)
        self._seen: set[str] = set()  # positions of this batch
        self._verdicts: list[tuple[int, str, str | None]] = []
        self._moments: list[tuple[Any, ...]] = []
        self._setters: dict[tuple[str, str], bool] = {}  # cell -> it was set by us
        self._suspects: dict[str, None] = {}
        self._unreadable: list[Unreadable] = []
        self._is_overflown = False

    def take(self, at: int, event: Event) -> None:
        """Lay one event over its records. *at* is its place among those received."""
        if event.kind is EventKind.UNREADABLE:
            self._keep_unreadable(event)
        elif event.kind is EventKind.OVERFLOW or not event.record_ids:
            self._is_overflown = True
            self._verdicts.append((at, NOBODY, "unordered"))
        else:
            is_repeat = event.position in self._seen
            for record_id in event.record_ids:
                verdict = (
                    "duplicate" if is_repeat or self._came_before(record_id, event) else self._judge(record_id, event)
                )
                self._verdicts.append((at, record_id, verdict))
        self._seen.add(event.position)

    def folded(self) -> Folded:
        rows = [one.row for one in self._records.values() if one.row is not None]
        return Folded(
            rows=pl.DataFrame(rows, schema={**PAGE_SCHEMA, **dict.fromkeys(self._fields, pl.String())}),
            moments=pl.DataFrame(self._moments, schema=MOMENT_SCHEMA, orient="row"),
            ours=frozenset(cell for cell, is_ours in self._setters.items() if is_ours),
            verdicts=tuple(
                (record_id, verdict) for _, record_id, verdict in sorted(self._verdicts, key=lambda v: v[0])
            ),
            suspects=tuple(self._suspects),
            unreadable=tuple(self._unreadable),
            is_overflown=self._is_overflown,
        )

    def _keep_unreadable(self, event: Event) -> None:
        raw = f"event {event.position}"
        ids: tuple[str | None, ...] = event.record_ids or (None,)
        self._unreadable += [Unreadable(record_id=one, reason=event.reason, raw=raw) for one in ids]
        self._suspects |= dict.fromkeys(event.record_ids)
        self._is_overflown = self._is_overflown or not event.record_ids

    def _came_before(self, record_id: str, event: Event) -> bool:
        changes = [one[:4] for one in self._changes(record_id, event)]
        return bool(changes) and all(one in self._told for one in changes)

    def _changes(self, record_id: str, event: Event) -> Iterator[Moment]:
        for name, value in event.cells.items():
            if name in self._fields:
                yield record_id, name, event.committed_us, value

    def _judge(self, record_id: str, event: Event) -> str | None:
        """The verdict on one record of an event; None: as its row will be judged."""
        record = self._records.get(record_id, _Record())
        if event.kind is EventKind.DELETE and record.is_deleted:
            return "identical"
        if record.is_known:
            self._remember(record_id, event)
        if not self._can_be_laid(record, event):
            self._suspects[record_id] = None
            return "unordered"
        order = self._order(record, event)
        if order != "newer":
            return self._not_news(record_id, record, event, order)
        if not record.is_known:
            self._remember(record_id, event)
        self._records[record_id] = record
        self._lay(record_id, record, event)
        return None

    def _can_be_laid(self, record: _Record, event: Event) -> bool:
        """Whether the event by itself says how the record stands now. An end is a suspicion; of a record we do not know
        only an event that shows all of it says enough."""
        if event.needs_reading or event.kind not in (EventKind.CREATE, EventKind.UPDATE) or record.has_ended:
            return False
        if record.is_known:
            return True
        return event.kind is EventKind.CREATE and all(name in event.cells for name in self._fields)

    def _order(self, record: _Record, event: Event) -> str:
        """newer | older | unordered: the event against what is known of the record."""
        asked_us, lag_us = record.as_of_us, self._clockwork.lag_us
        if not record.is_known or record.row is not None:
            return "newer"  # of one batch the earlier events are laid first
        if record.is_from_event:
            return "newer" if event.committed_us > asked_us else "unordered"
        has_stamps = self._clockwork.trusts_stamp and event.stamp_us is not None and record.stamp_us is not None
        if has_stamps and event.stamp_us != record.stamp_us:
            return "newer" if (event.stamp_us or 0) > (record.stamp_us or 0) else "older"
        # Without stamps a later read may have shown the same state again, which leaves no trace.
        if event.committed_us > asked_us + lag_us and (has_stamps or not asked_us):
            return "newer"
        return "older" if event.committed_us < asked_us - lag_us else "unordered"

    def _not_news(self, record_id: str, record: _Record, event: Event, order: str) -> str:
        differing = [name for _, name, _, value in self._changes(record_id, event) if record.cells.get(name) != value]
        if not differing:
            return "identical"
        is_unread = any(record.cells.get(name) is None for name in differing)
        if order == "older" and not is_unread:
            return "stale"
        self._suspects[record_id] = None
        return "unordered"

    def _remember(self, record_id: str, event: Event) -> None:
        """The evidence of the event's single changes."""
        facts = (event.committed_us, event.actor, event.transaction, None)
        for _, name, _, value in self._changes(record_id, event):
            self._moments.append((record_id, name, *facts, value, event.is_person))

    def _lay(self, record_id: str, record: _Record, event: Event) -> None:
        before = record.row or {}
        cells = {name: value for _, name, _, value in self._changes(record_id, event)}
        self._setters |= {(record_id, name): event.is_ours for name in cells}
        stamps = [one for one in (before.get(records.STAMP), event.stamp_us) if one is not None]
        record.row = {
            **dict.fromkeys(self._fields),
            **before,
            records.ID: record_id,
            records.STAMP: max(stamps, default=None),
            records.ACTOR: event.actor,
            records.CREATED: record.created_us or before.get(records.CREATED) or event.created_us,
            records.DELETED: False,
            records.AS_OF: event.committed_us,
            **cells,
        }
        record.is_known = True
        record.cells |= cells
