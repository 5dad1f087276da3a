"""What Marketo's codes mean to us: one table for whole calls, one for single rows. An unlisted code is not understood.

Source: the vendor's "Error Codes" page. Nearly every failure comes as HTTP 200 with `success: false`; only body size
(413), URI length (414), identity (401) and gateways use HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from syncline.errors import (
    AccessError,
    NotUnderstood,
    OurBug,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    SynclineError,
    Unavailable,
)
from syncline.net.auth import TokenRefused
from syncline.net.breaker import Outage
from syncline.net.client import Judge
from syncline.ports import Clock, HttpRequest, HttpResponse
from syncline.records import Outcome, Status


class Declined(NotUnderstood):
    """The call was refused as a whole with a code the table does not list; `vendor_code` and `text` say which."""

    def __init__(self, vendor_code: str, text: str) -> None:
        super().__init__(
            f"Marketo refused the call: {vendor_code} {text}".rstrip() + ".",
            remedy="Look the code up on Marketo's page of error codes and report it with the evidence.",
        )
        self.vendor_code = vendor_code
        self.text = text


class _Reason(msgspec.Struct):
    code: str | int = ""
    message: str = ""


class _Verdict(msgspec.Struct):
    """The part of an envelope that says whether the call succeeded; the rest is skipped unread."""

    success: bool
    errors: list[_Reason] | None = None


_VERDICT = msgspec.json.Decoder(_Verdict)

Maker = Callable[[str, datetime], SynclineError]
"""Makes the error from "code text" and the present time."""


def _plain(kind: type[SynclineError], remedy: str = "") -> Maker:
    return lambda said, _now: kind(f"Marketo answered {said}.", remedy=remedy or None)


def _limited(seconds: float) -> Maker:
    return lambda said, _now: RateLimited(f"Marketo answered {said}.", retry_after_seconds=seconds)


def _day_over(said: str, now: datetime) -> SynclineError:
    return QuotaExhausted(f"Marketo answered {said}.", resets_at=next_central_midnight(now), is_of_calls=True)


def _exports_over(said: str, now: datetime) -> SynclineError:
    return QuotaExhausted(f"Marketo answered {said}.", resets_at=next_central_midnight(now))


def _export_refused(said: str, now: datetime) -> SynclineError:
    """1029 says three things: the day's megabytes are used, the job is queued already, the queue is full."""
    if "quota" in said.lower():
        return _exports_over(said, now)
    if "already" in said.lower():
        return Declined("1029", said)
    # Not RateLimited: the export queue is full, other calls need not wait.
    return Unavailable(f"Marketo answered {said}.")


_RIGHTS = "Give the API user's role the permission named in the connector's README, and allow our address."
_BUSY, _OURS = _plain(Unavailable), _plain(OurBug)
_DOWN = _plain(Outage)  # of the whole service, as its own answer says; the others are about this one call

CALLS: Mapping[str, Maker] = {
    "500": _DOWN,
    "502": _DOWN,
    "600": _plain(TokenRefused),
    "601": _plain(TokenRefused),
    "602": _plain(TokenRefused),
    "603": _plain(AccessError, _RIGHTS),
    "604": _BUSY,  # the server gave up waiting
    "605": _OURS,  # wrong verb
    "606": _limited(20.0),  # 100 calls in 20 seconds
    "607": _day_over,
    "608": _DOWN,
    "609": _OURS,  # malformed JSON
    "611": _BUSY,
    "612": _OURS,  # content type
    "613": _OURS,  # malformed multipart
    "614": _DOWN,  # subscription not reachable
    "615": _limited(2.0),  # 10 calls at the same time
    "701": _OURS,  # a parameter is blank
    "703": _plain(AccessError, "Ask the vendor to switch the feature on for this subscription."),
    "704": _OURS,  # date format
    "713": _BUSY,
    "719": _BUSY,  # lock wait
    "1016": _BUSY,  # the import queue is full
    "1029": _export_refused,
}

# A write that meets one of these may have been applied all the same.
MAYBE_APPLIED = frozenset({"500", "502", "604", "611", "713", "719"})

