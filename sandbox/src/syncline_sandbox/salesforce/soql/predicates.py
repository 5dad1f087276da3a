"""Conditions to SQL predicates with bound values.

SOQL has two truth values (SOQL and SOSL Reference, "Comparison Operators", "Logical Operators", "Use null in WHERE"):

- `f = null` holds for an empty field, `f != null` for one that is not; a missing parent's fields are empty.
- `f != x` and `f NOT IN (…)` hold for an empty field too; with null in the list NOT IN does not, and IN does.
- `<`, `<=`, `>`, `>=` and LIKE never hold for an empty field, nor beside null; `f LIKE ''` is `f = null`.
- NOT turns true to false and false to true, so `NOT f < 5` holds for an empty field. Where the vendor is silent this
  is the reading chosen: every part under a NOT is pinned to 0 or 1 first.
- EXCLUDES holds for an empty field, INCLUDES does not; both ignore case. `=` on a multi-select compares the whole text.
- A named date is a range: `=` is inside it, `<` before its start, `>` after its end, `!=` outside it or empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from .dates import named_range
from .errors import INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR, pointed
from .expressions import Expressions
from .families import bound, comparable, family_of
from .functions import fold
from .scope import Resolved
from .semi_joins import SemiJoins
from .syntax import Comparison, Condition, Literal, Logic, Membership

MANY_VALUES = 200
"""An IN of more values is bound as one JSON array: SQLite takes 32,766 variables."""
Sql = tuple[str, list[object]]
_ORDERED = frozenset({"<", "<=", ">", ">="})
_NEVER_FILTERED = frozenset({"address", "location", "base64"})


@dataclass(slots=True)
class Predicates:
    """Compiles the WHERE or HAVING of one SELECT."""

    expressions: Expressions
    now: datetime
    semi_joins: SemiJoins

    @property
    def _text(self) -> str:
        return self.expressions.scope.text

    def sql(self, condition: Condition, *, inside: str = "") -> Sql:
        """The predicate and its values, in the order of their placeholders. *inside* is what a semi-join would be
        inside of: nothing at the top, OR, or anything deeper.
        """
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Membership):
            return self.semi_joins.sql(condition, inside)
        return self._logic(condition, inside)

    def _logic(self, logic: Logic, inside: str) -> Sql:
        below = "OR" if logic.operator == "OR" and not inside else "nested" if inside else logic.operator
        parts = [self.sql(part, inside=below) for part in logic.parts]
        values = [value for _, bound_values in parts for value in bound_values]
        if logic.operator == "NOT":
            return f"NOT IFNULL({parts[0][0]}, 0)", values
        return _balanced([sql for sql, _ in parts], logic.operator), values

    def _comparison(self, comparison: Comparison) -> Sql:
        field = self.expressions.resolve(comparison.left)
        at = comparison.left.at
        if not field.filterable or field.type in _NEVER_FILTERED:
            raise pointed(INVALID_FIELD, f"field '{field.name}' can not be filtered in a query call", self._text, at)
        self._check_operator(field, comparison.operator, at)
        if field.type == "boolean" and field.parent is not None:
            field = _falsy(field)
        return _COMPILED[comparison.operator](self, field, comparison)

    def _check_operator(self, field: Resolved, operator: str, at: int) -> None:
        family = family_of(field.type).name
        multi = field.type == "multipicklist"
        wrong = (
            (operator in {"INCLUDES", "EXCLUDES"} and not multi)
            or (operator == "LIKE" and (family != "text" or multi))
            or (operator in _ORDERED and (family == "boolean" or multi))
        )
        if wrong:
            kind = "id" if family == "key" else field.type
            raise pointed(INVALID_QUERY_FILTER_OPERATOR, f"invalid operator on {kind} field", self._text, at)

    def _compare(self, field: Resolved, comparison: Comparison) -> Sql:
        literal, operator = comparison.right[0], comparison.operator
        value = bound(field, literal, self._text)
        if literal.kind == "range":
            return self._compare_range(field, operator, literal)
        if value is None:
            return _BESIDE_NULL.get(operator, "0").format(field.sql), []
        left, values = comparable(field, value)
        return f"{left} {'IS NOT' if operator == '!=' else operator} ?", values

    def _compare_range(self, field: Resolved, operator: str, literal: Literal) -> Sql:
        start, end = named_range(literal.value, literal.count, self.now, of_moments=field.type == "datetime")
        sql, which = _RANGES[operator]
        return f"({sql.format(field=field.sql)})", [(start, end)[index] for index in which]

    def _like(self, field: Resolved, comparison: Comparison) -> Sql:
        literal = comparison.right[0]
        if bound(field, literal, self._text) is None:
            return f"{field.sql} IS NULL", []
        if field.case_sensitive:
            return f"sf_like({field.sql}, ?)", [literal.like]
        if literal.like.isascii():
            return f"{field.sql} LIKE ? ESCAPE '\\'", [literal.like]
        return f"sf_fold({field.sql}) LIKE ? ESCAPE '\\'", [fold(literal.like)]

    def _in(self, field: Resolved, comparison: Comparison) -> Sql:
        if any(literal.kind == "range" for literal in comparison.right):
            parts = [self._compare(field, Comparison(comparison.left, "=", (one,))) for one in comparison.right]
            return _balanced([sql for sql, _ in parts], "OR"), [value for _, one in parts for value in one]
        found = [bound(field, literal, self._text) for literal in comparison.right]
        left, values = comparable(field, *(value for value in found if value is not None))
        if len(values) > MANY_VALUES:
            sql, values = f"{left} IN (SELECT value FROM json_each(?))", [json.dumps(values)]
        else:
            sql = f"{left} IN ({', '.join('?' * len(values))})"
        return (f"({sql} OR {field.sql} IS NULL)" if None in found else sql), values

    def _not_in(self, field: Resolved, comparison: Comparison) -> Sql:
        sql, values = self._in(field, comparison)
        return f"NOT IFNULL({sql}, 0)", values

    def _includes(self, field: Resolved, comparison: Comparison) -> Sql:
        for literal in comparison.right:
            bound(field, literal, self._text)
        combinations = [[value for value in literal.value.split(";") if value] for literal in comparison.right]
        wanted = [";".join(values) for values in combinations if values]
        return f"sf_includes({field.sql}, ?)", [json.dumps(wanted)]

    def _excludes(self, field: Resolved, comparison: Comparison) -> Sql:
        sql, values = self._includes(field, comparison)
        return f"NOT IFNULL({sql}, 0)", values


def _balanced(parts: list[str], operator: str) -> str:
    """The parts joined in pairs of pairs: SQLite allows 1,000 levels, a chain of ORs has one a term."""
    while len(parts) > 1:
        pairs = [parts[index : index + 2] for index in range(0, len(parts), 2)]
        parts = [f"({f' {operator} '.join(pair)})" if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def _falsy(field: Resolved) -> Resolved:
    """A boolean of a parent that may be missing: null compares as false."""
    return replace(field, sql=f"IFNULL({field.sql}, 0)")


_BESIDE_NULL = {"=": "{0} IS NULL", "!=": "{0} IS NOT NULL"}
# A named date is a range: "after" means after its end, "equal" inside it. Indices say which bound each `?` takes.
_RANGES: dict[str, tuple[str, tuple[int, ...]]] = {
    "=": ("{field} >= ? AND {field} < ?", (0, 1)),
    "!=": ("{field} IS NULL OR {field} < ? OR {field} >= ?", (0, 1)),
    "<": ("{field} < ?", (0,)),
    "<=": ("{field} < ?", (1,)),
    ">": ("{field} >= ?", (1,)),
    ">=": ("{field} >= ?", (0,)),
}
_Compile = Callable[[Predicates, Resolved, Comparison], Sql]
_COMPILED: dict[str, _Compile] = {
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), Predicates._compare),
    "LIKE": Predicates._like,
    "IN": Predicates._in,
    "NOT IN": Predicates._not_in,
    "INCLUDES": Predicates._includes,
    "EXCLUDES": Predicates._excludes,
}
