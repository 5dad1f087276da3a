"""Rows of a compiled query to the records of the REST answer.

REST API Developer Guide, "Query": every record opens with `attributes`, keys follow the SELECT list in API casing, a
missing parent and a sub-query without rows are null, an aggregate row has the type AggregateResult and no url.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from .compiled import Cell, Children, CompiledQuery, Node

Record = dict[str, Any]
_Convert = Callable[[Any], Any]
_CONVERT: dict[str, _Convert] = {
    "boolean": bool,
    "double": float,
    "currency": float,
    "percent": float,
    "int": int,
    # Inside a child sub-query a compound is part of its JSON already.
    "address": lambda value: json.loads(value) if isinstance(value, str) else value,
    "location": lambda value: json.loads(value) if isinstance(value, str) else value,
}


class RowShaper:
    """Turns SQL rows of one query into records. *base* is the version's path, e.g. `/services/data/v59.0`."""

    def __init__(self, compiled: CompiledQuery, base: str) -> None:
        self._root = compiled.root
        self._url = f"{base}/sobjects/"

    def record(self, row: Sequence[Any]) -> Record:
        shaped = self._node(self._root, row)
        if shaped is None:
            raise ValueError("a row without an id is no record")
        return shaped

    def _node(self, node: Node, row: Sequence[Any]) -> Record | None:
        attributes = self._attributes(node, row)
        if attributes is None:
            return None
        shaped: Record = {"attributes": attributes}
        for entry in node.entries:
            if isinstance(entry, Cell):
                shaped[entry.key] = _value(entry, row)
            elif isinstance(entry, Node):
                shaped[entry.key] = self._node(entry, row)
            else:
                shaped[entry.key] = self._children(entry, row)
        return shaped

    def _children(self, children: Children, row: Sequence[Any]) -> Record | None:
        records = [self._node(children.node, child) for child in json.loads(row[children.index])]
        return {"totalSize": len(records), "done": True, "records": records} if records else None

    def _attributes(self, node: Node, row: Sequence[Any]) -> Record | None:
        if node.id_index is None:
            return {"type": node.type_name}
        record_id = row[node.id_index]
        if record_id is None:
            return None
        real_type = node.type_name if node.type_index is None else row[node.type_index]
        return {"type": node.type_name or "Name", "url": f"{self._url}{real_type}/{record_id}"}


def _value(cell: Cell, row: Sequence[Any]) -> Any:
    value = row[cell.index]
    if value is None:
        return False if cell.type == "boolean" else None
    convert = _CONVERT.get(cell.type)
    return value if convert is None else convert(value)
