"""Faults inside a load: single rows that fail, a share of rows that cannot be locked, a job that dies halfway.

Lives here: which rows they hit. Each is struck once a job (Bulk 2.0) or batch (Bulk 1.0), at the request that made it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.salesforce.errors import OrgError

LOCKED = "unable to obtain exclusive access to this record"
GAVE_UP = "InternalServerError : Retried more than 20 times"


class RowFaults:
    """What the installed faults do to the rows of one job or batch. `none` says that no row is to be looked at."""

    def __init__(self, faults: FaultPlan, request_line: str) -> None:
        single = faults.strike("partial_failure", request_line)
        share = faults.strike("record_lock", request_line)
        self.none = single is None and share is None
        self._single = None if single is None else single.parameters
        self._place = -1 if single is None else int(single.parameters.get("index", 0))
        self._lock = {} if share is None else share.parameters
        self._share = 0.0 if share is None else float(share.parameters.get("share", 0.1))
        self._dice = random.Random(int(self._lock.get("seed", 0)))

    def refusal(self, place: int) -> OrgError | None:
        """The error the row at *place* gets instead of its write; to be asked once for each row, in order."""
        unlucky = self._share > 0 and self._dice.random() < self._share
        if self._single is not None and place == self._place:
            return injected_refusal(self._single)
        return injected_refusal(self._lock) if unlucky else None


class Death:
    """How far a job gets under a `bulk_job_failure` fault, and what it says then. `rows` is None for a healthy one."""

    def __init__(self, faults: FaultPlan, request_line: str, rows_per_batch: int) -> None:
        fault = faults.strike("bulk_job_failure", request_line)
        given = {} if fault is None else fault.parameters
        batches = int(given.get("after_batches", 0))
        self.rows = None if fault is None else int(given.get("after_rows", batches * rows_per_batch))
        self.message = str(given.get("message", GAVE_UP))


def injected_refusal(parameters: Mapping[str, Any]) -> OrgError:
    """The row error a fault asks for."""
    code = str(parameters.get("code", "UNABLE_TO_LOCK_ROW"))
    text = str(parameters.get("message", LOCKED))
    return OrgError(code, text, tuple(parameters.get("fields", ())))


def late_until(faults: FaultPlan, request_line: str, now: datetime) -> datetime | None:
    """When rows are to show that a `late_commit` fault holds back; None when none does."""
    fault = faults.strike("late_commit", request_line)
    return None if fault is None else now + timedelta(seconds=float(fault.parameters.get("delay_seconds", 300)))
