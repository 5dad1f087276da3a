"""The faults an instance knows, by name, with the parameters of each; what each does is where it strikes, and in
`docs/faults.md` beside the README."""

from __future__ import annotations

from syncline_sandbox.core.body import COUNT, FLAG, SCALAR, SECONDS, SEED, SHARE, STATUS, TEXT, listed, whole
from syncline_sandbox.core.faults import FaultTable
from syncline_sandbox.core.wire_faults import WIRE_FAULT_PARAMETERS

_DELAY = {"delay_seconds": SECONDS}
_REFUSAL = {"code": whole(100, 9999), "message": TEXT}

FAULTS: FaultTable = {
    **WIRE_FAULT_PARAMETERS,
    "server_error": {"status": STATUS, "processed": FLAG},
    "error_code": {**_REFUSAL, "processed": FLAG},
    "rate_limit": {},
    "quota": {},
    "concurrency": {},
    "expired_token": {},
    "expired_page_token": {},
    "late_write": {**_DELAY, **_REFUSAL},
    "late_commit": _DELAY,
    "replica_lag": _DELAY,
    "partial_failure": {"indexes": listed(COUNT), "every": whole(1), **_REFUSAL},
    "ignore_field": {"field": TEXT},
    "override_field": {"field": TEXT, "value": SCALAR, "source": TEXT, "user": TEXT, **_DELAY},
    "bulk_job_failure": {"after_rows": COUNT, "message": TEXT},
    "empty_page": {},
    "duplicate_rows": {"share": SHARE, "seed": SEED},
    "reorder_rows": {"seed": SEED},
}
FAULT_NAMES = frozenset(FAULTS)
