"""The fault partial_failure: which records of one writing call it refuses, and with what.

Lives here: reading its parameters. The call that is hit skips those records and writes the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from syncline_sandbox.core.faults import FaultPlan
from syncline_sandbox.marketo.call import Call

Refusals = Mapping[int, tuple[int, str]]
# Tells which of so many records of a call a fault refuses.
Refusing = Callable[[Call, int], Refusals]


def refused_records(faults: FaultPlan, request_line: str, count: int) -> Refusals:
    """Record index → (code, message): `indexes`, or the last of every `every`; else the first one."""
    fault = faults.strike("partial_failure", request_line)
    if fault is None:
        return {}
    wanted = fault.parameters
    every = wanted.get("every")
    indexes = range(int(every) - 1, count, int(every)) if every else wanted.get("indexes", [0])
    reason = int(wanted.get("code", 1003)), str(wanted.get("message", "Invalid data"))
    return dict.fromkeys(indexes, reason)
