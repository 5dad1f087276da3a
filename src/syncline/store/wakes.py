"""Waking those who wait for a topic, within one process. What wakes them from other processes is a database's own.

A wake is a hint that looking is worth while, never the news itself: it may come twice, or not at all.
"""

from __future__ import annotations

import asyncio

from syncline.ports import Clock


class Wakes:
    """One event per topic. Several may wait for one; all are woken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: dict[str, asyncio.Event] = {}

    def wake(self, topic: str) -> None:
        self._events.setdefault(topic, asyncio.Event()).set()

    def wake_all(self) -> None:
        """For whoever cannot tell what was missed."""
        for event in self._events.values():
            event.set()

    async def wait(self, topic: str, seconds: float) -> bool:
        """Until the topic is woken, also before we began to wait, or *seconds* have passed; whether it was."""
        event = self._events.setdefault(topic, asyncio.Event())
        woken = asyncio.ensure_future(event.wait())
        tired = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((woken, tired), return_when=asyncio.FIRST_COMPLETED)
            return woken.done()
        finally:
            event.clear()
            woken.cancel()
            tired.cancel()
            await asyncio.gather(woken, tired, return_exceptions=True)
