"""What the engine works with: the ports, the syncs, and what was described in this run. Built by `wiring`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from syncline.engine.tenure import Tenure
from syncline.ports import Capabilities, Clock, Connector, Random
from syncline.reconcile.match_score import Score
from syncline.records import Side
from syncline.schema import ObjectSchema
from syncline.spec.model import PSEUDO_FIELDS, Sync
from syncline.trees import Store
from syncline.values import FieldType, micros


class Evaluate(Protocol):
    """Evaluates checked SQL scalars over canonical cells, vectorised (see `spec.expressions`)."""

    def predicate(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType]) -> pl.Series:
        """Boolean per row; null where SQL says null."""
        ...

    def scalar(self, expression: str, cells: pl.DataFrame, types: Mapping[str, FieldType], out: FieldType) -> pl.Series:
        """Canonical text of type *out* per row; "" for SQL null."""
        ...


READING = "observe"
"""The phase in which nothing is under way but reading: who is cut off there has sent no write."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of long work, for whoever watches. `total` is None when it is not known."""

    phase: str
    subject: str
    done: int
    total: int | None = None


@dataclass(kw_only=True)
class World:
    """Everything a run needs. `connectors` by connection name; `key` is the installation's fingerprint key."""

    store: Store
    connectors: Mapping[str, Connector]
    clock: Clock
    random: Random
    syncs: Mapping[str, Sync]
    evaluate: Evaluate
    key: bytes
    report: Callable[[Progress], None] = lambda _: None
    score: Score | None = None  # for syncs with a rule that weighs by probability
    schemas: dict[tuple[str, str], ObjectSchema] = field(default_factory=dict)
    actors: dict[str, str | None] = field(default_factory=dict)
    terms: dict[str, tuple[Sync, dict[str, str]]] = field(default_factory=dict)  # by sync, as met (`terms`)
    tenure: Tenure | None = None  # the lease under which a worker works; None: nobody else can be at it
    share: tuple[int, int] | None = None  # (k, n): that lease is of the links whose number leaves k

    def now_us(self) -> int:
        return micros(self.clock.now())

    @property
    def fence(self) -> int:
        """What the journal names the present tenure by; 0 outside of any."""
        return 0 if self.tenure is None else self.tenure.fence

    @property
    def holder(self) -> str | None:
        """Who has the present tenure; None outside of any."""
        return None if self.tenure is None else self.tenure.lease.holder

    async def before_sending(self) -> None:
        """Make sure that our lease outlasts what is sent next. Fenced if the unit is no longer ours: send nothing."""
        if self.tenure is not None:
            await self.tenure.keep()

    def schema(self, connection: str, object_type: str) -> ObjectSchema:
        """The object as described at the start of this run (`observe.meet`)."""
        return self.schemas[connection, object_type]

    def own_actor(self, connection: str) -> str | None:
        """Who we are on a connection, as learnt at the start of this run; None if it cannot be told."""
        return self.actors[connection]

    def capabilities(self, connection: str, object_type: str) -> Capabilities:
        return self.connectors[connection].capabilities(object_type)

    def sides_of(self, connection: str, object_type: str) -> list[tuple[Sync, Side]]:
        """The syncs and sides that use this object of this connection."""
        return [
            (sync, side)
            for sync in self.syncs.values()
            for side in ("a", "b")
            if sync.side(side).connection == connection and object_type in sync.side(side).object_types
        ]

    def fields_read(self, connection: str, object_type: str) -> tuple[str, ...]:
        """Every field of the object that any sync reads and the connected user can see, and those that name the owner
        of one of them."""
        names = {
            name
            for sync, side in self.sides_of(connection, object_type)
            for name in sync.fields_read(side, object_type)
        }
        schema = self.schema(connection, object_type)
        shared = self.capabilities(connection, object_type).shared_fields
        names |= {owner for name, owner in shared.items() if name in names}
        return tuple(name for name in sorted(names - PSEUDO_FIELDS) if schema.field(name))
