"""The faults an org knows, by name; what each does is where it strikes, and in `docs/faults.md` beside the README."""

from __future__ import annotations

from syncline_sandbox.core.wire_faults import WIRE_FAULT_NAMES

_OF_REQUESTS = "rate_limit expired_token expired_locator server_error error_code late_write late_commit replica_lag"
_OF_ROWS = "partial_failure record_lock bulk_job_failure ignore_field override_field"
_OF_EVENTS = "missing_events overflow gap_events duplicate_events reorder_events stream_reset"
FAULT_NAMES = WIRE_FAULT_NAMES | set(f"{_OF_REQUESTS} {_OF_ROWS} {_OF_EVENTS}".split())
