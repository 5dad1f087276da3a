"""The clock of our machine is wrong and jumps, an hour or a day, ahead and back; the vendors' clocks go on as ever.

What must hold is that no change is lost and nobody is made twice. Cursors and stamps are the vendors'. Our own clock
says only how long we wait: for a late commit, before a read can show a write. Set back, it makes us wait until it has
come to where it was.
"""

from __future__ import annotations

import signal

import pytest

from tests.demo.witness import people_in, records_in
from tests.kills import people as who
from tests.kills.judge import Fate, of_people, untrue
from tests.kills.people import People
from tests.kills.trials import Clean, Trial, TrialGround

pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.parametrize("ground", ["sqlite"], indirect=True)]

HOUR, DAY = 3_600.0, 86_400.0
EDITED = {who.ADA: Fate(title="Director", phone="777"), who.BEN: Fate(title="Boss", phone="0491 570 156")}


def edit(trial: Trial) -> None:
    """Somebody changes a person on each side."""
    hands = People.of(trial.sandboxes).hands
    leads = {row["LastName"]: row["Id"] for row in records_in(trial.sandboxes, "Lead", ["LastName"])}
    persons = {row["lastName"]: number for number, row in people_in(trial.sandboxes, ["lastName"]).items()}
    hands.edit("Lead", leads["Ada"], Phone="777")
    hands.change(persons["Ben"], title="Boss")


@pytest.mark.parametrize(
    "write", [pytest.param(-2, id="marketo"), pytest.param(-3, id="salesforce", marks=pytest.mark.slow)]
)
def test_a_create_under_way_and_the_clock_a_day_ahead(ground: TrialGround, clean: Clean, write: int) -> None:
    """By the wrong clock the time in which it could still arrive is over."""
    with ground.trial(f"ahead{write}") as trial:
        _, ended = trial.day(die_at=clean.writes[write], late_seconds=240.0)
        assert ended.status == -signal.SIGKILL
        assert untrue(trial.sandboxes, trial.recover(every_seconds=60.0, ahead_seconds=DAY)) == []


@pytest.mark.parametrize("seconds", [HOUR, pytest.param(DAY, marks=pytest.mark.slow)], ids=["hour", "day"])
def test_edits_after_the_clock_was_set_back(ground: TrialGround, clean: Clean, seconds: float) -> None:
    """They arrive at once; what waits for the clock waits until it is there again, and no longer."""
    with ground.trial(f"back-{seconds:g}") as trial:
        trial.day(die_at=0)
        edit(trial)
        trial.run(3, ahead_seconds=-seconds)
        assert list(of_people(trial.sandboxes, EDITED)) == []
        trial.pass_time(seconds)
        assert untrue(trial.sandboxes, trial.recover(ahead_seconds=-seconds), EDITED) == []


def test_a_create_under_way_and_the_clock_an_hour_back(ground: TrialGround, clean: Clean) -> None:
    with ground.trial("back-create") as trial:
        trial.day(die_at=clean.writes[-2], late_seconds=240.0)
        trial.run(2, ahead_seconds=-HOUR)
        trial.pass_time(HOUR)
        assert untrue(trial.sandboxes, trial.recover(ahead_seconds=-HOUR)) == []


@pytest.mark.parametrize(
    "seconds", [pytest.param(DAY, id="ahead", marks=pytest.mark.slow), pytest.param(-HOUR, id="back")]
)
def test_a_jump_within_a_run_and_back_after_it(ground: TrialGround, clean: Clean, seconds: float) -> None:
    with ground.trial(f"within{seconds:g}") as trial:
        _, ended = trial.day(die_at=0, jump_seconds=seconds, jump_after=200)
        assert ended.status == 0
        edit(trial)
        trial.run(3, ahead_seconds=0.0)
        assert list(of_people(trial.sandboxes, EDITED)) == []
        trial.pass_time(max(0.0, seconds))
        assert untrue(trial.sandboxes, trial.recover(), EDITED) == []
