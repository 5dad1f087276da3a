"""The reply envelope every REST call shares, and the refusals that fill it; plain answers, and compression.

Source: Marketo "Error Codes" and the "Response" section of "REST API": HTTP 200 for business failures, string codes,
`requestId` always present, its part after # the server time in hexadecimal epoch milliseconds; "Performance" (gzip).
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from syncline_sandbox.core.wire import Response

_GZIP_FROM_BYTES = 1024
JSON_HEADERS = (("Content-Type", "application/json;charset=UTF-8"),)


class Refused(Exception):
    """The whole call fails with this code and text: HTTP 200, success false."""

    def __init__(self, code: int | str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = str(code)
        self.message = message


def success(request_id: str, members: Mapping[str, Any]) -> Response:
    """`members` are result, nextPageToken, moreResult … in the order they shall appear."""
    return _json({"requestId": request_id, "success": True, **members})


def failure(request_id: str, refused: Refused) -> Response:
    errors = [{"code": refused.code, "message": refused.message}]
    return _json({"requestId": request_id, "success": False, "errors": errors})


def skipped(code: int, message: str, **members: Any) -> dict[str, Any]:
    """One record's refusal inside a successful call."""
    return {**members, "status": "skipped", "reasons": [{"code": str(code), "message": message}]}


def plain(status: int, text: str) -> Response:
    """An answer without an envelope."""
    return Response(status=status, headers=(("Content-Type", "text/plain"),), body=text.encode())


def compressed(response: Response, accepted: str) -> Response:
    """The answer by gzip, if a client accepts that and it is worth it."""
    if "gzip" not in accepted or len(response.body) < _GZIP_FROM_BYTES:
        return response
    headers = (*response.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return replace(response, headers=headers, body=gzip.compress(response.body, 1))


def _json(document: Mapping[str, Any]) -> Response:
    return Response(headers=JSON_HEADERS, body=orjson.dumps(document))
