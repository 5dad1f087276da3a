"""Shared cells: the siblings of the links at hand, by the owners that connectors declare.

Lives here: loading the siblings of links whose shared cells stir, and laying what `reconcile.shared` says over a plan.
Siblings that need nothing themselves are looked at, not planned. Not here: the index of owners (`owners`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.bases import PATCHES
from syncline.engine.consent import email_moves
from syncline.engine.dirty import dirty_links
from syncline.engine.owners import owner_fields
from syncline.engine.pairs import Slice, slices
from syncline.engine.world import World
from syncline.reconcile.consent import MOVES, consent_maps
from syncline.reconcile.merge import MOMENTS
from syncline.reconcile.shared import ECHOES, FACTS, echoes, one_write, settled_members, siblings
from syncline.reconcile.shared_acts import proofs
from syncline.records import SIDES, Side, other
from syncline.spec.model import Direction, FieldMap, Policy, Sync
from syncline.trees import TABLES, Table

OWNER = "owner"
"""Kind of the mark that says under which owner a link's consent was last agreed."""


_ECHO = "the value of its owner, agreed through another record"

AGAIN_US = 60_000_000
"""When links are looked at again whose value went to their owner through another one."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Decisions per slice, CONFLICT rows to store with the writes that decide them, and dirty marks for later."""

    decisions: list[pl.DataFrame]
    conflicts: pl.DataFrame
    later: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class Owners:
    """What links that are planned together, and their siblings, know of the owners of their shared cells."""

    facts: pl.DataFrame
    found: pl.DataFrame  # echoes
    acts: pl.DataFrame  # proofs

    def settled(self, part: Slice) -> Slice:
        """*part* with echoes settled: a one-way field rests on what was agreed for its owner; a loosened consent has
        the proof of the act behind it."""
        if self.found.is_empty() and self.acts.is_empty():
            return part
        own_ids = part.pairs.select("link_id")
        own = self.found.join(own_ids, on="link_id", how="semi")
        keys = [m.key for m in consent_maps(part.maps, part.type_a)]
        told = self.acts.filter(pl.col("mapping").is_in(keys)).join(own_ids, on="link_id", how="semi")
        if own.is_empty() and told.is_empty():
            return part
        pairs = part.pairs
        for key, side in _one_way(part.maps, own):
            here = own.filter((pl.col("mapping") == key) & (pl.col("side") == side)).select("link_id", echoed="print")
            pairs = pairs.join(here, on="link_id", how="left", maintain_order="left").with_columns(
                pl.coalesce("echoed", f"x{side}.{key}").alias(f"x{side}.{key}")
            )
            pairs = pairs.drop("echoed")
        return replace(part, pairs=pairs, moments=pl.concat([part.moments, told]))

    def patches(self, sync: Sync, part: Slice) -> pl.DataFrame:
        """The bases (PATCHES) of the echoes that `settled` laid to rest."""
        rows = [pl.DataFrame(schema=PATCHES)]
        if self.found.is_empty():
            return rows[0]
        own = self.found.join(part.pairs.select("link_id"), on="link_id", how="semi")
        for key, side in _one_way(part.maps, own):
            here = own.filter((pl.col("mapping") == key) & (pl.col("side") == side))
            prints = {s: pl.col("print") if s == side else pl.lit(None, pl.UInt64) for s in SIDES}
            rows.append(
                here.select(
                    "link_id", pl.lit(sync.name).alias("sync"), "mapping", print_a=prints["a"], print_b=prints["b"]
                )
            )
        return pl.concat(rows)

    def apart(self, part: Slice, now_us: int) -> pl.DataFrame:
        """MARK rows of echoes that `settled` laid to rest and that differ from what their own source says."""
        rows = [pl.DataFrame(schema=dict(TABLES[Table.MARK][0]))]
        if self.found.is_empty():
            return rows[0]
        own = self.found.join(part.pairs.select("link_id"), on="link_id", how="semi")
        for key, side in _one_way(part.maps, own):
            here = own.filter((pl.col("mapping") == key) & (pl.col("side") == side)).select("link_id")
            differ = pl.col(f"t{other(side)}.{key}").ne_missing(pl.col(f"{side}.{key}"))
            rows.append(
                part.pairs.join(here, on="link_id", how="semi")
                .filter(differ)
                .select(
                    "link_id",
                    pl.lit(key).alias("mapping"),
                    pl.lit("apart").alias("kind"),
                    pl.lit(json.dumps({"target": side, "reason": _ECHO})).alias("detail"),
                    pl.lit(now_us, dtype=pl.Int64).alias("at_us"),
                )
            )
        return pl.concat(rows)

    def reduced(self, world: World, sync: Sync, merged: Sequence[tuple[Slice, pl.DataFrame]], run_id: str) -> Plan:
        """The decisions of slices that were merged together, with one write per owner."""
        if self.facts.is_empty():
            nothing = pl.DataFrame(schema=dict(TABLES[Table.CONFLICT][0]))
            return Plan(decisions=[told for _, told in merged], conflicts=nothing, later=dirty_links(sync.name, []))
        maps = {m.key: m for m in sync.fields}
        types = {link_id: part.type_a for part, _ in merged for link_id in part.pairs["link_id"]}
        every = pl.concat(
            [told.with_columns(pl.lit(at, dtype=pl.Int64).alias("slice")) for at, (_, told) in enumerate(merged)]
        )
        out = one_write(every, self.facts, maps, types)
        conflicts = out.conflicts.with_columns(
            pl.lit(sync.name).alias("sync"),
            pl.lit("conflict").alias("kind"),
            pl.lit("logged").alias("state"),
            pl.lit(world.now_us(), dtype=pl.Int64).alias("at_us"),
            pl.lit(run_id).alias("run_id"),
        )
        return Plan(
            decisions=[out.decisions.filter(pl.col("slice") == at).drop("slice") for at in range(len(merged))],
            conflicts=conflicts.select(list(TABLES[Table.CONFLICT][0])),
            later=dirty_links(sync.name, out.waiting, due_us=world.now_us() + AGAIN_US),
        )

    def marks(self, sync: Sync, now_us: int) -> pl.DataFrame:
        """MARK rows of the links that are known from now on as their owner's."""
        keys = [m.key for m in sync.fields if Policy.MOST_RESTRICTIVE in m.policies.values()]
        rows = [
            (link_id, mapping, OWNER, json.dumps({"print": owner}), now_us)
            for link_id, mapping, owner in settled_members(self.facts, keys).iter_rows()
        ]
        return pl.DataFrame(rows, schema=dict(TABLES[Table.MARK][0]), orient="row")


