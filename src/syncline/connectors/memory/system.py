"""A system in memory: records of one or more object types, a change log, a clock that is given.

Lives here: the "vendor" – what it stores, stamps and remembers, its flows and normalisers, and work it does later. Not
here: the connector's contract (`connector.py`), what ends a record (`endings.py`: merge, convert, delete, undelete,
purge), or what can go wrong on the way (`faults.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from syncline.ports import Clock
from syncline.records import Fate
from syncline.schema import ObjectSchema
from syncline.values import micros


@dataclass(frozen=True, kw_only=True)
class Heir:
    """The record that another one ended in, and how."""

    fate: Fate
    object_type: str
    record_id: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One state of a record, and when it became readable (`committed_us`; the stamp it carries may be older).

    `heir` is the record it ended in; `is_purged` says that no read shows it any more.
    """

    committed_us: int
    stamp_us: int
    actor: str
    is_deleted: bool
    cells: Mapping[str, str]
    heir: Heir | None = None
    is_purged: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field's change, as the system's history tells it."""

    record_id: str
    object_type: str
    field: str
    at_us: int
    committed_us: int
    actor: str
    old: str
    new: str


@dataclass(kw_only=True)
class Row:
    """One record. `versions` are all its states, newest last; `changes` is its history, field by field."""

    record_id: str
    object_type: str
    created_us: int
    versions: list[Version] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def now(self) -> Version:
        return self.versions[-1]

    @property
    def has_ended(self) -> bool:
        """Deleted, merged away, converted or purged: nobody writes it."""
        return self.now.is_deleted or self.now.heir is not None

    def as_of(self, at_us: int) -> Version | None:
        """The state a replica of that instant shows; None if the record is not there yet."""
        return next((version for version in reversed(self.versions) if version.committed_us <= at_us), None)


Normaliser = Callable[[str, str], str]
"""Field name and value in, the value the system keeps out."""

Flow = Callable[[Row | None, Mapping[str, str], str], Mapping[str, str]]
"""Runs inside every write: the record (None: being made), the cells written and by whom; the cells it sets too."""


@dataclass(frozen=True)
class Conversion:
    """How records of one object type become another: into which, and the source's field that names what it became.

    `carried` are the fields whose values go along; None: every field both types have.
    """

    into: str
    named_in: str
    carried: frozenset[str] | None = None


class MemorySystem:
    """Holds records. Every write is stamped with the clock's time, in whole steps of *stamp_step_us*."""

    def __init__(
        self, name: str, schemas: Mapping[str, ObjectSchema], clock: Clock, *, stamp_step_us: int = 1_000_000
    ) -> None:
        self.name = name
        self.schemas = dict(schemas)
        self.rows: dict[str, Row] = {}
        self.log: list[tuple[int, str]] = []
        self.unique: set[str] = set()
        self.normalise: Normaliser = lambda _, value: value
        self.flow: Flow = lambda _row, _cells, _actor: {}
        self.assign: Flow = lambda _row, _cells, _actor: {}  # runs inside a create that asks for assignment by rules
        self.conversions: dict[str, Conversion] = {}  # by object type
        self.merge_fills_blanks = False  # whether the winner of a merge takes the losers' values where it has none
        self._later: list[tuple[int, Callable[[], object]]] = []
        self._clock = clock
        self._step_us = stamp_step_us
        self._next = 1

    @property
    def clock(self) -> Clock:
        """The clock this system lives by."""
        return self._clock

    def now_us(self) -> int:
        return micros(self._clock.now())

    def stamp_us(self) -> int:
        return self.now_us() // self._step_us * self._step_us

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do *work* once that much time has passed, before whatever asks next."""
        self._later.append((self.now_us() + int(seconds * 1e6), work))

    @property
    def is_busy(self) -> bool:
        """Whether work is still to be done later."""
        return bool(self._later)

    def catch_up(self) -> None:
        """Do the work that has come due."""
        now_us = self.now_us()
        due = [work for at_us, work in self._later if at_us <= now_us]
        self._later = [(at_us, work) for at_us, work in self._later if at_us > now_us]
        for work in due:
            work()

    def create(self, object_type: str, cells: Mapping[str, str], actor: str) -> str:
        record_id = f"{self.name}{self._next:08d}"
        self._next += 1
        self.rows[record_id] = Row(record_id=record_id, object_type=object_type, created_us=self.now_us())
        set_by_flow = self.flow(None, cells, actor)
        self._store(self.rows[record_id], {**cells, **set_by_flow}, actor, self.stamp_us())
        return record_id

    def update(self, record_id: str, cells: Mapping[str, str], actor: str, *, stamp_us: int | None = None) -> None:
        """Change cells. *stamp_us*: when a long transaction began, if it becomes readable only now."""
        row = self.rows[record_id]
        set_by_flow = self.flow(row, cells, actor)
        own = self.stamp_us() if stamp_us is None else max(stamp_us, row.now.stamp_us)
        self._store(row, {**cells, **set_by_flow}, actor, own)

    def _store(self, row: Row, cells: Mapping[str, str], actor: str, stamp_us: int) -> None:
        before = row.now.cells if row.versions else dict.fromkeys(self.schemas[row.object_type].fields, "")
        kept = {name: self.normalise(name, value) for name, value in cells.items()}
        now_us = self.now_us()
        row.changes += [
            Change(
                record_id=row.record_id,
                object_type=row.object_type,
                field=name,
                at_us=stamp_us,
                committed_us=now_us,
                actor=actor,
                old=before.get(name, ""),
                new=value,
            )
            for name, value in kept.items()
            if value != before.get(name, "")
        ]
        heir = row.now.heir if row.versions else None
        self.append(
            row,
            Version(
                committed_us=now_us,
                stamp_us=stamp_us,
                actor=actor,
                is_deleted=False,
                cells={**before, **kept},
                heir=heir,
            ),
        )

    def append(self, row: Row, version: Version) -> None:
        """Make *version* the row's newest and tell the change log."""
        row.versions.append(version)
        self.log.append((version.committed_us, row.record_id))

    def delete(self, record_id: str, actor: str) -> None:
        """Put a record into the recycle bin. What else may end one: `endings`."""
        row = self.rows[record_id]
        self.append(
            row,
            Version(
                committed_us=self.now_us(),
                stamp_us=self.stamp_us(),
                actor=actor,
                is_deleted=True,
                cells=row.now.cells,
                heir=row.now.heir,
            ),
        )

    def holder(self, object_type: str, name: str, value: str) -> str | None:
        """The id of a live record whose field holds *value*; None if there is none."""
        for row in self.rows.values():
            if row.object_type == object_type and not row.now.is_deleted and row.now.cells[name] == value:
                return row.record_id
        return None
