"""A state in which N pairs are linked and agree, without having run the first copy.

Lives here: the rows. They are those a first copy leaves (checked by the first cycle, which must find nothing to do).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from benchmarks.load.systems import LoadConnector, System
from syncline.engine.bases import base_rows
from syncline.engine.cycle import run_cycle
from syncline.engine.world import World
from syncline.ports import Clock
from syncline.spec.model import Sync
from syncline.store import open_store
from syncline.trees import TABLES, Commit, Store, Table
from syncline.values import fingerprints, micros
from syncline.wiring import SystemClock, SystemRandom
from tests.support.memory_world import NoExpressions, people

SLICE = 100_000
SIDES = {"a": ("left", "person", "A"), "b": ("right", "human", "B")}


def load_sync() -> Sync:
    """Five texts, both ways; nothing that only the tests' systems have."""
    sync = people()
    kept = tuple(m for m in sync.fields if m.key not in ("opt_out", "twin_id"))
    rules = tuple(rule for rule in sync.match_rules if rule.by_id is None)
    return replace(sync, fields=kept, match_rules=rules, ceilings={})


async def linked_world(
    count: int, url: str = ":memory:", *, clock: Clock | None = None, latency_seconds: float = 0.0
) -> tuple[World, Sync, System, System]:
    """A world over two systems of *count* records each, all linked and in agreement, its state at *url* (made anew)."""
    clock = clock or SystemClock()
    left, right = (System(letter=letter, object_type=kind, count=0, clock=clock) for _, kind, letter in SIDES.values())
    store, sync = await open_store(url, clock), load_sync()
    world = await world_over(store, sync, left, right, clock)
    await run_cycle(world, sync)  # the terms and cursors of a sync that has run before
    for system in (left, right):
        system.count, system.latency_seconds = count, latency_seconds
    for first in range(0, count, SLICE):
        await store.commit(_pairs(world, sync, left, right, range(first, min(first + SLICE, count))))
    await store.next_link_ids(count)
    return world, sync, left, right


async def world_over(store: Store, sync: Sync, left: System, right: System, clock: Clock) -> World:
    """What a worker has: its own connectors over the same systems and the same state."""
    return World(
        store=store,
        connectors={"left": LoadConnector(left), "right": LoadConnector(right)},
        clock=clock,
        random=SystemRandom(),
        syncs={sync.name: sync},
        evaluate=NoExpressions(),
        key=await store.installation_key(),
    )


def _pairs(world: World, sync: Sync, left: System, right: System, numbers: range) -> Commit:
    now_us = micros(world.clock.now())
    link_ids = pl.Series("link_id", [number + 1 for number in numbers], dtype=pl.Int64)
    commit = Commit()
    cells = pl.DataFrame(
        {name: [left.cells_of(left.id_of(n), name) for n in numbers] for name in world.fields_read("left", "person")}
    )
    texts = cells.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    mirrors, ends = [], []
    for (side, (connection, object_type, _)), system in zip(SIDES.items(), (left, right), strict=True):
        ids = pl.Series("record_id", [system.id_of(n) for n in numbers])
        place = {"connection": connection, "object_type": object_type, "stamp_us": system.made_us, "actor": "human"}
        facts = {"created_us": system.made_us, "is_deleted": False, "as_of_us": now_us, "how": "backfill"}
        mirrors.append(_shaped(Table.MIRROR, pl.DataFrame([ids, texts.alias("cells")]), place | facts))
        end = {"sync": sync.name, "side": side, "object_type": object_type, "role": "current"}
        ends.append(_shaped(Table.LINK_END, pl.DataFrame([ids, link_ids]), end))
    link = {"sync": sync.name, "state": "live", "rule": "load", "decided_us": now_us, "evidence": "{}"}
    seen = {"member_a": True, "member_b": True, "visible_a": True, "visible_b": True}
    prints = pl.DataFrame(
        [
            pl.Series(m.key, fingerprints(world.key, cells[m.a["person"].inputs[0]]), dtype=pl.UInt64)
            for m in sync.fields
        ]
    )
    commit.put[Table.MIRROR] = pl.concat(mirrors)
    commit.put[Table.LINK_END] = pl.concat(ends)
    commit.put[Table.LINK] = _shaped(Table.LINK, pl.DataFrame([link_ids]), link | seen)
    commit.put[Table.BASE] = base_rows(sync, link_ids, {"a": prints, "b": prints})
    return commit


def _shaped(table: Table, known: pl.DataFrame, constants: dict[str, object]) -> pl.DataFrame:
    """Every column of the table: the known ones, the constants, null for the rest."""
    schema = TABLES[table][0]
    rest = [pl.lit(constants.get(name), dtype=dtype).alias(name) for name, dtype in schema.items() if name not in known]
    return known.with_columns(rest).select(list(schema))
