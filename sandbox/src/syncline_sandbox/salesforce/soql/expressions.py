"""Field paths and functions to SQL: date functions, aggregates, and the pass-through display functions.

SOQL and SOSL Reference, "Date Functions" (in UTC, as without convertTimezone), "Aggregate Functions".
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import INVALID_FIELD, MALFORMED_QUERY, pointed
from .scope import Resolved, Scope
from .syntax import Call, Expression, Path

_MONTH = "CAST(strftime('%m', substr({0}, 1, 19)) AS INTEGER)"
_QUARTER = f"(({_MONTH} + 2) / 3)"
_YEAR = "CAST(strftime('%Y', substr({0}, 1, 19)) AS INTEGER)"
DATE_FUNCTIONS: dict[str, tuple[str, str]] = {
    "CALENDAR_YEAR": (_YEAR, "int"),
    "CALENDAR_QUARTER": (_QUARTER, "int"),
    "CALENDAR_MONTH": (_MONTH, "int"),
    "FISCAL_YEAR": (_YEAR, "int"),
    "FISCAL_QUARTER": (_QUARTER, "int"),
    "FISCAL_MONTH": (_MONTH, "int"),
    "DAY_IN_MONTH": ("CAST(strftime('%d', substr({0}, 1, 19)) AS INTEGER)", "int"),
    "DAY_IN_WEEK": ("(CAST(strftime('%w', substr({0}, 1, 19)) AS INTEGER) + 1)", "int"),
    "DAY_IN_YEAR": ("CAST(strftime('%j', substr({0}, 1, 19)) AS INTEGER)", "int"),
    "HOUR_IN_DAY": ("CAST(strftime('%H', substr({0}, 1, 19)) AS INTEGER)", "int"),
    "DAY_ONLY": ("substr({0}, 1, 10)", "date"),
}
# SQL and result type; None keeps the argument's type.
AGGREGATES: dict[str, tuple[str, str | None]] = {
    "COUNT": ("COUNT({0})", "int"),
    "COUNT_DISTINCT": ("COUNT(DISTINCT {0})", "int"),
    "MIN": ("MIN({0})", None),
    "MAX": ("MAX({0})", None),
    "SUM": ("SUM({0})", "double"),
    "AVG": ("AVG({0})", "double"),
}
DISPLAY_FUNCTIONS = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY", "CONVERTTIMEZONE"})
_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})


@dataclass(slots=True)
class Expressions:
    """The expressions of one SELECT. `aggregates` is True where aggregate functions may stand (HAVING, ORDER BY)."""

    scope: Scope
    aggregates: bool = False

    def resolve(self, expression: Expression) -> Resolved:
        """The SQL and type of an expression. Raises SoqlError for an unknown function or argument."""
        if isinstance(expression, Path):
            return self.scope.resolve(expression)
        if expression.function in AGGREGATES and self.aggregates:
            return self.aggregate(expression)
        if expression.function in DATE_FUNCTIONS:
            return self._date_function(expression)
        if expression.function in DISPLAY_FUNCTIONS:
            return self._argument(expression)
        raise pointed(MALFORMED_QUERY, f"Unknown function: {expression.function}", self.scope.text, expression.at)

    def aggregate(self, call: Call) -> Resolved:
        """The SQL of an aggregate function of a field."""
        argument = self._argument(call)
        sql, result_type = AGGREGATES[call.function]
        if call.function in {"SUM", "AVG"} and argument.type not in _NUMBERS:
            message = f"field {argument.name} does not support aggregate operator {call.function}"
            raise pointed(MALFORMED_QUERY, message, self.scope.text, call.at)
        return Resolved(sql.format(argument.sql), result_type or argument.type, argument.names)

    def _date_function(self, call: Call) -> Resolved:
        argument = self._argument(call)
        if argument.type not in {"date", "datetime"}:
            message = f"field {argument.name} does not support {call.function}"
            raise pointed(INVALID_FIELD, message, self.scope.text, call.at)
        sql, result_type = DATE_FUNCTIONS[call.function]
        return Resolved(sql.format(argument.sql), result_type, argument.names, argument.parent)

    def _argument(self, call: Call) -> Resolved:
        if call.argument is None:
            raise pointed(MALFORMED_QUERY, "unexpected token: ')'", self.scope.text, call.at)
        return self.resolve(call.argument)
