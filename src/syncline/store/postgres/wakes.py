"""Wakes from other processes: one listening connection per store, made when somebody first waits.

While the server is away nobody is woken, and waits end by their time; when it is back, all are woken once.
"""

from __future__ import annotations

import asyncio

import psycopg

from syncline.store.postgres.address import conninfo
from syncline.store.wakes import Wakes

CHANNEL = "syncline"
_PAUSE_SECONDS = 1.0


class Listener:
    """Hears what `pg_notify` says on our channel and passes it to *wakes*."""

    def __init__(self, url: str, wakes: Wakes) -> None:
        self._url = url
        self._wakes = wakes
        self._task: asyncio.Task[None] | None = None
        self._is_listening = asyncio.Event()

    async def start(self) -> None:
        """Returns once a wake that is sent from now on is heard, or at once if the server is away."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
            hears = asyncio.ensure_future(self._is_listening.wait())
            await asyncio.wait((hears,), timeout=2 * _PAUSE_SECONDS)
            hears.cancel()

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    conninfo(self._url), autocommit=True, connect_timeout=10, application_name="syncline wakes"
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}".encode())
                    self._is_listening.set()
                    self._wakes.wake_all()  # what was said meanwhile
                    async for notice in connection.notifies():
                        self._wakes.wake(notice.payload)
            except psycopg.OperationalError:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
