"""One table from the vendor's error codes to what happens next, for the Pub/Sub API.

Salesforce, Pub/Sub API Developer Guide, "Handle Errors": the code stands in the trailer `error-code`. A code that is
not listed is judged by the gRPC status, and by nothing else is it taken for "try again".
"""

from __future__ import annotations

from collections.abc import Callable

from syncline.errors import (
    AccessError,
    NotUnderstood,
    PositionLost,
    QuotaExhausted,
    RateLimited,
    SynclineError,
    Unavailable,
)
from syncline.net.auth import TokenRefused

PREFIX = "sfdc.platform.eventbus.grpc."
CROWDED_WAIT_SECONDS = 300.0

_Make = Callable[[str], SynclineError]


def _not_sent(said: str) -> SynclineError:
    return AccessError(said, code="SYN-228")


def _spent(said: str) -> SynclineError:
    return QuotaExhausted(said, resets_at=None)


def _crowded(said: str) -> SynclineError:
    return RateLimited(said, retry_after_seconds=CROWDED_WAIT_SECONDS)


_BY_CODE: dict[str, _Make] = {
    "service.unavailable": Unavailable,
    "subscription.internal.error": Unavailable,
    "service.protection.triggered": Unavailable,
    "topic.api.unavailable": Unavailable,
    "schema.api.unavailable": Unavailable,
    "service.auth.error": TokenRefused,
    "service.auth.headers.invalid": TokenRefused,
    "service.tenant.license": _not_sent,
    "topic.meta.permission": _not_sent,
    "schema.meta.permission": _not_sent,
    "subscription.topic.cannot.subscribe": _not_sent,
    "topic.not.found": _not_sent,
    "concurrent.client.limit.exceeded": _crowded,
    "service.protection.stream.limit.triggered": _crowded,
    "subscription.limit.exceeded": _spent,
    "subscription.fetch.replayid.corrupted": PositionLost,
    "subscription.fetch.replayid.validation.failed": PositionLost,
}
_BY_STATUS: dict[str, _Make] = {
    "UNAVAILABLE": Unavailable,
    "INTERNAL": Unavailable,  # a stream that was reset
    "UNKNOWN": Unavailable,
    "ABORTED": Unavailable,
    "CANCELLED": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "RESOURCE_EXHAUSTED": _crowded,
    "UNAUTHENTICATED": TokenRefused,
    "PERMISSION_DENIED": _not_sent,
    "NOT_FOUND": _not_sent,
}


def refusal(status: str, code: str | None, details: str) -> SynclineError:
    """The error that an ended call stands for: by its status's name, the vendor's code (None: none came) and text."""
    short = (code or "").removeprefix(PREFIX)
    said = f"Salesforce Pub/Sub API: {short or status}: {details}"[:500]
    make = _BY_CODE.get(short) or _BY_STATUS.get(status)
    return make(said) if make is not None else NotUnderstood(said)
