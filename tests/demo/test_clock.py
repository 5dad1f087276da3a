"""The demo's clock: whoever sleeps moves it and both sandboxes, and never backwards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from syncline.demo.clock import DemoClock
from syncline.demo.sandboxes import Control

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Told(Control):
    """A control endpoint that only keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("told", "http://127.0.0.1:9")
        self.clocks: list[datetime] = []

    def post(self, route: str, body: Any) -> None:
        assert route == "clock"
        assert body["frozen"] is True
        self.clocks.append(datetime.fromisoformat(body["now"]))


def test_sleepers_move_every_clock_to_the_latest_time_asked_for() -> None:
    sandboxes = Told(), Told()
    clock = DemoClock(START, sandboxes)

    async def sleep() -> None:
        await asyncio.gather(clock.sleep(20), clock.sleep(5), clock.sleep(20))

    asyncio.run(sleep())
    clock.move_to(START)
    assert clock.now() == START + timedelta(seconds=20)
    for sandbox in sandboxes:
        assert sandbox.clocks[0] == START
        assert sandbox.clocks[-1] == clock.now()
        assert sandbox.clocks == sorted(sandbox.clocks)
