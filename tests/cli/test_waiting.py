"""While a command does nothing but wait, a terminal says so; the line goes with the last wait."""

from __future__ import annotations

import asyncio

import polars as pl
import pytest
from rich.console import Console

from syncline.cli import session
from syncline.cli.screens.run import waiting_lines
from syncline.cli.session import Options, Watching
from syncline.cli.waiting import ToldClock
from syncline.engine.cycle import RunReport
from syncline.engine.planning import CLASSES
from tests.support.ground import Ground
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


def test_why_records_wait_is_grouped_by_reason_the_gravest_first() -> None:
    rows = [
        ("a", "Lead", "1", 0, "held", "several candidates: group 4a5b6c7d8e9f"),
        ("a", "Lead", "2", 0, "held", "several candidates: group 5a5b6c7d8e9f"),
        ("b", "lead", "7", 0, "held", "several candidates: group 5a5b6c7d8e9f"),
        ("a", "Lead", "3", 3, "deferred", "not sent"),
        ("a", "Lead", "4", 4, "written", "updated"),
        ("a", "Lead", "5", 5, "unknown", None),
    ]
    classes = pl.DataFrame(rows, schema=CLASSES, orient="row")
    report = RunReport(run_id="1", sync="people", classes=classes)
    assert waiting_lines(report, {"a": "crm", "b": "marketing"}) == [
        "[yellow]unknown[/] 1 of crm: no reason given",
        "[yellow]deferred[/] 1 of crm: not sent",
        "[yellow]held[/] 2 of crm, 1 of marketing: several candidates: group …",
    ]


def test_a_narrow_terminal_breaks_no_id_over_lines(synced: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    (lead,) = (row for row in synced.leads() if row["Email"] == "p1@x.com")
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        said = synced.syncline("explain", "p1@x.com").out
        fields = said[said.index("linked by") : said.index("history")]
        assert lead["Id"] in fields
        assert ("since agreed" in fields) == (columns == 120)
