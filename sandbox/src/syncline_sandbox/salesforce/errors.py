"""What the org refuses, in the two shapes it says so: a whole request, or one row.

Lives here: the exceptions and their JSON (REST API Developer Guide, "Status Codes and Error Responses"). A request's
error has `errorCode`, a row's inside a collection has `statusCode`.
"""

from __future__ import annotations

from typing import Any

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


def not_found(message: str = "The requested resource does not exist") -> OrgError:
    return OrgError("NOT_FOUND", message)


def malformed_json(message: str) -> OrgError:
    return OrgError("JSON_PARSER_ERROR", message)
