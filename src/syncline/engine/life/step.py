"""The structural step of a cycle: everything that ended since the last one, settled before anything is matched.

    observed endings ─▶ heirs take places, aliases ─▶ tombstones ─▶ undeletes ─▶ mergers that are due

Lives here: the order, and which of these an ending is. Each of them lives in its own file and is stored in one commit
with the marks it settles, so that a process that dies goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from syncline.engine.dirty import dirty_records
from syncline.engine.life.chains import NAME, Chains, chains_of
from syncline.engine.life.endings import life_marks, marks_due
from syncline.engine.life.marks import Ended, ended_of
from syncline.engine.life.mergers import carry_out_mergers, owe_mergers
from syncline.engine.life.successions import add_aliases, inherit
from syncline.engine.life.tombstones import Grave, bury_links, lift, note_counterparts
from syncline.engine.settlement import drop_rows
from syncline.engine.world import World
from syncline.errors import SynclineError
from syncline.ports import Lane
from syncline.reconcile.succession import Event, Name, events
from syncline.records import SIDES, Side
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

_ROUNDS = 6
"""How often the step looks again within one run: a merge that was carried out is an ending of its own."""

ASK_AGAIN_SECONDS = 21_600.0
"""How often a heir that we cannot see is asked for."""


@dataclass(kw_only=True)
class Settled:
    """`stopped`: what kept mergers from being carried out, if anything."""

    stopped: SynclineError | None = None
    merged: int = 0


async def settle_endings(
    world: World, sync: Sync, run_id: str, *, writes: bool, only: pl.DataFrame | None = None, lane: Lane = Lane.LIVE
) -> Settled:
    """Settle everything that ended. *only* (side, object_type, record_id, …) restricts it to these records and those in
    their links; without *writes* mergers stay due."""
    out = Settled()
    for _ in range(_ROUNDS):
        looked = 0
        for side in SIDES:  # each side anew: settling one clears marks of the other
            marks = await _chosen(world, sync, side, await marks_due(world, sync, side), only)
            if len(marks):
                looked += await _settle(world, sync, side, marks, run_id)
        merged = 0
        if writes and out.stopped is None:
            merged, out.stopped = await carry_out_mergers(world, sync, run_id, lane=lane)
            out.merged += merged
        if not looked and not merged:
            break
    return out


async def _chosen(world: World, sync: Sync, side: Side, marks: pl.DataFrame, only: pl.DataFrame | None) -> pl.DataFrame:
    """Those of *marks* that a restricted run looks at."""
    if only is None or marks.is_empty():
        return marks
    key = ["sync", "side", "object_type", "record_id"]
    links = (await world.store.by_keys(Table.LINK_END, only.select(key))).select("link_id").unique()
    family = (await world.store.by_keys(Table.LINK_END, links)).filter(pl.col("side") == side)
    names = pl.concat([only.filter(pl.col("side") == side).select(NAME), family.select(NAME)]).unique()
    return marks.join(names, on=NAME, how="semi")


@dataclass(kw_only=True)
class _Sorted:
    """What the marked records of one side are."""

    led: list[tuple[int, str, str]] = field(default_factory=list)  # link, and its current record that has an heir
    graves: list[Grave] = field(default_factory=list)
    also_gone: list[int] = field(default_factory=list)
    lifted: dict[int, Name] = field(default_factory=dict)
    buried: set[int] = field(default_factory=set)  # tombstones of which the other record ended
    aliases: dict[Name, int] = field(default_factory=dict)
    independent: list[Name] = field(default_factory=list)  # aliases that are themselves again
    postponed: list[Name] = field(default_factory=list)
    kept: list[Name] = field(default_factory=list)  # looked at again with the next run


async def _settle(world: World, sync: Sync, side: Side, marks: pl.DataFrame, run_id: str) -> int:
    """Settle the marked records of one side; how many marks were cleared."""
    chains = await chains_of(world, sync, side, marks, run_id)
    async with world.store.alone():
        sorted_ = await _sort(world, sync, side, marks, chains)
        commit = Commit()
        ended = pl.DataFrame(sorted_.led, schema=_LED, orient="row")
        followed = events(ended, chains.lasts, await _holders(world, sync, side, chains))
        takes_over = followed.filter(pl.col("event") != Event.ONE_PERSON.value)
        await inherit(world, sync, side, takes_over, chains, commit, buried=frozenset(sorted_.buried))
        await owe_mergers(world, sync, side, followed.filter(pl.col("event") == Event.ONE_PERSON.value), run_id, commit)
        await bury_links(world, sync, side, sorted_.graves, run_id, commit)
        await note_counterparts(world, sync, side, sorted_.also_gone, commit)
        await lift(world, sync, side, sorted_.lifted, commit)
        if sorted_.aliases:
            await add_aliases(world, sync, side, sorted_.aliases, commit)
        _set_free(sync, side, sorted_.independent, commit)
        kept = pl.DataFrame(sorted_.kept + sorted_.postponed, schema=dict.fromkeys(NAME, pl.String), orient="row")
        commit.clean = marks.join(pl.DataFrame(sorted_.kept, schema=kept.schema, orient="row"), on=NAME, how="anti")
        again_us = world.now_us() + int(ASK_AGAIN_SECONDS * 1e6)
        for object_type, record_id in sorted_.postponed:
            commit.touch.append(life_marks(sync.name, side, object_type, [record_id], due_us=again_us))
        await world.store.commit(commit)
        return len(commit.clean)


_LED = {"link_id": pl.Int64(), "object_type": pl.String(), "record_id": pl.String()}


async def _holders(world: World, sync: Sync, side: Side, chains: Chains) -> pl.DataFrame:
    """object_type, record_id, link_id of every record of the chains that is in a link of the sync."""
    names = pl.concat(
        [
            chains.rows.select(NAME),
            chains.lasts.drop_nulls().select(
                pl.col("last_type").alias("object_type"), pl.col("last_id").alias("record_id")
            ),
        ]
    ).unique()
    keys = names.with_columns(sync=pl.lit(sync.name), side=pl.lit(side))
    return (await world.store.by_keys(Table.LINK_END, keys)).select(*NAME, "link_id")


async def _sort(world: World, sync: Sync, side: Side, marks: pl.DataFrame, chains: Chains) -> _Sorted:
    keys = marks.select(NAME).unique().with_columns(sync=pl.lit(sync.name), side=pl.lit(side))
    ends = await world.store.by_keys(Table.LINK_END, keys)
    by_name = {(row["object_type"], row["record_id"]): row for row in ends.iter_rows(named=True)}
    links = await world.store.by_keys(Table.LINK, ends.select("link_id").unique())
    states = dict(links.select("link_id", "state").iter_rows())
    ended = await ended_of(world.store, ends)
    held = {(t, i): link for t, i, link in (await _holders(world, sync, side, chains)).iter_rows()}
    strangers = await _strangers(world, sync, side, chains)
    out = _Sorted()
    for name in marks.select(NAME).unique(maintain_order=True).iter_rows():
        row, end = chains.row_of(name), by_name.get(name)
        if row is None:
            continue
        if end is None:
            _sort_stranger(name, chains, held, strangers, out)
        elif end["role"] == "alias":
            if chains.is_there(name):
                out.independent.append(name)
        else:
            link_id = int(end["link_id"])
            _sort_end(sync, side, name, link_id, states[link_id], ended.get(link_id), chains, out)
    return out


def _sort_stranger(name: Name, chains: Chains, held: dict[Name, int], strangers: set[Name], out: _Sorted) -> None:
    last = chains.last_of(name)
    if last is None or last == name:
        return
    if last in held:
        out.aliases[name] = held[last]
    elif last in strangers:
        out.kept.append(name)  # the heir is about to be matched or created


async def _strangers(world: World, sync: Sync, side: Side, chains: Chains) -> set[Name]:
    """Records of the chains that wait to be matched."""
    names = chains.rows.select(NAME).unique()
    keys = names.with_columns(sync=pl.lit(sync.name), side=pl.lit(side), link_id=pl.lit(0, dtype=pl.Int64))
    return set((await world.store.by_keys(Table.DIRTY, keys)).select(NAME).iter_rows())


def _sort_end(
    sync: Sync, side: Side, name: Name, link_id: int, state: str, ended: Ended | None, chains: Chains, out: _Sorted
) -> None:
    """Sort the current record of a link."""
    row, last = chains.row_of(name), chains.last_of(name)
    if row is None:
        return
    is_tomb = state == "tombstone"
    if last is not None and last != name:
        if last[0] not in sync.side(side).object_types:
            if not is_tomb:
                out.graves.append(Grave(link_id=link_id, name=name, why=str(row["fate"]), at_us=_int(row["fate_us"])))
        elif chains.row_of(last) is None:
            out.postponed.append(name)
        else:
            out.led.append((link_id, *name))
            if is_tomb and ended is not None and ended.side != side:
                out.buried.add(link_id)
        return
    if chains.is_there(name):
        if is_tomb and ended is not None and ended.side == side:
            out.lifted[link_id] = name
    elif not is_tomb:
        out.graves.append(Grave(link_id=link_id, name=name, why="deleted", at_us=_int(row["fate_us"])))
    else:
        out.also_gone.append(link_id)


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _set_free(sync: Sync, side: Side, names: list[Name], commit: Commit) -> None:
    """Aliases that are themselves again (a merged record was undeleted): strangers, to be matched like any other."""
    if not names:
        return
    keys = pl.DataFrame(names, schema=dict.fromkeys(NAME, pl.String), orient="row")
    drop_rows(commit, Table.LINK_END, keys.select(pl.lit(sync.name).alias("sync"), pl.lit(side).alias("side"), *NAME))
    commit.touch += [dirty_records(sync.name, side, object_type, [record_id]) for object_type, record_id in names]
