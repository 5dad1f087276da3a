"""kill -9 at every effect of a run: real connectors, real systems over HTTP, a real store, a real SIGKILL.

The effects are numbered at the ports in a clean run: each transaction of the store and each request, before and after.
The process dies at each of them in turn; ordinary runs of another process follow, and both systems are asked.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable

import pytest

from tests.kills.judge import untrue
from tests.kills.trials import Clean, TrialGround

_SERVER = pytest.mark.xdist_group("kills-postgresql")
_FILE = pytest.param("sqlite", marks=pytest.mark.xdist_group("kills"))
on_the_server_slowly = pytest.mark.parametrize(
    "ground", [_FILE, pytest.param("postgresql", marks=[_SERVER, pytest.mark.slow])], indirect=True
)

# What the day must hold, or these tests would show less than they say.
WRITES = {
    "POST /services/data/v62.0/composite": 3,  # updates, a refused record, a create
    "POST /services/Soap/u/62.0": 1,  # a conversion
    "POST /rest/v1/leads.json": 2,  # updates, a create
    "POST /rest/v1/leads/delete.json": 1,
    "POST /rest/v1/leads/11/merge.json": 1,
}
ONE_IN = 24
"""Which part of the points that are not at a write is tried by default."""


def killed(ground: TrialGround, clean: Clean, points: Iterable[int]) -> tuple[int, list[str]]:
    """How many points were tried, and what went wrong at which."""
    tried, wrong = 0, []
    for number in points:
        with ground.trial(f"killed-{number}") as trial:
            _, ended = trial.day(die_at=number)
            assert ended.status == -signal.SIGKILL
            assert trial.reached == clean.effects[:number]
            found = untrue(trial.sandboxes, trial.recover())
        wrong += [f"killed at {number}, {clean.effects[number - 1]}: {sentence}" for sentence in found]
        tried += 1
    return tried, wrong


@on_the_server_slowly
def test_a_clean_run_has_the_same_effects_each_time(ground: TrialGround, clean: Clean) -> None:
    with ground.trial("again") as trial:
        said, ended = trial.day(die_at=0)
        assert (ended.status, said["effects"]) == (0, len(clean.effects))
        assert trial.reached == clean.effects
    sent = [clean.effects[number - 1].removeprefix("before ") for number in clean.writes]
    assert {line: sent.count(line) for line in sent} == WRITES
    assert all(what.split()[0] == ("before", "after")[at % 2] for at, what in enumerate(clean.effects))


@on_the_server_slowly
def test_killed_before_and_after_every_write(ground: TrialGround, clean: Clean) -> None:
    assert killed(ground, clean, sorted(clean.at_writes)) == (2 * sum(WRITES.values()), [])


@pytest.mark.parametrize("ground", [pytest.param("postgresql", marks=_SERVER)], indirect=True)
def test_killed_at_some_effects_with_the_state_on_a_server(ground: TrialGround, clean: Clean) -> None:
    """A sample of what the slow suite does whole there."""
    points = [*sorted(clean.at_writes)[::4], *clean.others[::60]]
    assert killed(ground, clean, points) == (len(points), [])
    assert len(points) >= 6


@on_the_server_slowly
def test_killed_at_some_of_all_other_effects(ground: TrialGround, clean: Clean) -> None:
    points = clean.others[::ONE_IN]
    assert killed(ground, clean, points) == (len(points), [])
    assert len(points) == -(-len(clean.others) // ONE_IN) > 5


@pytest.mark.slow
@on_the_server_slowly
def test_killed_at_every_other_effect(ground: TrialGround, clean: Clean) -> None:
    rest = [number for number in clean.others if number not in clean.others[::ONE_IN]]
    tried, wrong = killed(ground, clean, rest)
    assert wrong == []
    assert tried + len(clean.others[::ONE_IN]) + len(clean.at_writes) == len(clean.effects) > 150


@on_the_server_slowly
def test_killed_while_a_write_is_under_way(ground: TrialGround, clean: Clean) -> None:
    """It has arrived, nobody waits for it any more, and it is carried out four minutes later, while others run."""
    wrong = []
    for number in clean.writes:
        with ground.trial(f"under-way-{number}") as trial:
            _, ended = trial.day(die_at=number, late_seconds=240.0)
            assert ended.status == -signal.SIGKILL
            assert trial.reached == clean.effects[:number]
            found = untrue(trial.sandboxes, trial.recover(every_seconds=60.0))
            wrong += [f"killed during {number}, {clean.effects[number - 1]}: {sentence}" for sentence in found]
    assert len(clean.writes) == sum(WRITES.values())
    assert wrong == []
