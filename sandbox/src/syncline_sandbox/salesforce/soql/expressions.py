"""Field paths and functions to SQL: date functions, aggregates, and the functions that only change how a value shows.

SOQL and SOSL Reference, "Date Functions" (in UTC, or with convertTimezone in the user's zone), "Aggregate Functions",
"Support for Field Types in Aggregate Functions", "toLabel()", "FORMAT ()", "convertCurrency()".

Aggregates leave nulls out. MIN and MAX of a picklist go by the order of its values, of text by the order of ORDER BY.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import INVALID_FIELD, MALFORMED_QUERY, SoqlError, pointed
from .families import NUMBERS, picklist_rank, sorted_as
from .names import text_sql
from .scope import Resolved, Scope
from .syntax import Call, Expression, Path

_PART = "CAST(strftime('{part}', substr({{0}}, 1, 19)) AS INTEGER)"
_DAY, _MONTH, _YEAR, _DAY_IN_YEAR = (_PART.format(part=part) for part in ("%d", "%m", "%Y", "%j"))
_QUARTER = f"(({_MONTH} + 2) / 3)"
DATE_FUNCTIONS: dict[str, tuple[str, str]] = {
    "CALENDAR_YEAR": (_YEAR, "int"),
    "CALENDAR_QUARTER": (_QUARTER, "int"),
    "CALENDAR_MONTH": (_MONTH, "int"),
    "FISCAL_YEAR": (_YEAR, "int"),
    "FISCAL_QUARTER": (_QUARTER, "int"),
    "FISCAL_MONTH": (_MONTH, "int"),
    "DAY_IN_MONTH": (_DAY, "int"),
    "DAY_IN_WEEK": (f"({_PART.format(part='%w')} + 1)", "int"),
    "DAY_IN_YEAR": (_DAY_IN_YEAR, "int"),
    "WEEK_IN_MONTH": (f"(({_DAY} + 6) / 7)", "int"),
    "WEEK_IN_YEAR": (f"(({_DAY_IN_YEAR} + 6) / 7)", "int"),
    "HOUR_IN_DAY": (_PART.format(part="%H"), "int"),
    "DAY_ONLY": ("substr({0}, 1, 10)", "date"),
}
_OF_MOMENTS_ONLY = frozenset({"HOUR_IN_DAY", "DAY_ONLY"})
AGGREGATES = {
    "COUNT": "COUNT({0})",
    "COUNT_DISTINCT": "COUNT(DISTINCT {0})",
    "MIN": "MIN({0})",
    "MAX": "MAX({0})",
    "SUM": "SUM({0})",
    "AVG": "AVG({0})",
}
DISPLAY_FUNCTIONS = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
_NEVER_AGGREGATED = frozenset({"boolean", "multipicklist", "address", "location", "base64", "time", "encryptedstring"})


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the rows of one SELECT are grouped by, as SQL; of these, *totalled* are rolled up into a subtotal."""

    by: frozenset[str]
    totalled: frozenset[str] = frozenset()


