"""One table from the vendor's codes to what happens next, for calls and for rows.

Codes and texts: Salesforce, REST API Developer Guide, "Status Codes and Error Responses", and SOAP API Developer
Guide, "StatusCode". A code that is not listed is *not understood*: of a call it stops the sync, of a row it is a
refusal a person has to look at. It is never taken for "try again".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from syncline.connectors.salesforce import soap
from syncline.errors import (
    AccessError,
    ConfigError,
    Later,
    NotUnderstood,
    QuotaExhausted,
    RateLimited,
    SynclineError,
    Unavailable,
)
from syncline.net.auth import TokenRefused
from syncline.ports import HttpRequest, HttpResponse
from syncline.records import Outcome, Status

CONCURRENCY_WAIT_SECONDS = 5.0


class FieldRefused(NotUnderstood):
    """A query named a field the connected user cannot see; `column` is its name as the vendor repeats it."""

    code = "SYN-511"

    def __init__(self, message: str, *, column: str) -> None:
        super().__init__(message)
        self.column = column


class CallRefused(NotUnderstood):
    """A SOAP call was refused as a whole for a reason the table knows as a row's own: `error` is that reason."""

    def __init__(self, message: str, *, error: VendorError) -> None:
        super().__init__(message)
        self.error = error


class ObjectRefused(AccessError):
    """The object does not exist for the connected user."""

    code = "SYN-220"
    remedy = "Grant the connected user read access to the object."


@dataclass(frozen=True)
class Meaning:
    """What one code means: the class a call raises, and the flavour of a row's refusal."""

    raises: type[SynclineError] = NotUnderstood
    is_permanent: bool = True
    is_gone: bool = False
    is_stale: bool = False


_REFUSED = Meaning()  # the row needs a change of its values, of the schema or of a right
_PASSING = Meaning(raises=Unavailable, is_permanent=False)
_RIGHT = Meaning(raises=AccessError)
_BYSTANDER = Meaning(raises=Later, is_permanent=False)