# Answers that are files, not envelopes.
_FILES = ("/file.json", "/failures.json", "/warnings.json")


def judge(clock: Clock) -> Judge:
    """The judge of this vendor's answers."""

    def judged(request: HttpRequest, response: HttpResponse) -> SynclineError | None:
        path = request.url.partition("?")[0]
        if response.status != 200 or path.endswith(_FILES):
            return _by_status(response)
        return _by_envelope(response.body, is_write(request), clock.now())

    return judged


def is_write(request: HttpRequest) -> bool:
    """True if the request can change something: not a GET, and not a query sent as POST."""
    return request.method != "GET" and "_method=GET" not in request.url


def _by_status(response: HttpResponse) -> SynclineError | None:
    status = response.status
    if status in (200, 206):
        return None
    text = response.body[:200].decode("utf-8", "replace")
    if status >= 500:
        return Unavailable(f"Marketo's gateway answered HTTP {status}.")
    if status == 429:
        return RateLimited("Marketo's gateway answered HTTP 429.", retry_after_seconds=20.0)
    if status in (413, 414):
        return OurBug(f"Marketo answered HTTP {status}: the request was too large.")
    return Declined(str(status), text)


def _by_envelope(body: bytes, writing: bool, now: datetime) -> SynclineError | None:
    try:
        verdict = _VERDICT.decode(body)
    except msgspec.DecodeError:
        busy = "Marketo answered with something that is not its envelope."
        # A gateway's HTML page: as good as a 5xx.
        return OutcomeUnknown(busy) if writing else Unavailable(busy)
    if verdict.success:
        return None
    reason = (verdict.errors or [_Reason()])[0]
    code = str(reason.code)
    said = f"{code} {reason.message}".strip()
    if writing and code in MAYBE_APPLIED:
        return OutcomeUnknown(f"Marketo answered a write with {said}; it may have been made.")
    maker = CALLS.get(code)
    return maker(said, now) if maker else Declined(code, reason.message)


@dataclass(frozen=True)
class RowMeaning:
    """What a row's refusal means beyond its text."""

    is_permanent: bool = True
    is_gone: bool = False


_PASSES = RowMeaning(is_permanent=False)
ROWS: Mapping[str, RowMeaning] = {
    "604": _PASSES,
    "608": _PASSES,
    "611": _PASSES,
    "713": _PASSES,
    "1004": RowMeaning(is_gone=True),  # lead not found: deleted or merged away
    "1019": _PASSES,  # an import holds the list
    "1022": _PASSES,  # in use
}
_NAMED = re.compile(r"[Ff]ield '([^']+)'")
COMPANY_REFUSED = "1021"


def rejected(code: str, message: str, *, record_id: str | None = None, fields: tuple[str, ...] = ()) -> Outcome:
    """The outcome of a row that was skipped; the culprit is taken from the text unless *fields* names it."""
    meaning = ROWS.get(code, RowMeaning())
    return Outcome(
        status=Status.REJECTED,
        record_id=record_id,
        code=code,
        message=message,
        fields=fields or tuple(_NAMED.findall(message)),
        is_permanent=meaning.is_permanent,
        is_gone=meaning.is_gone,
    )


def next_central_midnight(now: datetime) -> datetime:
    """When the vendor's day ends: the next 00:00 in US Central time, as UTC.

    The summer-time rule is written out, for a bare machine may lack a time-zone database.
    """
    local = now.astimezone(UTC) - _behind(now)
    midnight = datetime(local.year, local.month, local.day, tzinfo=UTC) + timedelta(days=1)
    return midnight + _behind(midnight + timedelta(hours=6))


def _behind(at: datetime) -> timedelta:
    """How far US Central time is behind UTC at this instant."""
    summer_from = _sunday(at.year, 3, 2) + timedelta(hours=8)
    summer_to = _sunday(at.year, 11, 1) + timedelta(hours=7)
    return timedelta(hours=5 if summer_from <= at < summer_to else 6)


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
