"""What is planned for tombstones: facts that still flow, deletes of counterparts, records made anew.

Lives here: one action or reason per tombstoned link with a dirty mark. Not here: what follows from an end
(`tombstones`), or sending (`write`; deletes one by one: `deletes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from syncline.engine.creates import plan_creates_of
from syncline.engine.life.chains import NAME
from syncline.engine.life.endings import HAS_ENDED
from syncline.engine.life.marks import Ended, Then, ended_of
from syncline.engine.life.tombstones import ask_about_edits
from syncline.engine.pairs import slices
from syncline.engine.planning import CLASSES, Planned, plan_slice
from syncline.engine.sides import side_values
from syncline.engine.world import World
from syncline.reconcile.plan import deletes
from syncline.records import SIDES, Side, other
from syncline.spec.model import AT_DELETED, Direction, Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class _Tomb:
    """A tombstoned link: what its mark says, its records (object type, id) that are current, and the MIRROR row of the
    one on the other side than the ended one (None: nobody is there)."""

    link_id: int
    ended: Ended
    ends: dict[Side, tuple[str, str]]
    counterpart: dict[str, Any] | None


async def plan_tombstones(
    world: World, sync: Sync, link_ids: Sequence[int], run_id: str, planned: Planned, *, forced: bool = False
) -> None:
    """Plan those of *link_ids* that are tombstones. *forced*: a person asks for what ended to be made anew."""
    tombs = await _tombs(world, sync, link_ids)
    if not tombs:
        return
    groups: dict[Then, list[_Tomb]] = {}
    for tomb in tombs:
        groups.setdefault(await _due(world, sync, tomb, forced), []).append(tomb)
    await _plan_facts(world, sync, groups.pop(Then.FLAG, []), run_id, planned)
    await _plan_deletes(world, sync, groups.pop(Then.DELETE, []), run_id, planned)
    await _plan_anew(world, sync, groups.pop(Then.AT_ONCE, []), planned, run_id)
    for then, rest in groups.items():
        planned.classes.append(_classed(rest, "held" if then is Then.HELD else "filtered", _why))


async def _tombs(world: World, sync: Sync, link_ids: Sequence[int]) -> list[_Tomb]:
    keys = pl.DataFrame({"link_id": list(link_ids)}, schema={"link_id": pl.Int64})
    links = (await world.store.by_keys(Table.LINK, keys)).filter(pl.col("state") == "tombstone").select("link_id")
    if links.is_empty():
        return []
    marks = await ended_of(world.store, links)
    ends = (await world.store.by_keys(Table.LINK_END, links)).filter(pl.col("role") == "current")
    mirror = {side: await _mirror(world, sync, side, ends) for side in SIDES}
    out = []
    for (link_id,), part in ends.partition_by("link_id", as_dict=True).items():
        if (ended := marks.get(int(str(link_id)))) is None:
            continue
        names: dict[Side, tuple[str, str]] = {
            ("a" if side == "a" else "b"): (kind, record_id)
            for side, kind, record_id in part.select("side", *NAME).iter_rows()
        }
        far = other(ended.side)
        row = mirror[far].get(names[far]) if far in names else None
        out.append(_Tomb(link_id=int(str(link_id)), ended=ended, ends=names, counterpart=row))
    return out


async def _mirror(world: World, sync: Sync, side: Side, ends: pl.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """MIRROR rows of the records of a side that have not ended."""
    keys = ends.filter(pl.col("side") == side).select(NAME)
    rows = await world.store.by_keys(Table.MIRROR, keys.with_columns(connection=pl.lit(sync.side(side).connection)))
    return {(row["object_type"], row["record_id"]): row for row in rows.filter(~HAS_ENDED).iter_rows(named=True)}


async def _due(world: World, sync: Sync, tomb: _Tomb, forced: bool) -> Then:
    """What is to be done now; AT_ONCE: the ended record is made anew."""
    if tomb.counterpart is None:
        return Then.NOTHING
    if forced:
        return Then.AT_ONCE
    then = tomb.ended.then
    if then is Then.RECREATE and await _was_edited_since(world, sync, tomb):
        return Then.AT_ONCE
    if then is Then.BACK_IN_FILTER and await _passes(world, sync, tomb):
        return Then.AT_ONCE
    return then


async def _was_edited_since(world: World, sync: Sync, tomb: _Tomb) -> bool:
    """Whether the counterpart changed after the end, by its own stamp; without one, since both agreed. Where the vendor
    does not say when the record ended, what the counterpart's stamp was when that was learnt counts."""
    stamp = tomb.counterpart["stamp_us"] if tomb.counterpart is not None else None
    since = tomb.ended.at_us if tomb.ended.at_us is not None else tomb.ended.counterpart_us
    if stamp is not None and since is not None:
        return int(stamp) > since
    far = other(tomb.ended.side)
    async for part in slices(world, sync, [tomb.link_id], state="tombstone"):
        for m in part.maps:
            if m.direction is Direction.BOTH or m.direction.value.startswith(far):
                base, now = part.pairs[f"x{far}.{m.key}"][0], part.pairs[f"f{far}.{m.key}"][0]
                if base is not None and now is not None and base != now:
                    return True
    return False