@dataclass(slots=True)
class Expressions:
    """The expressions of one clause of one SELECT.

    `grouping` is None where rows are not grouped. `aggregates` is True where aggregate functions may stand. `shown` is
    True in the SELECT list. `zone` is the user's. `complaint` opens the refusal of a field that is not grouped.
    """

    scope: Scope
    zone: str = "UTC"
    grouping: Grouping | None = None
    aggregates: bool = False
    shown: bool = False
    complaint: str = "Field"

    def resolve(self, expression: Expression) -> Resolved:
        """The SQL and type of an expression. Raises SoqlError for an unknown function or argument."""
        if isinstance(expression, Call):
            if expression.function in DISPLAY_FUNCTIONS:
                return self._displayed(expression)
            if self.aggregates and expression.function in AGGREGATES:
                return self._aggregate(expression)
            if self.aggregates and expression.function == "GROUPING":
                return self._grouping_flag(expression)
        value = self._single(expression)
        return value if self.grouping is None else self._of_group(value, expression, self.grouping)

    def _single(self, expression: Expression) -> Resolved:
        if isinstance(expression, Path):
            return self.scope.resolve(expression)
        if expression.function in DATE_FUNCTIONS:
            return self._date_function(expression)
        if expression.function == "CONVERTTIMEZONE":
            raise self._malformed("convertTimezone() can only be used in a date function", expression)
        raise self._malformed(f"Unknown function: {expression.function}", expression)

    def _of_group(self, value: Resolved, expression: Expression, grouping: Grouping) -> Resolved:
        if value.sql in grouping.by:
            return replace(value, sql="NULL") if value.sql in grouping.totalled else value
        if isinstance(expression, Call):
            inner = self._single(self._argument(expression))
            # "Date Functions": a function of a date field may be shown where the field itself is grouped.
            if inner.type == "date" and inner.sql in grouping.by:
                return replace(value, sql="NULL") if inner.sql in grouping.totalled else value
        raise self._malformed(f"{self.complaint} must be grouped or aggregated: {value.name}", expression)

    def _aggregate(self, call: Call) -> Resolved:
        value = self._single(self._argument(call))
        function = call.function
        if value.type in _NEVER_AGGREGATED or (function in {"SUM", "AVG"} and value.type not in NUMBERS):
            raise self._malformed(f"field {value.name} does not support aggregate operator {function}", call)
        if self.grouping is not None and value.sql in self.grouping.by and isinstance(call.argument, Path):
            raise self._malformed(f"Grouped field should not be aggregated: {value.name}", call)
        kind = "int" if function.startswith("COUNT") else "double" if function == "AVG" else value.type
        rank = picklist_rank(value)
        if function in {"MIN", "MAX"} and rank is not None:
            key = f"(printf('%04d', {rank}) || {value.sql}) COLLATE NOCASE"
            return Resolved(f"substr({function}({key}), 5)", kind, value.names)
        return Resolved(AGGREGATES[function].format(sorted_as(value)), kind, value.names)

    def _grouping_flag(self, call: Call) -> Resolved:
        value = self._single(self._argument(call))
        if self.grouping is None or value.sql not in self.grouping.by:
            raise self._malformed(f"Field must be grouped: {value.name}", call)
        return Resolved(str(int(value.sql in self.grouping.totalled)), "int", value.names)

    def _date_function(self, call: Call) -> Resolved:
        inner = self._argument(call)
        converted = isinstance(inner, Call) and inner.function == "CONVERTTIMEZONE"
        value = self._single(self._argument(inner) if converted and isinstance(inner, Call) else inner)
        if value.type != "datetime" and (value.type != "date" or call.function in _OF_MOMENTS_ONLY or converted):
            message = f"field {value.name} does not support {call.function}"
            raise pointed(INVALID_FIELD, message, self.scope.text, call.at)
        stored = f"sf_local({value.sql}, '{self.zone}')" if converted else value.sql
        sql, kind = DATE_FUNCTIONS[call.function]
        return Resolved(sql.format(stored), kind, value.names, value.parent, computed=True)

    def _displayed(self, call: Call) -> Resolved:
        if not self.shown and call.function != "TOLABEL":
            raise self._malformed(f"{call.function} is not allowed outside of the SELECT list", call)
        value = self.resolve(self._argument(call))
        if call.function == "TOLABEL":
            return replace(value, sql=_label_sql(value))
        if call.function == "FORMAT":
            scale = value.field.scale if value.field is not None else 2
            return replace(value, sql=f"sf_format({value.sql}, '{value.type}', {scale}, '{self.zone}')", type="string")
        return value

    def _argument(self, call: Call) -> Expression:
        if call.argument is None:
            raise self._malformed("unexpected token: ')'", call)
        return call.argument

    def _malformed(self, message: str, expression: Expression) -> SoqlError:
        return pointed(MALFORMED_QUERY, message, self.scope.text, expression.at)


def _label_sql(value: Resolved) -> str:
    entries = value.field.picklist if value.field is not None else ()
    renamed = [entry for entry in entries if entry.label and entry.label != entry.value]
    if not renamed:
        return value.sql
    cases = " ".join(f"WHEN {text_sql(entry.value)} THEN {text_sql(entry.label)}" for entry in renamed)
    return f"CASE {value.sql} {cases} ELSE {value.sql} END"
