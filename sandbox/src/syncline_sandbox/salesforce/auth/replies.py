"""How the OAuth endpoints write: JSON, XML or a form, and their errors.

Lives here: the shapes only ("OAuth 2.0 Authorization Errors" and the `format` parameter of the token and identity
endpoints in Salesforce Help). An OAuth error is an object, never the error array of the REST API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import orjson

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.web import Answer

_FUNCTION = re.compile(r"[A-Za-z_$][\w.$]*")
_NO_STORE = (("Cache-Control", "no-cache, no-store"), ("Pragma", "no-cache"))
_KINDS = {
    "json": "application/json;charset=UTF-8",
    "xml": "application/xml;charset=UTF-8",
    "urlencoded": "application/x-www-form-urlencoded;charset=UTF-8",
}
_ACCEPTED = {
    "application/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/x-www-form-urlencoded": "urlencoded",
    "*/*": "json",
}


class OAuthRefused(Exception):
    """A refusal of the token endpoint or its neighbours."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def answer(self, request: Request, asked: Mapping[str, str]) -> Answer:
        body = {"error": self.error, "error_description": self.description}
        return reply(request, asked, body, status=self.status)


def reply(
    request: Request, asked: Mapping[str, str], body: dict[str, Any], *, status: int = 200, root: str = "OAuth"
) -> Answer:
    """The body in the format asked for: the `format` parameter counts before the Accept header."""
    kind = asked.get("format") or _accepted(request)
    if kind not in _KINDS:
        kind = "json"
    written = {"json": orjson.dumps, "xml": lambda value: _xml(root, value), "urlencoded": _form}[kind](body)
    return Answer(status=status, raw=written, content_type=_KINDS[kind], headers=_NO_STORE)


def text_error(status: int, words: str) -> Answer:
    """The bare word the identity service answers with ("Identity URL Response Status Codes")."""
    return Answer(status=status, raw=words.encode(), content_type="text/html;charset=UTF-8")


def jsonp(callback: str) -> Answer:
    """An empty success, or a call of the function named, for pages of another site ("Revoke OAuth Tokens")."""
    if not _FUNCTION.fullmatch(callback):
        return Answer()
    return Answer(raw=f"{callback}({{}});".encode(), content_type="application/javascript;charset=UTF-8")


def _accepted(request: Request) -> str:
    for listed in request.headers.get("accept", "").split(","):
        kind = _ACCEPTED.get(listed.partition(";")[0].strip().lower())
        if kind is not None:
            return kind
    return "json"


def _xml(root: str, body: dict[str, Any]) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{_elements(body)}</{root}>'.encode()


def _elements(body: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_written(value)}</{name}>" for name, value in body.items())


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    return escape(_word(value))


def _form(body: Mapping[str, Any]) -> bytes:
    return urlencode({name: _word(value) for name, value in body.items()}).encode()


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
