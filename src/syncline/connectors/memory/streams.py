"""The change stream of a system in memory: every commit as an event, and what can go wrong with events on their way.

Lives here: events out of the system's change log, and their faults. Not here: the contract (`connector`), or that
events may be lost at any time without a word – a test leaves the stream unread for that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from syncline.connectors.memory.system import MemorySystem, Row, Version
from syncline.errors import PositionLost, QuotaExhausted, SynclineError, Unavailable
from syncline.records import Event, EventBatch, EventKind

EVENTS_PER_BATCH = 100
LOOK_SECONDS = 1.0


class StreamFault(StrEnum):
    """What happens to the next batch that has events."""

    TWICE = "twice"  # it comes, and then once more
    BACKWARDS = "backwards"  # its events come in reverse order
    MISSING = "missing"  # its first event never comes
    GAP = "gap"  # its events do not say what happened
    OVERFLOW = "overflow"  # one event in place of them says that too much happened
    UNREADABLE = "unreadable"  # its events cannot be translated
    NAMELESS = "nameless"  # … and do not even say of which records they are
    LOST = "lost"  # the stream breaks off before it
    POSITION_LOST = "position_lost"
    SPENT = "spent"  # the allotment is used up


async def pushed(
    system: MemorySystem,
    object_type: str,
    fields: Sequence[str],
    position: str | None,
    *,
    actor: str,
    faults: list[StreamFault],
) -> AsyncGenerator[EventBatch, None]:
    """As `ports.Streams.subscribe`. A look without news is a sign of life; *faults* are taken from the front."""
    log = _Log(system, object_type, fields, actor)
    at = len(system.log) if position is None else int(position)
    yield EventBatch(channel=object_type, position=position)
    while True:
        system.catch_up()
        events, end = log.events(at)
        if not events:
            at = end
            await system.clock.sleep(LOOK_SECONDS)
            yield EventBatch(channel=object_type, position=str(at))
            continue
        fault = faults.pop(0) if faults else None
        if fault in _ENDS:
            raise _ENDS[fault](f"{system.name}: the stream ended ({fault}).")
        batch = EventBatch(channel=object_type, events=tuple(_PLAYS.get(fault, _plain)(events)), position=str(end))
        yield batch
        if fault is StreamFault.TWICE:
            yield batch
        at = end


class _Log:
    """The change log of one object type as events."""

    def __init__(self, system: MemorySystem, object_type: str, fields: Sequence[str], actor: str) -> None:
        self._system = system
        self._object_type = object_type
        self._fields = fields
        self._actor = actor

    def events(self, after: int) -> tuple[list[Event], int]:
        """The next events after the position *after*, and the position behind them."""
        nth: dict[str, int] = {}
        found: list[Event] = []
        for at, (_, record_id) in enumerate(self._system.log):
            nth[record_id] = nth.get(record_id, -1) + 1
            row = self._system.rows[record_id]
            if at < after or row.object_type != self._object_type:
                continue
            found.append(self._event(row, nth[record_id], at))
            if len(found) == EVENTS_PER_BATCH:
                return found, at + 1
        return found, len(self._system.log)

    def _event(self, row: Row, nth: int, at: int) -> Event:
        version = row.versions[nth]
        before = row.versions[nth - 1] if nth else None
        kind = _kind(before, version)
        return Event(
            object_type=row.object_type,
            kind=kind,
            position=str(at + 1),
            committed_us=version.committed_us,
            record_ids=(row.record_id,),
            cells=self._cells(before, version) if kind in (EventKind.CREATE, EventKind.UPDATE) else {},
            stamp_us=version.stamp_us,
            created_us=row.created_us,
            actor=version.actor,
            transaction=f"{self._system.name}{at + 1}",
            is_ours=version.actor == self._actor,
            needs_reading=version.heir is not None,
        )

    def _cells(self, before: Version | None, version: Version) -> dict[str, str]:
        old = before.cells if before else {}
        now = {name: version.cells.get(name, "") for name in self._fields}
        return {name: value for name, value in now.items() if before is None or value != old.get(name, "")}


def _kind(before: Version | None, version: Version) -> EventKind:
    was_there = before is not None and not before.is_deleted
    if version.is_deleted:
        return EventKind.DELETE
    if before is None:
        return EventKind.CREATE
    return EventKind.UPDATE if was_there else EventKind.UNDELETE


def _plain(events: list[Event]) -> list[Event]:
    return events


def _gaps(events: list[Event]) -> list[Event]:
    return [replace(event, kind=EventKind.GAP, cells={}) for event in events]


def _overflow(events: list[Event]) -> list[Event]:
    return [replace(events[-1], kind=EventKind.OVERFLOW, cells={}, record_ids=())]


def _unreadable(events: list[Event]) -> list[Event]:
    return [replace(event, kind=EventKind.UNREADABLE, cells={}, reason="its schema is unknown") for event in events]


_PLAYS: dict[StreamFault | None, Callable[[list[Event]], list[Event]]] = {
    StreamFault.BACKWARDS: lambda events: events[::-1],
    StreamFault.MISSING: lambda events: events[1:],
    StreamFault.GAP: _gaps,
    StreamFault.OVERFLOW: _overflow,
    StreamFault.UNREADABLE: _unreadable,
    StreamFault.NAMELESS: lambda events: [replace(event, record_ids=()) for event in _unreadable(events)],
}


def _spent(message: str) -> SynclineError:
    return QuotaExhausted(message, resets_at=None)


_ENDS: dict[StreamFault | None, Callable[[str], SynclineError]] = {
    StreamFault.LOST: Unavailable,
    StreamFault.POSITION_LOST: PositionLost,
    StreamFault.SPENT: _spent,
}
