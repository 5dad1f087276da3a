"""A system in memory: records of one or more object types, a change log, a clock that is given.

Lives here: the "vendor". Not here: the connector's contract (`connector.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from syncline.ports import Clock
from syncline.schema import ObjectSchema
from syncline.values import micros


@dataclass(kw_only=True)
class Row:
    """One record as the system holds it. `versions` are (committed at, cells) of every state, newest last."""

    record_id: str
    object_type: str
    cells: dict[str, str]
    created_us: int
    stamp_us: int
    actor: str
    is_deleted: bool = False
    versions: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field's change, as the system's history tells it."""

    record_id: str
    object_type: str
    field: str
    at_us: int
    actor: str
    old: str
    new: str


Normaliser = Callable[[str, str], str]
"""Field name and value in, the value the system keeps out."""


class MemorySystem:
    """Holds records. Every write is stamped with the clock's time, in whole steps of *stamp_step_us*."""

    def __init__(
        self, name: str, schemas: Mapping[str, ObjectSchema], clock: Clock, *, stamp_step_us: int = 1_000_000
    ) -> None:
        self.name = name
        self.schemas = dict(schemas)
        self.rows: dict[str, Row] = {}
        self.log: list[str] = []
        self.changes: list[Change] = []
        self.unique: set[str] = set()
        self.normalise: Normaliser = lambda _, value: value
        self._clock = clock
        self._step_us = stamp_step_us
        self._next = 1

    def now_us(self) -> int:
        return micros(self._clock.now())

    def stamp_us(self) -> int:
        return self.now_us() // self._step_us * self._step_us

    def create(self, object_type: str, cells: Mapping[str, str], actor: str) -> str:
        record_id = f"{self.name}{self._next:08d}"
        self._next += 1
        now_us = self.now_us()
        empty = dict.fromkeys(self.schemas[object_type].fields, "")
        self.rows[record_id] = Row(
            record_id=record_id,
            object_type=object_type,
            cells=empty,
            created_us=now_us,
            stamp_us=self.stamp_us(),
            actor=actor,
        )
        self.update(record_id, cells, actor)
        return record_id

    def update(self, record_id: str, cells: Mapping[str, str], actor: str) -> None:
        row = self.rows[record_id]
        for name, value in cells.items():
            kept = self.normalise(name, value)
            if kept != row.cells[name]:
                self.changes.append(
                    Change(
                        record_id=record_id,
                        object_type=row.object_type,
                        field=name,
                        at_us=self.stamp_us(),
                        actor=actor,
                        old=row.cells[name],
                        new=kept,
                    )
                )
            row.cells[name] = kept
        row.stamp_us, row.actor = self.stamp_us(), actor
        row.versions.append((self.now_us(), dict(row.cells)))
        self.log.append(record_id)

    def delete(self, record_id: str, actor: str) -> None:
        row = self.rows[record_id]
        row.is_deleted, row.stamp_us, row.actor = True, self.stamp_us(), actor
        self.log.append(record_id)

    def holder(self, object_type: str, name: str, value: str) -> str | None:
        """The id of a live record whose field holds *value*; None if there is none."""
        for row in self.rows.values():
            if row.object_type == object_type and not row.is_deleted and row.cells[name] == value:
                return row.record_id
        return None