MEANINGS: Mapping[str, Meaning] = {
    # session and access
    "INVALID_SESSION_ID": Meaning(raises=TokenRefused, is_permanent=False),
    "INVALID_AUTH_HEADER": _RIGHT,
    "API_DISABLED_FOR_ORG": _RIGHT,
    "API_CURRENTLY_DISABLED": _RIGHT,
    "FUNCTIONALITY_NOT_ENABLED": _RIGHT,
    "INSUFFICIENT_ACCESS": _RIGHT,
    "INSUFFICIENT_ACCESS_OR_READONLY": _RIGHT,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _RIGHT,
    "TXN_SECURITY_METERING_ERROR": _RIGHT,
    "INVALID_TYPE": Meaning(raises=ObjectRefused),
    "INVALID_TYPE_FOR_OPERATION": _RIGHT,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": _REFUSED,  # unless its cause passes, see PASSING_CAUSES
    "CANNOT_EXECUTE_FLOW_TRIGGER": _REFUSED,  # likewise
    # limits
    "REQUEST_LIMIT_EXCEEDED": Meaning(raises=RateLimited, is_permanent=False),  # or QuotaExhausted, by its text
    "LIMIT_EXCEEDED": Meaning(raises=QuotaExhausted, is_permanent=False),
    "TOO_MANY_JOBS": _PASSING,
    "TOO_MANY_APEX_REQUESTS": _PASSING,
    "STORAGE_LIMIT_EXCEEDED": Meaning(raises=QuotaExhausted, is_permanent=False),
    # passing trouble
    "SERVER_UNAVAILABLE": _PASSING,
    "UNKNOWN_EXCEPTION": _PASSING,
    "UNABLE_TO_LOCK_ROW": _PASSING,
    "QUERY_TIMEOUT": _PASSING,
    "REQUEST_RUNNING_TOO_LONG": _PASSING,
    "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE": _PASSING,
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": _PASSING,
    "ORG_IN_MAINTENANCE": _PASSING,
    "ENTITY_IS_LOCKED": _PASSING,  # an approval holds it
    "INVALID_QUERY_LOCATOR": _BYSTANDER,  # the read starts again from its cursor
    # innocent of what happened to another row
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": _BYSTANDER,
    "PROCESSING_HALTED": _BYSTANDER,
    "BATCH_PROCESSING_HALTED": _BYSTANDER,
    # the record itself
    "ENTITY_IS_DELETED": Meaning(is_gone=True),
    "INVALID_CROSS_REFERENCE_KEY": Meaning(is_permanent=False),  # its parent may still come
    "CANNOT_UPDATE_CONVERTED_LEAD": Meaning(is_gone=True),  # read again, it names its contact
    "PRECONDITION_FAILED": Meaning(is_permanent=False, is_stale=True),
    "NOT_FOUND": Meaning(raises=ObjectRefused, is_gone=True),
    "DUPLICATE_VALUE": _REFUSED,
    "DUPLICATES_DETECTED": _REFUSED,
    "DUPLICATE_EXTERNAL_ID": _REFUSED,
    "DELETE_FAILED": _REFUSED,
    "DEPENDENCY_EXISTS": _REFUSED,
    # values
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _REFUSED,
    "REQUIRED_FIELD_MISSING": _REFUSED,
    "INVALID_FIELD_FOR_INSERT_UPDATE": _REFUSED,
    "INVALID_FIELD": _REFUSED,  # of a query: FieldRefused
    "INVALID_TYPE_ON_FIELD_IN_RECORD": _REFUSED,
    "MALFORMED_ID": _REFUSED,
    "NUMBER_OUTSIDE_VALID_RANGE": _REFUSED,
    "STRING_TOO_LONG": _REFUSED,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": _REFUSED,
    "INVALID_EMAIL_ADDRESS": _REFUSED,
    "INVALID_CURRENCY_ISO": _REFUSED,
    "INVALID_CURRENCY_CORP_RATE": _REFUSED,
    "FIELD_INTEGRITY_EXCEPTION": _REFUSED,
    "FIELD_FILTER_VALIDATION_EXCEPTION": _REFUSED,
    "INACTIVE_OWNER_OR_USER": _REFUSED,
    "INVALID_STATUS": _REFUSED,  # of a conversion
    "INVALID_ID_FIELD": _REFUSED,
    "MISSING_ARGUMENT": _REFUSED,
    "MIXED_DML_OPERATION": _REFUSED,
    "JSON_PARSER_ERROR": _REFUSED,
    # what the connection is set to
    "UNSUPPORTED_API_VERSION": Meaning(raises=ConfigError),
    # ours; a call that draws one of these is not understood
    "MALFORMED_QUERY": _REFUSED,
    "QUERY_TOO_COMPLICATED": _REFUSED,
    "INVALID_QUERY_FILTER_OPERATOR": _REFUSED,
    "INVALID_OPERATION": _REFUSED,
    "METHOD_NOT_ALLOWED": _REFUSED,
    "EXCEEDED_ID_LIMIT": _REFUSED,
    "OPERATION_TOO_LARGE": _REFUSED,
    # our own word for rows that stayed behind when a call before theirs failed
    "not_sent": Meaning(is_permanent=False),
    "unprocessed": Meaning(is_permanent=False),
}

