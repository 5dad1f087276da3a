"""Marked = full: what a plan over every link would do concerns only links that carry a mark.

Lives here: the comparison, on a copy of the state. A mark says where to look; whatever would be done about a link that
has none would never be done.
"""

from __future__ import annotations

from dataclasses import replace

from syncline.engine.observe import meet
from syncline.engine.planning import Planned, plan_links
from syncline.engine.terms import adopt_terms
from syncline.trees import Table
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
        planned = Planned()
        await plan_links(world, sync, links["link_id"].to_list(), "full", planned)
        for action in planned.sheets.whole().iter_rows(named=True):
            if action["link_id"] not in marked:
                stage.complaints.append(f"marked: link {action['link_id']} has no mark, and a full plan says {action}")
    finally:
        await copy.close()
