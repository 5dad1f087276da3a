"""Just before something is created, both sides are asked once more whether it is there already.

A record may have been entered on the other side after that was last read. Lives here: the question, by e-mail address,
for the few records that would be created now; a first copy has just read everything. What is found is an observation
like any other and takes part in the match that follows.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from syncline.engine.observe import look_up, read_again
from syncline.engine.pairs import mirror_of
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.records import SIDES, Side, other
from syncline.spec.model import Creates, Sync

MOST = 1_000
"""Records that are asked for; where more are to be created the last reading has to do."""

FRESH_SECONDS = 180.0
"""A record that was read so lately is not read again before a counterpart is made of it."""

_KEY = "email"


async def look_once_more(
    world: World,
    sync: Sync,
    strangers: pl.DataFrame,
    run_id: str,
    *,
    forced: bool,
    just_read: Collection[tuple[str, str]],
) -> None:
    """Read the sources of possible creates again unless that was done just now, and look their addresses up on the
    other side. *just_read*: objects (connection, object type) that were read whole in this run."""
    if not any(_KEY in rule.equal for rule in sync.match_rules) or len(strangers) > MOST:
        return
    for side in SIDES:
        spec = sync.side(side)
        if spec.creates is Creates.NEVER and not forced:
            continue
        for object_type in spec.object_types:
            own = strangers.filter((pl.col("side") == side) & (pl.col("object_type") == object_type))
            if len(own):
                await _read_old(world, sync, side, object_type, own["record_id"], run_id)
                emails = await _emails(world, sync, side, object_type, own["record_id"])
                await _look_up(world, sync, other(side), emails, run_id, just_read)


async def _read_old(world: World, sync: Sync, side: Side, object_type: str, ids: pl.Series, run_id: str) -> None:
    connection = sync.side(side).connection
    rows = await mirror_of(world, connection, object_type, ids)
    since_us = world.now_us() - int(FRESH_SECONDS * 1e6)
    old = rows.filter(pl.col("as_of_us") < since_us)["record_id"].to_list()
    await read_again(world, connection, object_type, old, run_id)


async def _emails(world: World, sync: Sync, side: Side, object_type: str, ids: pl.Series) -> list[str]:
    end = sync.email_end(side, object_type)
    if end is None:
        return []
    name = end.inputs[0]
    cells = read_cells(await mirror_of(world, sync.side(side).connection, object_type, ids), [name])
    # Several addresses in one field are none: no system can look them up, and some refuse to be asked.
    is_one = (pl.col(CELL + name).fill_null("") != "") & ~pl.col(CELL + name).str.contains("[,;]")
    found = cells.filter(~pl.col("is_deleted") & is_one)
    return found[CELL + name].unique(maintain_order=True).to_list()


async def _look_up(
    world: World, sync: Sync, side: Side, emails: list[str], run_id: str, just_read: Collection[tuple[str, str]]
) -> None:
    spec = sync.side(side)
    for object_type in spec.object_types:
        end = sync.email_end(side, object_type)
        if emails and end is not None and (spec.connection, object_type) not in just_read:
            await look_up(world, spec.connection, object_type, end.inputs[0], emails, run_id)
