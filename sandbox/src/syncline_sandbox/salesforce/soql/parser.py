"""SOQL tokens to the syntax tree: the clauses of a SELECT. Conditions are in `conditions.py`.

SOQL and SOSL Reference, "SOQL SELECT Syntax". Keywords and names are case-insensitive. `FOR UPDATE` and `ALL ROWS`
belong to Apex: over the API the first is an unexpected token and the second "not allowed in this context".
"""

from __future__ import annotations

from .conditions import parse_condition, parse_expression
from .cursor import Cursor
from .errors import MALFORMED_QUERY, NUMBER_OUTSIDE_VALID_RANGE, pointed
from .syntax import Branch, Expression, Item, Order, Path, Query, Subquery, TypeOf

MAX_TEXT_CHARACTERS = 100_000
MAX_OFFSET = 2000
MAX_COUNT = 2**31 - 1
# No alias: the clauses that may follow, and the words "Alias Notation" of the SOQL and SOSL Reference reserves.
_RESERVED = frozenset(
    "USING WHERE WITH GROUP HAVING ORDER LIMIT OFFSET FOR UPDATE ALL FROM AND ASC DESC EXCLUDES FIRST IN INCLUDES LAST "
    "LIKE NOT NULL NULLS OR SELECT".split()
)
_SECURITY_MODES = ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")


def parse(text: str) -> Query:
    """The tree of one SELECT. Raises SoqlError with the vendor's code and text."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise pointed(MALFORMED_QUERY, "SOQL statements cannot be longer than 100000 characters.", text[:80], 0)
    cursor = Cursor(text)
    query = parse_select(cursor)
    if cursor.take_words("ALL", "ROWS"):
        raise cursor.refuse("ALL ROWS not allowed in this context", cursor.previous)
    if cursor.here.kind != "end":
        raise cursor.unexpected()
    return query


def parse_select(cursor: Cursor) -> Query:
    """One SELECT, with whatever may stand behind it left to the caller."""
    cursor.expect_word("SELECT")
    items = cursor.comma_list(parse_item)
    cursor.expect_word("FROM")
    at = cursor.here.at
    from_names = cursor.dotted_names()
    alias = _alias(cursor)
    path_aliases = _path_aliases(cursor)
    scope = _filter_scope(cursor)
    where = parse_condition(cursor, parse_select) if cursor.take_word("WHERE") else None
    if cursor.take_word("WITH") and not any(cursor.take_word(mode) for mode in _SECURITY_MODES):
        raise cursor.unexpected()
    subtotals, group_by = _group_by(cursor) if cursor.take_words("GROUP", "BY") else ("", ())
    having = parse_condition(cursor, parse_select) if cursor.take_word("HAVING") else None
    order_by = cursor.comma_list(parse_order) if cursor.take_words("ORDER", "BY") else ()
    limit = parse_count(cursor) if cursor.take_word("LIMIT") else None
    offset = parse_offset(cursor) if cursor.take_word("OFFSET") else None
    _trailing_notes(cursor)
    return Query(
        items,
        from_names,
        at,
        alias,
        where,
        path_aliases,
        scope,
        group_by,
        subtotals,
        having,
        order_by,
        limit,
        offset,
    )


def parse_item(cursor: Cursor) -> Item:
    """One entry of the SELECT list."""
    if cursor.here.text == "(":
        at = cursor.advance().at
        with cursor.deeper():
            query = parse_select(cursor)
        cursor.expect_mark(")")
        return Item(Subquery(query, at), None)
    if cursor.here.is_word("TYPEOF") and cursor.next.kind == "name":
        return Item(_type_of(cursor), None)
    return Item(parse_expression(cursor), _alias(cursor))


def _type_of(cursor: Cursor) -> TypeOf:
    at = cursor.advance().at
    relation = _path(cursor)
    branches = []
    while cursor.take_word("WHEN"):
        name = cursor.expect("name")
        cursor.expect_word("THEN")
        branches.append(Branch(name.text, cursor.comma_list(_path), name.at))
    otherwise = cursor.comma_list(_path) if branches and cursor.take_word("ELSE") else ()
    if not branches:
        raise cursor.unexpected()
    cursor.expect_word("END")
    return TypeOf(relation, tuple(branches), otherwise, at)


def _path(cursor: Cursor) -> Path:
    at = cursor.here.at
    return Path(cursor.dotted_names(), at)


def _path_aliases(cursor: Cursor) -> tuple[tuple[str, Path], ...]:
    found = []
    while cursor.take_mark(","):
        path = _path(cursor)
        found.append((cursor.expect("name").text, path))
    return tuple(found)


def _filter_scope(cursor: Cursor) -> Path | None:
    if not cursor.take_word("USING"):
        return None
    cursor.expect_word("SCOPE")
    token = cursor.expect("name")
    return Path((token.text,), token.at)


def _group_by(cursor: Cursor) -> tuple[str, tuple[Expression, ...]]:
    """The grouped expressions, and ROLLUP or CUBE if they stand inside one ("GROUP BY ROLLUP", "GROUP BY CUBE")."""
    word = cursor.here
    if not (word.is_word("ROLLUP") or word.is_word("CUBE")) or cursor.next.text != "(":
        return "", cursor.comma_list(parse_expression)
    cursor.advance()
    cursor.advance()
    grouped = cursor.comma_list(parse_expression)
    cursor.expect_mark(")")
    return word.text.upper(), grouped


def _alias(cursor: Cursor) -> str | None:
    """A name that is no clause, after an item or an object; `AS` does not exist in SOQL but is no clause either."""
    here = cursor.here
    if here.kind != "name" or here.text.upper() in _RESERVED:
        return None
    return cursor.advance().text


def parse_order(cursor: Cursor) -> Order:
    """One entry of ORDER BY."""
    expression = parse_expression(cursor)
    descending = cursor.take_word("DESC")
    if not descending:
        cursor.take_word("ASC")
    nulls_last = False
    if cursor.take_word("NULLS"):
        nulls_last = cursor.take_word("LAST")
        if not nulls_last:
            cursor.expect_word("FIRST")
    return Order(expression, descending, nulls_last)


def parse_count(cursor: Cursor) -> int:
    """The n of LIMIT."""
    token = cursor.here
    if token.kind != "number" or not token.text.isdigit():
        raise cursor.unexpected()
    cursor.advance()
    # A larger count is no other count: there are never so many rows.
    return min(int(token.text[:12]), MAX_COUNT)


def parse_offset(cursor: Cursor) -> int:
    """The n of OFFSET."""
    token = cursor.here
    offset = parse_count(cursor)
    if offset > MAX_OFFSET:
        raise cursor.refuse(f"Maximum SOQL offset allowed is {MAX_OFFSET}", token, NUMBER_OUTSIDE_VALID_RANGE)
    return offset


def _trailing_notes(cursor: Cursor) -> None:
    """FOR VIEW, FOR REFERENCE, UPDATE TRACKING, UPDATE VIEWSTAT: they touch usage statistics, never the answer."""
    while cursor.take_words("FOR", "VIEW") or cursor.take_words("FOR", "REFERENCE"):
        pass
    if cursor.take_word("UPDATE") and not (cursor.take_word("TRACKING") or cursor.take_word("VIEWSTAT")):
        raise cursor.unexpected()
