"""The stored keys by which records of a sync could match: who must be looked at when a few strangers come.

Matching looks at all records of both sides. Where few of many are new, only those matter that carry a value some rule
compares with theirs, and whoever is in doubt with them: `around` finds these, and what it finds is everything that can
change the outcome. The keys (MATCH_KEY) are made when they are first needed, and from then on with every change of a
mirror row; another set of rules or mappings makes them anew.
Lives here: keeping the keys and asking them. Not here: who is whom (`reconcile.match`), or loading (`matching`).
"""

from __future__ import annotations

import hashlib
import json

import polars as pl

from syncline.engine.batches import GENERATION, our_key
from syncline.engine.settlement import add_rows
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.reconcile.match_forms import formed, with_forms
from syncline.reconcile.match_pairs import ways_to_agree
from syncline.records import SIDES, Side
from syncline.spec.model import PSEUDO_FIELDS, End, MatchRule, Sync
from syncline.trees import TABLES, Commit, Table

FORMS = 1
"""Version of the compared forms; another one makes the stored keys anew."""

WAS = "was"
"""In place of a side: a key that a record had. Those who share it may have lost a rival; gone with the next match."""

RECORD = {"side": pl.String, "object_type": pl.String, "record_id": pl.String}
_GENERATION = GENERATION + r"\d+$"
_BETWEEN = "\x1f"
_RECORDS_AT_ONCE = 10_000


def keys_compared(rules: tuple[MatchRule, ...], name_keys: tuple[str, str]) -> tuple[str, ...]:
    """The mapping keys that any rule looks at."""
    names = {key for rule in rules for key in rule.compared_keys()}
    names |= {rule.by_id for rule in rules if rule.by_id}
    return tuple(sorted(names | set(name_keys)))


def compared_ends(sync: Sync, side: Side, object_type: str) -> dict[str, End]:
    """By mapping key, where an object type holds what the rules look at."""
    keys = keys_compared(sync.match_rules, sync.name_keys)
    return {m.key: m.ends(side)[object_type] for m in sync.fields if object_type in m.ends(side) and m.key in keys}


def compared_fields(sync: Sync, side: Side, object_type: str) -> set[str]:
    """The fields of an object type that matching reads, filters apart."""
    key_field = sync.side(side).key_fields.get(object_type)
    fields = {end.inputs[0] for end in compared_ends(sync, side, object_type).values()} - PSEUDO_FIELDS
    return fields | ({key_field} if key_field else set())


def compared_cells(sync: Sync, side: Side, object_type: str, wide: pl.DataFrame) -> list[pl.Expr | pl.Series]:
    """Columns of *wide* (`sides.read_cells`) as `match` wants them: mapping keys, key_of_self, key_named."""
    ends = compared_ends(sync, side, object_type)
    key_field = sync.side(side).key_fields.get(object_type)
    key_of_self = [our_key(sync, side, object_type, record_id) for record_id in wide["record_id"]]
    named = pl.lit(None, dtype=pl.String)
    if key_field:
        named = pl.col(CELL + key_field).str.to_lowercase().str.replace(_GENERATION, "")
    return [
        *(pl.col(CELL + end.inputs[0]).alias(key) for key, end in ends.items()),
        pl.Series("key_of_self", key_of_self, dtype=pl.String),
        named.alias("key_named"),
    ]


def _keys_of(sync: Sync, side: Side, object_type: str, rows: pl.DataFrame) -> pl.DataFrame:
    """MATCH_KEY rows of MIRROR rows of one object type."""
    wide = read_cells(rows, sorted(compared_fields(sync, side, object_type)))
    ways = ways_to_agree(sync.match_rules, sync.name_keys)
    cells = wide.select("record_id", *compared_cells(sync, side, object_type, wide))
    cells = with_forms(cells, {look for way in ways for look in way[side]})
    place = {"sync": sync.name, "side": side, "object_type": object_type}
    parts = [
        cells.select(
            *(pl.lit(value).alias(name) for name, value in place.items()),
            "record_id",
            pl.lit(number, dtype=pl.Int64).alias("way"),
            pl.concat_str([formed(*look) for look in way[side]], separator=_BETWEEN).alias("value"),
        ).drop_nulls("value")
        for number, way in enumerate(ways)
    ]
    return pl.concat([pl.DataFrame(schema=dict(TABLES[Table.MATCH_KEY][0])), *parts])


