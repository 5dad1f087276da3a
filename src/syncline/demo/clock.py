"""The demo's clock: nobody waits for it. Whoever sleeps moves it, and both sandboxes' clocks with it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from syncline.demo.sandboxes import Control


class DemoClock:
    """Implements `ports.Clock` for one world and the sandboxes it talks to. Time stands still but for `sleep`.

    A sleeper returns at once, with every clock moved to the time it asked for. Of those who go to sleep together the
    one who asked for the latest time decides; the others find that their time has passed.
    """

    def __init__(self, start: datetime, controls: tuple[Control, ...]) -> None:
        self._controls = controls
        self._now = start
        self._tell()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        await asyncio.sleep(0)  # whoever goes to sleep together counts from the same moment
        self.move_to(until)

    def move_to(self, at: datetime) -> None:
        """Let time pass until *at*; nothing happens if that has passed."""
        if at > self._now:
            self._now = at
            self._tell()

    def _tell(self) -> None:
        for control in self._controls:
            control.post("clock", {"now": self._now.isoformat(), "frozen": True})
