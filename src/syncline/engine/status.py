"""Status: a sync's present state from the store alone, without asking any system."""

from __future__ import annotations

import json
from typing import Any

from syncline.engine.agreement import agreement_of, as_dict
from syncline.engine.breaker import frozen_fields
from syncline.engine.forecast import as_dict as outlook_as_dict
from syncline.engine.forecast import outlook
from syncline.engine.inbox import is_enabled
from syncline.engine.stream import streams_told
from syncline.engine.world import World
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Table
from syncline.values import instant


async def status(world: World, sync: Sync, *, runs: int = 5) -> dict[str, Any]:
    """Links, backlog (how many wait), lag (how old the oldest capture is), inbox counts and the last runs."""
    store = world.store
    now_us = world.now_us()
    cursors = []
    for side in SIDES:
        spec = sync.side(side)
        for object_type in spec.object_types:
            rows = await store.rows(Table.CURSOR, {"connection": spec.connection, "object_type": object_type})
            age = None if rows.is_empty() else (now_us - int(rows["at_us"][0])) / 1e6
            where = {"connection": spec.connection, "object_type": object_type, "is_deleted": False}
            cursors.append(
                {
                    "side": side,
                    "object": f"{spec.connection}.{object_type}",
                    "records": await store.count(Table.MIRROR, where),
                    "captured_seconds_ago": age,
                }
            )
    last = await store.rows(Table.RUN, {"sync": sync.name}, newest_first=True)
    last = last.filter(last["kind"] != "audit").sort("started_us", descending=True).head(runs)
    return {
        "sync": sync.name,
        "preset": sync.preset,
        "is_enabled": await is_enabled(store, sync.name),
        "links": await store.count(Table.LINK, {"sync": sync.name, "state": "live"}),
        "backlog": await store.count(Table.DIRTY, {"sync": sync.name}),
        "unknown_writes": await store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]}),
        "open_conflicts": await store.count(Table.CONFLICT, {"sync": sync.name, "state": "open"}),
        "errors": await store.count(Table.DEAD_LETTER, {"sync": sync.name, "state": "dead"}),
        "frozen": len(await frozen_fields(store, sync)),
        "holds": await store.count(Table.HOLD, {"sync": sync.name, "state": "open"}),
        "agreement": as_dict(await agreement_of(store, sync.name), now_us),
        "objects": cursors,
        "streams": await streams_told(store, [sync.side(side).connection for side in SIDES], now_us),
        "limits": [outlook_as_dict(await outlook(store, sync.side(side).connection, now_us)) for side in SIDES],
        "runs": [
            {
                "run_id": row["run_id"],
                "kind": row["kind"],
                "state": row["state"],
                "started_at": instant(row["started_us"]).isoformat(),
                "seconds": None if row["ended_us"] is None else (row["ended_us"] - row["started_us"]) / 1e6,
                "summary": json.loads(row["summary"]),
            }
            for row in last.iter_rows(named=True)
        ],
    }
