"""The activity log as it is written: rows and their causes.

Source: Marketo "Activities". The types are in activity_types.py, reading is activities.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from syncline_sandbox.marketo.activity_types import CHANGE_DATA_VALUE, CHANGE_SCORE, DELETE_LEAD, NEW_LEAD
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import as_activity_text

_COLUMNS = ("id", "lead_id", "type_id", "at", "visible_at", "cause_id", "field_id", "name", "old", "new", "attributes")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Who or what wrote, as the activity attributes tell it."""

    source: str
    reason: str = ""
    api_method: str = ""
    user: str = ""
    request_id: str = ""
    campaign_id: int | None = None  # the smart campaign whose flow it was


class ActivityLog:
    """Collects rows during a call and writes them at its end, inside the call's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: list[tuple[Any, ...]] = []

    def cause(self, cause: Cause) -> int:
        """Store a cause once per call; its id goes into the rows."""
        members = (cause.source, cause.reason, cause.api_method, cause.user, cause.request_id, cause.campaign_id)
        sql = "INSERT INTO causes (source, reason, api_method, user, request_id, campaign_id) VALUES (?, ?, ?, ?, ?, ?)"
        row_id = self._store.connection.execute(sql, members).lastrowid
        assert row_id is not None
        return row_id

    def created(self, lead_id: int, name: str | None, stamp: Stamp) -> None:
        self._add(lead_id, NEW_LEAD, stamp, lead_id, name)

    def changed(self, lead_id: int, field: Field, old: Any, new: Any, stamp: Stamp) -> None:
        """One Change Data Value row; a score field is logged as Change Score too."""
        before, after = as_activity_text(field, old), as_activity_text(field, new)
        if field.type == "score":
            self._add(lead_id, CHANGE_SCORE, stamp, field.id, field.label, before, after)
        self._add(lead_id, CHANGE_DATA_VALUE, stamp, field.id, field.label, before, after)

    def deleted(self, lead_id: int, name: str | None, stamp: Stamp) -> None:
        self._add(lead_id, DELETE_LEAD, stamp, lead_id, name)

    def told(
        self, lead_id: int, type_id: int, stamp: Stamp, primary_id: int, name: str | None, attributes: Mapping[str, Any]
    ) -> None:
        """A row of any other type, with its attributes by display name."""
        self._add(lead_id, type_id, stamp, primary_id, name, attributes=orjson.dumps(dict(attributes)).decode())

    def custom(
        self, lead_id: int, type_id: int, stamp: Stamp, primary: str, attributes: Sequence[Mapping[str, Any]]
    ) -> int:
        """A row of a custom type, its attributes as they are shown; its id."""
        told = orjson.dumps([*attributes]).decode()
        return self._add(lead_id, type_id, stamp, None, primary, attributes=told)

    def flush(self) -> None:
        if self._rows:
            self._store.insert("activities", _COLUMNS, self._rows)
            self._rows = []

    def forget(self) -> None:
        """Drop rows of a call that failed."""
        self._rows = []

    def _add(
        self,
        lead_id: int,
        type_id: int,
        stamp: Stamp,
        primary_id: int | None,
        name: str | None,
        old: str | None = None,
        new: str | None = None,
        attributes: str | None = None,
    ) -> int:
        number = self._store.next_activity_id()
        when = stamp.at, stamp.visible_at, stamp.cause_id
        self._rows.append((number, lead_id, type_id, *when, primary_id, name, old, new, attributes))
        return number


@dataclass(frozen=True)
class Stamp:
    """When a row happened, from when readers see it (both epoch seconds), and why."""

    at: int
    visible_at: float
    cause_id: int
