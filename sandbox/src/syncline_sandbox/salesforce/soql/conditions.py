"""The parser's lower half: expressions, literals and the conditions of WHERE and HAVING.

AND and OR need parentheses when mixed, NOT is a prefix (SOQL and SOSL Reference, "Logical Operators").
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .cursor import Cursor
from .dates import MAX_UNITS, NAMED_DATES
from .syntax import Call, Comparison, Condition, Expression, Literal, Logic, Membership, Path, Query
from .tokens import Token, like_pattern, string_value

_COMPARATORS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CURRENCY = re.compile(r"[A-Za-z]{3}(\d+)")  # what follows the point is a token of its own
MAX_STRING_CHARACTERS = 4000
"""SOQL and SOSL Limits for Search Queries: string length in a WHERE clause."""
ParseSelect = Callable[[Cursor], Query]


def parse_expression(cursor: Cursor) -> Expression:
    """A field path or a function of one."""
    token = cursor.here
    if token.kind == "name" and cursor.next.text == "(":
        cursor.advance()
        cursor.advance()
        with cursor.deeper():
            argument = None if cursor.here.text == ")" else parse_expression(cursor)
        cursor.expect_mark(")")
        return Call(token.text.upper(), argument, token.at)
    return Path(cursor.dotted_names(), token.at)


def parse_condition(cursor: Cursor, select: ParseSelect) -> Condition:
    """Terms joined by AND only or by OR only."""
    first = _term(cursor, select)
    for operator in ("AND", "OR"):
        if not cursor.here.is_word(operator):
            continue
        parts = [first]
        while cursor.take_word(operator):
            parts.append(_term(cursor, select))
        if cursor.here.is_word("AND") or cursor.here.is_word("OR"):
            raise cursor.unexpected()
        return Logic(operator, tuple(parts))
    return first


def _term(cursor: Cursor, select: ParseSelect) -> Condition:
    if cursor.take_word("NOT"):
        with cursor.deeper():
            return Logic("NOT", (_term(cursor, select),))
    if cursor.take_mark("("):
        with cursor.deeper():
            inner = parse_condition(cursor, select)
        cursor.expect_mark(")")
        return inner
    return _comparison(cursor, select)


def _comparison(cursor: Cursor, select: ParseSelect) -> Condition:
    left = parse_expression(cursor)
    mark = cursor.here
    if mark.kind == "mark" and mark.text in _COMPARATORS:
        cursor.advance()
        return Comparison(left, _COMPARATORS[mark.text], (_literal(cursor),))
    if cursor.take_word("LIKE"):
        return Comparison(left, "LIKE", (_literal(cursor),))
    for operator in ("INCLUDES", "EXCLUDES"):
        if cursor.take_word(operator):
            return Comparison(left, operator, _literals(cursor))
    negated = cursor.take_words("NOT", "IN")
    if not negated:
        cursor.expect_word("IN")
    if isinstance(left, Path) and cursor.here.text == "(" and cursor.next.is_word("SELECT"):
        cursor.advance()
        inner = select(cursor)
        cursor.expect_mark(")")
        return Membership(left, negated, inner)
    return Comparison(left, "NOT IN" if negated else "IN", _literals(cursor))


def _literals(cursor: Cursor) -> tuple[Literal, ...]:
    cursor.expect_mark("(")
    found = cursor.comma_list(_literal)
    cursor.expect_mark(")")
    return found


def _literal(cursor: Cursor) -> Literal:
    token = cursor.here
    if token.kind == "string":
        cursor.advance()
        value = string_value(token, cursor.text)
        if len(value) > MAX_STRING_CHARACTERS:
            raise cursor.refuse(f"a string in WHERE has at most {MAX_STRING_CHARACTERS} characters", token)
        return Literal("string", value, token.at, like=like_pattern(token, cursor.text))
    if token.kind in {"number", "date", "datetime"}:
        cursor.advance()
        return Literal(token.kind, token.text, token.at)
    if token.kind == "name":
        return _named_literal(cursor, token)
    raise cursor.unexpected()


def _named_literal(cursor: Cursor, token: Token) -> Literal:
    word = token.text.upper()
    if word in {"TRUE", "FALSE", "NULL"}:
        cursor.advance()
        return Literal("null" if word == "NULL" else "boolean", word.lower(), token.at)
    if word in NAMED_DATES:
        cursor.advance()
        return Literal("range", word, token.at, count=_after_colon(cursor) if NAMED_DATES[word].counted else 0)
    currency = _CURRENCY.fullmatch(token.text)
    if currency is None:
        raise cursor.unexpected()
    cursor.advance()
    after = cursor.here
    joined = after.kind == "number" and after.text[0] == "." and after.at == token.at + len(token.text)
    return Literal("number", currency.group(1) + (cursor.advance().text if joined else ""), token.at)


def _after_colon(cursor: Cursor) -> int:
    cursor.expect_mark(":")
    token = cursor.expect("number")
    if not token.text.isdigit():
        raise cursor.refuse(f"unexpected token: '{token.text}'", token)
    return min(int(token.text[:12]), MAX_UNITS)
