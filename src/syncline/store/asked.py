"""SQL texts of the questions asked most, kept by their shape: SQLAlchemy builds and renders each shape once.

A shape is which columns are compared and how (equal, null, one of so many); the values travel as parameters. Lives
here: shapes and the kept texts. What a question means is in `queries`, reading the answers in `reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from syncline.store.queries import Where
from syncline.store.statements import compiled, text_of

_MOST_LISTED = 50
"""Every length of a list is a shape of its own; longer lists are rendered anew."""

Build = Callable[..., sa.ClauseElement]
_Shape = tuple[tuple[str, int], ...]
_NULL, _EQUAL = -2, -1
"""How a column is compared; any other number: among so many values."""


class _Text(NamedTuple):
    sql: str
    names: tuple[str, ...]  # of the parameters, by position
    fixed: dict[str, Any]  # values that do not come from the condition, such as a limit


def text_for(build: Build, where: Where, *rest: Any) -> tuple[str, tuple[Any, ...]]:
    """SQL and parameters by position of `build(where, *rest)`; *build* is a module's own function, *rest* hashable."""
    where = where or {}
    shape = tuple((column, _form(value)) for column, value in where.items())
    if any(form > _MOST_LISTED for _, form in shape):
        return text_of(build(where, *rest))
    kept = _rendered(build, shape, rest)
    given = kept.fixed | dict(each for column, value in where.items() for each in _named(column, value))
    return kept.sql, tuple(given[name] for name in kept.names)


def _form(value: object) -> int:
    if value is None:
        return _NULL
    if not isinstance(value, list | tuple | set | frozenset):
        return _EQUAL
    return len(value) if value and None not in value else _MOST_LISTED + 1


def _named(column: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, list | tuple | set | frozenset):
        yield from ((f"in{place}_{column}", one) for place, one in enumerate(value))
    elif value is not None:
        yield f"is_{column}", value


@lru_cache(maxsize=1024)
def _rendered(build: Build, shape: _Shape, rest: tuple[Any, ...]) -> _Text:
    where = {column: _placed(column, form) for column, form in shape}
    text = compiled(build(where, *rest))
    return _Text(str(text), tuple(text.positiontup or ()), dict(text.params))


def _placed(column: str, form: int) -> Any:
    if form == _NULL:
        return None
    if form == _EQUAL:
        return sa.bindparam(f"is_{column}")
    return [sa.bindparam(f"in{place}_{column}") for place in range(form)]
