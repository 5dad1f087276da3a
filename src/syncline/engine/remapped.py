"""A changed field map: what the bases and marks that were made under the old one become.

Lives here: noticing the change, and turning stored bases into those of the new list. A base says "here both agreed";
where a side's inputs are other fields now, nobody knows the print it would have had. `keep` puts `KEEP` in its place:
the first plan that can read the field takes what is there as agreed. `reapply` puts `REAPPLY` on every side that gives:
it counts as changed, so the merge carries it over. A side whose inputs are the same keeps its print under `keep`: an
edit that was waiting is not forgotten. Not here: packing (`bases`), a base of another canonicaliser
(`recanonicalised`), or who wins (`reconcile.merge`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from syncline import values
from syncline.engine.bases import KEEP, REAPPLY, base_columns, base_rows
from syncline.engine.recanonicalised import carry_over, read_anew
from syncline.engine.world import World
from syncline.records import SIDES, Side, other
from syncline.spec.model import Direction, FieldMap, MappingChange, Sync
from syncline.trees import Commit, Store, Table

_LINKS_AT_ONCE = 10_000

_NEW = pl.lit(None, dtype=pl.UInt64)
_Ends = Mapping[str, list[Any]]


async def adopt_revision(world: World, sync: Sync) -> bool:
    """Re-pack the bases of a sync that were written under another mapping list or canonicaliser; True if there were
    other ones.

    A mapping that was not there before, or not for these object types, starts unknown. META remembers under
    "mappings:<sync>" every list that a stored base may still be of: links are carried over in slices, and a process
    that dies between two of them leaves bases of both.
    """
    name = f"mappings:{sync.name}"
    remembered = await world.store.rows(Table.META, {"name": name})
    old = json.loads(remembered["value"][0]) if len(remembered) else None
    own = {str(sync.revision()): sync.mapping_signatures()}
    now = {"canonicaliser": values.CANONICALISER, "lists": own}
    if old == now:
        return False
    if old is not None:
        lists = {**old["lists"], **own}
        await world.store.commit(_remembering(name, {**old, "lists": lists}))
        await _carry_all(world, sync, lists)
    commit = _remembering(name, now)
    if old is not None and old["canonicaliser"] != values.CANONICALISER:
        await read_anew(world, sync, commit)
    await world.store.commit(commit)
    return old is not None


def _remembering(name: str, value: Mapping[str, Any]) -> Commit:
    return Commit(put={Table.META: pl.DataFrame({"name": [name], "value": [json.dumps(value)]})})


async def _carry_all(world: World, sync: Sync, lists: Mapping[str, Any]) -> None:
    """Bring every base of the sync to today's list and canonicaliser, slice by slice."""
    is_other = (pl.col("revision") != sync.revision()) | (pl.col("canonicaliser") != values.CANONICALISER)
    async for part in world.store.slices(Table.BASE, {"sync": sync.name}, size=_LINKS_AT_ONCE):
        for (revision, made_by), bases in part.filter(is_other).group_by(
            "revision", "canonicaliser", maintain_order=True
        ):
            old, commit = lists[str(revision)], Commit()
            grid = await _with_types(world.store, base_columns(bases, list(old)))
            if made_by != values.CANONICALISER:
                grid = await carry_over(world, sync, grid, old, values.CANONICALISERS[int(str(made_by))], commit)
            grid, changed = _all_carried(grid, sync, old)
            prints = {side: grid.select([f"n{side}.{m.key}" for m in sync.fields]) for side in SIDES}
            commit.put[Table.BASE] = base_rows(sync, grid["link_id"], prints)
            await _forget_marks(world.store, sync, changed, commit)
            await world.store.commit(commit)


