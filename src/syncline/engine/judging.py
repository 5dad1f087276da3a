"""Judging pairs that were just read anew: which agree, which differ and why, and of which a change had been missed.

A pair agrees if every mapped field holds the same on both sides, through the mapping, and a run would write nothing. It
differs for a known reason if one is noted (`verify`), or if a change is on its way: marked, in flight, written and not
shown yet, or younger than what the last capture can have seen. Everything else differs. Lives here: reading the pairs
and the judgement. Not here: which pairs, and what becomes of the counts (`agreement`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.journal import IN_FLIGHT
from syncline.engine.observe import read_again
from syncline.engine.onlooking import onlooking
from syncline.engine.pairs import mirror_of, slices
from syncline.engine.planning import CLOCK_SKEW_US, Planned, plan_links
from syncline.engine.prints import prints_of
from syncline.engine.verify import HELD, SAME, UNEXPLAINED, field_classes
from syncline.engine.world import World
from syncline.ports import Lane, Stamp
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Table

# Both records of each pair. `moved_us`: when it last changed or ended, as the vendor says; null if it does not.
# `is_assumed`: it holds what we wrote, and no reading has shown it.
STATES: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "side": pl.String(),
    "object_type": pl.String(),
    "record_id": pl.String(),
    "print": pl.String(),
    "is_there": pl.Boolean(),
    "is_assumed": pl.Boolean(),
    "moved_us": pl.Int64(),
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Pairs as they were read: `states` (STATES) of every record, `bases` of every link. By link: `moved`, something
    was other than the mirror said; `late`, although a capture should have brought it; `ended`, a record is there no
    more, and nothing had told; `busy`, a change is on its way anyway; `assumed`, this reading shows a write of ours not
    yet."""

    states: pl.DataFrame
    bases: Mapping[int, tuple[bytes, bytes]]
    moved: frozenset[int]
    late: frozenset[int]
    ended: frozenset[int]
    busy: frozenset[int]
    assumed: frozenset[int]


@dataclass(kw_only=True)
class Judged:
    """The links that differ for a known reason, and those that differ without one."""

    explained: set[int] = field(default_factory=set)
    differing: set[int] = field(default_factory=set)

    def counts(self, link_ids: pl.Series) -> Mapping[str, int]:
        """agreeing, explained, differing among these links."""
        ids = link_ids.to_list()
        explained = sum(link_id in self.explained for link_id in ids)
        differing = sum(link_id in self.differing for link_id in ids)
        return {"agreeing": len(ids) - explained - differing, "explained": explained, "differing": differing}


async def look(world: World, sync: Sync, ends: pl.DataFrame, run_id: str) -> Seen:
    """Read both records of these pairs (`pairs.current_ends`) by id into the mirror, and say what moved by it."""
    busy = await _busy(world, sync, ends)
    before = await _states(world, sync, ends)
    until_us = await _captured_until(world, sync)
    for (side, object_type), part in before.group_by("side", "object_type", maintain_order=True):
        connection = sync.side("a" if side == "a" else "b").connection
        ids = part["record_id"].to_list()
        await read_again(world, connection, str(object_type), ids, run_id, lane=Lane.AUDIT)
    states = await _states(world, sync, ends)
    keys = ["link_id", "side", "object_type", "record_id"]
    moved = states.join(before, on=keys, suffix="_before").filter(
        (pl.col("print") != pl.col("print_before")) | (pl.col("is_there") != pl.col("is_there_before"))
    )
    is_old = pl.col("moved_us").is_null() | (pl.col("moved_us") < pl.col("until_us"))
    late = moved.join(until_us, on=["side", "object_type"], how="left").filter(
        is_old.fill_null(True) & ~pl.col("link_id").is_in(list(busy))
    )
    bases = await world.store.by_keys(Table.BASE, ends.select("link_id"))
    return Seen(
        states=states,
        bases={link_id: (a, b) for link_id, a, b in bases.select("link_id", "prints_a", "prints_b").iter_rows()},
        moved=frozenset(moved["link_id"]),
        late=frozenset(late["link_id"]),
        ended=frozenset(late.filter(~pl.col("is_there"))["link_id"]),
        busy=busy,
        assumed=frozenset(states.filter("is_assumed")["link_id"]),
    )


