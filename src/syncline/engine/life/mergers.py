"""Mergers: two links whose records became one on one side, so that their counterparts are one person as well.

Lives here: which mergers are due (MERGER), the merge or conversion on the other side, and what a refusal leaves. A
merger's cells are stored with what is sent, so that a repeat adds nothing, and computed anew if certainly nothing was
done: both records may hold something else by then. Not here: the rule per field (`reconcile.one_person`), or making
one link of two (`union`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from syncline.engine.deeds import IN_FLIGHT_ALREADY, perform
from syncline.engine.life.chains import Chains
from syncline.engine.life.endings import life_marks
from syncline.engine.life.merger_acts import act_of, with_account
from syncline.engine.life.merger_ends import chains_of_two, currents, lost_with_it, read_meanwhile
from syncline.engine.life.merger_rows import forget_cells, lost_row, over, put_hold, refuse, stands, states
from syncline.engine.life.one_record import joined_cells
from syncline.engine.life.union import unite
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.errors import AccessError, Later, NotUnderstood, SynclineError
from syncline.ports import Lane
from syncline.reconcile.cells import encode_object
from syncline.reconcile.succession import Name
from syncline.records import Operation, Side, Status, Write, other
from syncline.spec.model import OnMerge, Sync
from syncline.trees import TABLES, Commit, Table, empty

_ROW = dict(TABLES[Table.MERGER][0])


async def owe_mergers(
    world: World, sync: Sync, side: Side, followed: pl.DataFrame, run_id: str, commit: Commit
) -> None:
    """Note that links (`link_id`, whose record on *side* ended in a record of the link `into`) are one person."""
    known = await world.store.rows(Table.MERGER, {"sync": sync.name}) if len(followed) else empty(Table.MERGER)
    noted = set(known.filter(stands(other(side)))["merger_id"])
    for loser, winner in followed.select("link_id", "into").iter_rows():
        merger_id = f"{sync.name}:{winner}:{loser}"
        if merger_id in noted:
            continue
        is_held = sync.on_merge is OnMerge.HOLD
        ends = await currents(world, sync, other(side), [winner, loser])
        row = {
            "merger_id": merger_id,
            "sync": sync.name,
            "side": other(side),
            "object_type": ends[winner][0] if winner in ends else "",
            "winner_link": winner,
            "loser_link": loser,
            "winner_id": ends[winner][1] if winner in ends else None,
            "loser_id": ends[loser][1] if loser in ends else None,
            "cells": None,
            "state": "held" if is_held else "due",
            "reason": f"their counterparts on side {side} became one",
            "at_us": world.now_us(),
            "run_id": run_id,
        }
        add_rows(commit, Table.MERGER, pl.DataFrame([row], schema=_ROW))
        if is_held:
            put_hold(world, row, ends, "the sync says that a person decides on merges", run_id, commit)


async def carry_out_mergers(
    world: World, sync: Sync, run_id: str, *, lane: Lane = Lane.LIVE
) -> tuple[int, SynclineError | None]:
    """Carry out what is due, one after the other; how many links were united, and what stopped it, if anything."""
    await _wake_retried(world, sync)
    done = 0
    due = await world.store.rows(Table.MERGER, {"sync": sync.name, "state": ["due", "held"]})
    due = due.sort("at_us", "merger_id")
    for row in due.iter_rows(named=True):
        try:
            done += await _carry_out(world, sync, row, run_id, lane)
        except (Later, AccessError, NotUnderstood) as error:
            return done, error
    return done, None


async def _wake_retried(world: World, sync: Sync) -> None:
    """Mergers that were refused are due again once a person retried their letter."""
    refused = await world.store.rows(Table.MERGER, {"sync": sync.name, "state": "refused"})
    if refused.is_empty():
        return
    asked = await world.store.rows(Table.DEAD_LETTER, {"sync": sync.name, "state": "retried"})
    again = refused.filter(pl.col("merger_id").is_in(asked["letter_id"].str.strip_prefix("merger:").implode()))
    if len(again):
        states = again.select("merger_id", pl.lit("due").alias("state"))
        await world.store.commit(Commit(amend={Table.MERGER: [states]}))


async def _carry_out(world: World, sync: Sync, row: dict[str, Any], run_id: str, lane: Lane) -> bool:
    """Bring one merger as far as it goes now, one that is held only to an end that somebody else made; whether the
    links were united."""
    side: Side = "a" if row["side"] == "a" else "b"
    ends = await currents(world, sync, side, [row["winner_link"], row["loser_link"]])
    winner, loser = ends.get(row["winner_link"]), ends.get(row["loser_link"])
    if winner is None or loser is None:
        await _look_again(world, sync, row)
        return False
    if not await _still_one(world, sync, other(side), row, run_id):
        await over(world, row, "moot", f"their counterparts on side {other(side)} are two again", Commit())
        return False
    chains = await chains_of_two(world, sync, side, winner, loser, run_id)
    thirds = await _thirds(world, sync, side, row, [n for name in (winner, loser) if (n := chains.last_of(name))])
    if (last := chains.last_of(winner)) is not None and last == chains.last_of(loser):
        if last in thirds:
            return False  # both are one person with somebody else, with whom each is united by itself
        return await _finish(world, sync, side, row, chains, run_id, lane, "done")
    if not all(chains.is_there(chains.last_of(name)) for name in (winner, loser)):
        return await _finish(world, sync, side, row, chains, run_id, lane, "local")
    if row["state"] == "held":
        return False
    if (last := chains.last_of(loser)) in thirds and last is not None:
        loser = last  # ended on both sides, in two different people: these are one as well
    if not (chains.is_there(winner) and chains.is_there(loser)):
        return False  # one ended in another record, which is about to take its place: that one is merged then
    if not await _are_visible(world, side, row):
        return False  # one is gone without a word: nothing is sent to it while a person is asked about it
    return await _merge(world, sync, side, row, (winner, loser), run_id, lane)


async def _are_visible(world: World, side: Side, row: Mapping[str, Any]) -> bool:
    """Whether the system still shows both links' records on *side*."""
    links = await world.store.rows(Table.LINK, {"link_id": [row["winner_link"], row["loser_link"]]})
    return bool((links[f"visible_{side}"].fill_null(True)).all())


