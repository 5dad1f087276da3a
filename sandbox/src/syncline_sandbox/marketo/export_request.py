"""What an export may ask for: fields, format, and a filter.

Source: Marketo "Bulk Lead Extract" (exactly one filter, 31 days), "Bulk Activity Extract" (createdAt required, types
optional, never Delete Lead), "Error Codes" (1003, 1035).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from syncline_sandbox.marketo.activity_types import ACTIVITY_TYPES, DELETE_LEAD
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import iso, parse_instant

DELIMITERS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
MAX_RANGE = timedelta(days=31)
# filter → the column it looks at; updatedAt means the hidden time of the last change of any field
TIME_FILTERS = {"createdAt": "createdAt", "updatedAt": "_changedAt"}
ACTIVITY_FIELDS = (
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
    "attributes",
)
_LIST_FILTERS = frozenset(("staticListName", "staticListId", "smartListName", "smartListId"))
_BAD_FILTER = "Invalid value specified for attribute 'filter'"

Members = dict[str, Any]


def checked_request(kind: str, store: Store, settings: Settings, document: Members) -> Members:
    """The job a create body asks for, ready to be stored; *kind* is leads or activities. Refused 1003 or 1035."""
    form = str(document.get("format") or "CSV").upper()
    if form not in DELIMITERS:
        raise Refused(1003, f"Invalid value specified for attribute 'format': '{form}'")
    names = document.get("fields")
    shape = {"format": form, "headers": document.get("columnHeaderNames") or {}}
    if kind == "activities":
        return {**shape, "fields": _activity_fields(names), **_activity_filter(document.get("filter"))}
    fields = _lead_fields(store, names)
    name, start, end = _checked_filter(settings, document.get("filter"))
    return {**shape, "fields": fields, "filter": name, "start": start, "end": end}


def _lead_fields(store: Store, names: Any) -> list[str]:
    if not isinstance(names, list) or not names:
        raise Refused(1003, "fields not specified")
    for name in names:
        if not isinstance(name, str) or store.fields.find(name) is None:
            raise Refused(1003, f"Invalid value specified for attribute 'fields': '{name}'")
    return names


def _activity_fields(names: Any) -> list[str]:
    """Absent, null and empty mean the default."""
    wanted = list(names or ACTIVITY_FIELDS)
    if unknown := set(wanted) - {*ACTIVITY_FIELDS, "actionResult"}:
        raise Refused(1003, f"Invalid value specified for attribute 'fields': '{min(unknown)}'")
    return wanted


def _activity_filter(wanted: Any) -> Members:
    if not isinstance(wanted, dict) or set(wanted) - {"createdAt", "activityTypeIds"}:
        raise Refused(1003, _BAD_FILTER)
    start, end = _window(wanted.get("createdAt"))
    types = wanted.get("activityTypeIds") or [number for number in ACTIVITY_TYPES if number != DELETE_LEAD]
    if DELETE_LEAD in types or not all(isinstance(number, int) for number in types):
        raise Refused(1003, _BAD_FILTER)
    return {"types": types, "start": start, "end": end}


def _checked_filter(settings: Settings, wanted: Any) -> tuple[str, str, str]:
    if not isinstance(wanted, dict) or len(wanted) != 1:
        raise Refused(1003, _BAD_FILTER)
    ((name, window),) = wanted.items()
    if name in _LIST_FILTERS or (name == "updatedAt" and not settings.export_by_updated_at):
        raise Refused(1035, f"Unsupported filter type for target subscription: {name}")
    if name not in TIME_FILTERS:
        raise Refused(1003, _BAD_FILTER)
    return name, *_window(window)


def _window(window: Any) -> tuple[str, str]:
    if not isinstance(window, dict):
        raise Refused(1003, _BAD_FILTER)
    try:
        start, end = parse_instant(str(window["startAt"])), parse_instant(str(window["endAt"]))
    except (KeyError, ValueError) as wrong:
        raise Refused(1003, _BAD_FILTER) from wrong
    if not start <= end <= start + MAX_RANGE:
        raise Refused(1003, "Date range is more than 31 days")
    return iso(start), iso(end)
