"""Querying one kind of record: filterType with values, or a compound key in a JSON body; pages.

Source: Marketo "Lead Database" (Query, compound keys), "Opportunity Roles", "Custom Objects" (Query).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.objects.kind import Kind, Members
from syncline_sandbox.marketo.objects.rows import Rows
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import is_plain

MAX_VALUES = 300


def query(rows: Rows, call: Call, settings: Settings) -> Members:
    """One page of the records a call asks for."""
    kind = rows.kind
    condition, parameters = _condition(kind, call)
    names = wanted(kind, call)
    size, asked = call.batch_size(), f"{kind.table}|{condition}|{parameters}|{names}"
    after = read_cursor(token, asked) if (token := call.one("nextPageToken")) else 0
    columns = tuple(dict.fromkeys(("id", *names)))
    found = rows.select(columns, f"({condition}) AND id > ?", (*parameters, after), size + 1)
    more = {"nextPageToken": cursor(asked, found[size - 1]["id"])} if len(found) > size else {}
    blanks = not (settings.omit_nulls or (kind.shows_populated and not call.many("fields")))
    page = [{"seq": seq, **shown(kind, row, names, blanks=blanks)} for seq, row in enumerate(found[:size])]
    return {"result": page, **more, "moreResult": bool(more)}


def shown(kind: Kind, row: Row, names: Sequence[str], *, blanks: bool) -> Row:
    """A stored row as the answer has it."""
    answer = {}
    for name in names:
        value = row[name]
        if value is None and not blanks:
            continue
        answer[name] = bool(value) if kind.by_name[name.lower()].type == "boolean" else value
    return answer


def wanted(kind: Kind, call: Call) -> tuple[str, ...]:
    """The fields a call asks for, or those it gets without asking. Refused 1006."""
    if not (asked := call.many("fields")):
        populated = tuple(field.name for field in (*kind.system_fields, *kind.fields))
        return populated if kind.shows_populated else kind.default_fields
    return tuple(dict.fromkeys((kind.id_field, *(_field(kind, name).name for name in asked))))


def _field(kind: Kind, name: str) -> Field:
    field = kind.by_name.get(name.lower())
    if field is None:
        raise Refused(1006, f"Field '{name}' not found")
    return field


def _condition(kind: Kind, call: Call) -> tuple[str, list[Any]]:
    asked = call.one("filterType")
    if asked is None:
        raise Refused(1003, "filterType not specified")
    names = _filtered(kind, asked)
    document = call.document() if call.content_type.endswith("json") else None
    if isinstance(document, dict) and isinstance(document.get("input"), list):
        return _by_records(names, document["input"])
    if len(names) > 1:
        raise Refused(1003, "input not specified")
    return _by_values(kind.by_name[names[0].lower()], call)


def _filtered(kind: Kind, asked: str) -> tuple[str, ...]:
    """The fields a filterType stands for: one, or a compound key."""
    aliases = {"idfield": (kind.id_field,), "dedupefields": kind.dedupe}
    single = {name.lower(): (name,) for (name, *others) in kind.searchable if not others}
    names = (single | aliases).get(asked.lower())
    if names is None:
        raise Refused(1003, f"Invalid filterType '{asked}'")
    return names


def _by_values(field: Field, call: Call) -> tuple[str, list[Any]]:
    texts = call.many("filterValues")
    if not texts:
        raise Refused(1003, "filterValues not specified")
    if len(texts) > MAX_VALUES:
        raise Refused(1003, f"Too many values in filterValues: {len(texts)}, maximum {MAX_VALUES}")
    values: list[Any] = [to_number(text) for text in texts] if field.type == "integer" else [*texts]
    return f'"{field.name}" IN {marks(values)}', values


def _by_records(names: Sequence[str], records: list[Any]) -> tuple[str, list[Any]]:
    """Each record must hold every field of the key."""
    if not records or len(records) > MAX_VALUES:
        raise Refused(1003, "input not specified" if not records else f"Too many records in input: {len(records)}")
    one = " AND ".join(f'"{name}" = ?' for name in names)
    values = []
    for record in records:
        members = {name.lower(): value for name, value in record.items()} if isinstance(record, dict) else {}
        for name in names:
            if not is_plain(value := members.get(name.lower())):
                raise Refused(1003, f"'{name}' not specified in input")
            values.append(value)
    return " OR ".join([f"({one})"] * len(records)), values
