"""Grounds that are kept on disk: the same history as over one that was prepared anew, and a damaged one is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.simulation import history, kept
from tests.simulation.variant import Shape, draw

SEEDS = (3, 11)
SHAPE = Shape(preset="recommended", has_contacts=False, is_filtered=False, is_wide=False)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where nothing is kept yet, and nothing in memory either."""
    monkeypatch.setattr(kept, "PLACE", tmp_path)
    history.prepared.cache_clear()
    yield tmp_path
    history.prepared.cache_clear()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_is_the_same_over_a_ground_from_disk(place: Path, seed: int) -> None:
    assert not draw(Random(f"{seed}/variant")).begins_empty
    anew = history.lived(seed).story
    assert [path for path in place.rglob("*") if path.is_file()]
    history.prepared.cache_clear()
    assert history.lived(seed).story == anew


def test_what_is_damaged_or_of_other_sources_is_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history.prepared(SHAPE)
    assert kept.kept(SHAPE.name) is not None
    (file,) = (path for path in place.rglob("*") if path.is_file())
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole[:5000] + b"?" + whole[5001:], whole[:32]):
        file.write_bytes(damaged)
        assert kept.kept(SHAPE.name) is None
    file.write_bytes(whole)
    assert kept.kept(SHAPE.name) is not None
    monkeypatch.setattr(kept, "_DIGEST", "others")
    assert kept.kept(SHAPE.name) is None


def test_what_runs_with_a_planted_defect_neither_keeps_nor_takes_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = history.prepared(SHAPE)
    monkeypatch.setenv("SYNCLINE_MUTANT", "blind resend")
    assert kept.kept(SHAPE.name) is None
    kept.keep("another", prepared)
    assert not list(place.rglob("another"))
