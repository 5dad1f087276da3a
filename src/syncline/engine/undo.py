"""Undo: what a run, the newest run about a person, or all runs of some time wrote is put back where it still stands.

Shown first, then through the same ceilings and the same journal as every write. What is put back is at rest: it is no
change to be carried over, and the next edit of either side flows as ever. Lives here: the run of an undo, and
what follows. Not here: what it is about (`undo_scope`), what the journal remembers and what stands in the way
(`reversal`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncline.engine.ceilings import hold_above_ceilings
from syncline.engine.cycle import RunReport, close_run, open_run
from syncline.engine.deeds import resolve_deeds
from syncline.engine.observe import meet, read_again
from syncline.engine.planning import Planned
from syncline.engine.reversal import Lasting, Writes, reversal_of, writes_of
from syncline.engine.revival import (
    ALREADY_THERE,
    Revival,
    counted,
    creates_of,
    revivals_of,
    settle_before,
    undelete_all,
)
from syncline.engine.settlement import add_rows
from syncline.engine.terms import adopt_terms
from syncline.engine.undo_scope import What, scope_of
from syncline.engine.world import World
from syncline.engine.write import Written, resolve_unknown, write_actions
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.reconcile.plan import ACTIONS, Held
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table

_FIELD: dict[str, pl.DataType] = {"link_id": pl.Int64(), "mapping": pl.String()}


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What undoing `runs` means now. `actions` (plan.ACTIONS) put values back, `stays` (reversal.STAYS) do not;
    `revivals` bring back what was deleted, `creates` (plan.ACTIONS) are those of them that are made anew; `lasting` is
    what nothing undoes. `digest` names exactly these actions. `is_forgotten`: something was written, and its journal is
    no longer kept."""

    runs: tuple[str, ...]
    actions: pl.DataFrame
    stays: pl.DataFrame
    lasting: tuple[Lasting, ...]
    equal: frozenset[tuple[int, str]] = frozenset()
    revivals: tuple[Revival, ...] = ()
    creates: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ACTIONS))
    is_forgotten: bool = False

    @property
    def does_something(self) -> bool:
        return bool(len(self.actions) or self.revivals)

    @property
    def digest(self) -> str:
        rows = [list(row) for row in self.actions.select("side", "record_id", "field", "before", "after").iter_rows()]
        rows += [[one.side, one.record_id, one.how, one.object_type, one.action] for one in self.revivals]
        return hashlib.blake2b(json.dumps(sorted(rows)).encode(), digest_size=8).hexdigest()


@dataclass(kw_only=True)
class Undone:
    """What an undo did. `classes`: action -> (class, reason), as in a run; `held` is what a ceiling keeps back.

    `refused` are fields (link_id, mapping) that the system would not take. `is_other`: what would be done is no longer
    what was shown, so nothing was.
    """

    plan: Undo
    run_id: str
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_FIELD))
    held: list[Held] = field(default_factory=list)
    stopped: SynclineError | None = None
    is_other: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything in question was undone, and nothing stays."""
        plan = self.plan
        is_all = self.put_back() == len(plan.actions) and self.brought_back() == len(plan.revivals)
        return is_all and not len(plan.stays) and not plan.lasting

    def brought_back(self) -> int:
        """How many deleted records are there again."""
        return sum(self.classes.get(one.action, ("", ""))[0] == "written" for one in self.plan.revivals)

    def put_back(self) -> int:
        """How many values the systems confirmed."""
        written = [action for action, (name, _) in self.classes.items() if name == "written"]
        sent = self.plan.actions.filter(pl.col("action").is_in(written))
        return len(sent.join(self.refused, on=list(_FIELD), how="anti"))


async def plan_undo(world: World, sync: Sync, what: What, *, run_id: str | None = None) -> Undo:
    """What undoing *what* (a run's id; an e-mail or record id: the newest run that wrote to that person; a window: all
    that was written in it) would do, after reading those records afresh. Nothing is written to either system.

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
    anew = pl.DataFrame(
        [(one.side, one.record_id) for one in revivals if one.how == "create"], schema=_NAME, orient="row"
    )
    values = writes.fields.join(
        anew, on=list(_NAME), how="anti", maintain_order="left"
    )  # the new ones get them at once
    await _read_afresh(world, sync, replace(writes, fields=values), run_id)
    found = await reversal_of(world, sync, values)
    return Undo(
        runs=scope.runs,
        actions=found.actions,
        stays=found.stays,
        lasting=_lasting(writes, judged),
        revivals=revivals,
        creates=creates_of(sync, revivals),
        equal=found.equal,
        is_forgotten=scope.is_forgotten,
    )


_NAME = {"side": pl.String, "record_id": pl.String}


def _lasting(writes: Writes, judged: Sequence[Revival]) -> tuple[Lasting, ...]:
    """What nothing undoes: of the deletes those that cannot come back, each with its own reason."""
    gone = {(one.side, one.object_type, one.record_id) for one in judged}
    stays = [one for one in judged if one.reason not in (None, ALREADY_THERE)]
    return (
        *(
            one
            for one in writes.lasting
            if one.what != "delete" or (one.side, one.object_type, one.record_id) not in gone
        ),
        *(
            Lasting(
                what="delete",
                side=one.side,
                object_type=one.object_type,
                record_id=one.record_id,
                sentence=f"It was deleted and does not come back: {one.reason}.",
            )
            for one in stays
        ),
    )