# By schemas alone: an expression evaluated at import would start the pool of threads in whoever only imports us, and a
# process with threads cannot be forked.
NOBODY = Owners(facts=pl.DataFrame(schema=FACTS), found=pl.DataFrame(schema=ECHOES), acts=pl.DataFrame(schema=MOMENTS))


def _one_way(maps: Sequence[FieldMap], found: pl.DataFrame) -> list[tuple[str, Side]]:
    """Mapping and shared side of the *found* echoes on the target of a one-way mapping."""
    target = {Direction.A_TO_B: "b", Direction.B_TO_A: "a"}
    kinds = set(found.select("mapping", "side").iter_rows())
    return [(m.key, s) for m in maps for s in SIDES if (m.key, s) in kinds and target.get(m.direction) == s]


async def owners_of(world: World, sync: Sync, parts: Sequence[Slice]) -> Owners:
    """The owners of all shared cells of *parts* that changed or were never agreed upon."""
    stirred = pl.concat([pl.DataFrame(schema=_PLACES), *(_stirred(world, sync, part) for part in parts)])
    if stirred.is_empty():
        return NOBODY
    owned = await _owned(world, stirred)
    crowd = await _crowd(world, sync, owned)
    if crowd.is_empty():
        return NOBODY
    known = {link_id for part in parts for link_id in part.pairs["link_id"]}
    beside = [link_id for link_id in crowd["link_id"].unique() if link_id not in known]
    others = [part async for part in slices(world, sync, beside)]
    facts = siblings(pl.concat([_facts(world, sync, part, crowd) for part in [*parts, *others]]))
    acts = [await _acts(world, sync, part, facts) for part in [*parts, *others]]
    moments, moves = (pl.concat([one[at] for one in acts]) for at in range(2))
    keys = sorted({m.key for part in [*parts, *others] for m in consent_maps(part.maps, part.type_a)})
    return Owners(facts=facts, found=echoes(facts), acts=proofs(facts, moments, moves, keys))


