"""The capture law tells of a row that was received and forgotten: its two sides come from different sources."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import polars as pl
import pytest

from syncline.engine.laws import balances, put_capture_law
from syncline.reconcile.absorb import Clockwork, absorb
from syncline.records import PAGE_SCHEMA, How, Page
from syncline.store import open_store
from syncline.trees import MIRROR, Commit
from tests.support.virtual import VirtualClock

STAMPLESS = Clockwork(trusts_stamp=False, lag_us=0)


def _page(*ids: str) -> Page:
    rows = [{"_id": i, "_stamp_us": 1, "_is_deleted": False, "_as_of_us": 2, "x": "y"} for i in ids]
    frame = pl.DataFrame(rows, schema={**PAGE_SCHEMA, "x": pl.String()})
    return Page(object_type="person", rows=frame, fields=("x",), how=How.POLL)


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_row_that_was_received_and_forgotten_is_missed(is_forgotten: bool) -> None:
    async def whole() -> None:
        page = _page("1", "2")
        nothing = pl.DataFrame(schema=dict(MIRROR))
        result = absorb(nothing, page, STAMPLESS, connection="left", keep=None, unplanned=frozenset())
        if is_forgotten:
            result = replace(result, verdicts=result.verdicts.filter(pl.col("record_id") != "2"))
        store = await open_store(":memory:", VirtualClock())
        commit = Commit()
        put_capture_law("left", page, result, "run", 1, commit)
        await store.commit(commit)
        (law,) = (law for law in await balances(store, "people", "run") if law.law == "capture")
        assert law.is_balanced != is_forgotten
        assert list(law.only_left) == (["2"] if is_forgotten else [])

    asyncio.run(whole())
