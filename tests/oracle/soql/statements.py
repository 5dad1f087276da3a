"""A SOQL statement as values, and how it is spelt.

Lives here: the shapes and their text. What they mean is in `evaluator.py`, which are made up in `random_statements.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Path = tuple[str, ...]


@dataclass(frozen=True)
class Named:
    """A named date such as LAST_N_DAYS:3."""

    text: str


@dataclass(frozen=True)
class Zoned:
    """A date-time literal with the offset and fraction it is spelt with."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Call:
    """A function of a field: an aggregate or a part of a date. `alias` None: the vendor numbers it."""

    function: str
    path: Path
    alias: str | None = None


@dataclass(frozen=True)
class Comparison:
    left: Path | Call
    operator: str
    value: Any


@dataclass(frozen=True)
class In:
    left: Path
    values: tuple[Any, ...]
    negated: bool


@dataclass(frozen=True)
class SemiJoin:
    left: Path
    inner: Select
    negated: bool


@dataclass(frozen=True)
class Includes:
    left: Path
    sets: tuple[tuple[str, ...], ...]
    negated: bool


@dataclass(frozen=True)
class Logic:
    """AND or OR of its parts, or NOT of the only one."""

    operator: str
    parts: tuple[Condition, ...]


Condition = Comparison | In | SemiJoin | Includes | Logic


@dataclass(frozen=True)
class Order:
    by: Path | Call
    descending: bool = False
    nulls: str = ""  # "", "FIRST" or "LAST"


@dataclass(frozen=True)
class Select:
    """One SELECT; `relationship` is the child relationship when it stands inside another's list."""

    items: tuple[Path | Call | Select, ...]
    source: str
    where: Condition | None = None
    group: tuple[Path | Call, ...] = ()
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None
    relationship: str | None = None
    is_count: bool = field(default=False)  # SELECT COUNT() FROM …


def spelt(select: Select) -> str:
    """The statement as a client would send it."""
    items = "COUNT()" if select.is_count else ", ".join(_item(item) for item in select.items)
    text = f"SELECT {items} FROM {select.relationship or select.source}"
    if select.where is not None:
        text += f" WHERE {_condition(select.where, outermost=True)}"
    if select.group:
        text += f" GROUP BY {', '.join(_expression(by) for by in select.group)}"
    if select.having is not None:
        text += f" HAVING {_condition(select.having, outermost=True)}"
    if select.order:
        text += f" ORDER BY {', '.join(map(_order, select.order))}"
    text += "" if select.limit is None else f" LIMIT {select.limit}"
    return text + ("" if select.offset is None else f" OFFSET {select.offset}")


def _item(item: Path | Call | Select) -> str:
    if isinstance(item, Select):
        return f"({spelt(item)})"
    if isinstance(item, Call) and item.alias:
        return f"{_expression(item)} {item.alias}"
    return _expression(item)


def _expression(item: Path | Call) -> str:
    return f"{item.function}({'.'.join(item.path)})" if isinstance(item, Call) else ".".join(item)


def _order(order: Order) -> str:
    nulls = f" NULLS {order.nulls}" if order.nulls else ""
    return f"{_expression(order.by)}{' DESC' if order.descending else ''}{nulls}"


def _condition(condition: Condition, *, outermost: bool = False) -> str:
    match condition:
        case Comparison(left, "LIKE", str(pattern)):
            quoted = pattern.replace("'", "\\'")  # its own escapes stay as they are
            return f"{_expression(left)} LIKE '{quoted}'"
        case Comparison(left, operator, value):
            return f"{_expression(left)} {operator} {literal(value)}"
        case In(left, values, negated):
            return f"{_expression(left)} {'NOT ' * negated}IN ({', '.join(map(literal, values))})"
        case SemiJoin(left, inner, negated):
            return f"{_expression(left)} {'NOT ' * negated}IN ({spelt(inner)})"
        case Includes(left, sets, negated):
            listed = ", ".join(literal(";".join(one)) for one in sets)
            return f"{_expression(left)} {'EXCLUDES' if negated else 'INCLUDES'} ({listed})"
        case Logic("NOT", (part,)):
            return f"(NOT {_condition(part)})"
        case Logic(operator, parts):
            text = f" {operator} ".join(_condition(part) for part in parts)
            return text if outermost else f"({text})"


def literal(value: Any) -> str:
    """A literal as SOQL spells it: dates are never quoted."""
    match value:
        case None:
            return "null"
        case bool():
            return "TRUE" if value else "false"
        case Named(text) | Zoned(_, text):
            return text
        case date():
            return value.isoformat()
        case str():
            return "'" + "".join(_ESCAPES.get(letter, letter) for letter in value) + "'"
        case _:
            return repr(value)


_ESCAPES = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