def _signature(sync: Sync) -> str:
    """What the stored keys depend on."""
    read = {
        f"{side}.{object_type}": [
            sync.side(side).key_fields.get(object_type),
            {key: end.inputs[0] for key, end in compared_ends(sync, side, object_type).items()},
        ]
        for side in SIDES
        for object_type in sync.side(side).object_types
    }
    text = json.dumps([FORMS, ways_to_agree(sync.match_rules, sync.name_keys), read])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


async def is_kept(world: World, sync: Sync) -> bool:
    """Whether the keys of all records are there, by the rules of now."""
    stored = await world.store.rows(Table.META, {"name": f"match:{sync.name}"})
    return len(stored) > 0 and stored["value"][0] == _signature(sync)


async def keep_keys(world: World, connection: str, object_type: str, mirror: pl.DataFrame, commit: Commit) -> None:
    """Add to *commit* the keys of changed MIRROR rows, for every sync that keeps keys."""
    if mirror.is_empty():
        return
    for sync, side in world.sides_of(connection, object_type):
        if not await is_kept(world, sync):
            continue
        own = mirror.select(pl.lit(sync.name).alias("sync"), pl.lit(side).alias("side"), "object_type", "record_id")
        old = await world.store.by_keys(Table.MATCH_KEY, own)
        new = _keys_of(sync, side, object_type, mirror)
        gone = old.join(new, on=["sync", "side", "object_type", "record_id", "way"], how="anti")
        fresh = new.join(old, on=new.columns, how="anti")
        lost = old.join(new, on=new.columns, how="anti")
        if len(gone):
            keys = gone.drop("value")
            before = commit.drop.get(Table.MATCH_KEY)
            commit.drop[Table.MATCH_KEY] = keys if before is None else pl.concat([before, keys])
        if len(fresh) or len(lost):
            left = lost.with_columns(side=pl.lit(WAS), record_id=pl.col("side") + " " + pl.col("record_id"))
            add_rows(commit, Table.MATCH_KEY, pl.concat([fresh, left]))


async def make_keys(world: World, sync: Sync) -> None:
    """Make the keys of all records of a sync, unless they are kept already."""
    if await is_kept(world, sync):
        return
    async for old in world.store.slices(Table.MATCH_KEY, {"sync": sync.name}, size=_RECORDS_AT_ONCE):
        await world.store.commit(Commit(drop={Table.MATCH_KEY: old.drop("value")}))
    for side in SIDES:
        spec = sync.side(side)
        for object_type in spec.object_types:
            where = {"connection": spec.connection, "object_type": object_type}
            async for rows in world.store.slices(Table.MIRROR, where, size=_RECORDS_AT_ONCE):
                await world.store.commit(Commit(put={Table.MATCH_KEY: _keys_of(sync, side, object_type, rows)}))
    meta = pl.DataFrame({"name": [f"match:{sync.name}"], "value": [_signature(sync)]})
    await world.store.commit(Commit(put={Table.META: meta}))


async def sharing(world: World, sync: Sync, core: pl.DataFrame) -> pl.DataFrame:
    """*core* (RECORD) and every record of either side that agrees with one of them in some way (RECORD)."""
    own = await world.store.by_keys(Table.MATCH_KEY, core.with_columns(pl.lit(sync.name).alias("sync")))
    found = await world.store.by_keys(Table.MATCH_KEY, own.select("sync", "way", "value").unique())
    living = found.filter(pl.col("side") != WAS)
    return pl.concat([core.select(list(RECORD)), living.select(list(RECORD))]).unique(maintain_order=True)


async def left_behind(world: World, sync: Sync) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The keys records have lost since the last match (MATCH_KEY), and the records that carry one of them (RECORD)."""
    lost = await world.store.rows(Table.MATCH_KEY, {"sync": sync.name, "side": WAS})
    if lost.is_empty():
        return lost, pl.DataFrame(schema=RECORD)
    found = await world.store.by_keys(Table.MATCH_KEY, lost.select("sync", "way", "value").unique())
    return lost, found.filter(pl.col("side") != WAS).select(list(RECORD)).unique(maintain_order=True)
