"""Signals: the first asks for a clean end after the present batch, the second ends at once; while nothing but reading
is under way, the first does.

Whatever is cut off is safe: a write is journalled before it is sent, and the next run reads back what became of it.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from syncline.cli.output import console
from syncline.errors import StopRequested

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """The wish to stop. With *finishes_batch* a command is asked to leave at the next safe point (`check`), and is
    ended only by a second signal; without, and while it `is_only_reading`, by the first."""

    def __init__(self, *, finishes_batch: bool = False) -> None:
        self.by: signal.Signals | None = None
        self.is_only_reading = False
        self._finishes_batch = finishes_batch
        self._wished: asyncio.Event | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take signals while the body runs in the present task; outside the main thread there are none to take."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        self._wished = asyncio.Event()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._asked, number, task)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _asked(self, number: signal.Signals, task: asyncio.Task[Any] | None) -> None:
        is_first = self.by is None
        self.by = number
        if self._wished is not None:
            self._wished.set()
        if is_first and self._finishes_batch and not self.is_only_reading:
            console(stderr=True).print("Stopping after the present batch; once more stops at once.")
        else:
            assert task is not None  # we listen inside a coroutine
            task.cancel()

    def check(self) -> None:
        """A safe point: everything so far is durable. Raises StopRequested if a signal came."""
        if self.by is not None:
            raise StopRequested

    async def pause(self, seconds: float) -> None:
        """Wait; raises StopRequested as soon as a signal comes."""
        with suppress(TimeoutError):
            await asyncio.wait_for((self._wished or asyncio.Event()).wait(), seconds)
        self.check()

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 129 after the terminal was closed."""
        return 128 + (self.by or signal.SIGINT)

    @property
    def exit_code_of_service(self) -> int:
        """As `exit_code`, but 0 after SIGTERM: to a service that is the ordinary end."""
        return 0 if self.by is signal.SIGTERM else self.exit_code
