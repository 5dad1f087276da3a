"""A SOSL statement to what it searches for, where, and a SELECT for each object it returns.

SOQL and SOSL Reference, "SOSL Syntax", "IN SearchGroup", "RETURNING FieldSpec", "LIMIT n": the fields of an object may
be followed by WHERE, ORDER BY, LIMIT and OFFSET as in SOQL. Not read: WITH, USING, convertCurrency of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.soql.conditions import parse_condition
from syncline_sandbox.salesforce.soql.cursor import Cursor
from syncline_sandbox.salesforce.soql.errors import MALFORMED_QUERY, SoqlError
from syncline_sandbox.salesforce.soql.parser import parse_count, parse_item, parse_offset, parse_order, parse_select
from syncline_sandbox.salesforce.soql.syntax import Item, Path, Query

from .terms import Terms, malformed, refuse_reserved

MAX_ROWS = 2000
MAX_TEXT_CHARACTERS = 100_000
_GROUPS = ("ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR")
_NO_TERM = "No search term found. The search term must be enclosed in braces."


@dataclass(frozen=True, kw_only=True)
class Search:
    """A parsed statement. `selects` is empty where nothing is said of what to return; `text` is for messages."""

    text: str
    terms: Terms
    group: str
    selects: tuple[Query, ...]
    limit: int


def parse_search(text: str) -> Search:
    """The statement. OrgError MALFORMED_SEARCH where it is none."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise malformed("SOSL statements cannot be longer than 100000 characters.")
    start, end = _braces(text)
    refuse_reserved(text, start, end)
    # Blanks in place of the term keep rows and columns of what follows.
    blanked = text[:start] + " " * (end + 1 - start) + text[end + 1 :]
    terms = Terms(text[start + 1 : end])
    try:
        cursor = Cursor(blanked)
        cursor.text = text
        return _read(cursor, text, terms)
    except SoqlError as refused:
        code = "MALFORMED_SEARCH" if refused.code == MALFORMED_QUERY else refused.code
        raise OrgError(code, refused.message, status=400) from refused


def _braces(text: str) -> tuple[int, int]:
    start = text.find("{")
    at = start + 1
    while start >= 0 and at < len(text) and text[at] != "}":
        at += 2 if text[at] == "\\" else 1
    if start < 0 or at >= len(text):
        raise malformed(_NO_TERM)
    return start, at


def _read(cursor: Cursor, text: str, terms: Terms) -> Search:
    cursor.expect_word("FIND")
    group = _group(cursor) if cursor.take_word("IN") else "ALL"
    selects = cursor.comma_list(_returned) if cursor.take_word("RETURNING") else ()
    limit = parse_count(cursor) if cursor.take_word("LIMIT") else MAX_ROWS
    while cursor.take_word("UPDATE"):
        cursor.expect("name")
    if cursor.here.kind != "end":
        raise cursor.unexpected()
    return Search(text=text, terms=terms, group=group, selects=selects, limit=min(limit, MAX_ROWS))


def _group(cursor: Cursor) -> str:
    for name in _GROUPS:
        if cursor.take_words(name, "FIELDS"):
            return name
    raise cursor.refuse(f"Malformed search token: {cursor.next.text}", cursor.next)


def _returned(cursor: Cursor) -> Query:
    """`Lead(Id, Name WHERE … ORDER BY … LIMIT n)`, or `Lead` alone for its ids."""
    name = cursor.expect("name")
    if not cursor.take_mark("("):
        return Query((Item(Path(("Id",), name.at), None),), (name.text,), name.at)
    items = cursor.comma_list(parse_item)
    where = parse_condition(cursor, parse_select) if cursor.take_word("WHERE") else None
    order_by = cursor.comma_list(parse_order) if cursor.take_words("ORDER", "BY") else ()
    limit = parse_count(cursor) if cursor.take_word("LIMIT") else None
    offset = parse_offset(cursor) if cursor.take_word("OFFSET") else None
    cursor.expect_mark(")")
    return Query(items, (name.text,), name.at, where=where, order_by=order_by, limit=limit, offset=offset)
