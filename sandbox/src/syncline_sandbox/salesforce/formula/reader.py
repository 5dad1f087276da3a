"""Reading a formula: text to a tree.

Lives here: tokens and precedence ("Formula Operators", Salesforce Help). What names mean is decided in `compiler.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:/\*.*?\*/\s*)*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)|(?P<mark>\|\||&&|==|!=|<>|<=|>=|[-+*/&=<>!(),^])|(?P<end>$))""",
    re.DOTALL,
)
# Operator to how tightly it binds.
_BINARY = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("=", "==", "!=", "<>", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-", "&"), 4),
    **dict.fromkeys(("*", "/"), 5),
}
_UNARY_POWER = 6
MAX_DEPTH = 60


class FormulaError(ValueError):
    """A formula this org does not take."""


@dataclass(frozen=True, slots=True)
class Literal:
    """`kind` is text, number, boolean or null."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class FieldPath:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A function or an operator with its operands."""

    name: str
    operands: tuple[Tree, ...]


Tree = Literal | FieldPath | Operation


def read_formula(text: str) -> Tree:
    """The tree of a formula. FormulaError when it is none."""
    reader = _Reader(text)
    tree = reader.expression(0)
    if reader.kind != "end":
        raise reader.unexpected()
    return tree


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.kind = ""
        self._word = ""
        self._advance()

    def _advance(self) -> str:
        taken = self._word
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise FormulaError(f"Syntax error. Found '{self._text[self._at : self._at + 10].strip()}'")
        self._at = match.end()
        self.kind = match.lastgroup or "end"
        self._word = match[self.kind]
        return taken

    def unexpected(self) -> FormulaError:
        return FormulaError(f"Syntax error. Found '{self._word}'" if self._word else "Syntax error. Missing operand")

    def expression(self, power: int) -> Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FormulaError("The formula is nested too deeply")
        left = self._operand()
        while self.kind == "mark" and _BINARY.get(self._word, 0) > power:
            operator = self._advance()
            left = Operation(operator, (left, self.expression(_BINARY[operator])))
        self._depth -= 1
        return left

    def _operand(self) -> Tree:
        if self.kind == "number":
            return Literal("number", self._advance())
        if self.kind == "text":
            return Literal("text", re.sub(r"\\(.)", r"\1", self._advance()[1:-1]))
        if self.kind == "name":
            return self._named(self._advance())
        if self.kind == "mark" and self._word in ("-", "!"):
            operator = self._advance()
            return Operation("NEGATE" if operator == "-" else "NOT", (self.expression(_UNARY_POWER),))
        if self.kind == "mark" and self._word == "(":
            self._advance()
            inner = self.expression(0)
            self._close()
            return inner
        raise self.unexpected()

    def _named(self, name: str) -> Tree:
        if self.kind == "mark" and self._word == "(":
            return Operation(name.upper(), self._operands())
        if name.upper() in ("TRUE", "FALSE"):
            return Literal("boolean", str(int(name.upper() == "TRUE")))
        if name.upper() == "NULL":
            return Literal("null", "NULL")
        return FieldPath(tuple(name.split(".")))

    def _operands(self) -> tuple[Tree, ...]:
        self._advance()
        found: list[Tree] = []
        while not (self.kind == "mark" and self._word == ")"):
            found.append(self.expression(0))
            if self.kind == "mark" and self._word == ",":
                self._advance()
            elif not (self.kind == "mark" and self._word == ")"):
                raise self.unexpected()
        self._close()
        return tuple(found)

    def _close(self) -> None:
        if self.kind != "mark" or self._word != ")":
            raise FormulaError("Syntax error. Missing ')'")
        self._advance()
