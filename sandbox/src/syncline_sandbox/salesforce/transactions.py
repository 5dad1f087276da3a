"""The org's transactions: one stamp for all that is written together, and what a lagging replica must hear of it.

Lives here: beginning, keeping or undoing what a request or the platform writes. What is written is decided in `dml.py`
and the operations above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from syncline_sandbox.core.clock import SandboxClock

from .events import EventBus
from .ids import IdSource
from .reading import Reading
from .schema import SObject
from .stamps import stamp_of
from .storage import Storage
from .web import Answer


class Transactions:
    """Transactions of one org, one at a time. `touched` collects the records the running one changed."""

    def __init__(
        self, storage: Storage, ids: IdSource, clock: SandboxClock, reading: Reading, events: EventBus
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._clock = clock
        self._reading = reading
        self.events = events
        self._own_stamp: str | None = None
        self.touched: list[tuple[SObject, str]] = []

    def stamp(self) -> str:
        """The stamp of what is written now: one for a whole transaction, in whole seconds."""
        return self._own_stamp or stamp_of(self._clock.now())

    def stamp_of_writes(self) -> str | None:
        """The stamp of the running transaction; None for rows that come with stamps of their own, as seeds do."""
        return self._own_stamp

    @contextmanager
    def platform(self, stamp: str | None = None) -> Iterator[None]:
        """One transaction; what it wrote is committed at the end, or undone when it raises.

        *stamp* replaces the time its writes bear.
        """
        self._reading.begin_lag()
        self._own_stamp = stamp or stamp_of(self._clock.now())
        self.touched.clear()
        committed = False
        try:
            with self._storage.transaction():
                self.events.begin()
                yield
                self._storage.keep("serials", self._ids.serials)
            committed = True
        finally:
            self._own_stamp = None
            self.events.end(committed=committed)
        self._reading.committed(self.touched)

    def answer(self, act: Callable[[], Answer], stamp: str | None, *, keep: bool) -> Answer:
        """The answer of *act*, run in one transaction; not *keep* undoes what it wrote."""
        try:
            with self.platform(stamp):
                answer = act()
                if not keep:
                    raise _Undone(answer)
        except _Undone as undone:
            return undone.answer
        return answer


class _Undone(Exception):
    """Carries the answer of a request whose writes are not kept."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("undone")
        self.answer = answer
