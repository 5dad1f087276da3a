"""Fixtures for tests of software that talks to Salesforce or Marketo: a fresh sandbox for each test.

Lives here: the fixtures alone; what a sandbox can be told is in `testing.py`. Installing the package is enough, pytest
finds them by itself. A test that wants another world than the empty one says so:

    @pytest.mark.sandbox_seed("demo")
    def test_reads_every_lead(salesforce_sandbox): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from syncline_sandbox.testing import Running, marketo_instance, salesforce_org
from syncline_sandbox.worlds import NAMED_WORLDS, World

_MARK = "sandbox_seed"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}(world): what the sandboxes hold: demo, empty, a JSON file, a mapping")


@pytest.fixture
def salesforce_sandbox(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A Salesforce org on loopback, gone after the test."""
    with salesforce_org(_seed(request)) as org:
        yield org


@pytest.fixture
def marketo_sandbox(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A Marketo instance on loopback, gone after the test."""
    with marketo_instance(_seed(request)) as instance:
        yield instance


def _seed(request: pytest.FixtureRequest) -> str | Path | World:
    """What the mark names. A file is looked for beside the test's own, wherever pytest was started."""
    mark = request.node.get_closest_marker(_MARK)
    if mark is None:
        return "empty"
    if len(mark.args) != 1 or mark.kwargs:
        raise pytest.UsageError(f"@pytest.mark.{_MARK} takes one world: demo, empty, a JSON file or a mapping")
    world: str | Path | World = mark.args[0]
    if isinstance(world, Mapping) or world in NAMED_WORLDS:
        return world
    return request.path.parent / world
