"""Undo: what a run, the newest run about a person, or all runs of some time wrote is put back where it still stands.

Shown first, then through the same ceilings and the same journal as every write. What is put back is at rest: it is no
change to be carried over, and the next edit of either side flows as ever. Lives here: the run of an undo, and
what follows. Not here: what it is about (`undo_scope`), or what it would do (`undo_plan`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.ceilings import hold_above_ceilings
from syncline.engine.cycle import RunReport, close_run, open_run
from syncline.engine.planning import Planned
from syncline.engine.revival import counted, settle_before, undelete_all
from syncline.engine.settlement import add_rows
from syncline.engine.undo_plan import Undo, plan_undo
from syncline.engine.undo_scope import What
from syncline.engine.unmaking import deletes_of, remove_all
from syncline.engine.world import World
from syncline.engine.write import Written, write_actions
from syncline.errors import StopRequested, SynclineError
from syncline.ports import Lane
from syncline.reconcile.plan import Held
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table

_FIELD: dict[str, pl.DataType] = {"link_id": pl.Int64(), "mapping": pl.String()}


@dataclass(kw_only=True)
class Undone:
    """What an undo did. `classes`: action -> (class, reason), as in a run; `held` is what a ceiling keeps back.

    `refused` are fields (link_id, mapping) that the system would not take, `apart_before` those that an earlier undo
    had put apart. `is_other`: what would be done is no longer what was shown, so nothing was.
    """

    plan: Undo
    run_id: str
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_FIELD))
    apart_before: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_FIELD))
    held: list[Held] = field(default_factory=list)
    stopped: SynclineError | None = None
    is_other: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything in question was undone, and nothing stays."""
        plan = self.plan
        is_all = self.put_back() == len(plan.actions) and self.brought_back() == len(plan.revivals)
        return is_all and self.removed() == len(plan.removals) and not len(plan.stays) and not plan.lasting

    def brought_back(self) -> int:
        """How many deleted records are there again."""
        return sum(self.classes.get(one.action, ("", ""))[0] == "written" for one in self.plan.revivals)

    def removed(self) -> int:
        """How many created records are gone again."""
        return sum(self.classes.get(one.action, ("", ""))[0] == "written" for one in self.plan.removals)

    def put_back(self) -> int:
        """How many values the systems confirmed."""
        written = [action for action, (name, _) in self.classes.items() if name == "written"]
        sent = self.plan.actions.filter(pl.col("action").is_in(written))
        return len(sent.join(self.refused, on=list(_FIELD), how="anti"))


async def undo(world: World, sync: Sync, what: What, *, shown: str | None = None, with_creates: bool = False) -> Undone:
    """Undo *what* (as `plan_undo`). *shown*: the digest of the plan a person said yes to; another one is not done.

    What a ceiling holds stays undone until it is approved. Raises as `plan_undo`; nothing once something was sent.
    """
    report = RunReport(run_id=world.random.token(8), sync=sync.name, kind="undo")
    await open_run(world, report)
    try:
        plan = await plan_undo(world, sync, what, run_id=report.run_id, with_creates=with_creates)
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
    gated.sheets.add(deletes_of(done.plan.removals))
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
    report.silent |= written.silent
    going_away = [one for one in done.plan.removals if one.action not in stopped]
    await remove_all(world, sync, going_away, done.run_id, report)
    done.classes, done.stopped = report.classes | written.classes, report.stopped or written.stopped
    await _forget_refusals(world, sync, done, started_us)


async def _set_at_rest(world: World, done: Undone) -> None:
    """Marks that say why two values differ, in place before anything is sent: a crash finds them there."""
    equal = pl.DataFrame(sorted(done.plan.equal), schema=_FIELD, orient="row")
    apart = done.plan.actions.join(equal, on=list(_FIELD), how="anti")
    links = {"link_id": done.plan.actions["link_id"].unique().to_list(), "kind": "apart"}
    done.apart_before = (await world.store.rows(Table.MARK, links)).select(list(_FIELD))
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
    """A value that was not put back is apart no more, but where an earlier undo put it apart; what a system refused of
    an undo is told once and buried nowhere: nobody waits for it."""
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
    over = over.join(done.apart_before, on=list(_FIELD), how="anti")
    marks = [over.with_columns(pl.lit("apart").alias("kind")), done.refused.with_columns(pl.lit("dead").alias("kind"))]
    await world.store.commit(
        Commit(drop={Table.MARK: pl.concat(marks)}, amend={Table.DEAD_LETTER: [fresh]} if len(fresh) else {})
    )
