"""The cells of one column of an import, parsed together: text without a call for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.values import EMAIL, InvalidValue, parse, text_limit

_TEXT = frozenset(("string", "text", "phone", "url"))


def parsed_column(field: Field, cells: Sequence[str], *, clears: bool) -> tuple[Sequence[Any], set[int]]:
    """Stored values, and the positions of cells that do not fit. *clears*: a blank boolean is false, not unset."""
    if field.type in _TEXT:
        return _without_blanks(cells), _too_long(field, cells)
    if field.type == "email":
        wrong = set() if all(map(EMAIL.match, cells)) else _bad_addresses(cells)
        return _without_blanks(cells), wrong | _too_long(field, cells)
    return _each(field, cells, 0 if clears and field.type == "boolean" else None)


def _without_blanks(cells: Sequence[str]) -> Sequence[Any]:
    return [cell or None for cell in cells] if "" in cells else cells


def _bad_addresses(cells: Sequence[str]) -> set[int]:
    return {index for index, cell in enumerate(cells) if cell and not EMAIL.match(cell)}


def _too_long(field: Field, cells: Sequence[str]) -> set[int]:
    limit = text_limit(field)
    if max(map(len, cells)) <= limit:
        return set()
    return {index for index, cell in enumerate(cells) if len(cell) > limit}


def _each(field: Field, cells: Sequence[str], blank: Any) -> tuple[list[Any], set[int]]:
    """Every distinct cell is parsed once."""
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for cell in set(cells):
        try:
            values[cell] = parse(field, cell) if cell else blank
        except InvalidValue:
            values[cell] = None
            wrong.add(cell)
    positions = {index for index, cell in enumerate(cells) if cell in wrong} if wrong else set()
    return [values[cell] for cell in cells], positions