async def _still_one(world: World, sync: Sync, side: Side, row: Mapping[str, Any], run_id: str) -> bool:
    """Whether the loser's record on *side* still lives on in another one: it may have been undeleted meanwhile."""
    former = (await currents(world, sync, side, [row["loser_link"]])).get(row["loser_link"])
    if former is None:
        return True
    chains = await chains_of_two(world, sync, side, former, former, run_id)
    return chains.row_of(former) is None or chains.last_of(former) != former


async def _thirds(
    world: World, sync: Sync, side: Side, row: Mapping[str, Any], names: Sequence[Name]
) -> frozenset[Name]:
    """Those of *names* that are in a link other than the two."""
    keys = pl.DataFrame(names, schema={"object_type": pl.String, "record_id": pl.String}, orient="row").unique()
    ends = await world.store.by_keys(Table.LINK_END, keys.with_columns(sync=pl.lit(sync.name), side=pl.lit(side)))
    held = ends.filter(~pl.col("link_id").is_in([row["winner_link"], row["loser_link"]]))
    return frozenset(held.select("object_type", "record_id").iter_rows())


async def _look_again(world: World, sync: Sync, row: Mapping[str, Any]) -> None:
    """One of the links has become part of another since: who is left is looked at once more, and finds that one."""
    ends = await world.store.rows(
        Table.LINK_END, {"link_id": [row["winner_link"], row["loser_link"]], "role": "current"}
    )
    commit = Commit()
    for end in ends.iter_rows(named=True):
        commit.touch.append(life_marks(sync.name, end["side"], end["object_type"], [end["record_id"]]))
    await over(world, row, "done", "one of the links has ended otherwise", commit)


