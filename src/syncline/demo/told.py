"""Conflicts of the day worth telling: who it was about, what each side said, who won and why.

Everything is read from the conflict log and the mirror, as `syncline conflicts` and `syncline explain` do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncline.engine.world import World
from syncline.records import Side, other
from syncline.spec.model import Sync
from syncline.trees import Table

_NAMES = ("FirstName", "LastName")


@dataclass(frozen=True, kw_only=True)
class Told:
    """One row of the conflict log with its person. `winner` is the side whose value stands on both now."""

    person: str
    record: str  # "Lead 00Q… and person 4711"
    mapping: str
    at_us: int
    value_a: str | None
    value_b: str | None
    winner: Side
    reason: str

    @property
    def loser(self) -> Side:
        return other(self.winner)

    def value(self, side: Side) -> str | None:
        return self.value_a if side == "a" else self.value_b


async def told_conflicts(world: World, sync: Sync, mappings: Sequence[str]) -> list[Told]:
    """The first decided conflict of each of *mappings*, in that order; first links are another matter."""
    rows = await world.store.rows(Table.CONFLICT, {"sync": sync.name, "kind": "conflict", "mapping": list(mappings)})
    decided = rows.filter(pl.col("winner_side").is_not_null()).sort("at_us", "conflict_id")
    first = {row["mapping"]: row for row in decided.reverse().iter_rows(named=True)}
    out = []
    for mapping in mappings:
        if (row := first.get(mapping)) is None:
            continue
        person, record = await _who(world, sync, row["link_id"])
        out.append(
            Told(
                person=person,
                record=record,
                mapping=mapping,
                at_us=row["at_us"],
                value_a=row["value_a"],
                value_b=row["value_b"],
                winner="a" if row["winner_side"] == "a" else "b",
                reason=row["reason"],
            )
        )
    return out


async def _who(world: World, sync: Sync, link_id: int) -> tuple[str, str]:
    ends = await world.store.rows(Table.LINK_END, {"link_id": link_id, "role": "current"})
    a, b = (ends.filter(pl.col("side") == side).row(0, named=True) for side in ("a", "b"))
    where = {"object_type": a["object_type"], "record_id": a["record_id"]}
    mirror = await world.store.rows(Table.MIRROR, {"connection": sync.a.connection, **where})
    cells = json.loads(mirror["cells"][0])
    name = " ".join(filter(None, (cells.get(field) for field in _NAMES)))
    return name, f"{a['object_type']} {a['record_id']} and person {b['record_id']}"
