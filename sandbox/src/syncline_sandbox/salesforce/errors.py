"""What the org refuses, in the two shapes it says so: a whole request, or one row.

Lives here: the exceptions and their JSON (REST API Developer Guide, "Status Codes and Error Responses"). A request's
error has `errorCode`, a row's inside a collection has `statusCode`.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

# The HTTP status of a code where it is not 400 ("Status Codes and Error Responses").
_STATUS_OF_CODE = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "INSUFFICIENT_ACCESS": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "API_DISABLED_FOR_ORG": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_API_VERSION": 410,
    "UNKNOWN_EXCEPTION": 500,
    "SERVER_UNAVAILABLE": 503,
}


_LONGEST_SOUGHT = 1_000


class OrgError(Exception):
    """One refusal: a code of the vendor's catalogue, the text, and the fields it is about."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = (), status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status or _STATUS_OF_CODE.get(code, 400)

    def as_request_error(self) -> dict[str, Any]:
        """The element of the REST error array; `fields` only where the error is about fields."""
        shape: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return {**shape, "fields": list(self.fields)} if self.fields else shape

    def as_row_error(self) -> dict[str, Any]:
        """The element of `errors` in a row's result."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def soap_details(self) -> dict[str, Any] | None:
        """What SOAP says beside code, text and fields; None for a plain error."""
        return None


class WrongType(OrgError):
    """A value that is none of a field's type: the JSON parser says so, and where it stood.

    Where no JSON is read, in CSV and XML, the row is refused in other words: `in_text`.
    """

    def __init__(self, kind: str, name: str, label: str, value: Any) -> None:
        self._name = name
        self._label = label
        self._value = value
        self._told = f"Cannot deserialize instance of {kind} from {_token(value)} or request may be missing"
        super().__init__("JSON_PARSER_ERROR", f"{self._told} a required field at [line:1, column:1]")

    def located(self, body: bytes) -> OrgError:
        """The same, told with the place of the field's name in *body*."""
        name = b'"' + re.escape(self._name.encode()) + b'"\\s*:\\s*'
        found = re.search(name + _written(self._value), body, re.IGNORECASE) or re.search(name, body, re.IGNORECASE)
        at = found.start() if found is not None else 0
        line, column = body.count(b"\n", 0, at) + 1, at - body.rfind(b"\n", 0, at)
        return OrgError(self.code, f"{self._told} a required field at [line:{line}, column:{column}]")

    def in_text(self) -> OrgError:
        """How a row that is no JSON is refused."""
        text = f"{self._label}: value not of required type: {self._value}"
        return OrgError("INVALID_TYPE_ON_FIELD_IN_RECORD", text, (self._name,))


def without_json(refused: OrgError) -> OrgError:
    """A row's refusal in the words of APIs that read no JSON."""
    if isinstance(refused, WrongType):
        return refused.in_text()
    if refused.code == "JSON_PARSER_ERROR":
        return OrgError("INVALID_TYPE_ON_FIELD_IN_RECORD", refused.message, refused.fields)
    return refused


def _token(value: Any) -> str:
    """A JSON value as the vendor's parser names it."""
    if isinstance(value, str):
        return f"VALUE_STRING value {value}"
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()} value {str(value).lower()}"
    if isinstance(value, dict | list):
        return "START_OBJECT value {" if isinstance(value, dict) else "START_ARRAY value ["
    return f"VALUE_NUMBER_{'INT' if isinstance(value, int) else 'FLOAT'} value {value}"


def _written(value: Any) -> bytes:
    if isinstance(value, str) and len(value) > _LONGEST_SOUGHT:
        return b'"'
    return re.escape(orjson.dumps(value)) if isinstance(value, str | int | float) else b"[{\\[]"


def rolled_back() -> OrgError:
    """What the good rows of a call are told that wants all or none."""
    text = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return OrgError("ALL_OR_NONE_OPERATION_ROLLED_BACK", text)


def not_found(message: str = "The requested resource does not exist") -> OrgError:
    return OrgError("NOT_FOUND", message)


def malformed_json(message: str) -> OrgError:
    return OrgError("JSON_PARSER_ERROR", message)
