"""The faults an org knows, by name, with the parameters of each; what each does is where it strikes, and in
`docs/faults.md` beside the README."""

from __future__ import annotations

from syncline_sandbox.core.body import COUNT, FLAG, SCALAR, SECONDS, SEED, SHARE, STATUS, TEXT, TEXTS
from syncline_sandbox.core.faults import FaultTable
from syncline_sandbox.core.wire_faults import WIRE_FAULT_PARAMETERS

_DELAY = {"delay_seconds": SECONDS}
_REFUSAL = {"code": TEXT, "message": TEXT}
_FIELD = {"object": TEXT, "field": TEXT}

FAULTS: FaultTable = {
    **WIRE_FAULT_PARAMETERS,
    "server_error": {"status": STATUS, "processed": FLAG},
    "error_code": {**_REFUSAL, "status": STATUS, "processed": FLAG},
    "rate_limit": {"message": TEXT},
    "expired_token": {},
    "expired_locator": {},
    "late_write": _DELAY,
    "late_commit": _DELAY,
    "replica_lag": _DELAY,
    "partial_failure": {"index": COUNT, **_REFUSAL, "fields": TEXTS},
    "record_lock": {"share": SHARE, "seed": SEED, **_REFUSAL, "fields": TEXTS},
    "bulk_job_failure": {"after_batches": COUNT, "after_rows": COUNT, "message": TEXT},
    "ignore_field": _FIELD,
    "override_field": {**_FIELD, "value": SCALAR},
    "gap_events": {},
    "overflow": {},
    "missing_events": {"count": COUNT},
    "reorder_events": {},
    "duplicate_events": {"count": COUNT},
    "stream_reset": {"events": COUNT},
}
FAULT_NAMES = frozenset(FAULTS)