async def _merge(
    world: World, sync: Sync, side: Side, row: dict[str, Any], pair: tuple[Name, Name], run_id: str, lane: Lane
) -> bool:
    write = act_of(world, sync, side, *pair)
    if write is None:
        reason = f"{pair[0][0]} and {pair[1][0]} cannot be made one on side {side} by us"
        commit = Commit()
        ends = {row["winner_link"]: pair[0], row["loser_link"]: pair[1]}
        put_hold(world, row, ends, reason, run_id, commit)
        commit.amend[Table.MERGER] = [states(row, "held", reason)]
        await world.store.commit(commit)
        return False
    write = await with_account(world, sync, side, write)
    survivor = pair[1] if write.operation is Operation.CONVERT and write.record_id == pair[0][1] else pair[0]
    row, noted = await _with_cells(world, sync, side, row, pair, survivor, run_id)
    if write.operation is Operation.MERGE:
        write = replace(write, cells=json.loads(row["cells"]))
    try:
        outcome = await perform(world, sync, run_id, side, write, link_id=row["winner_link"], lane=lane, along=noted)
    except (Later, AccessError, NotUnderstood):
        await forget_cells(world, row)
        raise
    if outcome.status is Status.REJECTED and outcome.code != IN_FLIGHT_ALREADY:
        await forget_cells(world, row)
    if outcome.status in (Status.WRITTEN, Status.UNCHANGED):
        chains = await chains_of_two(world, sync, side, *pair, run_id)
        if chains.last_of(pair[0]) == chains.last_of(pair[1]):
            return await _finish(world, sync, side, row, chains, run_id, lane, "done")
        return False  # a replica does not show it yet: what was touched is read again
    if outcome.status is Status.REJECTED and outcome.is_permanent and not outcome.is_gone:
        await refuse(world, sync, side, row, write, outcome)
    return False  # else it stays due: what it touched was read again, or another write has no answer yet


async def _with_cells(
    world: World, sync: Sync, side: Side, row: dict[str, Any], pair: tuple[Name, Name], survivor: Name, run_id: str
) -> tuple[dict[str, Any], Commit]:
    """*row* with the cells the survivor shall hold, and what is to be stored once they are sent: these, and what is
    lost by it. Those that were sent for these two before stay; one of the two it was first due for may have ended in
    somebody else, who is merged then."""
    names = {"winner_id": pair[0][1], "loser_id": pair[1][1]}
    if row["cells"] is not None and names.items() <= row.items():
        return row, Commit()
    ended = pair[1] if survivor == pair[0] else pair[0]
    made = await joined_cells(world, sync, side, survivor, ended, (row["winner_link"], row["loser_link"]))
    stored = {"merger_id": row["merger_id"], **names, "cells": encode_object(made.fields)}
    row = {**row, **stored}
    commit = Commit(amend={Table.MERGER: [pl.DataFrame([stored])]})
    rows = [lost_row(world, sync, side, row, (survivor, ended), run_id, one) for one in made.lost]
    rows += await lost_with_it(world, sync, other(side), row, run_id)
    if rows:
        add_rows(commit, Table.CONFLICT, pl.DataFrame(rows, schema=dict(TABLES[Table.CONFLICT][0])))
    return row, commit


async def _finish(
    world: World, sync: Sync, side: Side, row: dict[str, Any], chains: Chains, run_id: str, lane: Lane, state: str
) -> bool:
    """Both records are one, or one of them is gone: one link of two, in one commit with the merger's end. Whoever else
    made one of them meanwhile, or gave one another record, has done so; then nothing is left to do here."""
    ends = await currents(world, sync, side, [row["winner_link"], row["loser_link"]])
    if len(ends) < 2:
        return False
    winner, loser = ends[row["winner_link"]], ends[row["loser_link"]]
    alive = [last for name in (winner, loser) if (last := chains.last_of(name)) and chains.is_there(last)]
    survivor = alive[0] if alive else winner
    if state == "done" and not await _hold_cells(world, sync, side, row, survivor, run_id, lane):
        return False
    async with world.store.alone():
        if await currents(world, sync, side, list(ends)) != ends:
            return False
        commit = await read_meanwhile(world, sync, side, row, survivor, run_id) if state == "done" else Commit()
        await unite(world, sync, side, (row["winner_link"], row["loser_link"]), survivor, commit, is_there=bool(alive))
        await over(world, row, state, row["reason"], commit)
    return True


async def _hold_cells(
    world: World, sync: Sync, side: Side, row: Mapping[str, Any], survivor: Name, run_id: str, lane: Lane
) -> bool:
    """A conversion carries no cells: write those that the survivor shall hold and does not; false while that waits."""
    ends = await currents(world, sync, side, [row["winner_link"], row["loser_link"]])
    if row["cells"] is None or len({name[0] for name in ends.values()}) < 2:
        return True
    wanted: dict[str, str] = json.loads(row["cells"])
    if not wanted:
        return True
    write = Write(operation=Operation.UPDATE, object_type=survivor[0], cells=wanted, record_id=survivor[1])
    outcome = await perform(world, sync, run_id, side, write, link_id=row["winner_link"], lane=lane)
    if outcome.status is Status.REJECTED and outcome.is_permanent:
        await refuse(world, sync, side, dict(row), write, outcome)
    return outcome.status in (Status.WRITTEN, Status.UNCHANGED)
