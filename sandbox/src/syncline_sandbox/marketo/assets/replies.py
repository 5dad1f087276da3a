"""What all asset calls share: the envelope's extra members, paging by offset, date-times, JSON inside forms.

Source: Marketo "Assets" (offset, maxReturn of 20, at most 200), "Programs" (date-times as Z+0000), "Error Codes" (701,
704). Clients send JSON members of forms also in the looser spelling of Python (`{'id': 15, 'type': Folder}`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.values import iso, parse_instant

Members = dict[str, Any]
NOTHING_FOUND = "No assets found for the given search criteria."
WORKSPACE = "Default"
APP_URL = "https://app-sandbox.marketo.com/#"
FOLDER, PROGRAM = "Folder", "Program"
_PAGE, _LARGEST_PAGE = 20, 200
_ID = re.compile(r"""['"]?id['"]?\s*[:=]\s*['"]?(\d{1,18})""", re.IGNORECASE)
_TYPE = re.compile(r"""['"]?type['"]?\s*[:=]\s*['"]?(folder|program)\b""", re.IGNORECASE)


class Parent(NamedTuple):
    """Where an asset lies: a folder or a program."""

    type: str
    id: int


def found(records: Sequence[Members]) -> Members:
    """An asset reply: with nothing found there is no result, but a warning some clients compare."""
    if not records:
        return {"errors": [], "warnings": [NOTHING_FOUND]}
    return {"errors": [], "warnings": [], "result": list(records)}


def page(call: Call) -> tuple[int, int]:
    """maxReturn and offset, clamped to what the vendor allows."""
    return max(1, min(_LARGEST_PAGE, call.number("maxReturn", _PAGE))), min(max(0, call.number("offset", 0)), 2**62)


def required(call: Call, name: str) -> str:
    """A parameter that must not be blank. Refused 701."""
    value = call.one(name)
    if value is None or not value.strip():
        raise Refused(701, f"{name} cannot be blank")
    return value.strip()


def flag(call: Call, name: str) -> bool:
    """A boolean parameter; false without it."""
    return (call.one(name) or "").lower() == "true"


def asset_time(stored: str | None) -> str | None:
    return None if stored is None else f"{stored}+0000"


def window(call: Call) -> tuple[str, list[str]]:
    """A condition on updatedAt with its parameters, from earliestUpdatedAt and latestUpdatedAt. Refused 704."""
    condition, parameters = "", []
    for name, comparison in (("earliestUpdatedAt", ">="), ("latestUpdatedAt", "<=")):
        if (text := call.one(name)) is not None:
            condition += f" AND updatedAt {comparison} ?"
            parameters.append(instant(text))
    return condition, parameters


def instant(text: str) -> str:
    """A date-time parameter as it is stored. Refused 704."""
    try:
        return iso(parse_instant(text))
    except (ValueError, OverflowError) as wrong:
        raise Refused(704, f"Invalid date format '{text}'") from wrong


def parent_of(call: Call, name: str = "folder") -> Parent | None:
    """A folder parameter, or None without one. Refused 709 when it cannot be read."""
    text = call.one(name)
    if text is None:
        return None
    if text.strip().isdigit() and len(text.strip()) < 19:
        return Parent(FOLDER, int(text))
    number, kind = _ID.search(text), _TYPE.search(text)
    if number is None:
        raise Refused(709, f"Invalid value for {name}: id and type are expected")
    return Parent(kind[1].capitalize() if kind else FOLDER, int(number[1]))


def rows_of(call: Call, name: str) -> list[Members] | None:
    """A parameter that holds a list of JSON objects, or None without it. Refused 709 when it is anything else."""
    text = call.one(name)
    if text is None:
        return None
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        rows = _literal(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(709, f"Invalid value for {name}: a list of objects is expected")
    return rows


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
