"""Which webhooks are set up, and how they are called: at once, or behind the instance's back until the answer is there.

What a webhook sends and what an answer means is in webhooks.py.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from syncline_sandbox.marketo.campaigns.webhooks import Webhook, WebhookAnswer, WebhookRequest, call_and_wait
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store

TABLES = """
CREATE TABLE IF NOT EXISTS webhooks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
"""
_THREADS = 8

# Makes the call and hands over the answer, once: at once or later, from any thread.
Caller = Callable[[WebhookRequest, Callable[[WebhookAnswer], None]], None]


class WebhookCalls:
    """Keeps webhooks and calls them. `caller` may be replaced; None: a real call, as the settings say."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = 0
        self._answers: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.caller: Caller | None = None

    def webhook(self, name: str) -> Webhook | None:
        row = self._store.one("SELECT record FROM webhooks WHERE name = ?", (name,))
        return None if row is None else Webhook(**orjson.loads(row[0]))

    def put(self, members: Mapping[str, Any]) -> int:
        """Set a webhook up, or anew; its id. TypeError or ValueError when it makes no sense."""
        name = str(members.get("name", ""))
        row = self._store.one("SELECT id FROM webhooks WHERE name = ?", (name,))
        number = row[0] if row else self._store.one("SELECT coalesce(max(id), 0) + 1 FROM webhooks")[0]
        webhook = Webhook(**{**members, "id": number, "name": name})
        record = {part: getattr(webhook, part) for part in webhook.__dataclass_fields__}
        sql = "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?)"
        self._store.connection.execute(sql, (number, name, orjson.dumps(record).decode()))
        return int(number)

    def send(self, request: WebhookRequest, arrived: Callable[[WebhookAnswer], None]) -> None:
        """Call; *arrived* is among the answers once there is one."""
        answers = self._answers
        (self.caller or self._call)(request, lambda answer: answers.put(lambda: arrived(answer)))

    def answers(self) -> list[Callable[[], None]]:
        """What to do now that answers have come, in their order; told once."""
        return [self._answers.get() for _ in range(self._answers.qsize())]

    def _call(self, request: WebhookRequest, done: Callable[[WebhookAnswer], None]) -> None:
        """Whoever is called may call the instance in turn: so it is not held up, unless the settings have it so."""
        seconds = self._settings.webhook_timeout_seconds
        if self._settings.webhooks_wait:
            done(call_and_wait(request, seconds))
            return
        self._waiting.put(lambda: done(call_and_wait(request, seconds)))
        if self._threads < _THREADS:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self._waiting.get()()
