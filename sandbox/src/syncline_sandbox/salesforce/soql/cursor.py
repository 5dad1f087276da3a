"""A position in a token list and the small questions a recursive-descent parser asks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from .errors import MALFORMED_QUERY, QUERY_TOO_COMPLICATED, SoqlError, pointed
from .tokens import Token, tokenize

T = TypeVar("T")
MAX_DEPTH = 100


class Cursor:
    """Where the parser stands in one query text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenize(text)
        self._index = 0
        self._depth = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._index]

    @property
    def next(self) -> Token:
        """The token after `here`; the end token stands for anything beyond it."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def previous(self) -> Token:
        return self._tokens[max(self._index - 1, 0)]

    def advance(self) -> Token:
        token = self.here
        if token.kind != "end":
            self._index += 1
        return token

    def take_word(self, word: str) -> bool:
        if not self.here.is_word(word):
            return False
        self.advance()
        return True

    def take_words(self, first: str, second: str) -> bool:
        """Both words in a row, or nothing taken."""
        if not (self.here.is_word(first) and self.next.is_word(second)):
            return False
        self.advance()
        self.advance()
        return True

    def take_mark(self, mark: str) -> bool:
        if self.here.kind != "mark" or self.here.text != mark:
            return False
        self.advance()
        return True

    def expect(self, kind: str) -> Token:
        if self.here.kind != kind:
            raise self.unexpected()
        return self.advance()

    def expect_word(self, word: str) -> None:
        if not self.take_word(word):
            raise self.unexpected()

    def expect_mark(self, mark: str) -> None:
        if not self.take_mark(mark):
            raise self.unexpected()

    def dotted_names(self) -> tuple[str, ...]:
        names = [self.expect("name").text]
        while self.take_mark("."):
            names.append(self.expect("name").text)
        return tuple(names)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level of nesting; a query with too many is refused, not a reason to run out of stack."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refuse("The query is nested too deeply", self.here, QUERY_TOO_COMPLICATED)
        yield
        self._depth -= 1

    def comma_list(self, parse_one: Callable[[Cursor], T]) -> tuple[T, ...]:
        """One or more, separated by commas."""
        found = [parse_one(self)]
        while self.take_mark(","):
            found.append(parse_one(self))
        return tuple(found)

    def unexpected(self) -> SoqlError:
        return self.refuse(f"unexpected token: '{self.here.text}'", self.here)

    def refuse(self, message: str, token: Token, code: str = MALFORMED_QUERY) -> SoqlError:
        return pointed(code, message, self.text, token.at)
