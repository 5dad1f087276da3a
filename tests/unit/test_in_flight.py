"""Which write of ours a change in a system's history was, though our clock and the vendor's are not the same."""

from __future__ import annotations

import polars as pl

from syncline.engine.in_flight import _replaced

SECOND_US = 1_000_000


def _lost(sent_us: int, before: dict[str, object] | None = None) -> list[str]:
    """The values lost to a write sent at *sent_us*, and to one *before* it, where a change of ours is known of 0:45."""
    cell: dict[str, object] = {"record_id": "1", "field": "score"}
    changed = {"at_us": 45 * SECOND_US, "old": "1004", "new": "1003", "call_batch": None}
    ours = pl.DataFrame([cell | changed], schema_overrides={"call_batch": pl.String})
    write = {"sent_us": sent_us, "pre_image": "1000", "expected": "1003", "batch_id": "batch"}
    writes = [cell | write, *([cell | write | before] if before else [])]
    return [old for _, old in _replaced(ours, pl.DataFrame(writes), SECOND_US)]


def test_a_loss_is_told_though_our_clock_is_almost_a_second_ahead() -> None:
    assert _lost(46 * SECOND_US + 900_000) == ["1004"]


def test_a_loss_is_told_though_the_clock_of_who_wrote_is_half_a_minute_ahead() -> None:
    assert _lost(75 * SECOND_US) == ["1004"]


def test_a_change_long_before_our_write_is_none_of_it() -> None:
    assert _lost(145 * SECOND_US) == []


def test_a_change_is_of_the_write_before_it_rather_than_of_a_later_one() -> None:
    assert _lost(75 * SECOND_US, before={"sent_us": 44 * SECOND_US, "pre_image": "1004", "expected": "1003"}) == []
