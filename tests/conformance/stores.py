"""What the store suites share: a clock that stands still, frames with every column, and how to run a story."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import polars as pl

from syncline.store import open_store
from syncline.trees import TABLES, Store, Table

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


Chapter = Callable[[Store], Coroutine[Any, Any, Any]]
Tell = Callable[[Chapter], Any]


class StillClock:
    def now(self) -> datetime:
        return NOON

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a store never sleeps")


def frame(table: Table, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows with every column of the table; those not given are null."""
    columns = TABLES[table][0]
    return pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=dict(columns))


def keys(table: Table, *rows: tuple[Any, ...]) -> pl.DataFrame:
    columns, key = TABLES[table]
    return pl.DataFrame(list(rows), schema={name: columns[name] for name in key}, orient="row")


def lead(record_id: str, **columns: Any) -> dict[str, Any]:
    return {"connection": "org", "object_type": "Lead", "record_id": record_id, "cells": "{}", **columns}


def entry(batch_id: str, position: int, **columns: Any) -> dict[str, Any]:
    return {"batch_id": batch_id, "position": position, "connection": "org", "object_type": "Lead", **columns}


def end(link_id: int, record_id: str, **columns: Any) -> dict[str, Any]:
    ids = {"sync": "people", "side": "a", "object_type": "Lead", "record_id": record_id}
    return {**ids, "link_id": link_id, "role": "current", **columns}


def mark(link_id: int = 0, record_id: str = "", *, sync: str = "people", due_us: int = 0) -> dict[str, Any]:
    side, object_type = ("a", "Lead") if record_id else ("", "")
    ids = {"sync": sync, "link_id": link_id, "side": side, "object_type": object_type, "record_id": record_id}
    return {**ids, "due_us": due_us}


def touched(*marks: dict[str, Any]) -> pl.DataFrame:
    """Marks to touch: all columns of DIRTY but the sequence, which is the store's."""
    return frame(Table.DIRTY, *marks).drop("seq")


def story(url: str, tell: Chapter, **options: Any) -> Any:
    """Open a store, let *tell* use it, close it; what *tell* returned."""

    async def whole() -> Any:
        store = await open_store(url, StillClock(), **options)
        try:
            return await tell(store)
        finally:
            await store.close()

    return asyncio.run(whole())
