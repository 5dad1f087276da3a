"""What a merger leaves in the trees besides its own row: a hold, values that were lost, a dead letter.

Lives here: the rows. Not here: when (`mergers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from syncline.engine.holds import hold_row
from syncline.engine.letters import bury_deed
from syncline.engine.life.one_record import Lost
from syncline.engine.settlement import add_rows, conflict_id
from syncline.engine.world import World
from syncline.reconcile.plan import held_digest
from syncline.reconcile.succession import Name
from syncline.records import Outcome, Side, Write, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table


def put_hold(
    world: World, row: Mapping[str, Any], ends: Mapping[int, Name], reason: str, run_id: str, commit: Commit
) -> None:
    members = [{"side": row["side"], "object_type": one[0], "record_id": one[1]} for one in ends.values()]
    hold = hold_row(
        world,
        row["sync"],
        run_id,
        hold_id=f"merge:{row['merger_id']}",
        kind="merge",
        subject=members,
        evidence={"merger_id": row["merger_id"], "winner": row["winner_id"], "reason": reason},
        digest=held_digest("merge", [row["merger_id"]]),
    )
    add_rows(commit, Table.HOLD, pl.DataFrame([hold], schema=dict(TABLES[Table.HOLD][0])))


def lost_row(
    world: World,
    sync: Sync,
    side: Side,
    row: Mapping[str, Any],
    pair: tuple[Name, Name],
    run_id: str,
    one: Lost,
) -> dict[str, object]:
    """A CONFLICT row for a value that nobody holds after the merge: it stands on its own side, what stays beside it."""
    why = ", though it had changed since both sides agreed" if one.was_pending else ""
    return {
        "conflict_id": conflict_id(row["winner_link"], one.mapping, "merged_away", one.value, pair[1][1]),
        "sync": sync.name,
        "link_id": row["winner_link"],
        "mapping": one.mapping,
        "kind": "merged_away",
        "state": "logged",
        "policy": "merge",
        "reason": f"{one.mapping}: {pair[1][1]} ended in {pair[0][1]} on side {side}, whose value stays{why}",
        "winner_side": other(side),
        f"value_{side}": one.value,
        f"value_{other(side)}": one.kept,
        "at_us": world.now_us(),
        "run_id": run_id,
    }


async def refuse(world: World, sync: Sync, side: Side, row: Mapping[str, Any], write: Write, outcome: Outcome) -> None:
    """The vendor refused: a dead letter with its words; both links stay as they were until a person retries."""
    commit = Commit(amend={Table.MERGER: [states(row, "refused", f"{outcome.code}: {outcome.message}")]})
    bury_deed(world, sync, side, f"merger:{row['merger_id']}", row["loser_link"], write, outcome, commit)
    await world.store.commit(commit)


async def forget_cells(world: World, row: Mapping[str, Any]) -> None:
    """Nothing was done: a value entered until the next attempt would be written over by what was computed for this."""
    none = pl.DataFrame([{"merger_id": row["merger_id"], "cells": None}], schema_overrides={"cells": pl.String})
    await world.store.commit(Commit(amend={Table.MERGER: [none]}))


def states(row: Mapping[str, Any], state: str, reason: str) -> pl.DataFrame:
    """The amendment of a MERGER row to another state."""
    return pl.DataFrame({"merger_id": [row["merger_id"]], "state": [state], "reason": [reason]})


def stands(side: Side) -> pl.Expr:
    """Of MERGER rows: what is not noted once more. Two whom a person left apart on *side* are merged no more there;
    where they were merged on that side since, their records on the other are one person."""
    is_apart = (pl.col("state") == "apart") & (pl.col("side") == side)
    return is_apart | pl.col("state").is_in(["due", "held", "refused"])


async def over(world: World, row: Mapping[str, Any], state: str, reason: str, commit: Commit) -> None:
    """Store *commit* with the end of a merger, of its letter, and of what a person was asked about it."""
    commit.amend.setdefault(Table.MERGER, []).append(states(row, state, reason))
    letter = await world.store.rows(Table.DEAD_LETTER, {"letter_id": f"merger:{row['merger_id']}"})
    if len(letter):
        ended = letter.select("letter_id", pl.lit("resolved").alias("state"))
        commit.amend.setdefault(Table.DEAD_LETTER, []).append(ended)
    if row["state"] == "held":
        asked = pl.DataFrame({"hold_id": [f"merge:{row['merger_id']}"], "state": ["resolved"]})
        commit.amend.setdefault(Table.HOLD, []).append(asked)
    await world.store.commit(commit)
