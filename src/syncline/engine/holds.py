"""The row of one hold: what waits for a person, of which kind, with its evidence.

Lives here: the shape alone. Who holds what is with the rooms that decide (`ceilings`, `cycle`, `life`, `settlement`);
what a person answers is in `inbox` and `life/resolve`.
"""

from __future__ import annotations

import json

from syncline.engine.world import World


def hold_row(
    world: World, sync: str, run_id: str, *, hold_id: str, kind: str, subject: object, evidence: object, digest: str
) -> dict[str, object]:
    """An open row of the HOLD table. *subject* and *evidence* are kept as JSON; *digest* names what was held."""
    return {
        "hold_id": hold_id,
        "sync": sync,
        "kind": kind,
        "subject": json.dumps(subject, ensure_ascii=False),
        "evidence": json.dumps(evidence, ensure_ascii=False),
        "digest": digest,
        "state": "open",
        "at_us": world.now_us(),
        "run_id": run_id,
    }
