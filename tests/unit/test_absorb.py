"""What one page of observations does to the mirror: order, repeats, cells it lacks, cells it says nothing about."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.reconcile.absorb import Absorbed, Clockwork, absorb, age_of
from syncline.records import PAGE_SCHEMA, How, Page
from syncline.trees import MIRROR

SECOND = 1_000_000
STAMPED = Clockwork(trusts_stamp=True, stamp_step_us=SECOND, lag_us=2 * SECOND)
STAMPLESS = Clockwork(trusts_stamp=False, lag_us=2 * SECOND)


def seen(
    cells: dict[str, str], *, stamp: int | None = 10, asked: int = 20, flags: dict[str, str] | None = None
) -> pl.DataFrame:
    """The mirror's row of record 1, its instants in seconds."""
    row: dict[str, Any] = {
        "connection": "left",
        "object_type": "person",
        "record_id": "1",
        "cells": json.dumps(cells, separators=(",", ":")),
        "flags": json.dumps(flags) if flags else None,
        "stamp_us": None if stamp is None else stamp * SECOND,
        "previous_stamp_us": 3 * SECOND,
        "actor": "somebody",
        "created_us": 0,
        "is_deleted": False,
        "as_of_us": asked * SECOND,
        "previous_as_of_us": 4 * SECOND,
        "how": "poll",
    }
    return pl.DataFrame([row], schema=dict(MIRROR))


NOBODY = pl.DataFrame(schema=dict(MIRROR))


def page(*rows: dict[str, Any], fields: tuple[str, ...] = ("x",)) -> Page:
    """Rows as (stamp, asked, cells) in seconds; a cell that is not given is unread."""
    shaped = [
        {
            "_id": row.get("id", "1"),
            "_stamp_us": None if row.get("stamp", 10) is None else row.get("stamp", 10) * SECOND,
            "_actor": row.get("actor"),
            "_created_us": 0,
            "_deleted": row.get("deleted", False),
            "_as_of_us": row.get("asked", 30) * SECOND,
            **{name: row.get(name) for name in fields},
        }
        for row in rows
    ]
    frame = pl.DataFrame(shaped, schema={**PAGE_SCHEMA, **dict.fromkeys(fields, pl.String())})
    return Page(object_type="person", rows=frame, fields=fields, how=How.POLL)


def laid(known: pl.DataFrame, observed: Page, clockwork: Clockwork = STAMPED, **options: Any) -> Absorbed:
    return absorb(known, observed, clockwork, connection="left", **options)


def verdicts(result: Absorbed) -> list[str]:
    return result.verdicts["verdict"].to_list()


def cells(result: Absorbed) -> dict[str, str]:
    out: dict[str, str] = json.loads(result.mirror["cells"][0])
    return out


@pytest.mark.parametrize(
    ("clockwork", "row", "expected"),
    [
        pytest.param(STAMPED, {"stamp": 11, "asked": 30, "x": "new"}, "applied", id="newer stamp"),
        pytest.param(STAMPED, {"stamp": 11, "asked": 5, "x": "new"}, "applied", id="newer stamp, asked for earlier"),
        pytest.param(STAMPED, {"stamp": 9, "asked": 30, "x": "new"}, "stale", id="older stamp, asked for later"),
        pytest.param(STAMPED, {"stamp": 10, "asked": 30, "x": "new"}, "applied", id="same stamp, long after it"),
        pytest.param(STAMPED, {"stamp": 10, "asked": 5, "x": "new"}, "stale", id="same stamp, asked long before"),
        pytest.param(STAMPED, {"stamp": 10, "asked": 19, "x": "new"}, "unordered", id="same stamp, inside the lag"),
        pytest.param(STAMPED, {"stamp": 10, "asked": 30, "x": "old"}, "identical", id="nothing differs"),
        pytest.param(STAMPED, {"stamp": 9, "asked": 30, "x": "old"}, "identical", id="older, nothing differs"),
        pytest.param(STAMPED, {"stamp": None, "asked": 30, "x": "new"}, "applied", id="no stamp here: by asking"),
        pytest.param(STAMPED, {"stamp": None, "asked": 21, "x": "new"}, "unordered", id="no stamp, inside the lag"),
        pytest.param(STAMPLESS, {"stamp": 9, "asked": 30, "x": "new"}, "applied", id="untrusted stamp: by asking"),
        pytest.param(STAMPLESS, {"stamp": 11, "asked": 17, "x": "new"}, "stale", id="untrusted stamp, asked before"),
        pytest.param(STAMPLESS, {"stamp": 11, "asked": 21, "x": "new"}, "unordered", id="untrusted, inside the lag"),
        pytest.param(STAMPED, {"stamp": 11, "asked": 30, "x": "old", "deleted": True}, "applied", id="deleted"),
    ],
)
def test_order(clockwork: Clockwork, row: dict[str, Any], expected: str) -> None:
    result = laid(seen({"x": "old"}), page(row), clockwork)
    assert verdicts(result) == [expected]
    assert (result.woken == ("1",)) == (expected == "applied")
    assert (result.unordered == ("1",)) == (expected == "unordered")
    if expected in ("stale", "unordered"):
        assert result.mirror.is_empty()
        assert result.changes.is_empty()


