"""Two workers as two processes on one PostgreSQL: one is killed, or frozen in the middle of a write and thawed when its
work was long done by the other.

Each does units under leases, whose time is the server's. What a frozen worker still sends nobody can hold back; it must
be recognised, and what it stores afterwards must be refused.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.kills.judge import untrue
from tests.kills.places import LEASE_SECONDS
from tests.kills.trials import Clean, Trial, TrialGround

# On a busy machine the ledger of calls is told at other moments than in the run that was counted: on request only.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("kills-postgresql"),
    pytest.mark.parametrize("ground", ["postgresql"], indirect=True),
]


WRITES = [
    pytest.param(-1, id="the last"),
    pytest.param(-2, id="the last but one", marks=pytest.mark.slow),
    pytest.param(0, id="the first, a merge", marks=pytest.mark.slow),
]


@pytest.fixture(scope="session")
def alone(ground: TrialGround) -> Clean:
    """The effects of a worker whom nobody disturbs."""
    with ground.trial("alone") as trial:
        ended = ground.syncline.wait(trial.start_worker("first"))
        assert (ended.status, ended.said) == (0, ["done"])
        assert untrue(trial.sandboxes, trial.recover()) == []
        return Clean(trial.reached_by("first"))


def until_frozen(pid: int) -> None:
    """Wait until it stands still; one that ended instead never will."""
    while (state := Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) != "T":
        assert state != "Z", "it came to its end without standing still"
        time.sleep(0.01)


def taken_over(trial: Trial, ground: TrialGround) -> None:
    """Another worker does everything there is once the leases of the first are over."""
    time.sleep(LEASE_SECONDS + 0.2)
    ended = ground.syncline.wait(trial.start_worker("second"))
    assert (ended.status, ended.said) == (0, ["done"])


@pytest.mark.parametrize("write", WRITES)
def test_one_is_killed_and_the_other_goes_on(ground: TrialGround, alone: Clean, write: int) -> None:
    with ground.trial(f"one-killed{write}") as trial:
        number = alone.writes[write] + 1
        ended = ground.syncline.wait(trial.start_worker("first", die_at=number))
        assert ended.status == -signal.SIGKILL
        assert trial.reached_by("first") == alone.effects[:number]
        taken_over(trial, ground)
        assert untrue(trial.sandboxes, trial.recover()) == []


@pytest.mark.parametrize("step", [0, 1], ids=["before it sends", "after the answer"])
@pytest.mark.parametrize("write", WRITES)
def test_one_is_frozen_and_thawed(ground: TrialGround, alone: Clean, write: int, step: int) -> None:
    with ground.trial(f"one-frozen{write}-{step}") as trial:
        number = alone.writes[write] + step
        pid = trial.start_worker("first", freeze_at=number)
        until_frozen(pid)
        taken_over(trial, ground)
        assert trial.recover()["in_flight"] == []
        ground.syncline.kill(pid, signal.SIGCONT)
        ended = ground.syncline.wait(pid)
        assert ended.status == 0
        assert "fence" in ended.said[0], "what it wanted to store was refused"
        assert untrue(trial.sandboxes, trial.recover()) == []
