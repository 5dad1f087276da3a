"""Channels: which statuses the members of a program can have, in which order, and which count as success.

Source: Marketo "Channels" (browse, by name; no read by id), "Create a Program Channel" (steps, success). The founding
channels "Blog" and "Online Advertising" are the vendor's sample; the others' statuses are chosen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.assets.replies import Members, asset_time, found, page, required
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.values import iso

TABLES = """
CREATE TABLE IF NOT EXISTS channels (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, applicableProgramType TEXT NOT NULL, statuses TEXT NOT NULL,
    createdAt TEXT, updatedAt TEXT
);
"""
NOT_IN_PROGRAM = "Not in Program"
# type of a program → type a channel applies to
PROGRAM_TYPES = {
    "Default": "program",
    "Event": "event",
    "Event with Webinar": "webinar",
    "Engagement": "nurture",
    "Email": "email_batch",
}
_VISIT = "Invited 10|Registered 20|No Show 30|Attended 40 success"
_FOUNDING = (
    ("Blog", "program", "Invited 10|Visited Booth 20|Influenced 30 success"),
    ("Online Advertising", "program", _VISIT),
    ("Content", "program", "Visited 10|Downloaded 20 success"),
    ("Email Blast", "program", "Sent 10|Clicked 20|Influenced 30 success|Unsubscribed 30"),
    ("Tradeshow", "event", "Invited 10|Registered 20|Waitlisted 20|No Show 30|Attended 40 success"),
    ("Webinar", "webinar", f"{_VISIT}|Attended On-demand 40 success"),
    ("Nurture", "nurture", "Member 10|Engaged 20 success"),
    ("Email Send", "email_batch", "Sent 10|Opened 20|Clicked 30 success|Unsubscribed 30"),
)


class Status(NamedTuple):
    """One progression status. `id` is what activities call Status ID."""

    id: int
    name: str
    step: int
    success: bool = False
    hidden: bool = False
    description: str | None = None


class Channels:
    """Answers the channel endpoints; programs and their members ask here for statuses."""

    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock

    def establish(self) -> None:
        for name, applies_to, text in _FOUNDING:
            if self.row(name) is None:
                self.put(name, applies_to, [_founding_status(line) for line in text.split("|")])

    def put(self, name: str, applies_to: str, statuses: list[dict[str, Any]]) -> int:
        """Make or change a channel; its id. `Not in Program` is added. KeyError without name and step."""
        now, known = iso(self._clock.now()), self.row(name)
        number = known["id"] if known else self._store.one("SELECT coalesce(max(id), 0) + 1 FROM channels")[0]
        listed = [
            Status(
                number * 1000 + index,
                str(status["name"]),
                int(status["step"]),
                bool(status.get("success", False)),
                bool(status.get("hidden", False)),
                status.get("description"),
            )
            for index, status in enumerate(sorted(statuses, key=lambda status: int(status["step"])), 1)
            if status["name"] != NOT_IN_PROGRAM
        ]
        text = orjson.dumps([[*status] for status in (Status(number * 1000, NOT_IN_PROGRAM, 0), *listed)]).decode()
        created = known["createdAt"] if known else now
        sql = "INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?)"
        self._store.connection.execute(sql, (number, name, applies_to, text, created, now))
        return int(number)

    def row(self, name: str) -> Row | None:
        rows = self._rows("name = ?", name)
        return rows[0] if rows else None

    def statuses(self, name: str) -> list[Status]:
        """The statuses of a channel in the order of their steps; none of an unknown one."""
        row = self.row(name)
        return [] if row is None else [Status(*status) for status in orjson.loads(row["statuses"])]

    def browse(self, call: Call) -> Members:
        return found([_record(row) for row in self._rows("1 ORDER BY id LIMIT ? OFFSET ?", *page(call))])

    def by_name(self, call: Call) -> Members:
        return found([_record(row) for row in self._rows("name = ?", required(call, "name"))])

    def _rows(self, condition: str, *parameters: Any) -> list[Row]:
        columns = ("id", "name", "applicableProgramType", "statuses", "createdAt", "updatedAt")
        sql = f"SELECT {', '.join(columns)} FROM channels WHERE {condition}"
        return [dict(zip(columns, row, strict=True)) for row in self._store.all(sql, parameters)]


def _record(row: Row) -> Members:
    statuses = [Status(*status) for status in orjson.loads(row["statuses"])]
    return {
        "id": row["id"],
        "name": row["name"],
        "applicableProgramType": row["applicableProgramType"],
        "progressionStatuses": [
            {
                "name": status.name,
                "step": status.step,
                "description": status.description,
                "hidden": status.hidden,
                "success": status.success,
            }
            for status in statuses
        ],
        "createdAt": asset_time(row["createdAt"]),
        "updatedAt": asset_time(row["updatedAt"]),
    }


def _founding_status(line: str) -> dict[str, Any]:
    words = line.removesuffix(" success")
    name, _, step = words.rpartition(" ")
    return {"name": name, "step": int(step), "success": line != words}
