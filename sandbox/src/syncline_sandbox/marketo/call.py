"""One REST call as the rooms see it: path made tidy, method override applied, parameters of query and form together.

Source: Marketo "Lead Database" and "Error Codes" (`_method=GET` with a form body); recorded traffic for the override
inside the form body and for `_method=DELETE`. Tolerance for `..`, double slashes, singular `list` and `BatchSize` is
what other people's clients need.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo.envelope import Refused

FORM = "application/x-www-form-urlencoded"
_TOKEN_PART = re.compile(rb'; name="?access_token"?\r\n\r\n([^\r\n]*)')
MAX_URI_BYTES = 8192
MAX_BODY_BYTES = 1_000_000
MAX_IMPORT_BYTES = 10_000_000


@dataclass
class Call:
    """A request after tidying. Parameter names are lower case; `user` is filled once the token is known."""

    request: Request
    method: str
    path: str
    parameters: dict[str, list[str]]
    request_id: str
    user: str = ""
    captured: dict[str, str] = field(default_factory=dict)  # from the path
    commit_delay_seconds: float = 0.0  # a late commit struck this call

    @property
    def line(self) -> str:
        """What faults are matched against."""
        return f"{self.method} {self.path}"

    @property
    def content_type(self) -> str:
        return self.request.headers.get("content-type", "").partition(";")[0].strip().lower()

    def one(self, name: str) -> str | None:
        """The last value of a parameter, or None when absent or empty."""
        values = self.parameters.get(name.lower())
        return values[-1] or None if values else None

    def many(self, name: str) -> list[str]:
        """All values, whether repeated or comma-separated; blanks dropped."""
        joined = ",".join(self.parameters.get(name.lower(), []))
        return [value.strip() for value in joined.split(",") if value.strip()]

    def number(self, name: str, default: int) -> int:
        """A parameter as an integer. Refused 1001 when it is none."""
        text = self.one(name)
        return default if text is None else to_number(text)

    def batch_size(self, largest: int = 300) -> int:
        """`batchSize`, clamped to 1 … *largest*, which is also the default."""
        return max(1, min(largest, self.number("batchSize", largest)))

    def document(self) -> Any:
        """The JSON body; None without one. Refused 612 for another content type, 609 for bad JSON."""
        if not self.request.body:
            return None
        if self.content_type not in ("application/json", "text/json"):
            raise Refused(612, "Invalid Content Type")
        try:
            return orjson.loads(self.request.body)
        except orjson.JSONDecodeError as wrong:
            raise Refused(609, "Invalid JSON") from wrong

    def inputs(self, largest: int = 300) -> tuple[dict[str, Any], list[Any]]:
        """A write's JSON object and its `input`. Refused 1003 without input or with more than *largest* records."""
        document = self.document()
        records = document.get("input") if isinstance(document, dict) else None
        if not isinstance(records, list) or not records:
            raise Refused(1003, "input not specified")
        if len(records) > largest:
            raise Refused(1003, f"Too many records in input: {len(records)}, maximum {largest}")
        assert isinstance(document, dict)
        return document, records

    def access_token(self, *, accept_query: bool) -> str:
        """The bearer token, or "" when none came. *accept_query*: from the query or, as the vendor's samples of
        imports send it, from a part of the upload too."""
        kind, _, token = self.request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token.strip():
            return token.strip()
        if not accept_query:
            return ""
        part = _TOKEN_PART.search(self.request.body) if self.content_type == "multipart/form-data" else None
        return self.one("access_token") or (part[1].decode("ascii", "replace").strip() if part else "")


def to_number(text: str) -> int:
    try:
        number = int(text)
        if abs(number) < 2**63:
            return number
    except ValueError:
        pass
    raise Refused(1001, f'For input string: "{text}" failed to convert to a number')


def tidy(request: Request, request_id: str) -> Call:
    """Apply path tolerance and method override. Never refuses: a bad body is refused by whoever reads it."""
    path = posixpath.normpath(re.sub(r"/{2,}", "/", unquote(request.path)))
    parameters: dict[str, list[str]] = {}
    pairs = request.query
    override = next((value for name, value in pairs if name == "_method"), "")
    if request.headers.get("content-type", "").lower().startswith(FORM):
        pairs = [*pairs, *parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)]
        override = override or next((value for name, value in pairs if name == "_method"), "")
    for name, value in pairs:
        parameters.setdefault(name.strip().lower(), []).append(value)
    method = (override or request.method).upper()
    if method == "GET":
        _add_json_parameters(request, parameters)
    return Call(request, method, path, parameters, request_id)


def _add_json_parameters(request: Request, parameters: dict[str, list[str]]) -> None:
    """Some clients send a query as a JSON object; its plain members count as parameters."""
    if not request.body.lstrip().startswith(b"{"):
        return
    try:
        document = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return
    for name, value in document.items():
        values = value if isinstance(value, list) else [value]
        parameters.setdefault(name.lower(), []).extend(str(v) for v in values if isinstance(v, str | int))
