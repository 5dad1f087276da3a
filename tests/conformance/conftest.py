"""The kinds of store the conformance suite runs over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.stores import Tell, story

KINDS: dict[str, Callable[[Path], str]] = {
    "memory": lambda _: ":memory:",
    "file": lambda folder: f"sqlite:///{folder}/state.db",
}


@pytest.fixture(params=list(KINDS))
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Tell:
    return lambda chapter: story(KINDS[request.param](tmp_path), chapter)
