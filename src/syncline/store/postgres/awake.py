"""Being heard of while a section is held: the difference between a process that thinks for long and a frozen one.

Lives here: the thread that says something on the section's connection. That the server ends a session that is silent
for longer is the store's setting.
"""

from __future__ import annotations

import threading
from contextlib import suppress

import psycopg

from syncline.store.postgres.session import Session

EVERY_SECONDS = 2.0


class Awake:
    """Between `begin` and `end` the connection of *session* is never silent for long, unless the process stands still.

    A thread of its own, because whoever holds the section may compute for as long without letting its loop turn: a
    first copy is matched whole. It looks now and then and lives until `close`: to start one for each section would
    take longer than many a section does.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held: int | None = None  # the session's generation
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        self._held = self._session.generation
        if self._thread is None:
            self._thread = threading.Thread(target=self._speak, name="syncline-section", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """At once, without waiting for the thread; a second time does nothing."""
        self._held = None

    def close(self) -> None:
        self._closed.set()

    def _speak(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            if (generation := self._held) is not None:
                # A connection that is gone is met by the next statement of the section, which tells whoever holds it.
                with suppress(psycopg.Error):
                    self._session.nudge(generation)
