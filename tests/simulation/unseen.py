"""An hour in which queries on one side answer no rows: our user's right to see records is gone, and comes back.

Lives here: taking it away and giving it back, on either side, and looking at everything afterwards, since no stamp
moves when a right comes back. What may not follow from it is said in `laws`: nothing is deleted, blanked or brought
back.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

from syncline.engine.agreement import verify_next
from syncline.engine.observe import meet
from syncline.engine.tenure import begin
from syncline.engine.world import World
from syncline.errors import SynclineError
from syncline.records import Side
from tests.simulation.ports import Process
from tests.simulation.stage import Stage, Unseen

NO_ROWS = {"hidden_rows": {"Lead": "1", "Contact": "1"}}
CALLS = 1_000
"""More than a history's pairs need."""


async def hide_everything(stage: Stage) -> None:
    """Now and then one side answers no rows, for a while or for an hour; a field, too, comes and goes in that time, so
    that whole objects are read anew."""
    luck = Random(f"{stage.seed}/unseen")
    while True:
        await asyncio.sleep(luck.uniform(0.0, 120.0))
        if stage.ended:
            return
        side: Side = luck.choice(("a", "b")) if stage.variant.has_unseen_b else "a"
        stage.unseen.append(Unseen(side=side, since_us=stage.now_us()))
        stage.tell(f"{side} shows no rows")
        seconds = luck.choice((60.0, 400.0, 3600.0)) * luck.uniform(0.5, 1.2)
        for hidden in ([], ["Lead.Title"], []):
            _hide(stage, side, hidden)
            await asyncio.sleep(seconds / 3)
        show_everything(stage)


def _hide(stage: Stage, side: Side, fields: list[str]) -> None:
    if stage.ended:
        return
    if side == "a":
        stage.ground.ask_org("POST", "rights", {**NO_ROWS, "hidden_fields": fields})
    else:
        stage.lines["b"].shows_nobody = True


def show_everything(stage: Stage) -> None:
    """The right is given back."""
    for one in stage.unseen:
        if one.until_us is None:
            one.until_us = stage.now_us()
            stage.tell(f"{one.side} shows its rows again")
            stage.ground.ask_org("POST", "rights", {})
    stage.lines["b"].shows_nobody = False


async def look_at_all(stage: Stage, process: Process, world: World) -> None:
    """Verification looks at every pair, as it does in its time."""
    own = await begin(replace(world, schemas={}, actors={}), f"audit:{stage.sync.name}", process.name)
    assert own is not None
    assert own.tenure is not None
    try:
        sync = await meet(own, stage.sync)
        looked = await verify_next(own, sync, calls=CALLS)
        stage.tell(f"verified: {looked.pairs} pairs, {looked.differing} differ, {looked.corrected} corrected")
    except SynclineError as error:
        stage.tell(f"verification ended: {error}")
    finally:
        await own.tenure.end()
