"""What history tells of an edit that a write of ours replaced: which write it was, whatever our clock says."""

from __future__ import annotations

import polars as pl
import pytest

from syncline.engine.in_flight import _replaced
from syncline.reconcile.settle import OUTSTANDING

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
        (12 * SECOND, None, []),  # nothing proves that it is of this write
    ],
)
def test_the_write_whose_call_a_moment_names_is_its_write(
    ahead_us: int, call_batch: str | None, lost: list[str]
) -> None:
    moment = its_moment(100 * SECOND, call_batch)
    assert [old for _, old in _replaced(moment, the_write(100 * SECOND + ahead_us), SECOND)] == lost
