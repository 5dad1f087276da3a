"""Dead letters that are answered: what was refused before and has now been written.

Lives here: closing them, and which refused creates a person asked for again. Not here: burying (`outcomes`,
`planning`) or waking by a person (`inbox`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.batches import Row
from syncline.engine.world import World
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


async def close_letters(world: World, sync: Sync, written: Sequence[Row], commit: Commit) -> None:
    """Resolve the dead letters of these rows: those of a create by its source, those of an update by its fields."""
    if not written:
        return
    letters = await world.store.rows(Table.DEAD_LETTER, {"sync": sync.name, "state": ["dead", "retried"]})
    if letters.is_empty():
        return
    made = {(row.source_type, row.source_id) for row in written if not row.link_id}
    links = {row.link_id for row in written if row.link_id} & set(letters["link_id"])
    fields = {(row.link_id, mapping) for row in written if row.link_id in links for mapping in row.lines["mapping"]}
    over = [
        letter["letter_id"]
        for letter in letters.iter_rows(named=True)
        if (not letter["link_id"] and (letter["object_type"], letter["record_id"]) in made)
        or (letter["link_id"], letter["mapping"]) in fields
        or (letter["mapping"] is None and letter["link_id"] in links)
    ]
    if over:
        states = pl.DataFrame({"letter_id": over}).with_columns(pl.lit("resolved").alias("state"))
        commit.amend[Table.DEAD_LETTER] = [states]


async def creates_asked_for(world: World, sync: Sync) -> pl.DataFrame:
    """side, object_type, record_id of records whose refused create a person retries: it was asked for once already."""
    where = {"sync": sync.name, "state": "retried", "link_id": 0, "operation": "create"}
    letters = await world.store.rows(Table.DEAD_LETTER, where)
    source = pl.when(pl.col("side") == "a").then(pl.lit("b")).otherwise(pl.lit("a"))
    return letters.select(source.alias("side"), "object_type", "record_id").unique()
