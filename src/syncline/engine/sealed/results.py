"""What applying a plan came to: of each link and action whether it was done, refused or is still to be done, and why.

Lives here: the account of one applying, and what earlier ones of the same plan had written. Not here: applying itself
(`apply`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from syncline.engine.cycle import RunReport
from syncline.engine.journal import DEED
from syncline.engine.sealed.approval import Approval
from syncline.engine.sealed.content import LINK_ENDS, Action
from syncline.engine.sealed.limits import Limits
from syncline.engine.sealed.paper import Plan
from syncline.engine.world import World
from syncline.records import SIDES, Operation
from syncline.spec.model import Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Undone:
    """One link or action that was not done: what it is (a record of one side, by the plan), and why."""

    kind: str
    side: str
    object_type: str
    record_id: str
    why: str


@dataclass(kw_only=True)
class Applied:
    """What became of a plan. `earlier`: it had been applied before, nothing was done. `written` and `links` count what
    this run did, `before` what an earlier one of the same plan had written.

    `moved` will not be done by this plan any more and waits for the next; `refused` the system would not take; `left`
    can still be done by applying again.
    """

    digest: str
    earlier: Approval | None = None
    report: RunReport | None = None
    written: int = 0
    links: int = 0
    before: int = 0
    moved: list[Undone] = field(default_factory=list)
    refused: list[Undone] = field(default_factory=list)
    left: list[Undone] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Nothing of the plan is still to be done."""
        return not self.left and (self.report is None or self.report.stopped is None)


class Before:
    """The actions that the journal shows as written: by what they wrote, creates by what they were made from."""

    def __init__(self) -> None:
        self.marks: set[tuple[str, ...]] = set()

    def __contains__(self, action: Action) -> bool:
        kind, side, object_type, record_id, source_type, source_id = action
        where = (source_type, source_id) if kind == Operation.CREATE else (object_type, record_id)
        return (kind, side, *where) in self.marks


_DONE = ("written", "settled")


async def written_before(world: World, sync: Sync, report: RunReport) -> Before:
    """The actions that earlier runs of the plan which *report* applies have written."""
    runs = await world.store.rows(Table.RUN, {"sync": sync.name, "kind": "apply", "cycle": report.cycle})
    journals = await world.store.rows(Table.JOURNAL, {"run_id": runs["run_id"].to_list()}) if len(runs) else None
    out = Before()
    if journals is None or journals.is_empty():
        return out
    entries = await world.store.by_keys(Table.ENTRY, journals.select("batch_id"))
    done = entries.filter(pl.col("state").is_in(list(_DONE))).join(
        journals.select("batch_id", "side", pl.col("operation").str.strip_prefix(DEED)), on="batch_id"
    )
    is_create = pl.col("operation") == Operation.CREATE.value
    place = ("operation", "side", "object_type", "record_id")
    out.marks.update(done.filter(~is_create).select(place).iter_rows())
    made = done.filter(is_create).select("operation", "side", "link_id")
    ends = (await world.store.by_keys(Table.LINK_END, made.select("link_id").unique())).rename({"side": "_side"})
    sources = made.join(ends, on="link_id").filter((pl.col("_side") != pl.col("side")) & (pl.col("role") == "current"))
    out.marks.update(sources.select(place).iter_rows())
    return out


async def results_of(
    world: World, sync: Sync, plan: Plan, limits: Limits, before: Before, report: RunReport
) -> Applied:
    """The account of one applying, from what the run says of its actions and what is linked now."""
    out = Applied(digest=plan.header.digest, report=report, links=report.links_made)
    fates = {action: report.fates.get(name) for name, action in limits.names.items()}
    for action in plan.actions:
        if action in before:
            out.before += 1
            continue
        name, why = fates.get(action) or ("", limits.why_unmet(action))
        if name == "written":
            out.written += 1
        elif name == "dead":
            out.refused.append(_undone(action, why))
        elif action in limits.refused or not name:
            out.moved.append(_undone(action, why))
        else:
            out.left.append(_undone(action, why))
    out.moved += await _links_not_made(world, sync, plan, limits)
    return out


def _undone(action: Action, why: str) -> Undone:
    kind, side, object_type, record_id, source_type, source_id = action
    if kind == Operation.CREATE:
        return Undone(
            kind=kind, side="b" if side == "a" else "a", object_type=source_type, record_id=source_id, why=why
        )
    return Undone(kind=kind, side=side, object_type=object_type, record_id=record_id, why=why)


async def _links_not_made(world: World, sync: Sync, plan: Plan, limits: Limits) -> list[Undone]:
    links = plan.links
    for side in SIDES:
        columns = [f"{side}_type", f"{side}_id"]
        keys = links.select(
            pl.lit(sync.name).alias("sync"),
            pl.lit(side).alias("side"),
            pl.col(columns[0]).alias("object_type"),
            pl.col(columns[1]).alias("record_id"),
        )
        ends = await world.store.by_keys(Table.LINK_END, keys.unique())
        own = ends.select(
            pl.col("object_type").alias(columns[0]),
            pl.col("record_id").alias(columns[1]),
            pl.col("link_id").alias(f"link_{side}"),
        )
        links = links.join(own, on=columns, how="left", maintain_order="left")
    apart = links.filter(~(pl.col("link_a") == pl.col("link_b")).fill_null(False))
    return [
        Undone(
            kind="link",
            side="a",
            object_type=a_type,
            record_id=a_id,
            why=limits.why_no_link((a_type, a_id, b_type, b_id)),
        )
        for a_type, a_id, b_type, b_id in apart.select(list(LINK_ENDS)).iter_rows()
    ]
