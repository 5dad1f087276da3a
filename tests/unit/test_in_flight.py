"""Which write of ours a change in a system's history was, though our clock and the vendor's are not the same."""

from __future__ import annotations

import polars as pl

from syncline.engine.in_flight import _replaced

SECOND_US = 1_000_000


def _lost(sent_us: int, batch: str | None = None) -> list[str]:
    cell = {"record_id": ["1"], "field": ["score"]}
    ours = pl.DataFrame({**cell, "at_us": [45 * SECOND_US], "old": ["1004"], "new": ["1003"], "call_batch": [batch]})
    written = pl.DataFrame({**cell, "sent_us": [sent_us], "pre_image": ["1000"], "expected": ["1003"]})
    written = written.with_columns(batch_id=pl.lit("batch"))
    return [old for _, old in _replaced(ours.cast({"call_batch": pl.String}), written, SECOND_US)]


def test_a_loss_is_told_though_our_clock_is_almost_a_second_ahead() -> None:
    assert _lost(46 * SECOND_US + 900_000) == ["1004"]


def test_a_change_long_before_our_write_is_none_of_it() -> None:
    assert _lost(48 * SECOND_US) == []


def test_a_change_that_names_our_call_is_its_write_whatever_the_clocks_say() -> None:
    assert _lost(48 * SECOND_US, "batch") == ["1004"]
    assert _lost(48 * SECOND_US, "another") == []
