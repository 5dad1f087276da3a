"""What a merger's links stand for now, and which edits are lost with it beyond those that its cells were computed from.

Lives here: reading both links' records, and CONFLICT rows for edits that nobody had seen on the other side. Not here:
the merge itself (`mergers`), or the rule per field (`reconcile.one_person`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from syncline.engine.life.chains import Chains, chains_of
from syncline.engine.life.merger_rows import lost_row
from syncline.engine.life.one_record import left_out
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.succession import Name
from syncline.records import Side
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


async def currents(world: World, sync: Sync, side: Side, links: Sequence[int]) -> dict[int, Name]:
    """By link, its current record on *side*."""
    ends = await world.store.rows(Table.LINK_END, {"link_id": list(links), "side": side, "role": "current"})
    return {
        link_id: (object_type, record_id)
        for link_id, object_type, record_id in ends.select("link_id", "object_type", "record_id").iter_rows()
    }


async def chains_of_two(world: World, sync: Sync, side: Side, winner: Name, loser: Name, run_id: str) -> Chains:
    """`chains_of` for two records of *side*."""
    names = pl.DataFrame([winner, loser], schema={"object_type": pl.String, "record_id": pl.String}, orient="row")
    return await chains_of(world, sync, side, names, run_id)


async def lost_with_it(
    world: World, sync: Sync, side: Side, row: Mapping[str, Any], run_id: str
) -> list[dict[str, object]]:
    """CONFLICT rows for edits of the record that ended on *side* which its heir did not take and nobody had seen."""
    links = (row["winner_link"], row["loser_link"])
    ended = (await currents(world, sync, side, links)).get(row["loser_link"])
    if ended is None or (heir := (await chains_of_two(world, sync, side, ended, ended, run_id)).last_of(ended)) is None:
        return []
    lost = await left_out(world, sync, side, ended, heir, links)
    return [lost_row(world, sync, side, row, (heir, ended), run_id, one) for one in lost]


async def read_meanwhile(
    world: World, sync: Sync, side: Side, row: Mapping[str, Any], survivor: Name, run_id: str
) -> Commit:
    """What was read of the one that ended on *side* after its merge had been sent, and is nowhere now, is logged; so is
    what the merge was to carry over and the survivor does not hold: somebody may have entered something else before it
    arrived."""
    links = (row["winner_link"], row["loser_link"])
    ends = await currents(world, sync, side, links)
    ended = ends[links[1]] if ends[links[1]] != survivor else ends[links[0]]
    commit, carried = Commit(), json.loads(row["cells"] or "{}")
    if ended != survivor and (lost := await left_out(world, sync, side, ended, survivor, links, carried)):
        rows = [lost_row(world, sync, side, row, (survivor, ended), run_id, one) for one in lost]
        add_rows(commit, Table.CONFLICT, pl.DataFrame(rows, schema=dict(TABLES[Table.CONFLICT][0])))
    return commit
