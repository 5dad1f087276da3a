"""Dead letters: what a system refused, and its end once it has been written after all.

Lives here: burying a refused write or deed, closing the letter, and which refused creates a person asked for again.
Not here: letters of what was never sent (`creates`, `unreadable`) or waking by a person (`inbox`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from syncline.engine.batches import Batch, Row
from syncline.engine.settlement import add_rows, conflict_id
from syncline.engine.world import World
from syncline.reconcile.cells import encode_object
from syncline.records import Outcome, Side, Write, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table
from syncline.values import fingerprint


async def close_letters(world: World, sync: Sync, written: Sequence[Row], commit: Commit) -> None:
    """Resolve the dead letters of these rows: those of a create by its source, those of an update by its fields."""
    if not written:
        return
    letters = await world.store.rows(Table.DEAD_LETTER, {"sync": sync.name, "state": ["dead", "retried", "retrying"]})
    if letters.is_empty():
        return
    made = [(row.source_type, row.source_id) for row in written if not row.link_id]
    links = {row.link_id for row in written if row.link_id} & set(letters["link_id"])
    fields = {(row.link_id, mapping) for row in written if row.link_id in links for mapping in row.lines["mapping"]}
    over = _of_creates(letters, made) + [
        letter["letter_id"]
        for letter in letters.iter_rows(named=True)
        if (letter["link_id"], letter["mapping"]) in fields
        or (letter["mapping"] is None and letter["link_id"] in links)
    ]
    _resolve(over, commit)


async def close_letters_of_creates(
    world: World, sync: Sync, sources: Sequence[tuple[str, str]], commit: Commit
) -> None:
    """Resolve the dead letters of creates from these records (object type, id): they are there after all."""
    if sources:
        where = {"sync": sync.name, "state": ["dead", "retried", "retrying"], "link_id": 0}
        _resolve(_of_creates(await world.store.rows(Table.DEAD_LETTER, where), sources), commit)


def _of_creates(letters: pl.DataFrame, sources: Sequence[tuple[str, str]]) -> list[str]:
    made = set(sources)
    rows = letters.filter(pl.col("link_id") == 0).select("letter_id", "object_type", "record_id").iter_rows()
    return [letter_id for letter_id, object_type, record_id in rows if (object_type, record_id) in made]


def _resolve(letter_ids: Sequence[str], commit: Commit) -> None:
    if letter_ids:
        states = pl.DataFrame({"letter_id": list(letter_ids)}).with_columns(pl.lit("resolved").alias("state"))
        commit.amend.setdefault(Table.DEAD_LETTER, []).append(states)


async def creates_asked_for(world: World, sync: Sync) -> pl.DataFrame:
    """side, object_type, record_id of records whose refused create a person retries: it was asked for once already."""
    where = {"sync": sync.name, "state": "retried", "link_id": 0, "operation": "create"}
    letters = await world.store.rows(Table.DEAD_LETTER, where)
    source = pl.when(pl.col("side") == "a").then(pl.lit("b")).otherwise(pl.lit("a"))
    return letters.select(source.alias("side"), "object_type", "record_id").unique()


def bury(
    world: World, sync: Sync, batch: Batch, row: Row, outcome: Outcome, commit: Commit, *, attempts: int = 1
) -> None:
    """Keep what was refused, with what would wake it: another value of the fields it was refused for.

    A refusal that names fields buries those and the rest is sent again (`write`); else the whole record's values. So
    does one that names only fields which we did not write.
    """
    blamed = [cell for name, cell in row.cells.items() if name in outcome.fields] or list(row.cells.values())
    now_us = world.now_us()
    letter = {
        "letter_id": conflict_id(row.link_id, row.source_id, batch.object_type, str(outcome.code), row.action),
        "sync": sync.name,
        "link_id": row.link_id,
        "side": batch.side,
        "object_type": row.source_type if not row.link_id else batch.object_type,
        "record_id": row.source_id if not row.link_id else row.write.record_id,
        "mapping": str(blamed[0]["mapping"]) if len(blamed) == 1 else None,
        "operation": batch.operation.value,
        "code": outcome.code or "refused",
        "message": outcome.message or "refused without a reason",
        "sent": encode_object({str(cell["field"]): str(cell["after"]) for cell in blamed}),
        "attempts": attempts + int(row.is_second_try),
        "wakes_on": "value",
        "wake_print": _signed(
            wake_print(world.key, {str(c["mapping"]): str(c["made_from"]) for c in row.cells.values()})
        ),
        "at_us": now_us,
        "state": "dead",
    }
    add_rows(commit, Table.DEAD_LETTER, pl.DataFrame([letter], schema=dict(TABLES[Table.DEAD_LETTER][0])))
    if row.link_id:
        source = other(batch.side)
        marks = [
            (
                row.link_id,
                str(c["mapping"]),
                "dead",
                json.dumps({"side": batch.side, "print": c[f"print_{source}"]}),
                now_us,
            )
            for c in blamed
        ]
        add_rows(commit, Table.MARK, pl.DataFrame(marks, schema=dict(TABLES[Table.MARK][0]), orient="row"))


def bury_deed(
    world: World, sync: Sync, side: Side, letter_id: str, link_id: int, write: Write, outcome: Outcome, commit: Commit
) -> None:
    """Keep a refused delete or merge: no value wakes it, a person does."""
    letter = {
        "letter_id": letter_id,
        "sync": sync.name,
        "link_id": link_id,
        "side": side,
        "object_type": write.object_type,
        "record_id": write.record_id,
        "mapping": None,
        "operation": write.operation.value,
        "code": outcome.code or "refused",
        "message": outcome.message or "refused without a reason",
        "sent": encode_object(dict(write.cells)),
        "attempts": 1,
        "wakes_on": "person",
        "wake_print": 0,
        "at_us": world.now_us(),
        "state": "dead",
    }
    add_rows(commit, Table.DEAD_LETTER, pl.DataFrame([letter], schema=dict(TABLES[Table.DEAD_LETTER][0])))


def wake_print(key: bytes, sources: Mapping[str, str]) -> int:
    """Fingerprint of the values a refused record was made from: while it is the same, it stays dead."""
    return fingerprint(key, [text for pair in sorted(sources.items()) for text in pair])


def _signed(print_: int) -> int:
    """A 64-bit fingerprint as the store's signed integer."""
    return print_ - 2**64 if print_ >= 2**63 else print_