async def _acts(world: World, sync: Sync, part: Slice, facts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """MOMENTS and MOVES of the records of *part* that *facts* are about."""
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    pairs = part.pairs.join(facts.select("link_id"), on="link_id", how="semi")
    moments = part.moments.join(pairs.select("link_id"), on="link_id", how="semi")
    return moments, (await email_moves(world, sync, types, part.maps, pairs)).select(list(MOVES))


_PLACES = {
    "link_id": pl.Int64,
    "side": pl.String,
    "connection": pl.String,
    "object_type": pl.String,
    "record_id": pl.String,
    "field": pl.String,
}


def _stirred(world: World, sync: Sync, part: Slice) -> pl.DataFrame:
    """_PLACES of the links one of whose shared cells does not hold its base on both sides."""
    out = [pl.DataFrame(schema=_PLACES)]
    keys = {m.key for m in part.maps}
    for side in SIDES:
        object_type = part.type_a if side == "a" else part.type_b
        fields = {key: name for key, name in owner_fields(world, sync, side, object_type).items() if key in keys}
        for name in sorted(set(fields.values())):
            moved = [
                (pl.col(f"f{s}.{key}") == pl.col(f"x{s}.{key}")).fill_null(False)
                for key, owner in fields.items()
                if owner == name
                for s in SIDES
            ]
            rows = part.pairs.filter(~pl.all_horizontal(moved))
            if rows.is_empty():
                continue
            out.append(
                rows.select(
                    "link_id",
                    pl.lit(side).alias("side"),
                    pl.lit(sync.side(side).connection).alias("connection"),
                    pl.lit(object_type).alias("object_type"),
                    pl.col(f"id_{side}").alias("record_id"),
                    pl.lit(name).alias("field"),
                )
            )
    return pl.concat(out)


async def _owned(world: World, places: pl.DataFrame) -> pl.DataFrame:
    """The OWNER_KEY rows of *places*."""
    return await world.store.by_keys(
        Table.OWNER_KEY, places.select("connection", "object_type", "record_id", "field").unique()
    )


async def _crowd(world: World, sync: Sync, owned: pl.DataFrame) -> pl.DataFrame:
    """link_id, side, field, owner of every live link of the owners of *owned* that have several records."""
    out = [pl.DataFrame(schema={"link_id": pl.Int64, "side": pl.String, "field": pl.String, "owner": pl.Int64})]
    keys = ["connection", "object_type", "field", "print"]
    rows = await world.store.by_keys(Table.OWNER_KEY, owned.select(keys).unique())
    rows = rows.filter(pl.len().over(keys) > 1)
    for (connection, object_type), part in rows.partition_by("connection", "object_type", as_dict=True).items():
        ends = await world.store.links_of(str(connection), str(object_type), part["record_id"].unique().to_list())
        own = ends.filter((pl.col("sync") == sync.name) & (pl.col("role") == "current"))
        told = part.join(own.select("record_id", "link_id", "side"), on="record_id", how="inner")
        out.append(told.select("link_id", "side", "field", pl.col("print").alias("owner")))
    return pl.concat(out)


def _facts(world: World, sync: Sync, part: Slice, crowd: pl.DataFrame) -> pl.DataFrame:
    """FACTS of one slice, for the links and owners of *crowd*."""
    out = [pl.DataFrame(schema=FACTS)]
    keys = {m.key for m in part.maps}
    marked = part.marks.filter(pl.col("kind") == OWNER).select(
        "link_id", "mapping", pl.col("detail").str.json_path_match("$.print").cast(pl.Int64).alias("marked")
    )
    for side in SIDES:
        object_type = part.type_a if side == "a" else part.type_b
        for key, name in owner_fields(world, sync, side, object_type).items():
            if key not in keys:
                continue
            here = crowd.filter((pl.col("side") == side) & (pl.col("field") == name)).select("link_id", "owner")
            quiet = [(pl.col(f"f{s}.{key}") == pl.col(f"x{s}.{key}")).fill_null(False) for s in SIDES]
            rows = part.pairs.join(here, on="link_id", how="inner").with_columns(pl.lit(key).alias("mapping"))
            rows = rows.join(marked, on=["link_id", "mapping"], how="left", maintain_order="left")
            out.append(
                rows.select(
                    "link_id",
                    "mapping",
                    pl.lit(side).alias("side"),
                    "owner",
                    pl.col(f"x{side}.{key}").alias("base"),
                    pl.col(f"f{side}.{key}").alias("print"),
                    pl.all_horizontal(quiet).alias("is_quiet"),
                    "marked",
                    pl.col(f"asof_{side}").alias("seen_us"),
                ).cast(FACTS)  # type: ignore[arg-type]  # a mapping to types, as the stubs do not say
            )
    return pl.concat(out)
