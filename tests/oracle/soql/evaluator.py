"""What a statement answers, by looping over plain rows.

Lives here: conditions with SOQL's two truth values, grouping, ordering, nested answers. Readings where the vendor says
little: `!=` and NOT IN hold for an empty field; an ordered comparison and LIKE do not; NOT turns one into the other.
Nulls sort first in both directions unless told otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cmp_to_key
from typing import Any

from tests.oracle.soql.named_dates import days_of
from tests.oracle.soql.rows import CHILDREN, KINDS, NOW, PARENTS, PICKLIST, Row, Rows, wire
from tests.oracle.soql.statements import (
    Call,
    Comparison,
    Condition,
    In,
    Includes,
    Logic,
    Named,
    Order,
    Path,
    Select,
    SemiJoin,
    Zoned,
)

DATE_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "CALENDAR_YEAR": lambda at: at.year,
    "CALENDAR_MONTH": lambda at: at.month,
    "CALENDAR_QUARTER": lambda at: (at.month + 2) // 3,
    "DAY_IN_MONTH": lambda at: at.day,
    "DAY_IN_WEEK": lambda at: at.isoweekday() % 7 + 1,  # Sunday is 1
    "DAY_IN_YEAR": lambda at: at.timetuple().tm_yday,
    "DAY_ONLY": lambda at: at.date(),
    "HOUR_IN_DAY": lambda at: at.hour,
}
_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True)
class Evaluator:
    """Answers statements over *rows*; `deleted_too` as queryAll does."""

    rows: Rows
    deleted_too: bool = False

    def answer(self, select: Select) -> list[dict[str, Any]] | int:
        """The records without attributes, or the number SELECT COUNT() tells."""
        found = [row for row in self._all(select.source) if self._holds(select.where, select.source, row)]
        if select.is_count:
            return len(found)
        if select.group or any(isinstance(item, Call) for item in select.items):
            return self._groups(select, found)
        found = self._sorted(select, found, lambda order, row: self._value(select.source, row, order.by))
        return [self._record(select, row) for row in _page(select, found)]

    def _all(self, source: str) -> list[Row]:
        return self.rows.of(source, deleted_too=self.deleted_too)

    # -- values ------------------------------------------------------------------------------------------------------

    def _value(self, source: str, row: Row, item: Path | Call) -> Any:
        if isinstance(item, Call):
            value = self._value(source, row, item.path)
            return None if value is None else DATE_PARTS[item.function](value)
        *parents, name = item
        here: Row | None = row
        for step in parents:
            reference, source = PARENTS[source][step]
            here = None if here is None else self._parent(source, here[reference])
        value = None if here is None else here.get(name)
        return False if value is None and KINDS.get(name) == "boolean" else value

    def _parent(self, source: str, record_id: str | None) -> Row | None:
        if record_id is None:
            return None
        return self.rows.live[source].get(record_id) or self.rows.deleted[source].get(record_id)

    # -- conditions --------------------------------------------------------------------------------------------------

    def _holds(self, condition: Condition | None, source: str, row: Row) -> bool:
        match condition:
            case None:
                return True
            case Logic("AND", parts):
                return all(self._holds(part, source, row) for part in parts)
            case Logic("OR", parts):
                return any(self._holds(part, source, row) for part in parts)
            case Logic(_, (part,)):
                return not self._holds(part, source, row)
            case Comparison(left, operator, value):
                return compares(self._value(source, row, left), operator, value)
            case In(left, values, negated):
                here = self._value(source, row, left)
                return any(compares(here, "=", value) for value in values) is not negated
            case Includes(left, sets, negated):
                here = self._value(source, row, left)
                chosen = {colour.casefold() for colour in here or ()}
                return any({one.casefold() for one in wanted} <= chosen for wanted in sets) is not negated
            case SemiJoin(left, inner, negated):
                return (self._value(source, row, left) in self._ids(inner)) is not negated
        raise AssertionError(condition)

    def _ids(self, inner: Select) -> set[Any]:
        (item,) = inner.items
        assert isinstance(item, tuple)
        rows = (row for row in self._all(inner.source) if self._holds(inner.where, inner.source, row))
        return {self._value(inner.source, row, item) for row in rows} - {None}

    # -- groups ------------------------------------------------------------------------------------------------------

    def _groups(self, select: Select, found: list[Row]) -> list[dict[str, Any]]:
        groups: dict[tuple[Any, ...], list[Row]] = {} if select.group else {(): []}
        for row in found:
            groups.setdefault(tuple(self._value(select.source, row, by) for by in select.group), []).append(row)
        kept = [group for group in groups.items() if self._having(select, select.having, group)]
        kept = self._sorted(select, kept, lambda order, group: self._of_group(select, group, order.by))
        return [self._group_record(select, group) for group in _page(select, kept)]

    def _having(self, select: Select, condition: Condition | None, group: tuple[tuple[Any, ...], list[Row]]) -> bool:
        match condition:
            case None:
                return True
            case Logic(operator, parts):
                held = [self._having(select, part, group) for part in parts]
                return not held[0] if operator == "NOT" else all(held) if operator == "AND" else any(held)
            case Comparison(left, operator, value):
                return compares(self._of_group(select, group, left), operator, value)
        raise AssertionError(condition)

    def _of_group(self, select: Select, group: tuple[tuple[Any, ...], list[Row]], item: Path | Call) -> Any:
        keys, rows = group
        if item in select.group:
            return keys[select.group.index(item)]
        assert isinstance(item, Call)
        plain = Call(item.function, item.path)
        if plain in select.group:
            return keys[select.group.index(plain)]
        values = [self._value(select.source, row, item.path) for row in rows]
        return _aggregate(item.function, [value for value in values if value is not None])

    def _group_record(self, select: Select, group: tuple[tuple[Any, ...], list[Row]]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        unnamed = 0
        for item in select.items:
            assert not isinstance(item, Select)
            if isinstance(item, Call) and not item.alias:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            else:
                name = item.alias or "" if isinstance(item, Call) else item[-1]
            record[name] = wire(self._of_group(select, group, item))
        return record

    # -- records -----------------------------------------------------------------------------------------------------

    def _sorted(self, select: Select, things: list[Any], value: Callable[[Order, Any], Any]) -> list[Any]:
        for order in reversed(select.order):
            kind = KINDS.get(order.by[-1]) if isinstance(order.by, tuple) else None

            def compare(one: Any, other: Any, order: Order = order, kind: str | None = kind) -> int:
                left, right = (_sort_key(value(order, thing), kind) for thing in (one, other))
                if left is None or right is None:
                    return ((left is None) - (right is None)) * (1 if order.nulls == "LAST" else -1)
                return int((left > right) - (left < right)) * (-1 if order.descending else 1)

            things = sorted(things, key=cmp_to_key(compare))
        return things

    def _record(self, select: Select, row: Row) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for item in select.items:
            if isinstance(item, Select):
                record[str(item.relationship)] = self._children(select.source, row, item)
            elif isinstance(item, tuple):
                self._place(record, select.source, row, item)
        return record

    def _place(self, record: dict[str, Any], source: str, row: Row, path: Path) -> None:
        if len(path) == 1:
            record[path[0]] = wire(self._value(source, row, path))
            return
        reference, parent_source = PARENTS[source][path[0]]
        parent = self._parent(parent_source, row[reference])
        if parent is None:
            record[path[0]] = None
        else:
            self._place(record.setdefault(path[0], {}), parent_source, parent, path[1:])

    def _children(self, source: str, row: Row, child: Select) -> dict[str, Any] | None:
        child_source, reference = CHILDREN[source][str(child.relationship)]
        mine = [each for each in self._all(child_source) if each[reference] == row["Id"]]
        found = [each for each in mine if self._holds(child.where, child_source, each)]
        found = self._sorted(child, found, lambda order, each: self._value(child_source, each, order.by))
        records = [self._record(child, each) for each in _page(child, found)]
        return {"totalSize": len(records), "done": True, "records": records} if records else None


def compares(here: Any, operator: str, value: Any) -> bool:
    """Whether *here* stands to a literal as *operator* says."""
    if isinstance(here, bool):
        same = here == (value is True)
        return same if operator == "=" else not same
    if value == "":
        value = None
    if operator == "LIKE":
        return here is not None and value is not None and _like(here, value)
    if value is None or here is None:
        both = here is None and value is None
        return both if operator == "=" else not both if operator == "!=" else False
    first, after = _range(here, value)
    held: Mapping[str, Callable[[], bool]] = {
        "=": lambda: first <= _plain(here) < after if after is not None else _plain(here) == first,
        "<": lambda: _plain(here) < first,
        ">=": lambda: _plain(here) >= first,
        ">": lambda: _plain(here) >= after if after is not None else _plain(here) > first,
        "<=": lambda: _plain(here) < after if after is not None else _plain(here) <= first,
    }
    return not held["="]() if operator == "!=" else held[operator]()


def _range(here: Any, value: Any) -> tuple[Any, Any]:
    """The literal as the value it is compared with, and for a named date the end of its range; None: a point."""
    if isinstance(value, Named):
        first, after = days_of(value.text, NOW.date())
        if isinstance(here, datetime):
            return tuple(datetime(day.year, day.month, day.day, tzinfo=NOW.tzinfo) for day in (first, after))  # type: ignore[return-value]
        return first, after
    return (value.at if isinstance(value, Zoned) else _plain(value)), None


def _plain(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _like(here: str, pattern: str) -> bool:
    """`%` any run, `_` one letter, a backslash before either takes it as it is; case does not count."""
    parts = re.findall(r"\\[%_]|.", pattern, re.DOTALL)
    expression = "".join({"%": ".*", "_": "."}.get(part, re.escape(part.removeprefix("\\"))) for part in parts)
    return re.fullmatch(expression, here, re.IGNORECASE | re.DOTALL) is not None


def _sort_key(value: Any, kind: str | None) -> Any:
    if kind == "picklist" and value is not None:
        return PICKLIST.index(value)
    return _plain(value)


def _aggregate(function: str, values: list[Any]) -> Any:
    match function:
        case "COUNT":
            return len(values)
        case "COUNT_DISTINCT":
            return len(set(values))
        case "SUM":
            return sum(values) if values else None
        case "AVG":
            return sum(values) / len(values) if values else None
        case "MIN":
            return min(values, default=None)
        case "MAX":
            return max(values, default=None)
    raise AssertionError(function)


def _page(select: Select, things: list[Any]) -> Iterable[Any]:
    start = select.offset or 0
    return things[start:] if select.limit is None else things[start : start + select.limit]


def is_date(value: Any) -> bool:
    """A day, not a moment."""
    return isinstance(value, date) and not isinstance(value, datetime)
