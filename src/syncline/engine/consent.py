"""Consent: the evidence of a slice, and what `explain` tells of it: which side says so, since when, and who did it.

Lives here: loading. What counts as a person's act is said by `reconcile.consent`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from syncline.engine.erased import EMAIL
from syncline.engine.journal import unpack
from syncline.engine.world import World
from syncline.reconcile.consent import MOVES, acts, consent_maps, last_hands
from syncline.records import SIDES, Side
from syncline.spec.model import FieldMap, Sync
from syncline.trees import Table


async def with_acts(
    world: World,
    sync: Sync,
    types: Mapping[Side, str],
    maps: Sequence[FieldMap],
    pairs: pl.DataFrame,
    moments: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """*pairs* and *moments* of one variant with what is known of people's acts, where a consent field changed."""
    judged = consent_maps(maps, types["a"])
    if not judged or pairs.is_empty():
        return pairs, moments
    able = {s: world.capabilities(sync.side(s).connection, types[s]) for s in SIDES}
    own = {s: world.own_actor(sync.side(s).connection) for s in SIDES}
    moved = [(pl.col(f"f{s}.{m.key}") != pl.col(f"x{s}.{m.key}")).fill_null(True) for s in SIDES for m in judged]
    moves = await email_moves(world, sync, types, maps, pairs.filter(pl.any_horizontal(moved)))
    told = acts(moments, moves, [m.key for m in judged], own)
    plain: list[Side] = [s for s in SIDES if able[s].has_actor and not able[s].has_field_history]
    return last_hands(pairs, moves, own, plain), told


async def email_moves(
    world: World, sync: Sync, types: Mapping[Side, str], maps: Sequence[FieldMap], pairs: pl.DataFrame
) -> pl.DataFrame:
    """MOVES of these pairs: by the evidence of single changes and by what we saw change."""
    end_of = next((m for m in maps if m.key == EMAIL), None)
    if end_of is None or pairs.is_empty():
        return pl.DataFrame(schema=MOVES)
    rows: list[tuple[str, Side, int]] = []
    for side in SIDES:
        names = set(end_of.ends(side)[types[side]].inputs)
        keys = pairs.select(pl.col(f"id_{side}").alias("record_id")).with_columns(
            connection=pl.lit(sync.side(side).connection), object_type=pl.lit(types[side])
        )
        told = (await world.store.by_keys(Table.MOMENT, keys)).filter(pl.col("field").is_in(list(names)))
        rows += [(record_id, side, at_us) for record_id, at_us in told.select("record_id", "at_us").iter_rows()]
        history = await world.store.by_keys(Table.HISTORY, keys)
        for record_id, at_us, text in history.select("record_id", "at_us", "cells").iter_rows():
            cells = json.loads(text)
            if any(cells.get(name, [None])[0] is not None for name in names):  # one first seen is no change
                rows.append((record_id, side, at_us))
    frame = pl.DataFrame(rows, schema={"record_id": pl.String, "side": pl.String, "at_us": pl.Int64}, orient="row")
    newest = frame.group_by("record_id", "side").agg(pl.col("at_us").max().alias("moved_us"))
    links = pl.concat(
        [pairs.select("link_id", pl.col(f"id_{s}").alias("record_id"), pl.lit(s).alias("side")) for s in SIDES]
    )
    return links.join(newest, on=["record_id", "side"], how="inner").select(list(MOVES))


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where one side's consent value comes from. `actor`: the system's own word for who; None: it does not say.
    `is_ours`: we copied it from the other side. `is_person`: certainly a person's act; None: it cannot be told."""

    side: Side
    value: str
    at_us: int
    actor: str | None
    is_ours: bool
    is_person: bool | None


async def sources_of(
    world: World, sync: Sync, mapping: FieldMap, ends: Mapping[Side, tuple[str, str]], values: Mapping[Side, str | None]
) -> tuple[Source, ...]:
    """Since when each side of a link (*ends*: object type and record id) says what it says, and by whom: the newest
    evidence that led to the present *values*. A side of which nothing is known is left out."""
    out = []
    for side, (object_type, record_id) in ends.items():
        value = values[side]
        names = mapping.ends(side)[object_type].inputs
        if value is None:
            continue
        found = await _evidence(world, sync, side, object_type, record_id, names[0])
        fitting = [one for one in found if one.value == value]
        if fitting:
            out.append(max(fitting, key=lambda one: (one.at_us, one.is_person is not None)))
    return tuple(out)


async def _evidence(world: World, sync: Sync, side: Side, object_type: str, record_id: str, name: str) -> list[Source]:
    connection = sync.side(side).connection
    own = world.actors.get(connection)
    where = {"connection": connection, "object_type": object_type, "record_id": record_id}
    moments = await world.store.rows(Table.MOMENT, where | {"field": name})
    out = [
        Source(side=side, value=new or "", at_us=at_us, actor=actor, is_ours=_is_own(actor, own), is_person=person)
        for new, at_us, actor, person in moments.select("new", "at_us", "actor", "is_person").iter_rows()
    ]
    history = await world.store.rows(Table.HISTORY, where)
    for at_us, actor, text in history.select("at_us", "actor", "cells").iter_rows():
        cells = json.loads(text)
        if name in cells:
            ours = _is_own(actor, own)
            value = cells[name][1] or ""
            out.append(Source(side=side, value=value, at_us=at_us, actor=actor, is_ours=ours, is_person=None))
    return out + await _copies(world, side, where, name)


async def _copies(world: World, side: Side, where: Mapping[str, str], name: str) -> list[Source]:
    """What we wrote there ourselves."""
    entries = await world.store.rows(Table.ENTRY, {**where, "state": ["written", "settled"]})
    out = []
    for batch in (await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())).iter_rows(named=True):
        positions = entries.filter(pl.col("batch_id") == batch["batch_id"])["position"]
        lines = unpack(batch["segment"]).filter(
            pl.col("position").is_in(positions.implode()) & (pl.col("field") == name)
        )
        at_us = batch["answered_us"] or batch["prepared_us"]
        out += [
            Source(side=side, value=value or "", at_us=at_us, actor=None, is_ours=True, is_person=None)
            for value in lines["expected"]
        ]
    return out


def _is_own(actor: str | None, own: str | None) -> bool:
    return actor is not None and actor == own
