"""Tokens in a text: {{lead.First Name}} becomes what the person's field holds.

A token names a field by its label (or its name) on one side; `:default=` says what stands there if it is blank. The
system's own: {{system.date}}, {{system.time}}, {{system.dateTime}}, in UTC. Source: "Tokens Overview" (the vendor whose
form this is). What cannot be resolved is refused, never left in the text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime

from syncline.engine.actions.acting import Acting, Person
from syncline.engine.actions.results import Refused
from syncline.engine.observe import consult
from syncline.engine.sides import read_cells
from syncline.reconcile.cells import CELL
from syncline.records import SIDES
from syncline.spec.model import PSEUDO_FIELDS
from syncline.trees import Table

_TOKEN = re.compile(r"\{\{\s*([^.{}:]+)\.([^{}:]+?)\s*(?::default=([^{}]*))?\}\}")
_LEFT_OVER = re.compile(r"\{\{.*?\}\}")
_SYSTEM = {"date": "%Y-%m-%d", "time": "%H:%M", "datetime": "%Y-%m-%d %H:%M"}


async def resolve_tokens(acting: Acting, person: Person, *texts: str) -> list[str]:
    """The *texts* with every token resolved. Raises Refused SYN-177 for one that names nothing."""
    for text in texts:
        if left := _LEFT_OVER.search(_TOKEN.sub("|", text)):
            raise Refused("SYN-177", f"{left[0]} is not a token.")
    tokens = [found for text in texts for found in _TOKEN.finditer(text)]
    fields = {
        found[2]: _field(acting, found[0], found[2])
        for found in tokens
        if found[1].strip().lower() in acting.table.token_spaces
    }
    cells = await _cells(acting, person, frozenset(fields.values()))
    now = acting.world.clock.now()

    def value(found: re.Match[str]) -> str:
        space, name, default = found[1].strip().lower(), found[2], found[3]
        if space == "system":
            return _moment(found[0], name, now)
        if space not in acting.table.token_spaces:
            raise Refused("SYN-177", f"{found[0]} names nothing of a person.")
        return cells.get(fields[name]) or default or ""

    return [_TOKEN.sub(value, text) for text in texts]


def _moment(token: str, name: str, now: datetime) -> str:
    if name.lower() not in _SYSTEM:
        raise Refused("SYN-177", f"{token} names nothing that is known here.")
    return now.strftime(_SYSTEM[name.lower()])


def _field(acting: Acting, token: str, label: str) -> str:
    """The field of the token's side with that label or name; case does not count."""
    spec = acting.sync.side(acting.table.token_side)
    known = {
        word.lower(): field.name
        for object_type in spec.object_types
        for field in acting.world.schema(spec.connection, object_type).fields.values()
        for word in (field.name, field.label)
    }
    if label.lower() not in known:
        near = difflib.get_close_matches(label.lower(), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise Refused("SYN-177", f"{token}: {spec.connection} shows no field {label!r}.{hint}")
    return known[label.lower()]


async def _cells(acting: Acting, person: Person, fields: frozenset[str]) -> Mapping[str, str]:
    """What the person's record on the token's side holds now; where there is none, what maps to it."""
    if not fields:
        return {}
    subject = person.ends.get(acting.table.token_side)
    if subject is None:
        return await _mapped(acting, person, fields)
    rows = await consult(acting.world, subject.connection, subject.object_type, sorted(fields), [subject.record_id])
    return {name: cell for name, cell in (rows.row(0, named=True) if len(rows) else {}).items() if name in fields}


async def _mapped(acting: Acting, person: Person, fields: frozenset[str]) -> Mapping[str, str]:
    """The same values by the field map, from the side the person is on."""
    found: dict[str, str] = {}
    for mapping in acting.sync.fields:
        names = {end.field for end in mapping.ends(acting.table.token_side).values()} & fields
        for name in names:
            if name is not None and (cell := await cell_of(acting, person, mapping.key)):
                found[name] = cell
    return found


async def cell_of(acting: Acting, person: Person, key: str) -> str:
    """What a person holds of one mapping: side a's cell, else side b's; "" if neither is known."""
    mapping = next((m for m in acting.sync.fields if m.key == key), None)
    for side in SIDES if mapping else ():
        subject = person.ends.get(side)
        end = mapping.ends(side).get(subject.object_type) if mapping and subject else None
        if subject is None or end is None or end.inputs[0] in PSEUDO_FIELDS:
            continue
        keys = {"connection": subject.connection, "object_type": subject.object_type, "record_id": subject.record_id}
        rows = await acting.world.store.rows(Table.MIRROR, keys)
        wide = read_cells(rows, [end.inputs[0]])
        if len(wide) and (cell := wide[CELL + end.inputs[0]][0]):
            return str(cell)
    return ""
