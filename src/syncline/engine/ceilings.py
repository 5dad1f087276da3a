"""Ceilings: too many actions of a kind wait for a person, who lets exactly that set through or none of it.

Lives here: the holds a gate makes and ends, and the marks that bring what is held back into the next plan: nothing held
is forgotten. Not here: what counts against which ceiling (`reconcile.plan.gate`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from syncline.engine.dirty import marks_of_actions
from syncline.engine.holds import hold_row
from syncline.engine.planning import Planned
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.plan import Held, counts_by_kind, gate
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


async def hold_above_ceilings(
    world: World,
    sync: Sync,
    planned: Planned,
    run_id: str,
    *,
    is_first_copy: bool,
    is_whole: bool,
    cycle: str | None = None,
) -> list[Held]:
    """What of *planned* is held. A first copy's creates are exempt. With *is_whole* the plan covers everything that
    waits: an approval of which nothing is left is over, and an open hold of another set has been replaced by this one,
    or is over too where nothing of its kind is held any more or nothing of it is left: nobody is asked about records
    that are gone. A replaced one may still be approved: people approve what they saw, and what came since stays
    held. The parts of one *cycle* have one ceiling of each kind together: what an earlier part let through counts."""
    if planned.sheets.is_empty() and not is_whole:
        return []
    alive = ["open", "approved", REPLACED]
    known = await world.store.rows(Table.HOLD, {"sync": sync.name, "kind": "ceiling", "state": alive})
    gist = planned.sheets.gist()
    approved = _approved(known)
    exempt = frozenset({"create"}) if is_first_copy else frozenset[str]()
    held: list[Held] = []
    counts = counts_by_kind(gist)
    if any(counts.values()):  # what counts against no ceiling waits for nobody's section
        async with world.store.alone():
            told = await _spent(world, sync, cycle)
            spent: Mapping[str, int] = told.get("kinds", {})
            linked = await _linked(world, sync, counts, spent)
            going, held = gate(gist, sync.ceilings, linked=linked, exempt=exempt, approved=approved, spent=spent)
            if cycle is not None:
                await _spend(world, sync, cycle, spent, counts_by_kind(going))
    stopped = {action.split("/")[0] for one in held for action in one.actions}
    planned.later += marks_of_actions(sync, planned.sheets.outline(), stopped)
    commit = Commit()
    now = {_hold_id(sync, one): one for one in held}
    shown = set(known.filter(pl.col("state") == "open")["hold_id"])
    if new := [_row(world, sync, run_id, one) for name, one in now.items() if name not in shown]:
        add_rows(commit, Table.HOLD, pl.DataFrame(new))
    if is_whole:
        _end(known.filter(~pl.col("hold_id").is_in(list(now))), held, set(gist["action"]), commit)
    await world.store.commit(commit)
    return held


async def _linked(world: World, sync: Sync, counts: Mapping[str, int], spent: Mapping[str, int]) -> int:
    """How many links the sync has; 0 where no count reaches what is allowed to everybody: they are many to count."""
    if all(counts[kind] + spent.get(kind, 0) <= ceiling.plus for kind, ceiling in sync.ceilings.items()):
        return 0
    return await world.store.count(Table.LINK, {"sync": sync.name, "state": "live"})


async def _spent(world: World, sync: Sync, cycle: str | None) -> dict[str, Any]:
    """How much of each kind the parts of *cycle* before this one let through."""
    if cycle is None:
        return {}
    known = await world.store.rows(Table.META, {"name": f"gate:{sync.name}"})
    told: dict[str, Any] = json.loads(known["value"][0]) if len(known) else {}
    return told if told.get("cycle") == cycle else {}


async def _spend(world: World, sync: Sync, cycle: str, before: Mapping[str, int], went: Mapping[str, int]) -> None:
    kinds = {kind: before.get(kind, 0) + went.get(kind, 0) for kind in {*before, *went}}
    told = json.dumps({"cycle": cycle, "kinds": kinds})
    row = pl.DataFrame({"name": [f"gate:{sync.name}"], "value": [told]})
    await world.store.commit(Commit(put={Table.META: row}))


REPLACED = "replaced"
"""The state of a hold whose set has changed since: another one is open for the kind."""


def _approved(known: pl.DataFrame) -> dict[str, frozenset[str]]:
    """By kind, the names of the actions that a person let through."""
    names: dict[str, frozenset[str]] = {}
    for row in known.filter(pl.col("state") == "approved").iter_rows(named=True):
        kind = str(json.loads(row["subject"])["kind"])
        names[kind] = names.get(kind, frozenset()) | frozenset(json.loads(row["evidence"]))
    return names


def _end(rows: pl.DataFrame, held: Sequence[Held], planned: set[str], commit: Commit) -> None:
    """What becomes of the holds in *rows*, none of which is one of the sets held now."""
    kinds = {one.kind for one in held}
    states = []
    for row in rows.iter_rows(named=True):
        is_left = any(name.split("/")[0] in planned for name in json.loads(row["evidence"]))
        if row["state"] == "approved":
            state = "approved" if is_left else "resolved"
        else:
            state = REPLACED if is_left and json.loads(row["subject"])["kind"] in kinds else "resolved"
        if state != row["state"]:
            states.append((row["hold_id"], state))
    if states:
        commit.amend[Table.HOLD] = [pl.DataFrame(states, schema=["hold_id", "state"], orient="row")]


def _hold_id(sync: Sync, held: Held) -> str:
    return f"ceiling:{sync.name}:{held.kind}:{held.digest}"


def _row(world: World, sync: Sync, run_id: str, held: Held) -> Mapping[str, object]:
    return hold_row(
        world,
        sync.name,
        run_id,
        hold_id=_hold_id(sync, held),
        kind="ceiling",
        subject={"kind": held.kind, "count": len(held.actions), "allowed": held.allowed},
        evidence=held.actions,
        digest=held.digest,
    )
