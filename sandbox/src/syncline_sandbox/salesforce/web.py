"""One call of the REST API inside the org, its answer, and which handler it goes to.

Lives here: Call, Answer, Router. The same handlers serve a request of its own and a Composite sub-request, so an
answer stays a Python value until the door (`org.py`) writes it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from syncline_sandbox.core.wire import Response

from .caller import Caller
from .errors import OrgError, WrongType, malformed_json, not_found

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A method on a resource. `path` is below `/services/data/vXX.0/`, still percent-encoded, without outer slashes.

    `body` is raw bytes, or a decoded JSON value when the call is a part of a Composite. `parts` are the decoded
    groups of the route that matched.
    """

    caller: Caller
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = b""
    parts: tuple[str, ...] = ()

    def json(self) -> Any:
        """The body as a JSON value. OrgError JSON_PARSER_ERROR when it is none."""
        if not isinstance(self.body, bytes):
            return self.body
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as broken:
            raise malformed_json(f"Unexpected character or end-of-input: {broken}") from broken

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. OrgError JSON_PARSER_ERROR when it is none."""
        value = self.json()
        if not isinstance(value, dict):
            raise malformed_json("The HTTP entity body is required to be a JSON object.")
        return value

    def texts(self, name: str) -> list[str]:
        """A member of the JSON object that lists texts; empty without it. OrgError JSON_PARSER_ERROR otherwise."""
        listed = self.json_object().get(name, [])
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise malformed_json(f"The property '{name}' is required to be a list of strings.")
        return listed

    @property
    def data_url(self) -> str:
        """`/services/data/vXX.0`, as this call was addressed."""
        return f"/services/data/v{self.caller.version}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a handler says. `raw`, if set, is sent as it is under `content_type`; otherwise `body` goes out as JSON."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    content_type: str = JSON

    def as_response(self) -> Response:
        body = self.raw if self.raw is not None else b"" if self.body is None else orjson.dumps(self.body)
        kind = (("Content-Type", self.content_type),) if body else ()
        return Response(status=self.status, headers=(*kind, *self.headers), body=body)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A handler for a method and a pattern of the path; a segment `{}` is a group, `{*}` a group that takes slashes."""

    method: str
    pattern: str
    handler: Handler


class Router:
    """Finds the handler of a call. Patterns match without case; the first route that fits wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, _compiled(route.pattern)) for route in routes]

    def answer(self, call: Call) -> Answer:
        """Run the handler.

        Raises:
            OrgError: NOT_FOUND for no such resource, METHOD_NOT_ALLOWED, or whatever the handler refuses.
        """
        allowed: list[str] = []
        for route, pattern in self._routes:
            match = pattern.fullmatch(call.path)
            if match is None:
                continue
            if route.method == call.method:
                return _run(route.handler, replace(call, parts=tuple(unquote(part) for part in match.groups())))
            allowed.append(route.method)
        if allowed:
            text = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(dict.fromkeys(allowed))}"
            raise OrgError("METHOD_NOT_ALLOWED", text)
        raise not_found()


def _run(handler: Handler, call: Call) -> Answer:
    try:
        return handler(call)
    except WrongType as wrong:
        raise wrong.located(call.body if isinstance(call.body, bytes) else orjson.dumps(call.body)) from wrong


def split_query(text: str) -> dict[str, str]:
    """The query string as a mapping; of a repeated name the first value counts."""
    pairs: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        pairs.setdefault(name, value)
    return pairs


def refusal(error: OrgError) -> Answer:
    """The error array of a refused call."""
    return Answer(status=error.status, body=[error.as_request_error()])


def _compiled(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\{\*\}", "(.+)").replace(r"\{\}", "([^/]+)")
    return re.compile(text, re.IGNORECASE)
