"""Exports of activities.

Source: Marketo "Bulk Activity Extract": createdAt is required, the types are optional and never Delete Lead; the values
or ids of the primary attribute only with types of one asset group; the attributes of a row are one JSON object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activities import COLUMNS, activity_record, hidden_changes
from syncline_sandbox.marketo.activity_types import DELETE_LEAD
from syncline_sandbox.marketo.bulk import request as form
from syncline_sandbox.marketo.bulk.files import Row
from syncline_sandbox.marketo.bulk.request import Members
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.retention import Retention
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store, marks
from syncline_sandbox.marketo.values import is_plain

FIELDS = (
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
    "attributes",
)
MAX_PRIMARY = 50
# Types whose primary attribute may be filtered by, in their asset groups.
_GROUPS = ({13, 22}, {104}, {24, 25}, {2})
# filter → column of the activities
_PRIMARY = {"primaryAttributeValueIds": "field_id", "primaryAttributeValues": "name"}


class ActivitySource:
    """Rows of activities."""

    def __init__(self, store: Store, clock: SandboxClock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._retention = Retention(store, clock, settings)

    def checked(self, _name: str, document: Members) -> Members:
        """Absent, null and empty `fields` mean the default."""
        names = document.get("fields") or [*FIELDS]
        if not isinstance(names, list):
            raise Refused(1003, "Invalid value specified for attribute 'fields'")
        if unknown := {*map(str, names)} - {*FIELDS, "actionResult"}:
            raise Refused(1003, f"Invalid value specified for attribute 'fields': '{min(unknown)}'")
        return {**form.shape(document), "fields": names, **_filter(document.get("filter"))}

    def rows(self, _name: str, request: Members) -> Iterator[Row]:
        self._retention.prune()
        unseen, hidden = hidden_changes(self._store)
        now = self._clock.now().timestamp()
        condition = f"a.at BETWEEN ? AND ? AND a.visible_at <= ? AND a.type_id <> {DELETE_LEAD}{unseen}"
        parameters = [_epoch(request["start"]), _epoch(request["end"]), now, *hidden]
        if types := request["types"]:
            condition, parameters = f"{condition} AND a.type_id IN {marks(types)}", [*parameters, *types]
        if primary := request["primary"]:
            column, values = primary
            condition, parameters = f"{condition} AND a.{column} IN {marks(values)}", [*parameters, *values]
        sql = (
            f"SELECT {COLUMNS} FROM activities a LEFT JOIN causes c ON c.id = a.cause_id "
            f"WHERE {condition} ORDER BY a.at, a.id"
        )
        names = request["fields"]
        return (_cells(row, names) for row in self._store.connection.execute(sql, parameters))


def _filter(wanted: Any) -> Members:
    if not isinstance(wanted, dict) or set(wanted) - {"createdAt", "activityTypeIds", *_PRIMARY}:
        raise form.bad_filter()
    span = form.window(wanted.get("createdAt"))
    types = wanted.get("activityTypeIds") or []
    if (
        not isinstance(types, list)
        or DELETE_LEAD in types
        or not all(type(number) is int and is_plain(number) for number in types)
    ):
        raise form.bad_filter()
    asked = [name for name in _PRIMARY if name in wanted]
    if len(asked) > 1:
        raise form.bad_filter()
    return {**span, "types": types, "primary": _primary(asked[0], wanted[asked[0]], types) if asked else None}


def _primary(name: str, values: Any, types: list[int]) -> tuple[str, list[Any]]:
    kind = int if name.endswith("Ids") else str
    in_group = bool(types) and any(group.issuperset(types) for group in _GROUPS)
    if not in_group or not isinstance(values, list) or not 0 < len(values) <= MAX_PRIMARY:
        raise form.bad_filter()
    if not all(type(value) is kind and is_plain(value) for value in values):
        raise form.bad_filter()
    return _PRIMARY[name], values


def _cells(row: Sequence[Any], names: Sequence[str]) -> list[Any]:
    record = activity_record(row)
    said = {item["name"]: item["value"] for item in record["attributes"]}
    cells = {**record, "attributes": orjson.dumps(said).decode(), "actionResult": "succeeded"}
    return ["null" if (value := cells.get(name)) is None else value for name in names]


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())
