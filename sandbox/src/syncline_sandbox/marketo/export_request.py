"""What a lead export may ask for: fields, format, and exactly one filter.

Source: Marketo "Bulk Lead Extract" (filters, 31 days), "Error Codes" (1003, 1035).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import iso, parse_instant

DELIMITERS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
MAX_RANGE = timedelta(days=31)
# filter → the column it looks at; updatedAt means the hidden time of the last change of any field
TIME_FILTERS = {"createdAt": "createdAt", "updatedAt": "_changedAt"}
_LIST_FILTERS = frozenset(("staticListName", "staticListId", "smartListName", "smartListId"))
_BAD_FILTER = "Invalid value specified for attribute 'filter'"

Members = dict[str, Any]


def checked_request(store: Store, settings: Settings, document: Members) -> Members:
    """The job a create body asks for, ready to be stored. Refused 1003 or 1035."""
    names = document.get("fields")
    if not isinstance(names, list) or not names:
        raise Refused(1003, "fields not specified")
    for name in names:
        if not isinstance(name, str) or store.fields.find(name) is None:
            raise Refused(1003, f"Invalid value specified for attribute 'fields': '{name}'")
    form = str(document.get("format") or "CSV").upper()
    if form not in DELIMITERS:
        raise Refused(1003, f"Invalid value specified for attribute 'format': '{form}'")
    name, start, end = _checked_filter(settings, document.get("filter"))
    headers = document.get("columnHeaderNames") or {}
    return {"fields": names, "format": form, "headers": headers, "filter": name, "start": start, "end": end}


def _checked_filter(settings: Settings, wanted: Any) -> tuple[str, str, str]:
    if not isinstance(wanted, dict) or len(wanted) != 1:
        raise Refused(1003, _BAD_FILTER)
    ((name, window),) = wanted.items()
    if name in _LIST_FILTERS or (name == "updatedAt" and not settings.export_by_updated_at):
        raise Refused(1035, f"Unsupported filter type for target subscription: {name}")
    if name not in TIME_FILTERS or not isinstance(window, dict):
        raise Refused(1003, _BAD_FILTER)
    try:
        start, end = parse_instant(str(window["startAt"])), parse_instant(str(window["endAt"]))
    except (KeyError, ValueError) as wrong:
        raise Refused(1003, _BAD_FILTER) from wrong
    if not start <= end <= start + MAX_RANGE:
        raise Refused(1003, "Date range is more than 31 days")
    return name, iso(start), iso(end)
