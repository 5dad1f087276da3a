"""A sync whose filter, fields or rules were edited since the last start: whom is the edit for?

Lives here: noticing it when a process that runs syncs starts, asking, and keeping the answer in the state, where other
workers and the next start find it. Not here: what follows from the answer (`engine.terms`).
"""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from syncline.cli.asking import answer_to, is_somebody_there
from syncline.cli.output import console
from syncline.cli.screens.common import safe
from syncline.cli.session import Options
from syncline.cli.stopping import Stop
from syncline.engine.terms import spec_print
from syncline.engine.world import World
from syncline.spec.model import EditScope, Sync
from syncline.trees import Commit, Table


async def settled_edit(world: World, sync: Sync, options: Options, stop: Stop) -> Sync:
    """*sync* with whom its present edit is for: what the file says, else what was answered now or at an earlier start;
    None where nobody was there to be asked."""
    name, now = f"edit:{sync.name}", spec_print(sync)
    rows = await world.store.rows(Table.META, {"name": name})
    before = json.loads(rows["value"][0]) if len(rows) else {"spec": now, "scope": None}
    kept = before
    if before["spec"] != now:
        is_open = sync.edit_applies_to is None and is_somebody_there(options)
        kept = {"spec": now, "scope": await _asked(sync, stop) if is_open else None}
    if kept != before or rows.is_empty():
        row = pl.DataFrame({"name": [name], "value": [json.dumps(kept)]})
        await world.store.commit(Commit(put={Table.META: row}))
    answered = None if kept["scope"] is None else EditScope(kept["scope"])
    return replace(sync, edit_applies_to=sync.edit_applies_to or answered)


async def _asked(sync: Sync, stop: Stop) -> EditScope:
    """An empty answer is the default; one that is no answer is asked again."""
    out = console(stderr=True)
    out.print(
        f"The sync [bold]{safe(sync.name)}[/] was edited since its last run. `syncline plan` shows what the edit would "
        "write if it is for all records."
    )
    stop.is_only_reading = True  # there is no batch yet that a first signal could wait for
    while (scope := _SCOPES.get(await answer_to(_QUESTION))) is None:
        out.print("Please answer all or changes.")
    stop.is_only_reading = False
    return scope


_QUESTION = "Apply it to all records once, or only to those that change from now on? [ALL/changes] "
_SCOPES = {
    "": EditScope.ALL,
    "all": EditScope.ALL,
    "a": EditScope.ALL,
    "changes": EditScope.CHANGES,
    "c": EditScope.CHANGES,
}
