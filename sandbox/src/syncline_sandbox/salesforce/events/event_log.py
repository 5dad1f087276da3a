"""The log of events: one table for all topics, positions in it, and how long they are good for.

"Event Message Durability" and "Event Replay ID Field" of the Pub/Sub API guide: ids are opaque, not contiguous, not
comparable across channels, and good for 72 hours. Lives here: the tables and replay ids. A replay id is the 8-byte
big-endian number of an entry of the log with a mark of its channel.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.storage import Storage

from .event_schema import EventSchema

_TABLES = """
CREATE TABLE IF NOT EXISTS _events (
    n INTEGER PRIMARY KEY, topic TEXT, at REAL, schema_id TEXT, uuid TEXT, payload BLOB
);
CREATE TABLE IF NOT EXISTS _event_schemas (id TEXT PRIMARY KEY, json TEXT NOT NULL);
"""
_FIRST = 100_000
_MARKS = 256
_PURGE_EVERY = 3600.0


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event as it lies in the log."""

    n: int
    topic: str
    schema_id: str
    uuid: str
    payload: bytes


class EventLog:
    """The events of one org. Nothing here commits."""

    def __init__(self, storage: Storage, clock: SandboxClock, seed: int, retention_hours: float) -> None:
        self._storage = storage
        self._clock = clock
        self._dice = random.Random(seed)
        self._known: set[str] = set()
        self._last = _FIRST
        self._purged_at = 0.0
        self.retention_hours = retention_hours

    def take_up(self) -> None:
        """Make the tables where they are missing, and go on behind the last entry."""
        self._storage.db.executescript(_TABLES)
        (last,) = self._storage.db.execute("SELECT max(n) FROM _events").fetchone()
        # After a reset the numbers go on: no id of before it comes to mean something else.
        self._last = max(self._last, last or 0)
        self._known.clear()

    def keep_schema(self, schema: EventSchema) -> None:
        if schema.id not in self._known:
            self._storage.db.execute("INSERT OR IGNORE INTO _event_schemas VALUES (?, ?)", (schema.id, schema.json))
            self._known.add(schema.id)

    def schema_json(self, schema_id: str) -> str | None:
        """The schema of this id, current or not; None if there was never one."""
        row = self._storage.db.execute("SELECT json FROM _event_schemas WHERE id = ?", (schema_id,)).fetchone()
        return str(row[0]) if row else None

    def forget_known(self) -> None:
        """A transaction was rolled back, perhaps with schemas it had kept."""
        self._known.clear()

    def append(self, topic: str, schema: EventSchema, uuid: str, payload: bytes) -> int:
        """Add an event at the end, inside the caller's transaction; returns its number."""
        self.keep_schema(schema)
        return self._append(topic, schema.id, uuid, payload)

    def tick(self) -> int:
        """The number of the end of the log as of now: what a subscriber keeps who has received nothing for long."""
        (at,) = self._storage.db.execute("SELECT at FROM _events WHERE n = ?", (self._last,)).fetchone() or (None,)
        # An entry without a topic: a position that ages from now on, not from the last event.
        return self._last if at == self._clock.now().timestamp() else self._append("", "", "", b"")

    def read(self, topics: Sequence[str], after: int, limit: int) -> list[LoggedEvent]:
        """The events of these topics behind a position, oldest first, none beyond retention."""
        rows = self._storage.db.execute(
            "SELECT n, topic, schema_id, uuid, payload FROM _events WHERE n > ? AND at > ? "
            "AND +topic IN (SELECT value FROM json_each(?)) ORDER BY n LIMIT ?",
            (after, self._oldest(), orjson.dumps(topics).decode(), limit),
        )
        return [LoggedEvent(*row) for row in rows]

    @property
    def last(self) -> int:
        """The number of the last entry, of whatever topic."""
        return self._last

    def replay_id(self, n: int, channel: str) -> bytes:
        """The replay id of an entry for subscribers of this channel."""
        return (n * _MARKS + _mark(channel)).to_bytes(8, "big")

    def position(self, replay_id: bytes, channel: str) -> int | None:
        """The number behind a replay id; None when it is none of this channel, or no longer kept."""
        n, mark = divmod(int.from_bytes(replay_id, "big"), _MARKS)
        if len(replay_id) != 8 or mark != _mark(channel) or n > self._last:
            return None
        sql = "SELECT 1 FROM _events WHERE n = ? AND at > ?"
        return n if self._storage.db.execute(sql, (n, self._oldest())).fetchone() else None

    def purge(self) -> None:
        """Drop what is beyond retention, now and then; inside the caller's transaction."""
        now = self._clock.now().timestamp()
        if abs(now - self._purged_at) >= _PURGE_EVERY:
            self._purged_at = now
            # The last entry stays: it holds the place for the numbers to come.
            self._storage.db.execute("DELETE FROM _events WHERE at <= ? AND n < ?", (self._oldest(), self._last))

    def _append(self, topic: str, schema_id: str, uuid: str, payload: bytes) -> int:
        self._last += self._dice.randint(1, 3)
        entry = (self._last, topic, self._clock.now().timestamp(), schema_id, uuid, payload)
        self._storage.db.execute("INSERT INTO _events VALUES (?, ?, ?, ?, ?, ?)", entry)
        return self._last

    def _oldest(self) -> float:
        return self._clock.now().timestamp() - self.retention_hours * 3600


def _mark(channel: str) -> int:
    return zlib.crc32(channel.encode()) % _MARKS
