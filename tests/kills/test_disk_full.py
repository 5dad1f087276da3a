"""No room for the state in the middle of a run: clean words, nothing lost, and with room again the next run completes.

The process may not make any file longer than the state's log is when the commit in question begins (RLIMIT_FSIZE, whose
EFBIG is to SQLite what ENOSPC is). Its requests go on as before, so what it sends without a journal would be seen.
"""

from __future__ import annotations

import pytest

from tests.kills.judge import untrue
from tests.kills.trials import Clean, TrialGround

pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.parametrize("ground", ["sqlite"], indirect=True)]


def commits(clean: Clean, *, around: list[int]) -> list[int]:
    """The commits right before and right after each of these writes: its journal, and its outcome."""
    all_of_them = [n for n, what in enumerate(clean.effects, 1) if what.startswith("before commit")]
    before = [max(n for n in all_of_them if n < write) for write in around]
    after = [min(n for n in all_of_them if n > write) for write in around]
    return sorted(before + after)


def full(ground: TrialGround, clean: Clean, points: list[int]) -> list[str]:
    """What went wrong where the disk was full from a commit on."""
    wrong = []
    for number in points:
        with ground.trial(f"full-{number}") as trial:
            said, ended = trial.day(die_at=0, full_from=number)
            assert ended.status == 0
            error = said["error"]
            assert error["code"] == "SYN-703"
            assert str(trial.folder / "state.db") in error["message"]
            assert "Free space" in error["remedy"]
            sent = [line for line in trial.reached[number:] if line.startswith("before POST")]
            assert sent == [], "it went on sending what it could not write down"
            found = untrue(trial.sandboxes, trial.recover())
        wrong += [f"full from {number}, {clean.effects[number - 1]}: {sentence}" for sentence in found]
    return wrong


def test_full_around_a_deed_and_a_batch(ground: TrialGround, clean: Clean) -> None:
    assert full(ground, clean, commits(clean, around=[clean.writes[0], clean.writes[-2]])) == []


@pytest.mark.slow
def test_full_at_every_commit(ground: TrialGround, clean: Clean) -> None:
    points = [n for n, what in enumerate(clean.effects, 1) if what.startswith("before commit")]
    assert len(points) > 30
    assert full(ground, clean, points[1:]) == []  # before the first there is no log yet
