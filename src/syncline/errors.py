"""The exception tree, sorted by what happens next. Imports nothing of ours.

    SynclineError
    ├─ ConfigError            a person edits the configuration; the sync does not start
    ├─ AccessError            a person re-authorises or grants a permission; the connection pauses
    ├─ Later                  the same request again, after a wait
    │  ├─ Unavailable         network, 5xx, vendor "system busy"   -> backoff
    │  ├─ RateLimited         `retry_after_seconds`                -> wait, shrink the budget
    │  └─ QuotaExhausted      `resets_at`                          -> sleep until then, tell the operator
    ├─ OutcomeUnknown         a write may or may not have happened -> read back, then decide
    ├─ Stale                  the record moved since we planned    -> read again and plan it again
    ├─ PositionLost           cursor or replay id no longer known  -> backfill
    ├─ NotUnderstood          the vendor broke its contract        -> stop the sync, keep the evidence
    ├─ SafetyStop             the plan looks like an accident      -> hold, ask a person
    ├─ StateError             our own state file is unusable       -> a person restores or frees it; nothing was sent
    └─ OurBug                 an invariant of ours broke           -> stop, report
    StopRequested             a signal, not an error: finish the batch, store the cursor, leave

A rejected *record* is a value (`records.Outcome`), never an exception. Every error carries a stable `code`, the
sentence for the operator (`message`, then `remedy`) and, for developers, `evidence` with secrets already removed.
"""

from __future__ import annotations

from datetime import datetime


class SynclineError(Exception):
    """Root of everything we raise on purpose.

    `code` is stable across releases and documented in docs/reference/errors.md; `remedy` says what to do next.
    """

    code: str = "SYN-000"
    remedy: str = ""

    def __init__(
        self, message: str, *, code: str | None = None, remedy: str | None = None, evidence: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.remedy = remedy or type(self).remedy
        self.evidence = evidence

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" + (f" {self.remedy}" if self.remedy else "")


class ConfigError(SynclineError):
    """A person edits the configuration; nothing was started."""

    code = "SYN-100"


class AccessError(SynclineError):
    """A person re-authorises or grants a permission; the connection pauses."""

    code = "SYN-200"


class Later(SynclineError):
    """The same request may be sent again after a wait; nothing was changed by it."""

    code = "SYN-300"


class Unavailable(Later):
    """Network failure, HTTP 5xx or a vendor's "system busy": back off."""

    code = "SYN-310"


class RateLimited(Later):
    """A short-term limit: wait `retry_after_seconds`, then use a smaller share."""

    code = "SYN-320"

    def __init__(self, message: str, *, retry_after_seconds: float, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class QuotaExhausted(Later):
    """A daily or storage quota is used up; `resets_at` is aware UTC, None if the vendor does not say."""

    code = "SYN-330"

    def __init__(self, message: str, *, resets_at: datetime | None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.resets_at = resets_at


class OutcomeUnknown(SynclineError):
    """A write may or may not have happened. Read back by id or key, then decide; never resend blindly."""

    code = "SYN-400"


class Stale(SynclineError):
    """The record moved since the plan was made: read it and plan it again."""

    code = "SYN-410"


class PositionLost(SynclineError):
    """The vendor no longer knows the cursor: backfill."""

    code = "SYN-420"


class NotUnderstood(SynclineError):
    """The vendor's answer breaks its contract; the sync stops and `evidence` holds what was seen."""

    code = "SYN-500"


class SafetyStop(SynclineError):
    """The plan looks like an accident; it is held for a person."""

    code = "SYN-600"


class StateError(SynclineError):
    """The state file is damaged, locked by another process, or cannot be written. Nothing was sent."""

    code = "SYN-700"


class OurBug(SynclineError):
    """An invariant of ours broke. Stop and report it with the evidence."""

    code = "SYN-900"


class StopRequested(BaseException):
    """A signal asked us to stop: finish the batch, store the cursor, leave."""