def test_inside_one_step_and_the_lag_two_states_cannot_be_ordered() -> None:
    known = seen({"x": "old"}, stamp=20, asked=20)
    assert verdicts(laid(known, page({"stamp": 20, "asked": 21, "x": "new"}))) == ["unordered"]
    assert verdicts(laid(known, page({"stamp": 20, "asked": 23, "x": "new"}))) == ["applied"]


@pytest.mark.parametrize(
    ("now", "stamp", "how", "expected"),
    [
        pytest.param(18, 10, How.POLL, "stale", id="dated now, up to the lag: asked before it"),
        pytest.param(None, 10, How.POLL, "stale", id="nobody tells the time"),
        pytest.param(6, 10, How.POLL, "applied", id="dated ahead: what was just asked for is news"),
        pytest.param(6, 10, How.READ_BACK, "applied", id="a read by id likewise"),
        pytest.param(6, 10, How.BACKFILL, "unordered", id="an extract may be old: read again"),
        pytest.param(6, 9, How.POLL, "stale", id="the vendor's own stamps still decide"),
    ],
)
def test_a_look_dated_ahead_of_our_clock_orders_nothing(now: int | None, stamp: int, how: How, expected: str) -> None:
    """Our clock was set back, or another machine's is ahead: what comes now must not count as older for ever."""
    clockwork = replace(STAMPED, now_us=None if now is None else now * SECOND)
    result = laid(seen({"x": "old"}), replace(page({"stamp": stamp, "asked": 5, "x": "new"}), how=how), clockwork)
    assert verdicts(result) == [expected]
    assert (result.unordered == ("1",)) == (expected in ("applied", "unordered")), "and is read once more"
    if expected == "applied":
        assert result.mirror.select("as_of_us", "previous_as_of_us").row(0) == (5 * SECOND, 5 * SECOND)


def test_a_new_record_is_applied_with_every_cell_read() -> None:
    result = laid(NOBODY, page({"x": "v", "y": ""}, fields=("x", "y", "z")))
    assert verdicts(result) == ["applied"]
    assert cells(result) == {"x": "v", "y": ""}
    assert result.changes.rows() == [("1", "x", None, "v"), ("1", "y", None, "")]


def test_of_repeats_the_newest_counts_and_each_row_has_a_verdict() -> None:
    rows: list[dict[str, Any]] = [{"stamp": 12, "x": "newest"}, {"stamp": 11, "x": "middle"}, {"id": "2", "x": "other"}]
    result = laid(seen({"x": "old"}), page(*rows))
    assert sorted(result.verdicts.rows()) == [("1", "applied"), ("1", "duplicate"), ("2", "applied")]
    assert json.loads(result.mirror.filter(pl.col("record_id") == "1")["cells"][0]) == {"x": "newest"}


def test_cells_the_page_does_not_contain_stay() -> None:
    """Hidden or not asked for: frozen, not blank."""
    result = laid(seen({"x": "old", "hidden": "h"}), page({"stamp": 11, "x": "new"}))
    assert cells(result) == {"hidden": "h", "x": "new"}
    unread = laid(seen({"x": "old", "y": "kept"}), page({"stamp": 11, "x": "new"}, fields=("x", "y")))
    assert cells(unread) == {"x": "new", "y": "kept"}


def test_kept_cells_stay_assumed_and_the_others_are_taken() -> None:
    keep = pl.DataFrame({"record_id": ["1"], "field": ["x"]})
    known = seen({"x": "sent", "y": "old"}, flags={"x": "people", "y": "people"})
    result = laid(known, page({"stamp": 11, "x": "before", "y": "new"}, fields=("x", "y")), keep=keep)
    assert cells(result) == {"x": "sent", "y": "new"}
    assert json.loads(result.mirror["flags"][0]) == {"x": "people"}
    assert result.changes.rows() == [("1", "y", "old", "new")]


def test_an_assumed_cell_that_is_read_is_assumed_no_more() -> None:
    result = laid(seen({"x": "sent"}, flags={"x": "people"}), page({"stamp": 11, "x": "sent"}))
    assert verdicts(result) == ["identical"]
    assert result.mirror["flags"].to_list() == [None]


@pytest.mark.parametrize(("unplanned", "start"), [(frozenset(), 10), (frozenset({"1"}), 3)])
def test_the_evidence_interval_begins_at_the_last_look_that_was_planned(unplanned: frozenset[str], start: int) -> None:
    result = laid(seen({"x": "old"}), page({"stamp": 15, "x": "new"}), unplanned=unplanned)
    assert result.mirror["previous_stamp_us"].to_list() == [start * SECOND]
    assert result.mirror["previous_as_of_us"].to_list() == [(20 if not unplanned else 4) * SECOND]


def test_an_outdated_row_is_known_as_such() -> None:
    observed = page({"stamp": 9}, {"stamp": 11}, {"id": "2", "stamp": 1})
    assert age_of(seen({"x": "old"}), observed, STAMPED).to_list() == ["older", "newer", "new"]
