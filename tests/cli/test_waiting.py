"""While a command does nothing but wait, a terminal says so; the line goes with the last wait."""

from __future__ import annotations

import asyncio

import pytest
from rich.console import Console

from syncline.cli import session
from syncline.cli.session import Options, Watching
from syncline.cli.waiting import ToldClock
from tests.support.virtual import VirtualClock


def test_waits_worth_saying_are_told_and_ended() -> None:
    told: list[float | None] = []
    clock = VirtualClock()
    before = clock.now()

    async def wait() -> None:
        told_clock = ToldClock(clock, told.append)
        await told_clock.sleep(0.5)
        await told_clock.sleep(20)
        assert (told_clock.now() - before).total_seconds() == 20.5

    asyncio.run(wait())
    assert told == [20, None]


def test_a_terminal_shows_that_it_waits_as_long_as_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "console", lambda **_: Console(force_terminal=True, width=100, quiet=True))
    watching = Watching(Options(), None)
    assert watching._bars is not None
    watching.waits(20)
    watching.waits(3)
    watching.waits(None)
    assert [task.description for task in watching._bars.tasks] == [
        "waits 20 s: a system is busy, at its limit or not done yet"
    ]
    watching.waits(None)
    assert watching._bars.tasks == []
