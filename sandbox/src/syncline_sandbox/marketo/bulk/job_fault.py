"""The fault bulk_job_failure: a job that is accepted and ends Failed, an import after some of its rows.

Lives here: whom it strikes and its words. It strikes the call that puts the job into the queue, and is kept with the
job, so that it holds after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.marketo.call import Call

# Tells whether a job fails that a call queues: its error and after how many rows; None: it does not.
Failing = Callable[[Call], "dict[str, Any] | None"]
_MESSAGE = "The job failed because of a system error"


def failing_jobs(faults: FaultPlan) -> Failing:
    """Whom the installed faults strike."""

    def failing(call: Call) -> dict[str, Any] | None:
        fault = faults.strike("bulk_job_failure", call.line)
        if fault is None:
            return None
        wanted = fault.parameters
        return {"after_rows": int(wanted.get("after_rows", 100)), "message": str(wanted.get("message", _MESSAGE))}

    return failing
