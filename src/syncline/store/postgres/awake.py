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
    first copy is matched whole.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._over = threading.Event()

    def begin(self) -> None:
        self._over = over = threading.Event()
        generation = self._session.generation
        threading.Thread(target=self._speak, args=(over, generation), name="syncline-section", daemon=True).start()

    def end(self) -> None:
        """At once, without waiting for the thread; a second time does nothing."""
        self._over.set()

    def _speak(self, over: threading.Event, generation: int) -> None:
        while not over.wait(EVERY_SECONDS):
            # A connection that is gone is met by the next statement of the section, which tells whoever holds it.
            with suppress(psycopg.Error):
                self._session.nudge(generation)
