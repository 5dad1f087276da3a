"""What can go wrong between us and a system in memory, on request and always the same way.

Lives here: a connector that plays faults. Not here: crashes of our own process (a matter of the test), or what the
system itself does to values (its `normalise` and `flow`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from syncline.connectors.memory.connector import RICH, MemoryConnector
from syncline.connectors.memory.system import MemorySystem
from syncline.errors import Unavailable
from syncline.ports import Capabilities, Lane
from syncline.records import Operation, Outcome, Status, Write, WriteAnswer


class Fault(StrEnum):
    """What happens to the next call of `write`."""

    LOST_REPLY = "lost_reply"  # carried out, the answer never arrives
    LOST_REQUEST = "lost_request"  # never carried out, and nobody can tell
    LATE_WRITE = "late_write"  # no answer; carried out afterwards: updates much later, creates within the late commit
    HALF = "half"  # every second row is carried out, the others are unknown
    LOCKED = "locked"  # every second row is refused for now
    LATER = "later"  # raised before anything was sent
    IGNORED = "ignored"  # the first field of every row is silently left as it is, now and ever after


class FaultyConnector(MemoryConnector):
    """Plays the faults put into `next_writes`, one a call; reads lag by `lag_seconds`."""

    def __init__(
        self, system: MemorySystem, *, actor: str = "syncline", capabilities: Capabilities = RICH, overlap: int = 5
    ) -> None:
        super().__init__(system, actor=actor, capabilities=capabilities, overlap=overlap)
        self.next_writes: list[Fault] = []
        self.lag_seconds = 0.0
        self.late_update_seconds = 300.0
        self.late_create_seconds = 40.0
        self.ignored: set[tuple[str, str]] = set()
        self.written_over: set[str] = set()  # records a late create met and overwrote: it compares nothing

    def seen_at_us(self) -> int:
        return self.system.now_us() - int(self.lag_seconds * 1e6)

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        fault = self.next_writes.pop(0) if self.next_writes else None
        if fault is Fault.LATER:
            raise Unavailable(f"{self.system.name} is busy.")
        self._calls += 1
        self.system.catch_up()
        play = self.write_one if fault is None else self._plays()[fault]
        outcomes = [
            self.write_one(write) if at % 2 and fault in _EVERY_SECOND else play(write)
            for at, write in enumerate(writes)
        ]
        return self.answer(writes, outcomes)

    def write_one(self, write: Write) -> Outcome:
        cells = {name: value for name, value in write.cells.items() if (write.record_id, name) not in self.ignored}
        if write.operation is Operation.UPDATE and write.cells and not cells:
            return Outcome(status=Status.WRITTEN, record_id=write.record_id)
        return super().write_one(replace(write, cells=cells))

    def _plays(self) -> dict[Fault, Callable[[Write], Outcome]]:
        return {
            Fault.LOST_REPLY: self._lose_reply,
            Fault.LOST_REQUEST: _unknown,
            Fault.LATE_WRITE: self._write_late,
            Fault.HALF: _unknown,
            Fault.LOCKED: _locked,
            Fault.IGNORED: self._ignore,
        }

    def _lose_reply(self, write: Write) -> Outcome:
        self.write_one(write)
        return _unknown(write)

    def _write_late(self, write: Write) -> Outcome:
        is_create = write.operation is Operation.CREATE

        def carry_out() -> None:
            outcome = self.write_one(write)
            if is_create and outcome.record_id and not outcome.was_created:
                self.written_over.add(outcome.record_id)

        self.system.later(self.late_create_seconds if is_create else self.late_update_seconds, carry_out)
        return _unknown(write)

    def _ignore(self, write: Write) -> Outcome:
        if write.record_id is not None and write.cells:
            self.ignored.add((write.record_id, next(iter(write.cells))))
        return self.write_one(write)


_EVERY_SECOND = frozenset({Fault.HALF, Fault.LOCKED})


def _unknown(write: Write) -> Outcome:
    return Outcome(status=Status.UNKNOWN, record_id=write.record_id, message="the connection was lost")


def _locked(write: Write) -> Outcome:
    return Outcome(
        status=Status.REJECTED, record_id=write.record_id, code="LOCKED", message="row is locked", is_permanent=False
    )
