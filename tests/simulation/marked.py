"""Marked = full: what a plan over every link would do concerns only links that carry a mark.

Lives here: the comparison, on a copy of the state. A mark says where to look; whatever would be done about a link that
has none would never be done. A field with a write of ours in doubt needs none: every cycle reads it until it is
settled, and what that shows sets a mark.
"""

from __future__ import annotations

from dataclasses import replace

from syncline.engine.journal import IN_FLIGHT, with_segments
from syncline.engine.observe import meet
from syncline.engine.planning import Planned, plan_links
from syncline.engine.terms import adopt_terms
from syncline.records import Side
from syncline.trees import Store, Table
from tests.simulation.stage import Stage


async def compare(stage: Stage) -> None:
    """Complain of every action that the marks would not lead to."""
    process, world = stage.start("full plan")
    process.plan.clear()
    copy = await stage.ground.store().copy()
    world = replace(world, store=copy, schemas={}, actors={})
    try:
        sync = await meet(world, stage.sync)
        await adopt_terms(world, sync)
        links = await copy.rows(Table.LINK, {"sync": sync.name, "state": "live"})
        marked = set((await copy.rows(Table.DIRTY, {"sync": sync.name}))["link_id"].to_list())
        awaited = await _awaited(copy)
        planned = Planned()
        await plan_links(world, sync, links["link_id"].to_list(), "full", planned)
        for action in planned.sheets.whole().iter_rows(named=True):
            if action["link_id"] not in marked and (action["link_id"], action["side"], action["field"]) not in awaited:
                stage.complaints.append(f"marked: link {action['link_id']} has no mark, and a full plan says {action}")
    finally:
        await copy.close()


async def _awaited(store: Store) -> frozenset[tuple[int, Side, str]]:
    """Link, side and field of every write in doubt."""
    entries = await store.rows(Table.ENTRY, {"state": list(IN_FLIGHT)})
    return frozenset((await with_segments(store, entries)).select("link_id", "side", "field").iter_rows())
