"""The kinds of store the conformance suite runs over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.stores import Tell, story

KINDS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "memory": lambda _: ":memory:",
    "file": lambda request: f"sqlite:///{_folder(request)}/state.db",
    "postgres": lambda request: str(request.getfixturevalue("postgres_url")),
}


def _folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue("tmp_path"))


@pytest.fixture(params=list(KINDS))
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty state of one kind."""
    return KINDS[request.param](request)


@pytest.fixture
def tell(store_url: str) -> Tell:
    return lambda chapter: story(store_url, chapter)