async def _states(world: World, sync: Sync, ends: pl.DataFrame) -> pl.DataFrame:
    links = await world.store.by_keys(Table.LINK, ends.select("link_id"))
    seen = {s: links.select("link_id", pl.col(f"visible_{s}").fill_null(True).alias("_seen")) for s in SIDES}
    parts = [pl.DataFrame(schema=STATES)]
    for side in SIDES:
        for (object_type,), pairs in ends.group_by(f"type_{side}", maintain_order=True):
            rows = await mirror_of(world, sync.side(side).connection, str(object_type), pairs[f"id_{side}"])
            known = rows.select(
                "record_id",
                "is_deleted",
                pl.col("flags").str.contains(':\\s*"').fill_null(False).alias("is_assumed"),  # any field with a sync
                pl.when("is_deleted").then(pl.coalesce("fate_us", "stamp_us")).otherwise("stamp_us").alias("moved_us"),
            )
            prints = await prints_of(world, sync, {(side, str(object_type), one) for one in pairs[f"id_{side}"]})
            own = pairs.select("link_id", pl.col(f"id_{side}").alias("record_id"))
            own = own.join(known, on="record_id", how="left", maintain_order="left")
            own = own.join(seen[side], on="link_id", how="left", maintain_order="left")
            texts = [prints[side, str(object_type), one] for one in own["record_id"]]
            parts.append(
                own.select(
                    "link_id",
                    pl.lit(side).alias("side"),
                    pl.lit(str(object_type)).alias("object_type"),
                    "record_id",
                    pl.Series("print", texts, dtype=pl.String),
                    (pl.col("_seen") & ~pl.col("is_deleted").fill_null(True)).alias("is_there"),
                    pl.col("is_assumed").fill_null(False),
                    "moved_us",
                )
            )
    return pl.concat(parts)


async def _captured_until(world: World, sync: Sync) -> pl.DataFrame:
    """side, object_type, until_us: every change before that instant must have been captured; null where the system's
    stamps tell nothing of it."""
    rows = []
    for side in SIDES:
        connection = sync.side(side).connection
        for object_type in sync.side(side).object_types:
            able = world.capabilities(connection, object_type)
            cursor = await world.store.rows(Table.CURSOR, {"connection": connection, "object_type": object_type})
            slack_us = int((able.late_commit_seconds + able.visibility_lag_seconds) * 1e6) + able.stamp_step_us
            is_told = able.stamp is not Stamp.NONE and len(cursor) > 0
            rows.append((side, object_type, cursor["at_us"][0] - slack_us - CLOCK_SKEW_US if is_told else None))
    schema = {"side": pl.String, "object_type": pl.String, "until_us": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


async def _busy(world: World, sync: Sync, ends: pl.DataFrame) -> frozenset[int]:
    """Links that are marked, whose record is marked to be read, or of which a write has no answer yet."""
    marked = await world.store.by_keys(Table.DIRTY, ends.select(pl.lit(sync.name).alias("sync"), "link_id"))
    out = set(marked["link_id"])
    for side in SIDES:
        own = ends.select(
            "link_id", pl.col(f"type_{side}").alias("object_type"), pl.col(f"id_{side}").alias("record_id")
        )
        connection = sync.side(side).connection
        keys = own.select("object_type", "record_id")
        entries = await world.store.by_keys(Table.ENTRY, keys.with_columns(connection=pl.lit(connection)))
        open_ = entries.filter(pl.col("state").is_in(list(IN_FLIGHT)))
        to_read = await world.store.by_keys(
            Table.DIRTY,
            keys.with_columns(sync=pl.lit(f"read:{connection}"), link_id=pl.lit(0, dtype=pl.Int64), side=pl.lit("")),
        )
        for found in (open_, to_read):
            out |= set(own.join(found, on=["object_type", "record_id"], how="semi")["link_id"])
    return frozenset(out)


async def judge(world: World, sync: Sync, seen: Seen, ends: pl.DataFrame, run_id: str) -> Judged:
    """Judge these of the pairs that were *seen*: by the values they hold now, and by what a run would write."""
    out = Judged(differing=set(seen.ended))
    ids = ends["link_id"].to_list()
    if not ids:
        return out
    planned = Planned()
    await plan_links(onlooking(world), sync, ids, run_id, planned)
    would_write = set(planned.sheets.outline()["link_id"]) & set(ids)
    unlike, unexplained = set[int](), set[int]()
    nothing_held = pl.DataFrame(schema=HELD)
    async for part in slices(world, sync, ids):
        for _, classed in field_classes(part, nothing_held):
            other = classed.filter(~pl.col("class").is_in(list(SAME)))
            unlike |= set(other["link_id"])
            unexplained |= set(other.filter(pl.col("class") == UNEXPLAINED)["link_id"])
    on_its_way = seen.busy | (seen.moved - seen.late)
    out.differing |= (would_write | unexplained) - on_its_way
    out.explained = (would_write | unlike | (seen.assumed & set(ids))) - out.differing
    return out
