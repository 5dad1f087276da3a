"""What became of the records of a link, told: aliases and their heirs, the tombstone and what follows, mergers.

Lives here: gathering for `explain`. Words and tables are the faces' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from syncline.engine.life.chains import NAME
from syncline.engine.life.endings import HAS_ENDED
from syncline.engine.life.marks import Ended, ended_of
from syncline.engine.world import World
from syncline.records import SIDES, Side
from syncline.spec.model import Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Former:
    """A record of the link that ended: `how` it did (merged, converted or deleted), in which record, and when as far as
    the vendor says. `is_alias`: another one stands in its place."""

    side: Side
    object_type: str
    record_id: str
    how: str
    heir: tuple[str, str] | None
    at_us: int | None
    is_alias: bool

    @property
    def words(self) -> str:
        into = f" into {self.heir[0]} {self.heir[1]}" if self.heir else ""
        return f"{self.object_type} {self.record_id} was {self.how}{into}"


@dataclass(frozen=True, kw_only=True)
class Tale:
    """`ended`: what the tombstone's mark says (None: the link is live); `mergers`: MERGER rows it is part of."""

    former: tuple[Former, ...] = ()
    ended: Ended | None = None
    mergers: tuple[Mapping[str, object], ...] = ()


NO_TALE = Tale()
"""Of a record in no link."""


async def tale_of(world: World, sync: Sync, link_id: int) -> Tale:
    """Everything that ended in a link."""
    ends = await world.store.rows(Table.LINK_END, {"link_id": link_id})
    former = [one for side in SIDES for one in await _former(world, sync, side, ends)]
    mergers = await world.store.rows(Table.MERGER, {"sync": sync.name})
    own = mergers.filter((pl.col("winner_link") == link_id) | (pl.col("loser_link") == link_id))
    marks = await ended_of(world.store, pl.DataFrame({"link_id": [link_id]}))
    return Tale(former=tuple(former), ended=marks.get(link_id), mergers=tuple(own.iter_rows(named=True)))


async def _former(world: World, sync: Sync, side: Side, ends: pl.DataFrame) -> list[Former]:
    own = ends.filter(pl.col("side") == side)
    keys = own.select(NAME).with_columns(connection=pl.lit(sync.side(side).connection))
    rows = (await world.store.by_keys(Table.MIRROR, keys)).filter(HAS_ENDED)
    roles = {(kind, record_id): role for kind, record_id, role in own.select(*NAME, "role").iter_rows()}
    return [
        Former(
            side=side,
            object_type=row["object_type"],
            record_id=row["record_id"],
            how=row["fate"] or "deleted",
            heir=(row["heir_type"], row["heir_id"]) if row["heir_id"] else None,
            at_us=row["fate_us"],
            is_alias=roles[row["object_type"], row["record_id"]] == "alias",
        )
        for row in rows.iter_rows(named=True)
    ]
