"""Conditions to SQL predicates with bound values.

SOQL has two truth values: `!=` and NOT IN hold for an empty field and NOT turns "unknown" into true, so every part
under a NOT is pinned to 0 or 1 first. Semi-joins follow SOQL and SOSL Reference, "Comparison Operators".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .dates import named_range
from .errors import INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR, MALFORMED_QUERY, SoqlError, pointed
from .expressions import Expressions
from .families import bound, comparable, family_of, fold
from .scope import Resolved
from .syntax import Comparison, Condition, Literal, Logic, Membership, Query

MAX_SEMI_JOINS = 2
Sql = tuple[str, list[object]]
InnerSelect = Callable[[Query], Sql]
_ORDERED = frozenset({"<", "<=", ">", ">="})


@dataclass(slots=True)
class Predicates:
    """Compiles the WHERE or HAVING of one SELECT. `inner_select` compiles the SELECT of a semi-join."""

    expressions: Expressions
    now: datetime
    inner_select: InnerSelect | None
    semi_joins: int = 0

    @property
    def _text(self) -> str:
        return self.expressions.scope.text

    def sql(self, condition: Condition, *, top: bool = True) -> Sql:
        """The predicate and its values, in the order of their placeholders."""
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Membership):
            return self._membership(condition, top=top)
        return self._logic(condition, top=top)

    def _logic(self, logic: Logic, *, top: bool) -> Sql:
        parts = [self.sql(part, top=top and logic.operator == "AND") for part in logic.parts]
        values = [value for _, bound_values in parts for value in bound_values]
        if logic.operator == "NOT":
            return f"NOT IFNULL({parts[0][0]}, 0)", values
        return _balanced([sql for sql, _ in parts], logic.operator), values

    def _comparison(self, comparison: Comparison) -> Sql:
        field = self.expressions.resolve(comparison.left)
        at = comparison.left.at
        if not field.filterable:
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
            return f"{field.sql} IS {'NOT ' if operator == '!=' else ''}NULL", []
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
        if literal.like.isascii():
            return f"{field.sql} LIKE ? ESCAPE '\\'", [literal.like]
        return f"sf_fold({field.sql}) LIKE ? ESCAPE '\\'", [fold(literal.like)]

    def _in(self, field: Resolved, comparison: Comparison) -> Sql:
        if any(literal.kind == "range" for literal in comparison.right):
            parts = [self._compare(field, Comparison(comparison.left, "=", (one,))) for one in comparison.right]
            return _balanced([sql for sql, _ in parts], "OR"), [value for _, one in parts for value in one]
        found = [bound(field, literal, self._text) for literal in comparison.right]
        left, values = comparable(field, *(value for value in found if value is not None))
        sql = f"{left} IN ({', '.join('?' * len(values))})"
        return (f"({sql} OR {field.sql} IS NULL)" if None in found else sql), values

    def _not_in(self, field: Resolved, comparison: Comparison) -> Sql:
        sql, values = self._in(field, comparison)
        return f"NOT IFNULL({sql}, 0)", values

    def _includes(self, field: Resolved, comparison: Comparison) -> Sql:
        parts: list[str] = []
        values: list[object] = []
        for literal in comparison.right:
            wanted = [value for value in literal.value.split(";") if value]
            parts.append("(" + " AND ".join(f"instr(';' || {field.sql} || ';', ?) > 0" for _ in wanted) + ")")
            values += [f";{value};" for value in wanted]
        return "(" + " OR ".join(parts) + ")", values

    def _excludes(self, field: Resolved, comparison: Comparison) -> Sql:
        sql, values = self._includes(field, comparison)
        return f"NOT IFNULL({sql}, 0)", values

    def _membership(self, membership: Membership, *, top: bool) -> Sql:
        field = self.expressions.resolve(membership.left)
        self._check_membership(membership, field, top=top)
        assert self.inner_select is not None
        inner, values = self.inner_select(membership.select)
        if membership.negated:
            return f"({field.sql} IS NULL OR {field.sql} NOT IN ({inner}))", values
        return f"{field.sql} IN ({inner})", values

    def _check_membership(self, membership: Membership, field: Resolved, *, top: bool) -> None:
        self.semi_joins += 1
        inner = membership.select
        rules = (
            (self.inner_select is None, "Nesting of semi join sub-selects is not supported"),
            (not top, "Semi join sub-selects are not allowed with the 'OR' operator"),
            (self.semi_joins > MAX_SEMI_JOINS, "SOQL semi joins are limited to 2 per query"),
            (
                family_of(field.type).name != "key",
                f"The left operand field in the where expression for outer query "
                f"should be an id field, cannot use: '{field.name}'",
            ),
            (len(inner.items) != 1, "semi join sub-selects can only query one field"),
            (bool(inner.order_by) or inner.limit is not None, "semi join sub-selects do not allow ORDER BY or LIMIT"),
        )
        for broken, message in rules:
            if broken:
                raise self._malformed(message, membership.left.at)

    def _malformed(self, message: str, at: int) -> SoqlError:
        return pointed(MALFORMED_QUERY, message, self._text, at)


def _balanced(parts: list[str], operator: str) -> str:
    """The parts joined in pairs of pairs: SQLite allows 1,000 levels, a chain of ORs has one a term."""
    while len(parts) > 1:
        pairs = [parts[index : index + 2] for index in range(0, len(parts), 2)]
        parts = [f"({f' {operator} '.join(pair)})" if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def _falsy(field: Resolved) -> Resolved:
    """A boolean of a parent that may be missing: null compares as false."""
    return Resolved(f"IFNULL({field.sql}, 0)", field.type, field.names, field.parent)


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
