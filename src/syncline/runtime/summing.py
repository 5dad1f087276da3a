"""What a run did, added up from the rows of its parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from syncline.trees import Store, Table

_NUMBERS = ("rows_observed", "rows_skipped", "links_made", "conflicts", "unknown")


async def added_up(store: Store, run_id: str, sync: str, faults: list[str]) -> tuple[str, dict[str, Any]]:
    """The state and summary of a run from its parts and from what else went wrong (*faults*)."""
    parts = await store.rows(Table.RUN, {"sync": sync, "kind": "part", "cycle": run_id})
    told = [json.loads(text or "{}") for text in parts["summary"]]
    summary: dict[str, Any] = {name: sum(int(one.get(name) or 0) for one in told) for name in _NUMBERS}
    summary["classes"] = {side: _sum(one.get("classes", {}).get(side, {}) for one in told) for side in ("a", "b")}
    summary["calls"] = _sum(one.get("calls", {}) for one in told)
    summary["held"] = sorted({kind for one in told for kind in one.get("held", [])})
    summary["balanced"] = all(one.get("balanced", True) for one in told)
    summary["parts"] = len(told)
    summary["error"] = next((fault for fault in faults if fault), None)
    states = set(parts["state"])
    if faults or not summary["balanced"]:
        return "failed", summary
    return "held" if "held" in states or summary["unknown"] else "succeeded", summary


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update({name: int(number) for name, number in one.items()})
    return dict(sorted(total.items()))
