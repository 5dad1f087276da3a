"""What is said of writes of ours by history, whatever our clock says, and by looks that cannot be ordered."""

from __future__ import annotations

import json

import polars as pl
import pytest

from syncline import records
from syncline.engine.in_flight import _replaced
from syncline.engine.intake import _telling
from syncline.reconcile.absorb import Clockwork
from syncline.reconcile.settle import OUTSTANDING
from syncline.records import PAGE_SCHEMA, How, Page
from syncline.trees import TABLES, Table

SECOND = 1_000_000


def the_write(sent_us: int) -> pl.DataFrame:
    row = {
        "batch_id": "the batch",
        "record_id": "1",
        "field": "lastName",
        "expected": "ours",
        "pre_image": "as read",
        "sent_us": sent_us,
    }
    return pl.DataFrame([row], schema=OUTSTANDING)


def its_moment(at_us: int, call_batch: str | None) -> pl.DataFrame:
    row = {"record_id": "1", "field": "lastName", "at_us": at_us, "old": "theirs", "new": "ours"}
    return pl.DataFrame([row | {"call_batch": call_batch}], schema_overrides={"call_batch": pl.String})


@pytest.mark.parametrize(
    ("ahead_us", "call_batch", "lost"),
    [
        (0, None, ["theirs"]),
        (12 * SECOND, "the batch", ["theirs"]),  # our clock is ahead: the system says it came before we sent it
        (12 * SECOND, None, ["theirs"]),  # it names no call, and we alone wrote exactly that
        (12 * SECOND, "another", []),
        (90 * SECOND, None, []),  # no clock is that far ahead
    ],
)
def test_the_write_whose_call_a_moment_names_is_its_write(
    ahead_us: int, call_batch: str | None, lost: list[str]
) -> None:
    moment = its_moment(100 * SECOND, call_batch)
    assert [old for _, old in _replaced(moment, the_write(100 * SECOND + ahead_us), SECOND)] == lost


@pytest.mark.parametrize(
    ("seconds_later", "state", "in_mirror", "tells", "doubted"),
    [
        (3, "unknown", "as read", False, ("1",)),  # within the lag nobody knows which look is the newer one
        (3, "unknown", "ours", True, ()),  # whichever it is, both show the same
        (3, "written", "as read", True, ()),  # what we were told of is in the mirror already
        (30, "unknown", "as read", True, ()),
    ],
)
def test_a_write_in_doubt_is_not_settled_by_a_look_that_the_mirror_does_not_take(
    seconds_later: int, state: str, in_mirror: str, tells: bool, doubted: tuple[str, ...]
) -> None:
    known_row = {"record_id": "1", "as_of_us": 100 * SECOND, "is_deleted": False}
    known = pl.DataFrame([known_row | {"cells": json.dumps({"lastName": in_mirror})}], schema=TABLES[Table.MIRROR][0])
    as_of_us = (100 + seconds_later) * SECOND
    row = {records.ID: "1", records.AS_OF: as_of_us, records.DELETED: False, "lastName": "ours"}
    rows = pl.DataFrame([row], schema={**PAGE_SCHEMA, "lastName": pl.String()})
    page = Page(
        object_type="lead", rows=rows, fields=("lastName",), how=How.READ_BACK, next_cursor=None, has_more=False
    )
    entries = the_write(100 * SECOND).with_columns(pl.lit(state).alias("state"))
    clockwork = Clockwork(trusts_stamp=False, lag_us=10 * SECOND)
    found, again = _telling(known, page, clockwork, entries, same_call=False)
    assert (found.to_list(), again) == ([tells], doubted)
