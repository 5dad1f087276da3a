"""Rows that could not be translated: kept and shown as dead letters until a later reading of the record succeeds.

Lives here: writing those letters and closing them. Not here: reading (`observe`).
"""

from __future__ import annotations

import hashlib
import json

import polars as pl

from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.records import Page, Unreadable
from syncline.trees import Commit, Table

CODE = "unreadable"


def bury_unreadable(world: World, connection: str, page: Page, commit: Commit) -> None:
    """Add a dead letter per unreadable row and sync that uses the object."""
    letters = [
        {
            "letter_id": _letter_id(sync.name, connection, page.object_type, row),
            "sync": sync.name,
            "link_id": 0,
            "side": side,
            "object_type": page.object_type,
            "record_id": row.record_id or "?",
            "mapping": None,
            "operation": "read",
            "code": CODE,
            "message": row.reason,
            "sent": json.dumps({"raw": row.raw}, ensure_ascii=False),
            "attempts": 1,
            "wakes_on": "value",
            "wake_print": 0,
            "at_us": world.now_us(),
            "state": "dead",
        }
        for row in page.unreadable
        for sync, side in world.sides_of(connection, page.object_type)
    ]
    if letters:
        add_rows(commit, Table.DEAD_LETTER, pl.DataFrame(letters).unique("letter_id", keep="last"))


def _letter_id(sync: str, connection: str, object_type: str, row: Unreadable) -> str:
    text = json.dumps([sync, connection, object_type, row.record_id or row.raw])
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


async def close_readable(world: World, connection: str, object_type: str) -> None:
    """Resolve the letters of records that have been read since."""
    for sync, side in world.sides_of(connection, object_type):
        where = {"sync": sync.name, "link_id": 0, "code": CODE, "state": "dead"}
        letters = await world.store.rows(Table.DEAD_LETTER, where | {"side": side, "object_type": object_type})
        if letters.is_empty():
            continue
        keys = letters.select("object_type", "record_id").unique().with_columns(connection=pl.lit(connection))
        read = (await world.store.by_keys(Table.MIRROR, keys)).select("record_id", "as_of_us")
        over = letters.join(read, on="record_id", how="inner").filter(pl.col("as_of_us") > pl.col("at_us"))
        amended = over.select("letter_id", pl.lit("resolved").alias("state"))
        await world.store.commit(Commit(amend={Table.DEAD_LETTER: [amended]}))


async def close_nameless(world: World, connection: str, object_type: str, since_us: int) -> None:
    """Resolve the letters that name no record, once the whole object was polled *since_us*, after they were written."""
    for sync, side in world.sides_of(connection, object_type):
        where = {"sync": sync.name, "link_id": 0, "code": CODE, "state": "dead", "record_id": "?"}
        letters = await world.store.rows(Table.DEAD_LETTER, where | {"side": side, "object_type": object_type})
        over = letters.filter(pl.col("at_us") <= since_us)
        amended = over.select("letter_id", pl.lit("resolved").alias("state"))
        await world.store.commit(Commit(amend={Table.DEAD_LETTER: [amended]}))
