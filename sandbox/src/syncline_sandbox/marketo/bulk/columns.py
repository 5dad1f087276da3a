"""The cells of one column of an import, parsed together: text without a call for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.values import InvalidValue, is_email, parse, text_limit

_TEXT = frozenset(("string", "text", "phone", "url"))


def parsed_column(field: Field, cells: Sequence[str], *, clears: bool) -> tuple[list[Any], set[int]]:
    """Stored values, and the positions of cells that do not fit. *clears*: a blank boolean is false, not unset."""
    if field.type in _TEXT:
        return [cell or None for cell in cells], _too_long(field, cells)
    if field.type == "email":
        wrong = {index for index, cell in enumerate(cells) if cell and not is_email(cell)}
        return [cell or None for cell in cells], wrong | _too_long(field, cells)
    return _each(field, cells, 0 if clears and field.type == "boolean" else None)


def _too_long(field: Field, cells: Sequence[str]) -> set[int]:
    limit = text_limit(field)
    if max(map(len, cells)) <= limit:
        return set()
    return {index for index, cell in enumerate(cells) if len(cell) > limit}


def _each(field: Field, cells: Sequence[str], blank: Any) -> tuple[list[Any], set[int]]:
    values: list[Any] = []
    wrong: set[int] = set()
    for index, cell in enumerate(cells):
        try:
            values.append(parse(field, cell) if cell else blank)
        except InvalidValue:
            values.append(None)
            wrong.add(index)
    return values, wrong
