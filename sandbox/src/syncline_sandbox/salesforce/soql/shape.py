"""Rows of a compiled query to the records of the REST answer.

REST API Developer Guide, "Query": every record opens with `attributes`, keys follow the SELECT list in API casing, a
missing parent and a sub-query without rows are null, an aggregate row has the type AggregateResult and no url. Of many
children a sub-query answers the first page, `done` false and a `nextRecordsUrl` of their own, as the answer itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from .compiled import Cell, Children, Choice, CompiledQuery, Node, RowsById

Record = dict[str, Any]
OpenChildren = Callable[[RowsById, list[str]], str]
"""Keeps the ids of children under a locator, and returns it."""
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
    """Turns SQL rows of one query into records. *base* is the version's path, e.g. `/services/data/v59.0`.

    With *open_children* a record shows at most *child_rows* of its children, and the rest behind a locator.
    """

    def __init__(
        self,
        compiled: CompiledQuery | RowsById,
        base: str,
        *,
        child_rows: int = 0,
        open_children: OpenChildren | None = None,
    ) -> None:
        self._root = compiled.root
        self._base = base
        self._url = f"{base}/sobjects/"
        self._child_rows = child_rows
        self._open_children = open_children

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
            elif isinstance(entry, Choice):
                shaped[entry.key] = self._choice(entry, row)
            else:
                shaped[entry.key] = self._children(entry, row)
        return shaped

    def _choice(self, choice: Choice, row: Sequence[Any]) -> Record | None:
        node = choice.nodes.get(row[choice.type_index], choice.otherwise)
        return None if node is None else self._node(node, row)

    def _children(self, children: Children, row: Sequence[Any]) -> Record | None:
        value = row[children.index]
        found = json.loads(value) if isinstance(value, str) else value
        if not found:
            return None
        # A row comes in runs of columns.
        rows = [runs[0] if len(runs) == 1 else [cell for run in runs for cell in run] for runs in found]
        total, rest = len(rows), rows[self._child_rows :]
        answer: Record = {"totalSize": total, "done": True, "records": []}
        if self._open_children is not None and rest:
            locator = self._open_children(children.more, [str(row[0]) for row in rows])
            answer |= {"done": False, "nextRecordsUrl": f"{self._base}/query/{locator}-{self._child_rows}"}
            rows = rows[: self._child_rows]
        answer["records"] = [self._node(children.more.root, child) for child in rows]
        return answer

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
