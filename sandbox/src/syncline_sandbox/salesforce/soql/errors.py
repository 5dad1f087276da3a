"""The refusal of a query: a vendor error code and the text that points into the query.

SOQL and SOSL Reference; REST API Developer Guide "Status Codes and Error Responses": the message repeats the query,
puts a caret under the offending token and names row and column, both from 1. Of a long query it repeats 32 characters
before the token and 32 from there on, as recorded messages do (github.com/forcedotcom/cli issue 1356).
"""

from __future__ import annotations

MALFORMED_QUERY = "MALFORMED_QUERY"
INVALID_FIELD = "INVALID_FIELD"
INVALID_TYPE = "INVALID_TYPE"
INVALID_QUERY_FILTER_OPERATOR = "INVALID_QUERY_FILTER_OPERATOR"
QUERY_TOO_COMPLICATED = "QUERY_TOO_COMPLICATED"
NUMBER_OUTSIDE_VALID_RANGE = "NUMBER_OUTSIDE_VALID_RANGE"
_SHOWN_CHARACTERS = 32


class SoqlError(Exception):
    """A query the org refuses. `code` is the errorCode, `str(error)` the message; REST answers both with HTTP 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def pointed(code: str, message: str, text: str, at: int) -> SoqlError:
    """A refusal whose message shows the line of *text* that holds offset *at*, with a caret under it."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    row, column = text.count("\n", 0, at) + 1, at - start + 1
    before = text[max(start, at - _SHOWN_CHARACTERS) : at]
    if column - 1 > _SHOWN_CHARACTERS:
        before = before.lstrip()
    line = before + text[at : min(at + _SHOWN_CHARACTERS, end if end >= 0 else len(text))]
    caret = " " * len(before) + "^"
    return SoqlError(code, f"\n{line}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")
