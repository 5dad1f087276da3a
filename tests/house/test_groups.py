"""That tests marked as one group run in one process, one after the other; a runner that loses this says nothing."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.xdist_group("together")
_ran_in: list[str] = []


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_group_stays_in_one_process(nth: int) -> None:
    _ran_in.append(os.environ.get("PYTEST_XDIST_WORKER", "alone"))
    assert len(_ran_in) == nth