# Automation hands through the reason it failed for; only these reasons pass.
_WRAPPERS = frozenset({"CANNOT_EXECUTE_FLOW_TRIGGER", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"})
_PASSING_CAUSE = re.compile(r"UNABLE_TO_LOCK_ROW|exclusive access|TOO_MANY_|limit exceeded", re.IGNORECASE)

_COLUMN = re.compile(r"No such column '([^']+)'")

# Statuses of a server or an edge in trouble, whatever the body says; 406 and 420 come from edge proxies.
_TROUBLED = frozenset({406, 420, 429})


@dataclass(frozen=True, kw_only=True)
class VendorError:
    """One error as the vendor says it, whichever of its shapes it came in."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()


def judge(request: HttpRequest, response: HttpResponse) -> SynclineError | None:
    """`net.client.Judge` of REST and Bulk calls: the error an answer stands for, None for an answer to be read."""
    if response.status < 400:
        return None
    told = soap.fault(response.body) if soap.SOAP_PATH in request.url else None
    if told is None:
        return error_of(response.status, _body_of(response))
    (error,) = vendor_errors(told)
    meaning = MEANINGS.get(error.code)
    if meaning is not None and meaning.raises is NotUnderstood:
        return CallRefused(f"Salesforce: {error.code}: {error.message}", error=error)
    return _raised(response.status, error)


def error_of(status: int, body: Any) -> SynclineError:
    """The error of a refused call, or of a refused part of a Composite, from its status and decoded body."""
    errors = vendor_errors(body)
    if not errors:
        if status >= 500 or status in _TROUBLED:
            return Unavailable(f"Salesforce answered HTTP {status}.")
        if status == 401:
            return TokenRefused("Salesforce answered HTTP 401 without saying why.")
        return NotUnderstood(f"Salesforce answered HTTP {status} without an error this connector knows.")
    return _raised(status, errors[0])


def vendor_errors(body: Any) -> list[VendorError]:
    """The errors in a REST error array, an OAuth error object or the `errors` of a row; [] for anything else."""
    items = body if isinstance(body, list) else [body]
    return [error for item in items if isinstance(item, dict) and (error := _vendor_error(item)) is not None]


def refusal(errors: Sequence[VendorError], record_id: str | None) -> Outcome:
    """The outcome of a refused row. The first error decides; the others are added to the message."""
    first = errors[0] if errors else VendorError(code="", message="refused without a reason")
    meaning = MEANINGS.get(first.code)
    message = "; ".join(error.message for error in errors) or first.message
    passes = first.code in _WRAPPERS and _PASSING_CAUSE.search(first.message) is not None
    if meaning is None:
        meaning, message = _REFUSED, f"(not understood) {message}"
    # A parent may still come; an owner that may not own it will not.
    is_owner = first.code == "INVALID_CROSS_REFERENCE_KEY" and "OwnerId" in first.fields
    return Outcome(
        status=Status.REJECTED,
        record_id=record_id,
        code=first.code,
        message=message,
        fields=tuple(dict.fromkeys(name for error in errors for name in error.fields)),
        is_permanent=(meaning.is_permanent or is_owner) and not passes,
        is_gone=meaning.is_gone,
        is_stale=meaning.is_stale,
        candidates=first.candidates,
    )


def is_about_values(error: VendorError) -> bool:
    """Whether an error is one that a row's own values draw, so that it says nothing of the rows beside it."""
    return MEANINGS.get(error.code) is _REFUSED


def bulk_error(text: str) -> VendorError:
    """The error in a failed Bulk row: `CODE:message:FIELD1,FIELD2 --`."""
    code, _, rest = text.partition(":")
    message, _, fields = rest.removesuffix("--").strip().rpartition(":")
    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    return VendorError(code=code, message=message or rest, fields=names)


def _vendor_error(item: Mapping[str, Any]) -> VendorError | None:
    code = item.get("errorCode") or item.get("statusCode") or item.get("error")
    if not isinstance(code, str):
        return None
    message = item.get("message") or item.get("error_description") or code
    fields = tuple(str(name) for name in item.get("fields") or ())
    return VendorError(code=code, message=str(message), fields=fields, candidates=_candidates(item))


def _candidates(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids named by a duplicate rule. The key is misspelt in the vendor's answers ("duplicateResut"); both are read."""
    found = item.get("duplicateResut") or item.get("duplicateResult") or {}
    records = [
        match.get("record", {}) for result in found.get("matchResults", ()) for match in result.get("matchRecords", ())
    ]
    return tuple(str(record["Id"]) for record in records if "Id" in record)


def _raised(status: int, error: VendorError) -> SynclineError:
    said = f"Salesforce: {error.code}: {error.message}"
    if error.code == "INVALID_FIELD" and (column := _COLUMN.search(error.message)):
        return FieldRefused(said, column=column[1])
    if error.code == "REQUEST_LIMIT_EXCEEDED" and "TotalRequests" in error.message:
        return QuotaExhausted(said, resets_at=None, is_of_calls=True)  # a rolling 24 hours: no hour to wait for
    meaning = MEANINGS.get(error.code)
    if meaning is None:
        troubled = status >= 500 or status in _TROUBLED
        return Unavailable(said) if troubled else NotUnderstood(said)
    if meaning.raises is RateLimited:
        return RateLimited(said, retry_after_seconds=CONCURRENCY_WAIT_SECONDS)
    if meaning.raises is QuotaExhausted:
        return QuotaExhausted(said, resets_at=None)
    return meaning.raises(said)


def _body_of(response: HttpResponse) -> Any:
    try:
        return msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        return None  # an edge's HTML page; the status alone speaks
