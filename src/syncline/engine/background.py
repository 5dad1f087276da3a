"""A background run: what a schedule starts. It keeps still while the sync is disabled; an explicit push does not ask.

Lives here: whether a run takes place. Not here: the run itself (`cycle`).
"""

from __future__ import annotations

from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.inbox import is_enabled
from syncline.engine.world import World
from syncline.spec.model import Sync


async def run_background(world: World, sync: Sync, *, sweep: bool = False) -> RunReport | None:
    """Run one cycle of the sync; None, and nothing read or written, while it is disabled."""
    if not await is_enabled(world.store, sync.name):
        return None
    return await run_cycle(world, sync)
