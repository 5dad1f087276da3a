"""The starting condition of the trials, made once for each kind of state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kills.judge import untrue
from tests.kills.trials import Clean, Databases, Files, TrialGround, standing


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialGround]:
    """With states on "sqlite" or "postgresql", as the test's parameter says."""
    on_server = request.param == "postgresql"
    states = Databases(request.getfixturevalue("postgres_server")) if on_server else Files()
    with standing(tmp_path_factory.mktemp("kills"), states) as ground:
        yield ground


@pytest.fixture(scope="session")
def clean(ground: TrialGround) -> Clean:
    with ground.trial("clean") as trial:
        _, ended = trial.day(die_at=0)
        assert ended.status == 0
        assert untrue(trial.sandboxes, trial.recover()) == []
        return Clean(trial.reached)
