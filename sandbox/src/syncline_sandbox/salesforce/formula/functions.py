"""The functions and operators of formulas, as SQL over typed operands.

Lives here: one entry a function ("Formula Operators and Functions A–Z", Salesforce Help). Blank text is an empty one
where formulas compare and join; a blank number is zero or stays blank, as the field says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .reader import FormulaError


@dataclass(frozen=True, slots=True)
class Value:
    """SQL with its type: text, number, boolean, date, datetime or null."""

    sql: str
    type: str


Build = Callable[[list[Value]], Value]


def text_of(value: Value) -> str:
    """A value as text, empty where it is blank."""
    if value.type == "number":
        whole = f"{value.sql} = CAST({value.sql} AS INTEGER)"
        shown = f"CASE WHEN {whole} THEN CAST(CAST({value.sql} AS INTEGER) AS TEXT) ELSE CAST({value.sql} AS TEXT) END"
        return f"coalesce({shown}, '')"
    if value.type == "datetime":
        return f"coalesce(replace(substr({value.sql}, 1, 19), 'T', ' ') || 'Z', '')"
    return f"coalesce({value.sql}, '')"


def _joined(operands: list[Value]) -> Value:
    return Value(f"nullif({' || '.join(text_of(value) for value in operands)}, '')", "text")


def _plus(operands: list[Value]) -> Value:
    left, right = operands
    if "text" in (left.type, right.type):
        return _joined(operands)
    if left.type in ("date", "datetime"):
        return _moved(left, right, "+")
    if right.type in ("date", "datetime"):
        return _moved(right, left, "+")
    return Value(f"({left.sql} + {right.sql})", "number")


def _minus(operands: list[Value]) -> Value:
    left, right = operands
    if left.type in ("date", "datetime"):
        if right.type in ("date", "datetime"):
            return Value(f"(julianday({_plain(left)}) - julianday({_plain(right)}))", "number")
        return _moved(left, right, "-")
    return Value(f"({left.sql} - {right.sql})", "number")


def _plain(moment: Value) -> str:
    return f"substr({moment.sql}, 1, 19)"


def _moved(moment: Value, days: Value, sign: str) -> Value:
    form = "%Y-%m-%d" if moment.type == "date" else "%Y-%m-%dT%H:%M:%S.000+0000"
    return Value(f"strftime('{form}', julianday({_plain(moment)}) {sign} ({days.sql}))", moment.type)


def _compared(operator: str) -> Build:
    def build(operands: list[Value]) -> Value:
        left, right = operands
        kinds = {left.type, right.type} - {"null"}
        if len(kinds) > 1:
            raise FormulaError(f"Incorrect parameter type for operator '{operator}'")
        if kinds == {"text"}:
            sql = f"(coalesce({left.sql}, '') COLLATE BINARY {operator} coalesce({right.sql}, ''))"
        else:
            sql = f"coalesce({left.sql} {operator} {right.sql}, 0)"
        return Value(sql, "boolean")

    return build


def _blank(operands: list[Value]) -> Value:
    return Value(f"(coalesce({operands[0].sql}, '') = '')", "boolean")


def _blank_value(operands: list[Value]) -> Value:
    value, instead = operands
    return Value(f"coalesce(nullif({value.sql}, ''), {instead.sql})", value.type)


def _if(operands: list[Value]) -> Value:
    condition, then, otherwise = operands
    kind = then.type if then.type != "null" else otherwise.type
    return Value(f"CASE WHEN {condition.sql} THEN {then.sql} ELSE {otherwise.sql} END", kind)


def _case(operands: list[Value]) -> Value:
    if len(operands) < 4 or len(operands) % 2:
        raise FormulaError("Incorrect number of parameters for function 'CASE()'")
    subject, *rest, otherwise = operands
    equal = _compared("IS")
    pairs = " ".join(
        f"WHEN {equal([subject, when]).sql} THEN {then.sql}" for when, then in zip(rest[::2], rest[1::2], strict=True)
    )
    kind = next((value.type for value in (*rest[1::2], otherwise) if value.type != "null"), "text")
    return Value(f"CASE {pairs} ELSE {otherwise.sql} END", kind)


def _chained(operator: str) -> Build:
    def build(operands: list[Value]) -> Value:
        return Value("(" + f" {operator} ".join(value.sql for value in operands) + ")", "boolean")

    return build


def _template(sql: str, kind: str) -> Build:
    """A function whose SQL is a template over its operands."""

    def build(operands: list[Value]) -> Value:
        return Value("(" + sql.format(*(value.sql for value in operands)) + ")", kind)

    return build


def _extreme(name: str) -> Build:
    def build(operands: list[Value]) -> Value:
        return Value(f"{name}({', '.join(value.sql for value in operands)})", operands[0].type)

    return build


_MANY = (1, 60)
FUNCTIONS: dict[str, tuple[int, int, Build]] = {
    "&": (2, 2, _joined),
    "+": (2, 2, _plus),
    "-": (2, 2, _minus),
    "*": (2, 2, _template("{0} * {1}", "number")),
    "/": (2, 2, _template("({0}) * 1.0 / ({1})", "number")),
    "NEGATE": (1, 1, _template("-({0})", "number")),
    "=": (2, 2, _compared("IS")),
    "==": (2, 2, _compared("IS")),
    "!=": (2, 2, _compared("IS NOT")),
    "<>": (2, 2, _compared("IS NOT")),
    **{sign: (2, 2, _compared(sign)) for sign in ("<", "<=", ">", ">=")},
    "&&": (2, 2, _chained("AND")),
    "||": (2, 2, _chained("OR")),
    "AND": (*_MANY, _chained("AND")),
    "OR": (*_MANY, _chained("OR")),
    "NOT": (1, 1, _template("NOT {0}", "boolean")),
    "IF": (3, 3, _if),
    "CASE": (4, 60, _case),
    "ISBLANK": (1, 1, _blank),
    "ISNULL": (1, 1, _blank),
    "BLANKVALUE": (2, 2, _blank_value),
    "NULLVALUE": (2, 2, _blank_value),
    "ISPICKVAL": (2, 2, _compared("IS")),
    "TEXT": (1, 1, lambda operands: Value(f"nullif({text_of(operands[0])}, '')", "text")),
    "VALUE": (1, 1, _template("CAST({0} AS REAL)", "number")),
    "LEN": (1, 1, _template("length(coalesce({0}, ''))", "number")),
    "UPPER": (1, 1, _template("upper({0})", "text")),
    "LOWER": (1, 1, _template("lower({0})", "text")),
    "TRIM": (1, 1, _template("trim({0})", "text")),
    "LEFT": (2, 2, _template("substr({0}, 1, CAST({1} AS INTEGER))", "text")),
    "RIGHT": (2, 2, _template("substr({0}, -CAST({1} AS INTEGER))", "text")),
    "MID": (3, 3, _template("substr({0}, CAST({1} AS INTEGER), CAST({2} AS INTEGER))", "text")),
    "SUBSTITUTE": (3, 3, _template("replace({0}, {1}, {2})", "text")),
    "CONTAINS": (2, 2, _template("instr(coalesce({0}, ''), coalesce({1}, '')) > 0", "boolean")),
    "BEGINS": (2, 2, _template("instr(coalesce({0}, ''), coalesce({1}, '')) = 1", "boolean")),
    "ROUND": (2, 2, _template("round({0}, CAST({1} AS INTEGER))", "number")),
    "ABS": (1, 1, _template("abs({0})", "number")),
    "MAX": (*_MANY, _extreme("max")),
    "MIN": (*_MANY, _extreme("min")),
    "TODAY": (0, 0, lambda _: Value("(SELECT sf_day(0))", "date")),
    "NOW": (0, 0, lambda _: Value("(SELECT sf_now())", "datetime")),
    "DATEVALUE": (1, 1, _template("substr({0}, 1, 10)", "date")),
    "YEAR": (1, 1, _template("CAST(substr({0}, 1, 4) AS INTEGER)", "number")),
    "MONTH": (1, 1, _template("CAST(substr({0}, 6, 2) AS INTEGER)", "number")),
    "DAY": (1, 1, _template("CAST(substr({0}, 9, 2) AS INTEGER)", "number")),
}
"""Name to the least and the most operands, and what builds the SQL."""
