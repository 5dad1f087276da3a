"""The plan of an undo: what it would put back, bring back and leave, after reading afresh. Nothing is written here.

Lives here: `Undo`, put together from what the journal remembers (`reversal`), what was deleted (`revival`) and, where
that is asked for, what was created (`unmaking`). Not here: what it is about (`undo_scope`) or doing it (`undo`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncline.engine.deeds import resolve_deeds
from syncline.engine.observe import meet, read_again
from syncline.engine.reversal import Lasting, Writes, reversal_of, writes_of
from syncline.engine.revival import ALREADY_THERE, OneRecord, Revival, creates_of, revivals_of
from syncline.engine.terms import adopt_terms
from syncline.engine.undo_scope import What, scope_of
from syncline.engine.unmaking import Removal, removals_of
from syncline.engine.world import World
from syncline.engine.write import resolve_unknown
from syncline.ports import Lane
from syncline.reconcile.plan import ACTIONS
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What undoing `runs` means now. `actions` (plan.ACTIONS) put values back, `stays` (reversal.STAYS) do not;
    `revivals` bring back what was deleted, `creates` (plan.ACTIONS) are those of them that are made anew; `removals`
    delete what was created; `lasting` is what nothing undoes. `digest` names exactly these actions. `is_forgotten`:
    something was written, and its journal is no longer kept."""

    runs: tuple[str, ...]
    actions: pl.DataFrame
    stays: pl.DataFrame
    lasting: tuple[Lasting, ...]
    equal: frozenset[tuple[int, str]] = frozenset()
    revivals: tuple[Revival, ...] = ()
    creates: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ACTIONS))
    removals: tuple[Removal, ...] = ()
    is_forgotten: bool = False

    @property
    def does_something(self) -> bool:
        return bool(len(self.actions) or self.revivals or self.removals)

    @property
    def digest(self) -> str:
        rows = [list(row) for row in self.actions.select("side", "record_id", "field", "before", "after").iter_rows()]
        rows += [[one.side, one.record_id, "delete"] for one in self.removals]
        rows += [[one.side, one.record_id, one.how, one.object_type, one.action] for one in self.revivals]
        return hashlib.blake2b(json.dumps(sorted(rows)).encode(), digest_size=8).hexdigest()


async def plan_undo(
    world: World, sync: Sync, what: What, *, run_id: str | None = None, with_creates: bool = False
) -> Undo:
    """What undoing *what* (a run's id; an e-mail or record id: the newest run that wrote to that person; a window: all
    that was written in it) would do, after reading those records afresh. Nothing is written to either system.
    *with_creates*: what was created goes again, where it is as we left it.

    Raises ConfigError SYN-190: nothing of that name was ever written.
    """
    sync = await meet(world, sync)
    run_id = run_id or f"look-{world.random.token(6)}"
    await adopt_terms(world, sync)
    await resolve_unknown(world, sync, run_id)
    await resolve_deeds(world, sync, run_id)
    scope = await scope_of(world, sync, what)
    writes = await writes_of(world, scope.entries)
    judged = await revivals_of(world, sync, scope.entries, writes.fields, run_id)
    revivals = tuple(one for one in judged if one.reason is None)
    made = await removals_of(world, sync, scope.entries, run_id) if with_creates else []
    removals = tuple(one for one in made if one.reason is None)
    anew: list[OneRecord] = [one for one in revivals if one.how == "create"]
    whole = [(one.side, one.record_id) for one in [*anew, *removals]]
    values = writes.fields.join(  # what is made anew gets them at once, what goes needs none
        pl.DataFrame(whole, schema=_NAME, orient="row"), on=list(_NAME), how="anti", maintain_order="left"
    )
    await _read_afresh(world, sync, replace(writes, fields=values), run_id)
    found = await reversal_of(world, sync, values)
    return Undo(
        runs=scope.runs,
        actions=found.actions,
        stays=found.stays,
        lasting=_lasting(writes, judged, made if with_creates else None),
        removals=removals,
        revivals=revivals,
        creates=creates_of(sync, revivals),
        equal=found.equal,
        is_forgotten=scope.is_forgotten,
    )


_NAME = {"side": pl.String, "record_id": pl.String}


def _lasting(writes: Writes, judged: Sequence[Revival], made: Sequence[Removal] | None) -> tuple[Lasting, ...]:
    """What nothing undoes; of the deletes, and of the creates that were to go, those that stay, with their reasons."""
    told = {"delete"} if made is None else {"delete", "create"}
    gone = {(one.side, one.object_type, one.record_id) for one in judged}
    kept = [
        one
        for one in writes.lasting
        if one.what not in told or (one.what == "delete" and (one.side, one.object_type, one.record_id) not in gone)
    ]
    stays: list[tuple[str, OneRecord, str]] = [
        ("delete", one, f"It was deleted and does not come back: {one.reason}.")
        for one in judged
        if one.reason not in (None, ALREADY_THERE)
    ]
    stays += [("create", one, f"It was created and stays: {one.reason}.") for one in made or () if one.reason]
    return (
        *kept,
        *(
            Lasting(what=what, side=one.side, object_type=one.object_type, record_id=one.record_id, sentence=sentence)
            for what, one, sentence in stays
        ),
    )


async def _read_afresh(world: World, sync: Sync, writes: Writes, run_id: str) -> None:
    """Read both ends of every link in question by id: what they hold now decides."""
    links = writes.fields.filter(pl.col("link_id") > 0).select("link_id").unique()
    ends = (await world.store.by_keys(Table.LINK_END, links)).filter(pl.col("role") == "current")
    for side in SIDES:
        connection = sync.side(side).connection
        for (object_type,), own in ends.filter(pl.col("side") == side).group_by("object_type", maintain_order=True):
            await read_again(world, connection, str(object_type), own["record_id"].to_list(), run_id, lane=Lane.URGENT)
