"""Adding custom activities to people.

Source: Marketo "Activities" (Add Custom Activities): write-once, `errors` where others have `reasons`; "Error Codes"
(1049 beyond 65,536 bytes of attributes). `activityDate` may lie in the past: such a row is behind positions of the feed
that were handed out before, as with every row that comes late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.custom_activities.shelf import ActivityKind, Attribute, KindShelf, Version
from syncline_sandbox.marketo.envelope import skipped
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.record import RecordSkipped
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import InvalidValue, is_plain, parse, parse_instant

MAX_ATTRIBUTE_BYTES = 65_536
_REQUIRED = ("leadId", "activityDate", "activityTypeId", "primaryAttributeValue")

Members = dict[str, Any]


class CustomActivities:
    """Answers activities/external.json."""

    def __init__(
        self, store: Store, log: ActivityLog, shelf: KindShelf, clock: SandboxClock, refusing: Refusing
    ) -> None:
        self._store = store
        self._log = log
        self._shelf = shelf
        self._clock = clock
        self._refusing = refusing

    def add(self, call: Call) -> Members:
        _, records = call.inputs()
        refusals = self._refusing(call, len(records))
        kinds = {kind.id: kind for kind in self._shelf.all()}
        cause = self._log.cause(Cause(source="Web service API", user=call.user, request_id=call.request_id))
        visible_at = self._clock.now().timestamp() + call.commit_delay_seconds
        results = []
        for index, record in enumerate(records):
            try:
                if index in refusals:
                    raise RecordSkipped(*refusals[index])
                results.append(self._add(record if isinstance(record, dict) else {}, kinds, visible_at, cause))
            except RecordSkipped as reason:
                told = skipped(reason.code, reason.message)
                results.append({"status": told["status"], "errors": told["reasons"]})
        self._log.flush()
        return {"result": results}

    def _add(
        self, record: Mapping[str, Any], kinds: Mapping[int, ActivityKind], visible_at: float, cause: int
    ) -> Members:
        for name in _REQUIRED:
            if record.get(name) in (None, ""):
                raise RecordSkipped(1002, f"Missing value for the required parameter '{name}'")
        at = _instant(record["activityDate"])
        version = self._version(record["activityTypeId"], kinds)
        lead_id = record["leadId"]
        known = isinstance(lead_id, int) and is_plain(lead_id)
        if not known or self._store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)) is None:
            raise RecordSkipped(1004, "Lead not found")
        assert version.primary is not None
        primary = _value(version.primary, record["primaryAttributeValue"])
        told = _told(version, record.get("attributes") or [])
        if len(orjson.dumps(told)) > MAX_ATTRIBUTE_BYTES:
            raise RecordSkipped(1049, "Failed to Create Activity")
        stamp = Stamp(at, visible_at, cause)
        number = self._log.custom(lead_id, int(record["activityTypeId"]), stamp, str(primary), told)
        return {"id": number, "marketoGUID": str(number), "status": "added"}

    @staticmethod
    def _version(number: Any, kinds: Mapping[int, ActivityKind]) -> Version:
        kind = kinds.get(number) if isinstance(number, int) else None
        if kind is None or kind.approved is None:
            raise RecordSkipped(1013, "Object not found")
        return kind.approved


def _instant(text: Any) -> int:
    try:
        return int(parse_instant(str(text)).timestamp())
    except ValueError:
        raise RecordSkipped(1003, f"Invalid value for field 'activityDate' and value '{text}'") from None


def _told(version: Version, attributes: Any) -> list[Members]:
    """The attributes as the feed shows them."""
    if not isinstance(attributes, list):
        raise RecordSkipped(1003, "Invalid value for field 'attributes'")
    told = []
    for item in attributes:
        members = item if isinstance(item, dict) else {}
        wanted = str(members.get("apiName") or members.get("name") or "")
        known = version.find(wanted)
        if known is None:
            raise RecordSkipped(1006, f"Field '{wanted}' not found")
        value = _value(known, members.get("value"))
        if value is not None:
            told.append({"apiName": known.api_name, "name": known.name, "value": value})
    return told


def _value(attribute: Attribute, value: Any) -> Any:
    field = attribute.as_field()
    try:
        stored = parse(field, value)
    except InvalidValue:
        shown = f"Invalid value for field '{attribute.api_name}' and value '{value}'"
        raise RecordSkipped(1003, shown) from None
    return bool(stored) if field.type == "boolean" and stored is not None else stored