def _all_carried(grid: pl.DataFrame, sync: Sync, old: Mapping[str, _Ends]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """*grid* with the new prints of every mapping, and which mappings of which links have other ends now."""
    changed = []
    for mapping in sync.fields:
        grid, redone = _carried(grid, mapping, old.get(mapping.key, {}))
        changed.append(redone.select("link_id", pl.lit(mapping.key).alias("mapping")))
    return grid, pl.concat(changed)


async def _with_types(store: Store, grid: pl.DataFrame) -> pl.DataFrame:
    """*grid* with the record of each link, `type_a`, `id_a`, `type_b`, `id_b`; tombstones keep theirs."""
    ends = (await store.by_keys(Table.LINK_END, grid.select("link_id"))).filter(pl.col("role") == "current")
    for side in SIDES:
        own = ends.filter(pl.col("side") == side).select(
            "link_id", pl.col("object_type").alias(f"type_{side}"), pl.col("record_id").alias(f"id_{side}")
        )
        grid = grid.join(own.unique("link_id"), on="link_id", how="left", maintain_order="left")
    return grid


def _carried(grid: pl.DataFrame, mapping: FieldMap, old: _Ends) -> tuple[pl.DataFrame, pl.DataFrame]:
    """*grid* with the new prints "na.<key>" and "nb.<key>", and its rows whose ends of this mapping are others now."""
    columns: dict[Side, pl.Expr] = {"a": _NEW, "b": _NEW}
    is_redone = pl.lit(False)
    for type_a in mapping.a:
        for type_b in mapping.b:
            ends: dict[Side, str] = {"a": f"a.{type_a}", "b": f"b.{type_b}"}
            if any(end not in old for end in ends.values()):
                continue
            own = (pl.col("type_a") == type_a) & (pl.col("type_b") == type_b)
            same = all(old[end] == _signature(mapping, end) for end in ends.values())
            is_redone |= own & pl.lit(not same)
            for side in SIDES:
                carried = _same(mapping, side) if same else _redone(mapping, side, old[ends[side]], ends[side])
                columns[side] = pl.when(own).then(carried).otherwise(columns[side])
    names = {side: columns[side].cast(pl.UInt64).alias(f"n{side}.{mapping.key}") for side in SIDES}
    return grid.with_columns(names.values()), grid.filter(is_redone)


def _same(mapping: FieldMap, side: Side) -> pl.Expr:
    return pl.col(f"x{side}.{mapping.key}")


def _redone(mapping: FieldMap, side: Side, old: list[Any], end: str) -> pl.Expr:
    """What takes the place of a known base of a changed mapping; unknown stays unknown."""
    was = pl.col(f"x{side}.{mapping.key}")
    gives = mapping.direction in (Direction.BOTH, Direction(f"{side}_to_{other(side)}"))
    if mapping.on_mapping_change is MappingChange.REAPPLY and gives:
        return pl.when(was.is_not_null()).then(pl.lit(REAPPLY, dtype=pl.UInt64))
    if old[0] == _signature(mapping, end)[0]:
        return was
    return pl.when(was.is_not_null()).then(pl.lit(KEEP, dtype=pl.UInt64))


def _signature(mapping: FieldMap, end: str) -> list[object]:
    side, _, object_type = end.partition(".")
    given = mapping.ends("a" if side == "a" else "b")[object_type]
    return [list(given.inputs), given.expression]


async def _forget_marks(store: Store, sync: Sync, changed: pl.DataFrame, commit: Commit) -> None:
    """What was noted of a field under its old mapping says nothing of the new one: refusals may pass, conflicts and
    spellings are judged anew."""
    if changed.is_empty():
        return
    marks = (await store.by_keys(Table.MARK, changed.select("link_id").unique())).join(
        changed, on=["link_id", "mapping"], how="semi"
    )
    commit.drop[Table.MARK] = marks.select("link_id", "mapping", "kind")
    for table, key, waits, over in (
        (Table.CONFLICT, "conflict_id", "open", "logged"),
        (Table.DEAD_LETTER, "letter_id", "dead", "resolved"),
    ):
        rows = await store.rows(table, {"sync": sync.name, "state": waits})
        own = rows.join(changed, on=["link_id", "mapping"], how="semi")
        if len(own):
            commit.amend[table] = [own.select(key, pl.lit(over).alias("state"))]


def taken_as_agreed(pairs: pl.DataFrame, maps: tuple[FieldMap, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """*pairs* with the present print wherever the base says KEEP and the side can be read; and which cells these were
    (link_id, mapping, agree: whether both values are the same through the mapping)."""
    kept = []
    occurs = pairs.select((_is_kept("a", m.key) | _is_kept("b", m.key)).any().alias(m.key) for m in maps)
    for mapping in (m for m in maps if occurs[m.key].any()):
        key = mapping.key
        is_kept = {s: _is_kept(s, key) for s in SIDES}
        rows = pairs.filter(is_kept["a"] | is_kept["b"])
        kept.append(rows.select("link_id", pl.lit(key).alias("mapping"), _agree(mapping).alias("agree")))
        pairs = pairs.with_columns(
            pl.when(is_kept[s]).then(pl.col(f"f{s}.{key}")).otherwise(pl.col(f"x{s}.{key}")).alias(f"x{s}.{key}")
            for s in SIDES
        )
    return pairs, pl.concat([pl.DataFrame(schema=KEPT), *kept])


KEPT = {"link_id": pl.Int64(), "mapping": pl.String(), "agree": pl.Boolean()}


def _is_kept(side: Side, key: str) -> pl.Expr:
    return (pl.col(f"x{side}.{key}") == KEEP) & pl.col(f"f{side}.{key}").is_not_null()


def _agree(mapping: FieldMap) -> pl.Expr:
    there, here = (pl.col(f"t{s}.{mapping.key}").eq_missing(pl.col(f"{other(s)}.{mapping.key}")) for s in SIDES)
    return {Direction.A_TO_B: there, Direction.B_TO_A: here}.get(mapping.direction, there & here)


def apart_marks(kept: pl.DataFrame, now_us: int) -> pl.DataFrame:
    """MARK rows that say why two values differ that were taken as agreed."""
    detail = json.dumps({"reason": "kept as they were when the mapping changed"})
    return kept.filter(~pl.col("agree")).select(
        "link_id",
        "mapping",
        pl.lit("apart").alias("kind"),
        pl.lit(detail).alias("detail"),
        pl.lit(now_us, dtype=pl.Int64).alias("at_us"),
    )
