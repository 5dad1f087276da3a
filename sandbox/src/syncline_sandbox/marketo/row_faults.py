"""Faults of the rows a page carries: delivered twice, or out of order.

Lives here: what becomes of the list in an answer's `result`. Rows that come late or not at all are faults of time
(`late_commit`, `replica_lag`), records a write skips are in `sync.py`.
"""

from __future__ import annotations

import random
from typing import Any

from syncline_sandbox.core.faults import FaultPlan


def spoilt_rows(faults: FaultPlan, request_line: str, answer: Any) -> Any:
    """*answer* with its rows as the installed faults deliver them; what has no list of rows passes as it is."""
    rows = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        return answer
    if twice := faults.strike("duplicate_rows", request_line):
        dice = random.Random(int(twice.parameters.get("seed", 0)))
        share = float(twice.parameters.get("share", 1.0))
        rows = [row for each in rows for row in ([each, each] if dice.random() < share else [each])]
    if shuffled := faults.strike("reorder_rows", request_line):
        rows = random.Random(int(shuffled.parameters.get("seed", 0))).sample(rows, len(rows))
    return {**answer, "result": rows}
