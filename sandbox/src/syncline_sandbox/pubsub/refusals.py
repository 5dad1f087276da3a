"""What the Pub/Sub API refuses a call with: a gRPC status, and the vendor's own code in the trailer `error-code`.

"Handle Errors" of the Pub/Sub API guide. Which status goes with which code is not in that table, apart from the
INVALID_ARGUMENT of replay ids and of a topic that does not match.
"""

from __future__ import annotations

from grpc import StatusCode

PREFIX = "sfdc.platform.eventbus.grpc."

# Code behind the prefix: status and text.
_REFUSALS: dict[str, tuple[StatusCode, str]] = {
    "concurrent.client.limit.exceeded": (
        StatusCode.RESOURCE_EXHAUSTED,
        "The maximum number of concurrent clients across all topics has been exceeded.",
    ),
    "service.auth.error": (StatusCode.UNAUTHENTICATED, "An authentication exception occurred."),
    "service.auth.headers.invalid": (StatusCode.UNAUTHENTICATED, "A header value for authentication is invalid."),
    "service.auth.refresh.invalid": (StatusCode.INVALID_ARGUMENT, "The auth refresh is invalid."),
    "topic.not.found": (StatusCode.NOT_FOUND, "The topic does not exist."),
    "topic.meta.permission": (StatusCode.PERMISSION_DENIED, "The topic's metadata can't be accessed."),
    "topic.validation.empty": (StatusCode.INVALID_ARGUMENT, "The topic name is empty."),
    "schema.validation.failed": (StatusCode.INVALID_ARGUMENT, "The schema ID is empty or does not exist."),
    "schema.meta.permission": (StatusCode.PERMISSION_DENIED, "The schema can't be accessed."),
    "subscription.topic.cannot.subscribe": (StatusCode.PERMISSION_DENIED, "The user can't subscribe to the topic."),
    "subscription.limit.exceeded": (
        StatusCode.RESOURCE_EXHAUSTED,
        "The limit on the number of events delivered within 24 hours has been exceeded.",
    ),
    "subscription.fetch.replayid.corrupted": (StatusCode.INVALID_ARGUMENT, "The Replay ID is corrupted."),
    "subscription.fetch.replayid.validation.failed": (
        StatusCode.INVALID_ARGUMENT,
        "The Replay ID validation failed. Ensure that the Replay ID is valid.",
    ),
    "subscription.fetch.requested.events.invalid": (
        StatusCode.INVALID_ARGUMENT,
        "The number of requested events must be greater than zero.",
    ),
    "subscription.fetch.topic.mismatch": (
        StatusCode.INVALID_ARGUMENT,
        "The topic name doesn't match that of the first request of the stream.",
    ),
    "publish.topic.validation.empty": (StatusCode.INVALID_ARGUMENT, "The topic name is empty."),
    "publish.topic.mismatch": (
        StatusCode.INVALID_ARGUMENT,
        "The topic name doesn't match that of the first request of the stream.",
    ),
    "publish.event.count.invalid": (StatusCode.INVALID_ARGUMENT, "The request contains no events."),
    "publish.auth.refresh.invalid": (StatusCode.INVALID_ARGUMENT, "The auth refresh is invalid."),
    "publish.stream.sweeper.timeout": (
        StatusCode.DEADLINE_EXCEEDED,
        "No publish request was received for too long. Call PublishStream again.",
    ),
    "managed.subscription.developer.name.not.found": (
        StatusCode.NOT_FOUND,
        "There is no managed subscription of this developer name.",
    ),
    "managed.subscription.subscription.id.not.found": (
        StatusCode.NOT_FOUND,
        "There is no managed subscription of this ID.",
    ),
    "managed.subscription.id.or.developer.name.empty": (
        StatusCode.INVALID_ARGUMENT,
        "Exactly one of subscription ID and developer name must be given.",
    ),
}


class Refused(Exception):
    """A call ends here. *code* is the vendor's, without its prefix; None for what breaks below the vendor's code."""

    def __init__(self, code: str | None, status: StatusCode | None = None, text: str = "") -> None:
        known = _REFUSALS.get(code or "", (StatusCode.UNKNOWN, ""))
        self.code = code
        self.status = status or known[0]
        self.text = text or known[1]
        super().__init__(self.text)

    def trailers(self, rpc_id: str) -> tuple[tuple[str, str], ...]:
        coded = (("error-code", PREFIX + self.code),) if self.code else ()
        return (*coded, ("rpc-id", rpc_id))
