"""SOQL text to tokens. Nothing here knows the grammar; keywords are plain names until the parser asks for one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import MALFORMED_QUERY, pointed

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<datetime>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2}))
      | (?P<date>\d{4}-\d{2}-\d{2}(?![\dT]))
      | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))
      | (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark><>|!=|<=|>=|[=<>(),.:])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "_": "_", "%": "%"}
_SURROGATES = frozenset("D8 D9 DA DB DC DD DE DF".split())  # first half of what is no character alone
_ESCAPED |= {letter.upper(): _ESCAPED[letter] for letter in "nrtbf"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `kind` is datetime, date, number, string, name, mark or end; `at` its offset in the text."""

    kind: str
    text: str
    at: int

    def is_word(self, word: str) -> bool:
        return self.kind == "name" and self.text.upper() == word


def tokenize(text: str) -> list[Token]:
    """The tokens of *text*, closed by one of kind `end`. Raises SoqlError on a character that starts none."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _no_token(text, at)
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, match.group(), at))
        at = match.end()
    tokens.append(Token("end", "<EOF>", len(text)))
    return tokens


def _no_token(text: str, at: int) -> Exception:
    if text[at] == "'":
        return pointed(MALFORMED_QUERY, "unexpected token: ''' (unterminated string literal)", text, at)
    return pointed(MALFORMED_QUERY, f"unexpected token: '{text[at]}'", text, at)


def string_value(token: Token, text: str) -> str:
    """The characters a string token stands for. Raises SoqlError on a backslash SOQL does not know."""

    def replace(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] == "u" and len(code) == 5 and code[1:3].upper() not in _SURROGATES:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            raise pointed(
                MALFORMED_QUERY,
                f"Invalid string literal {token.text}. Illegal character sequence '\\{code}' in string literal.",
                text,
                token.at,
            )
        return _ESCAPED[code]

    return _ESCAPE.sub(replace, token.text[1:-1])


def like_pattern(token: Token, text: str) -> str:
    """The SQL LIKE pattern, escape character backslash, that a string token stands for after LIKE."""
    plain = string_value(token, text)
    if "\\" not in token.text:
        return plain
    pieces: list[str] = []
    body = token.text[1:-1]
    last = 0
    for match in _ESCAPE.finditer(body):
        pieces.append(body[last : match.start()])
        character = string_value(Token("string", f"'{match.group()}'", token.at), text)
        pieces.append("\\" + character if character in "\\%_" else character)
        last = match.end()
    return "".join([*pieces, body[last:]])