async def undo(world: World, sync: Sync, what: What, *, shown: str | None = None) -> Undone:
    """Undo *what* (as `plan_undo`). *shown*: the digest of the plan a person said yes to; another one is not done.

    What a ceiling holds stays undone until it is approved. Raises as `plan_undo`; nothing once something was sent.
    """
    report = RunReport(run_id=world.random.token(8), sync=sync.name, kind="undo")
    await open_run(world, report)
    try:
        plan = await plan_undo(world, sync, what, run_id=report.run_id)
        done = Undone(plan=plan, run_id=report.run_id)
        if shown is not None and shown != plan.digest:
            done.is_other = True
        else:
            await _carry_out(world, world.syncs[sync.name], done)
    except (SynclineError, StopRequested) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        raise
    report.stopped, report.held = done.stopped, done.held
    report.unknown = sum(name == "unknown" for name, _ in done.classes.values())
    all_done = not done.held and not done.is_other and {name for name, _ in done.classes.values()} <= {"written"}
    await close_run(world, report, "failed" if done.stopped else "succeeded" if all_done else "held")
    return done


async def _carry_out(world: World, sync: Sync, done: Undone) -> None:
    gated, planned = Planned(), Planned()
    for sheet in (done.plan.actions, done.plan.creates):
        planned.sheets.add(sheet)
        gated.sheets.add(sheet)
    gated.sheets.add(counted(done.plan.revivals))
    done.held = await hold_above_ceilings(world, sync, gated, done.run_id, is_first_copy=False, is_whole=False)
    stopped = {action for one in done.held for action in one.actions}
    back = [one for one in done.plan.revivals if one.action not in stopped]
    started_us = world.now_us()
    await _set_at_rest(world, done)
    await settle_before(world, sync, back)
    report = Written()
    await undelete_all(world, sync, [one for one in back if one.how == "undelete"], done.run_id, report)
    nothing_lost = pl.DataFrame(schema=dict(TABLES[Table.CONFLICT][0]))
    going = planned.sheets.without(done.held)
    written = await write_actions(world, sync, done.run_id, going, nothing_lost, lane=Lane.URGENT)
    done.classes, done.stopped = report.classes | written.classes, report.stopped or written.stopped
    await _forget_refusals(world, sync, done, started_us)


async def _set_at_rest(world: World, done: Undone) -> None:
    """Marks that say why two values differ, in place before anything is sent: a crash finds them there."""
    equal = pl.DataFrame(sorted(done.plan.equal), schema=_FIELD, orient="row")
    apart = done.plan.actions.join(equal, on=list(_FIELD), how="anti")
    rows = [
        (link_id, mapping, "apart", json.dumps({"target": side, "reason": f"put back by undo {done.run_id}"}))
        for link_id, mapping, side in apart.select("link_id", "mapping", "side").iter_rows()
    ]
    commit = Commit()
    if rows:
        shape = {name: kind for name, kind in TABLES[Table.MARK][0].items() if name != "at_us"}
        marks = pl.DataFrame(rows, schema=shape, orient="row")
        add_rows(commit, Table.MARK, marks.with_columns(pl.lit(world.now_us()).alias("at_us")))
    if len(equal):
        commit.drop[Table.MARK] = equal.with_columns(pl.lit("apart").alias("kind"))
    await world.store.commit(commit)


async def _forget_refusals(world: World, sync: Sync, done: Undone, started_us: int) -> None:
    """A value that was not put back is apart no more; what a system refused of an undo is told once and buried
    nowhere: nobody waits for it."""
    kept = [action for action, (name, _) in done.classes.items() if name in ("written", "unknown")]
    sent = pl.concat([done.plan.actions, done.plan.creates])
    failed = sent.filter(~pl.col("action").is_in(kept)).select(list(_FIELD))
    links = {"link_id": sent["link_id"].unique().to_list()}
    dead = await world.store.rows(Table.MARK, {**links, "kind": "dead"})
    done.refused = dead.filter(pl.col("at_us") >= started_us).select(list(_FIELD))
    over = pl.concat([failed, done.refused]).unique()
    if over.is_empty():
        return
    letters = await world.store.rows(Table.DEAD_LETTER, {"sync": sync.name, "state": "dead", **links})
    fresh = letters.filter(pl.col("at_us") >= started_us).select("letter_id", pl.lit("resolved").alias("state"))
    marks = [over.with_columns(pl.lit("apart").alias("kind")), done.refused.with_columns(pl.lit("dead").alias("kind"))]
    await world.store.commit(
        Commit(drop={Table.MARK: pl.concat(marks)}, amend={Table.DEAD_LETTER: [fresh]} if len(fresh) else {})
    )


async def _read_afresh(world: World, sync: Sync, writes: Writes, run_id: str) -> None:
    """Read both ends of every link in question by id: what they hold now decides."""
    links = writes.fields.filter(pl.col("link_id") > 0).select("link_id").unique()
    ends = (await world.store.by_keys(Table.LINK_END, links)).filter(pl.col("role") == "current")
    for side in SIDES:
        connection = sync.side(side).connection
        for (object_type,), own in ends.filter(pl.col("side") == side).group_by("object_type"):
            await read_again(world, connection, str(object_type), own["record_id"].to_list(), run_id, lane=Lane.URGENT)
