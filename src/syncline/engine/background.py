"""A background run: what a schedule starts. It keeps still while the sync is disabled; an explicit push does not ask.

Lives here: whether a run takes place, and whether it sweeps formulas. Not here: the run itself (`cycle`).
"""

from __future__ import annotations

import polars as pl

from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.inbox import is_enabled
from syncline.engine.world import World
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


async def run_background(world: World, sync: Sync, *, sweep: bool = False) -> RunReport | None:
    """Run one cycle of the sync; None, and nothing read or written, while it is disabled.

    Formula fields are swept when asked (*sweep*) and as often as the sync says (`sweep_formulas_every`).
    """
    if not await is_enabled(world.store, sync.name):
        return None
    sweep = sweep or await sweep_is_due(world, sync)
    report = await run_cycle(world, sync, sweep=sweep)
    if sweep:
        await note_sweep(world, sync)
    return report


async def note_sweep(world: World, sync: Sync) -> None:
    """Formula fields were swept now."""
    swept = {"name": [_swept(sync)], "value": [str(world.now_us())]}
    await world.store.commit(Commit(put={Table.META: pl.DataFrame(swept)}))


async def sweep_is_due(world: World, sync: Sync) -> bool:
    """Whether formula fields are to be swept in the next run, as the sync says."""
    if sync.sweep_seconds is None:
        return False
    rows = await world.store.rows(Table.META, {"name": _swept(sync)})
    last_us = int(rows["value"][0]) if len(rows) else 0
    return world.now_us() - last_us >= sync.sweep_seconds * 1e6


def _swept(sync: Sync) -> str:
    return f"swept:{sync.name}"
