"""The search query of a SOSL statement: words, phrases, wildcards and operators, and whether a text holds them.

SOQL and SOSL Reference, "FIND {SearchQuery}": without case; `*` stands for any characters and `?` for one, inside or
at the end of a term; quotes make a phrase; AND is what stands between terms without an operator; AND NOT, OR and
parentheses. Reserved characters need a backslash.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache

from syncline_sandbox.salesforce.errors import OrgError

Holds = Callable[[str], bool]
RESERVED = frozenset("?&|!{}[]()^~*:\\\"'+-")
_REFUSED_BARE = RESERVED - frozenset('?*()"\\')
_TERM = re.compile(r'\s*(?P<phrase>"(?:\\.|[^"\\])*")|\s*(?P<mark>[()])|\s*(?P<word>(?:\\.|[^\s()"\\])+)', re.DOTALL)
_MAX_DEPTH = 50


def malformed(message: str) -> OrgError:
    return OrgError("MALFORMED_SEARCH", message)


def escaped(term: str) -> str:
    """*term* with its reserved characters taken literally."""
    return "".join(f"\\{letter}" if letter in RESERVED else letter for letter in term)


class Terms:
    """A parsed search query. OrgError MALFORMED_SEARCH for what is none."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._index = 0
        self._depth = 0
        self.holds = self._either()
        if self._index < len(self._tokens):
            raise malformed(f"unexpected token: '{self._tokens[self._index][1]}'")

    def _here(self) -> tuple[str, str]:
        return self._tokens[self._index] if self._index < len(self._tokens) else ("end", "<EOF>")

    def _take(self, *words: str) -> bool:
        here = [token for kind, token in self._tokens[self._index : self._index + len(words)] if kind != "phrase"]
        if [token.upper() for token in here] != list(words):
            return False
        self._index += len(words)
        return True

    def _either(self) -> Holds:
        parts = [self._both()]
        while self._take("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda text: any(holds(text) for holds in parts)

    def _both(self) -> Holds:
        parts = [self._one()]
        while True:
            if self._take("AND", "NOT"):
                parts.append(_negated(self._one()))
            elif self._take("AND") or (self._here()[0] != "end" and self._here()[1].upper() not in ("OR", ")")):
                parts.append(self._one())
            else:
                return parts[0] if len(parts) == 1 else lambda text: all(holds(text) for holds in parts)

    def _one(self) -> Holds:
        kind, token = self._here()
        if kind == "end" or token == ")":
            raise malformed(f"unexpected token: '{token}'")
        self._index += 1
        if kind != "mark":
            pattern = _pattern(token[1:-1] if kind == "phrase" else token)
            return lambda text: pattern.search(text) is not None
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise malformed("The search is nested too deeply")
        inner = self._either()
        if not self._take(")"):
            raise malformed(f"unexpected token: '{self._here()[1]}'")
        return inner


def _negated(holds: Holds) -> Holds:
    return lambda text: not holds(text)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TERM.match(text, at)
        if match is None:
            raise malformed(f"unexpected token: '{text[at:].strip()[:1]}'")
        kind = match.lastgroup or "word"
        found.append((kind, match[kind]))
        at = match.end()
    return found


@lru_cache(maxsize=256)
def _pattern(term: str) -> re.Pattern[str]:
    """A term as a pattern of whole words."""
    pieces: list[str] = []
    letters = iter(term)
    for letter in letters:
        if letter == "\\":
            pieces.append(re.escape(next(letters, "")))
        elif letter in "*?" and pieces:
            pieces.append(r"\w*" if letter == "*" else r"\w")
        elif letter in "*?":
            raise malformed(f"The search term must not start with a wildcard: {term}")
        else:
            pieces.append(r"\s+" if letter.isspace() else re.escape(letter))
    if len(pieces) < 2:
        raise malformed(f"search term must be longer than one character: {term}")
    return re.compile(rf"(?<!\w){''.join(pieces)}(?!\w)", re.IGNORECASE)


def install_search(connection: sqlite3.Connection, terms: Terms) -> None:
    """Register `sf_search(text)` on *connection*: whether the text holds what is searched for."""
    connection.create_function("sf_search", 1, lambda text: int(terms.holds(text or "")))


def refuse_reserved(text: str, start: int, end: int) -> None:
    """OrgError for a reserved character that stands bare between the braces at *start* and *end*."""
    quoted, at = False, start + 1
    while at < end:
        letter = text[at]
        if letter == "\\":
            at += 1
        elif letter == '"':
            quoted = not quoted
        elif letter in _REFUSED_BARE and not quoted:
            message = f"line 1:{at} mismatched character '{letter}' expecting '}}'"
            raise malformed(f"\n{text}\n{' ' * (at - 1)}^\nERROR at Row:1:Column:{at}\n{message}")
        at += 1
