"""The starting condition of the trials, made once for each kind of state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kills.trials import Files, TrialGround, standing


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialGround]:
    with standing(tmp_path_factory.mktemp("kills"), Files()) as ground:
        yield ground
