"""The reply envelope every REST call shares, and the refusals that fill it.

Source: Marketo "Error Codes" and the "Response" section of "REST API": HTTP 200 for business failures, string codes,
`requestId` always present, its part after # the server time in hexadecimal epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from syncline_sandbox.core.wire import Response

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


def _json(document: Mapping[str, Any]) -> Response:
    return Response(headers=JSON_HEADERS, body=orjson.dumps(document))
