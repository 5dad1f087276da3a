"""What a body that creates an export may ask for, as far as all kinds share it: format, headers, fields, time windows.

Source: Marketo "Bulk Extract" (common parameters, 31 days), "Error Codes" (1003, 1035).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.values import iso, parse_instant

DELIMITERS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
MAX_RANGE = timedelta(days=31)

Members = dict[str, Any]


def shape(document: Members) -> Members:
    """Format and column headers. Refused 1003."""
    form = str(document.get("format") or "CSV").upper()
    if form not in DELIMITERS:
        raise Refused(1003, f"Invalid value specified for attribute 'format': '{form}'")
    headers = document.get("columnHeaderNames") or {}
    if not isinstance(headers, dict):
        raise Refused(1003, "Invalid value specified for attribute 'columnHeaderNames'")
    return {"format": form, "headers": headers}


def named_fields(names: Any, resolve: Callable[[str], str | None]) -> list[str]:
    """The required `fields`, each as *resolve* spells it; None refuses it."""
    if not isinstance(names, list) or not names:
        raise Refused(1003, "fields not specified")
    resolved = [resolve(name) if isinstance(name, str) else None for name in names]
    for name, known in zip(names, resolved, strict=True):
        if known is None:
            raise Refused(1003, f"Invalid value specified for attribute 'fields': '{name}'")
    return [name for name in resolved if name is not None]


def one_filter(wanted: Any) -> tuple[str, Any]:
    """The only member of `filter`. Refused 1003."""
    if not isinstance(wanted, dict) or len(wanted) != 1:
        raise bad_filter()
    ((name, value),) = wanted.items()
    return name, value


def window(wanted: Any) -> Members:
    """A date range of at most 31 days, both ends inclusive, as `start` and `end`."""
    if not isinstance(wanted, dict):
        raise bad_filter()
    try:
        start, end = parse_instant(str(wanted["startAt"])), parse_instant(str(wanted["endAt"]))
    except (KeyError, ValueError) as wrong:
        raise bad_filter() from wrong
    if end < start:
        raise bad_filter()
    if end - start > MAX_RANGE:
        raise Refused(1003, "Date range is more than 31 days")
    return {"start": iso(start), "end": iso(end)}


def bad_filter() -> Refused:
    return Refused(1003, "Invalid value specified for attribute 'filter'")


def unsupported_filter(name: str) -> Refused:
    return Refused(1035, f"Unsupported filter type for target subscription: {name}")