async def _passes(world: World, sync: Sync, tomb: _Tomb) -> bool:
    """Whether the counterpart passes its side's filter now."""
    far = other(tomb.ended.side)
    object_type = tomb.ends[far][0]
    keys = pl.DataFrame([tomb.ends[far]], schema=dict.fromkeys(NAME, pl.String), orient="row")
    row = await world.store.by_keys(Table.MIRROR, keys.with_columns(connection=pl.lit(sync.side(far).connection)))
    values = await side_values(world, sync, far, object_type, tomb.ended.object_type, row)
    return values["is_member"].to_list() == [True]


async def _plan_facts(world: World, sync: Sync, tombs: Sequence[_Tomb], run_id: str, planned: Planned) -> None:
    """Only mappings that read whether the record was deleted flow."""
    for side in SIDES:
        own = [tomb.link_id for tomb in tombs if tomb.ended.side == side]
        async for part in slices(world, sync, own, state="tombstone"):
            type_ = part.type_a if side == "a" else part.type_b
            facts = tuple(m for m in part.maps if AT_DELETED in m.ends(side)[type_].inputs)
            async with world.store.alone():
                await plan_slice(world, sync, replace(part, maps=facts), run_id, planned, ended_side=side)


async def _plan_deletes(world: World, sync: Sync, tombs: Sequence[_Tomb], run_id: str, planned: Planned) -> None:
    """Where the other side is read after the end was learnt, it may show an edit that would die: a person decides."""
    asked: set[int] = set()
    for side in SIDES:
        own = {tomb.link_id: tomb.ended for tomb in tombs if tomb.ended.side == side}
        asked |= await ask_about_edits(world, sync, side, own, run_id)
    planned.classes.append(_classed([tomb for tomb in tombs if tomb.link_id in asked], "held", _why))
    tombs = [tomb for tomb in tombs if tomb.link_id not in asked]
    rows = []
    for tomb in tombs:
        far = other(tomb.ended.side)
        names = (far, *tomb.ends[far], tomb.link_id, *tomb.ends[tomb.ended.side])
        rows.append((*names, f"deleted on side {tomb.ended.side}"))
    planned.sheets.add(deletes(rows))
    planned.classes.append(_classed(tombs, "written", lambda tomb: f"to be deleted: {_why(tomb)}"))


async def _plan_anew(world: World, sync: Sync, tombs: Sequence[_Tomb], planned: Planned, run_id: str) -> None:
    """Creates through the same link, with a key of their own: ours of the record that ended may still stand on it."""
    if not tombs:
        return
    ends = await world.store.rows(Table.LINK_END, {"link_id": [tomb.link_id for tomb in tombs]})
    for side in SIDES:
        own = [tomb for tomb in tombs if tomb.ended.side == other(side)]
        for object_type in dict.fromkeys(tomb.ends[side][0] for tomb in own):
            part = [tomb for tomb in own if tomb.ends[side][0] == object_type]
            rows = pl.DataFrame(
                [(side, *tomb.ends[side]) for tomb in part],
                schema=dict.fromkeys(("side", *NAME), pl.String),
                orient="row",
            )
            alone = Planned()
            await plan_creates_of(world, sync, side, object_type, rows, alone, run_id)
            links = _numbered(part, ends)
            actions = alone.sheets.whole().join(links, on="source_id", how="left", maintain_order="left")
            planned.sheets.add(
                actions.with_columns(
                    pl.col("_link").alias("link_id"), pl.format("{}~{}", "action", "_number").alias("action")
                ).drop("_link", "_number")
            )
            planned.classes.append(_with_both_ends(alone.all_classes(), part))


def _numbered(tombs: Sequence[_Tomb], ends: pl.DataFrame) -> pl.DataFrame:
    """source_id, _link, _number: which record of the ended side the new one is, counted from one."""
    rows = []
    for tomb in tombs:
        own = ends.filter((pl.col("link_id") == tomb.link_id) & (pl.col("side") == tomb.ended.side))
        rows.append((tomb.ends[other(tomb.ended.side)][1], tomb.link_id, len(own) + 1))
    return pl.DataFrame(rows, schema={"source_id": pl.String, "_link": pl.Int64, "_number": pl.Int64}, orient="row")


def _with_both_ends(classes: pl.DataFrame, tombs: Sequence[_Tomb]) -> pl.DataFrame:
    """The class of a source is that of its link, and of the record that ended as well."""
    by_source = {row["record_id"]: (row["class"], row["reason"]) for row in classes.iter_rows(named=True)}
    parts = []
    for tomb in tombs:
        name, reason = by_source[tomb.ends[other(tomb.ended.side)][1]]
        parts.append(_classed([tomb], name, lambda _, words=reason: words))  # type: ignore[misc]
    return pl.concat([pl.DataFrame(schema=CLASSES), *parts])


def _why(tomb: _Tomb) -> str:
    return f"a tombstone: {tomb.ended.why.replace('_', ' ')} on side {tomb.ended.side}"


def _classed(tombs: Sequence[_Tomb], name: str, reason: Callable[[_Tomb], str]) -> pl.DataFrame:
    rows = [(side, *ends, tomb.link_id, name, reason(tomb)) for tomb in tombs for side, ends in tomb.ends.items()]
    return pl.DataFrame(rows, schema=CLASSES, orient="row")
