"""What a sealed plan says, line by line: the links it makes and the records it writes, and the print of each row.

A plan names records by their ids, never by numbers of our own: these differ between the copy it was planned on and the
state it is applied to. Lives here: rows to lines and back, and how two rows are told to be the same. Not here: the file
around them (`paper`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from syncline.engine.prints import Name
from syncline.records import Side, other

Action = tuple[str, str, str, str, str, str]
"""One action: kind, side, object type, record id ("" for a create), type and id of the record it is made from."""

LINK_ENDS: dict[str, pl.DataType] = {name: pl.String() for name in ("a_type", "a_id", "b_type", "b_id")}

_OF_ACTION = ("kind", "side", "object_type", "record_id", "source_type", "source_id")
_OF_FIELD = ("mapping", "field", "before", "after", "made_from", "base_a_before", "base_b_before", "reason")


def line(value: Mapping[str, Any]) -> bytes:
    """One line of a plan: the same bytes for the same content."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def action_of(row: Sequence[str | None]) -> Action:
    """The action named by the first columns (`_OF_ACTION`) of a row of plan.ACTIONS."""
    kind, side, object_type, record_id, source_type, source_id = ("" if one is None else one for one in row)
    return kind, side, object_type, record_id, source_type, source_id


def records_of(action: Action) -> tuple[Name, ...]:
    """The records an action rests on: the one it is made from, and the one it writes if that is there already."""
    _, side, object_type, record_id, source_type, source_id = action
    near: Side = "a" if side == "a" else "b"
    source = (other(near), source_type, source_id)
    return (source, (side, object_type, record_id)) if record_id else (source,)


def actions_in(sheet: pl.DataFrame) -> Iterator[tuple[str, Action, list[tuple[Any, ...]]]]:
    """The actions of a sheet (plan.ACTIONS) in order: our name, what it is, and its rows (`_OF_FIELD`)."""
    rows = sheet.select("action", *_OF_ACTION, *_OF_FIELD).group_by("action", maintain_order=True)
    for (name,), part in rows:
        first = part.select(_OF_ACTION).row(0)
        yield str(name), action_of(first), part.select(_OF_FIELD).rows()


def row_print(action: Action, row: Sequence[Any]) -> int:
    """Tells one row of an action from every other: what is written where, instead of what, made from what, and what was
    agreed before. The reason in words (the last column) does not count."""
    text = json.dumps([*action, *row[: len(_OF_FIELD) - 1]], ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def action_line(action: Action, rows: Sequence[Sequence[Any]], prints: Mapping[Name, str]) -> dict[str, Any]:
    """What the plan says of one action."""
    kind, side, object_type, record_id, source_type, source_id = action
    fields = [dict(zip(_OF_FIELD, row, strict=True)) for row in rows if row[1] is not None]
    return {
        "do": kind,
        "side": side,
        "object": object_type,
        "id": record_id,
        "from": [source_type, source_id],
        "fields": fields,
        "why": "" if fields else rows[0][-1],
        "rests_on": [[*name, prints[name]] for name in records_of(action)],
    }


def read_action(told: Mapping[str, Any]) -> tuple[Action, list[tuple[Any, ...]]]:
    """The action of an `action_line` and its rows."""
    source_type, source_id = told["from"]
    action = (told["do"], told["side"], told["object"], told["id"], source_type, source_id)
    rows = [tuple(field[name] for name in _OF_FIELD) for field in told["fields"]]
    return action, rows or [(None, None, None, None, None, 0, 0, told["why"])]


def link_line(link: Mapping[str, str], prints: Mapping[Name, str]) -> dict[str, Any]:
    """What the plan says of one new link (a row of match.LINKS)."""
    ends: dict[Side, Name] = {"a": ("a", link["a_type"], link["a_id"]), "b": ("b", link["b_type"], link["b_id"])}
    return {
        "do": "link",
        "a": list(ends["a"][1:]),
        "b": list(ends["b"][1:]),
        "why": link["rule"],
        "rests_on": [[*name, prints[name]] for name in ends.values()],
    }


def read_link(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Types and ids (LINK_ENDS) of a `link_line`."""
    (a_type, a_id), (b_type, b_id) = told["a"], told["b"]
    return a_type, a_id, b_type, b_id
